"""The kernel's object code is kept privately, and a cache that cannot be used only costs time."""

import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from flowtag_core import parse_flow_log
from flowtag_core.commands.map import main
from flowtag_core.counting import compiled
from flowtag_core.counts import Reason
from flowtag_core.errors import LogError
from tests.conftest import ROOT
from tests.fuzz.kernel import facts
from tests.logs import LOOKUP, line

needs_numba = pytest.mark.skipif(
    not compiled.can_compile(), reason="numba has no wheel for this platform"
)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """A user who never ran flowtag; gives what was to be compiled."""
    asked = []
    monkeypatch.setattr(compiled, "_Loaded", type("_Loaded", (compiled._Loaded,), {}))
    for name in ("kernel", "compiler", "place", "is_begun"):
        setattr(compiled._Loaded, name, None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(compiled, "_compile", asked.append)
    return asked


@pytest.fixture(scope="module")
def object_code():
    assert compiled.kernel(wait=True) is not None
    with open(os.path.join(compiled._folder(), f"{compiled._key()}.kernel"), "rb") as file:
        return file.read()


def kept(object_code):
    path = os.path.join(compiled._folder(), f"{compiled._key()}.kernel")
    with open(path, "wb") as file:
        file.write(object_code)
    return path


@needs_numba
def test_without_object_code_one_process_compiles_it_and_nobody_waits(empty):
    assert compiled.kernel() is None
    assert empty == [os.path.join(compiled._folder(), f"{compiled._key()}.kernel")]
    assert compiled.loaded() is None


@needs_numba
def test_object_code_that_is_kept_is_loaded(object_code, empty):
    kept(object_code)
    assert compiled.kernel() is compiled.loaded() is not None
    assert empty == []


@needs_numba
@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "grown"])
def test_damaged_object_code_is_never_loaded(object_code, empty, damage):
    middle = len(object_code) // 2
    kept(
        {
            "cut": object_code[:-100],
            "changed": object_code[:middle] + b"\xcc" + object_code[middle + 1 :],
            "empty": b"",
            "grown": object_code + b"\0",
        }[damage]
    )
    assert compiled.kernel() is None
    assert len(empty) == 1


@needs_numba
@POSIX
def test_object_code_that_others_can_change_is_never_loaded(object_code, empty):
    os.chmod(kept(object_code), 0o666)  # noqa: S103
    assert compiled.kernel() is None
    assert len(empty) == 1


@needs_numba
@POSIX
@pytest.mark.usefixtures("empty")
def test_a_cache_folder_that_others_can_write_to_is_not_used(tmp_path):
    (tmp_path / "cache" / "flowtag").mkdir(parents=True)
    (tmp_path / "cache" / "flowtag").chmod(0o777)
    assert compiled._folder() is None


@pytest.mark.usefixtures("empty")
def test_a_relative_path_is_no_cache_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, "cache")
    home = tmp_path / "home"
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    assert str(compiled._folder()).startswith(str(home))
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, "relative")
    assert sys.platform == "darwin" or compiled._folder() is None
    assert list(tmp_path.iterdir()) == [home]


@needs_numba
@POSIX
def test_where_no_folder_can_be_made_the_kernel_is_compiled_all_the_same_and_nothing_is_left(
    object_code, empty, tmp_path, monkeypatch
):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for folder in ("home", "temporary"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert compiled.kernel() is None
    empty[0].write(object_code)  # as the compiler does to its standard output
    assert compiled.kernel() is compiled.loaded() is not None
    assert [*(tmp_path / "home").iterdir(), *(tmp_path / "temporary").iterdir()] == []


@needs_numba
def test_object_code_of_another_version_is_never_loaded(object_code, empty):
    _, made_of, rest = object_code.split(b"\n", 2)
    assert made_of.decode() == compiled._key()
    other = made_of[::-1] + b"\n" + rest
    kept(compiled._digest(other) + b"\n" + other)
    assert compiled.kernel() is None
    assert len(empty) == 1


KERNEL = """
import os, sys
from flowtag_core.counting import compiled
open(compiled._ROOT + "/ran", "w")
code = compiled._read_object_code(os.environ["SOUND_KERNEL"])  # to compile takes too long here
compiled.write_object_code(sys.argv[1], code)
"""


@needs_numba
@pytest.mark.usefixtures("object_code")
def test_the_current_folder_gives_the_compiler_no_code(tmp_path):
    mine, another = tmp_path / "mine", tmp_path / "another"
    for checkout in (mine, another):
        shutil.copytree(ROOT / "flowtag_core", checkout / "flowtag_core")
        (checkout / "flowtag_core" / "counting" / "kernel.py").write_text(f"# {checkout}\n{KERNEL}")
        (checkout / "numba.py").write_text("open(__file__ + '.ran', 'w')")
    program = "from flowtag_core.counting import compiled; print(compiled.kernel(wait=True))"
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "LOCALAPPDATA": str(tmp_path / "cache"),
        "SOUND_KERNEL": os.path.join(compiled._folder(), f"{compiled._key()}.kernel"),
    }
    for checkout, other in ((mine, another), (another, mine)):
        environment["PYTHONPATH"] = os.pathsep.join([str(checkout), "", "."])
        command = [sys.executable, "-P", "-c", program]
        done = subprocess.run(command, cwd=other, env=environment, check=True, capture_output=True)
        assert done.stdout.startswith(b"Kernel("), done.stderr
        ran = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*ran"))
        assert ran == [f"{checkout.name}/ran"]
        (checkout / "ran").unlink()
    assert len(list((tmp_path / "cache" / "flowtag").iterdir())) == 2


@needs_numba
@POSIX
def test_object_code_for_which_there_is_no_room_leaves_nothing_behind(tmp_path):
    program = """
import resource, sys
from flowtag_core.counting import compiled
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
compiled.write_object_code(sys.argv[1], {"read": ("read", bytes(10**6))})
"""
    command = [sys.executable, "-c", program, str(tmp_path / "a.kernel")]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    assert b"File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_what_a_compiler_left_that_was_killed_is_removed_before_the_next_one(tmp_path, monkeypatch):
    old, new, kernel = (tmp_path / name for name in ("old.part", "new.part", "a.kernel"))
    for path in (old, new, kernel):
        path.write_bytes(b"")
    for path in (old, kernel):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: None)
    compiled._compile(str(tmp_path / "b.kernel"))
    assert sorted(tmp_path.iterdir()) == [kernel, new]


@needs_numba
@pytest.mark.usefixtures("empty")
def test_the_private_folder_is_nobody_elses():
    folder = compiled._folder()
    assert sys.platform == "win32" or os.stat(folder).st_mode & 0o777 == 0o700


def test_without_numba_everything_is_counted_and_it_says_so_once(tmp_path, monkeypatch, capsys):
    log, lookup = tmp_path / "flow.log", tmp_path / "lookup.csv"
    log.write_bytes((line() + b"\n") * 120_000)
    lookup.write_bytes(LOOKUP)
    with_it = facts(parse_flow_log(log))
    monkeypatch.setattr(compiled, "_Loaded", type("_Loaded", (), {"kernel": None}))
    monkeypatch.setattr(compiled, "can_compile", lambda: False)
    assert facts(parse_flow_log(log)) == with_it
    assert main([str(log), str(lookup), str(tmp_path / "result.csv")]) == 0
    assert capsys.readouterr().err.count("package numba") == 1


@pytest.mark.parametrize("has_kernel", [True, False])
def test_text_in_a_table_may_be_no_utf_8(tmp_path, monkeypatch, has_kernel):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    if not has_kernel:
        monkeypatch.setattr(compiled, "kernel", lambda: None)
        monkeypatch.setattr(compiled._Loaded, "kernel", None)
    ends = np.array([0, 6, 8, 14], np.int32)
    action = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(ends), pa.py_buffer(b"ACCEPT\xff\xfeREJECT")]
    )
    table = pa.table({"dstport": [1, 2, 70_000], "protocol": [6, 6, 6], "action": action})
    pq.write_table(table, tmp_path / "log.parquet")
    total = parse_flow_log(tmp_path / "log.parquet").total
    assert (total.flows, total.odd_words) == (2, {"action": 1})
    assert total.set_aside == {Reason.BAD_PORT: 1}


@pytest.mark.parametrize("column", ["start", "dstport"])
def test_of_a_table_with_a_value_that_cannot_be_read_the_rows_before_are_counted(tmp_path, column):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    size = 100_000
    columns = {
        "dstport": pa.array(np.full(size, 443)),
        "protocol": pa.array(np.full(size, 6)),
        "start": pa.array(np.full(size, 1_700_000_000)),
    }
    spans = np.full(size, 19_000)
    spans[70_000] = 2**62  # seconds that Python has no word for
    columns[column] = pa.array(spans, pa.duration("s"))
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    for _ in range(5):  # whichever thread is the first
        total = parse_flow_log(tmp_path / "log.parquet").total
        assert total.records == 70_000 // 8192 * 8192
        assert "cannot be read after row 65,536." in next(iter(total.damage))


@pytest.mark.parametrize("unit", ["ms", "us"])
@pytest.mark.parametrize("zone", [None, "America/New_York", "Asia/Tokyo", "Foo/Bar"])
def test_a_time_in_a_table_that_is_far_away_is_unreadable_and_no_more(tmp_path, unit, zone):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    size, second = 20_000, {"ms": 10**3, "us": 10**6}[unit]
    start = np.full(size, 1_700_000_000 * second)
    start[[3, 7, 9000]] = 2**62, -62_135_596_800 * second, 253_402_297_200 * second
    table = pa.table(
        {
            "dstport": np.full(size, 443),
            "protocol": np.full(size, 6),
            "start": pa.array(start).cast(pa.timestamp(unit, zone)),
        }
    )
    pq.write_table(table, tmp_path / "log.parquet")
    total = parse_flow_log(tmp_path / "log.parquet").total
    assert (total.flows, total.unreadable, total.damage) == (size, {"start": 3}, frozenset())


def test_names_of_columns_may_have_dots_or_come_twice_and_lists_are_none(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    flow = {"dstport": 443, "protocol": 6}
    dotted = pa.table({f"log.{name}": [value] for name, value in flow.items()})
    twice = pa.Table.from_arrays(
        [pa.array([443]), pa.array([22]), pa.array([6])], ["dstport", "dstport", "protocol"]
    )
    for table in (dotted, twice):
        pq.write_table(table, tmp_path / "log.parquet")
        counts = parse_flow_log(tmp_path / "log.parquet")
        assert counts.requests.port.tolist() == [443]
    pq.write_table(
        pa.table({"log": [[flow]]}), tmp_path / "log.parquet", use_compliant_nested_type=False
    )
    with pytest.raises(LogError, match="without the columns dstport and protocol"):
        parse_flow_log(tmp_path / "log.parquet")


@needs_numba
def test_numbers_of_a_table_and_the_text_of_its_rows_are_counted_alike(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rng, size = np.random.default_rng(3), 100_000
    odd = rng.random(size) < 0.05
    columns = {
        "version": np.full(size, 2),
        "srcport": rng.integers(-2, 65540, size),
        "dstport": rng.integers(-2, 65540, size),
        "protocol": rng.integers(-1, 258, size),
        "packets": rng.integers(-1, 10**16, size),
        "bytes": rng.integers(-1, 10**6, size),
        "start": np.where(odd, rng.integers(0, 5 * 10**9, size), 1_700_000_000 + rng.integers(0, 86_400, size)),
        "action": rng.choice(["ACCEPT", "REJECT", "accept", "DROP", "-"], size),
        "log_status": rng.choice(["OK", "OK", "OK", "NODATA", "SKIPDATA", "?"], size),
    }  # fmt: skip
    table = pa.table(columns)
    nulls = pa.array(rng.random(size) < 0.01)
    for name in ("srcport", "packets", "action"):
        place = table.schema.get_field_index(name)
        values = pa.compute.if_else(nulls, None, table[name])
        table = table.set_column(place, name, values)
    numbers, text = tmp_path / "numbers.parquet", tmp_path / "text.parquet"
    pq.write_table(table, numbers)
    pq.write_table(pa.table({n: table[n].cast(pa.string()) for n in table.schema.names}), text)
    one = facts(parse_flow_log(numbers, names=["log"]))
    other = facts(parse_flow_log(text, names=["log"]))
    sizes = [next(iter(each[1].values())) for each in (one, other)]
    assert one[0] == other[0]
    assert one[2] == other[2]
    assert [s.flows for s in sizes] == [sizes[0].flows] * 2
    assert sizes[0].set_aside == sizes[1].set_aside
    assert sizes[0].unreadable == sizes[1].unreadable
    assert sizes[0].odd_words == sizes[1].odd_words
