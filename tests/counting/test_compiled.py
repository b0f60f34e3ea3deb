"""The kernel's object code is cached privately, and a cache that cannot be used only costs time."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowtag_core import parse_flow_log
from flowtag_core.commands.verbs import run as main
from flowtag_core.counting import compiled
from tests.conftest import ROOT
from tests.fuzz.kernel import facts
from tests.logs import LOOKUP, line

needs_numba = pytest.mark.skipif(
    not compiled.can_compile(), reason="numba has no wheel for this platform"
)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """Simulate a user who has never run flowtag; returns the list of requests to compile."""
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
def test_missing_object_code_is_compiled_by_one_process_and_nobody_waits(empty):
    assert compiled.kernel() is None
    assert empty == [os.path.join(compiled._folder(), f"{compiled._key()}.kernel")]
    assert compiled.loaded() is None


@needs_numba
def test_cached_object_code_is_loaded(object_code, empty):
    kept(object_code)
    assert compiled.kernel() is compiled.loaded() is not None
    assert empty == []


@needs_numba
def test_threads_that_need_the_cached_object_code_at_once_do_not_compile_it(object_code, empty):
    kept(object_code)
    with ThreadPoolExecutor(4) as threads:
        with compiled._Loaded.lock:
            waiting = [threads.submit(compiled.kernel) for _ in range(4)]
            time.sleep(0.1)  # until all of them wait for the lock
        found = {id(each.result()) for each in waiting}
    assert len(found) == 1
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
def test_a_relative_path_is_never_a_cache_folder(tmp_path, monkeypatch):
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
def test_without_a_cache_folder_the_kernel_is_compiled_and_leaves_no_files(
    object_code, empty, tmp_path, monkeypatch
):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for folder in ("home", "temporary"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert compiled.kernel() is None
    empty[0].write(object_code)  # as the compiler would, to its standard output
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
code = compiled._read_object_code(os.environ["SOUND_KERNEL"])  # compiling would take too long here
compiled.write_object_code(sys.argv[1], code)
"""


@needs_numba
@pytest.mark.usefixtures("object_code")
def test_the_compiler_runs_no_code_from_the_current_folder(tmp_path):
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
def test_object_code_that_does_not_fit_on_the_disk_leaves_no_file(tmp_path):
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
def test_partial_files_of_a_killed_compiler_are_removed_before_the_next_one_starts(
    tmp_path, monkeypatch
):
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
def test_only_the_user_has_access_to_the_cache_folder():
    folder = compiled._folder()
    assert sys.platform == "win32" or os.stat(folder).st_mode & 0o777 == 0o700


def test_without_numba_everything_is_counted_and_one_message_says_so(tmp_path, monkeypatch, capsys):
    log, lookup = tmp_path / "flow.log", tmp_path / "lookup.csv"
    log.write_bytes((line() + b"\n") * 120_000)
    lookup.write_bytes(LOOKUP)
    with_it = facts(parse_flow_log(log))
    monkeypatch.setattr(compiled, "_Loaded", type("_Loaded", (), {"kernel": None}))
    monkeypatch.setattr(compiled, "can_compile", lambda: False)
    assert facts(parse_flow_log(log)) == with_it
    assert main([str(log), str(lookup), str(tmp_path / "result.csv")]) == 0
    assert capsys.readouterr().err.count("package numba") == 1


@needs_numba
def test_object_code_goes_to_another_process_only_if_the_key_agrees(
    object_code, empty, monkeypatch
):
    kept(object_code)
    code = compiled.code()
    monkeypatch.setattr(compiled._Loaded, "kernel", None)
    other = code.replace(compiled.key().encode(), b"0" * len(compiled.key()))
    assert not compiled.accept(b"")
    assert not compiled.accept(other)
    assert compiled.accept(code)
    assert compiled.loaded() is not None
    assert compiled.accept(b"whatever it is, the kernel is there")
    assert empty == []


def test_without_numba_there_is_no_code_for_other_processes(monkeypatch):
    monkeypatch.setattr(compiled, "can_compile", lambda: False)
    monkeypatch.setattr(compiled._Loaded, "code", None)
    monkeypatch.setattr(compiled._Loaded, "kernel", None)
    assert compiled.key() is None
    assert compiled.code() is None
    assert not compiled.accept(b"x")
