"""One bad file never ends a run, even if it triggers a bug."""

import io
import logging
import tarfile
import zipfile

import pytest
import zstandard

from flowtag_core import parse_flow_log
from flowtag_core.commands.verbs import run as main
from flowtag_core.counting import plain_file
from flowtag_core.counting.file_count import FileCount
from flowtag_core.errors import (
    LOGGER,
    Cancelled,
    DamagedLogError,
    FlowtagError,
    LogError,
    UnforeseenError,
    as_log_error,
    reason_of,
)
from flowtag_core.page.intake import Arrival, Intake
from flowtag_core.reading import flow_log as counting
from flowtag_core.sources.places import log_at
from tests.fuzz import damage
from tests.logs import LOOKUP, line

LOG = (line() + b"\n") * 3


@pytest.fixture
def defect(monkeypatch):
    """A bug in counting that only a file with `evil` in its name triggers."""

    def evil(honest, name_of):
        def call(first, *given):
            if "evil" in name_of(first):
                raise TypeError("unexpected")
            return honest(first, *given)

        return call

    count, begun = FileCount.count, plain_file.begun
    monkeypatch.setattr(FileCount, "count", evil(count, lambda file: file._reference.ledger.name))
    monkeypatch.setattr(plain_file, "begun", evil(begun, str))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "logs").mkdir()
    for name in ("a.log", "evil.log", "z.log"):
        (tmp_path / "logs" / name).write_bytes(LOG)
    (tmp_path / "lookup.csv").write_bytes(LOOKUP)
    return tmp_path


def archive(pack):
    file = io.BytesIO()
    if pack == "zip":
        with zipfile.ZipFile(file, "w") as files:
            for name in ("a.log", "evil.log", "z.log"):
                files.writestr(name, LOG)
    else:
        with tarfile.open(fileobj=file, mode="w") as files:
            for name in ("a.log", "evil.log", "z.log"):
                member = tarfile.TarInfo(name)
                member.size = len(LOG)
                files.addfile(member, io.BytesIO(LOG))
    return file.getvalue()


@pytest.mark.usefixtures("defect")
def test_a_bug_in_one_file_of_a_folder_is_reported_for_that_file(folder, caplog):
    counts = parse_flow_log(folder / "logs")
    evil = str(folder / "logs" / "evil.log")
    assert counts.total.flows == 6
    (sentence,) = counts.total.damage
    assert sentence.startswith(f"{evil}: this is a bug in flowtag (TypeError: unexpected)")
    assert counts.files[evil].records == 0
    assert [record.exc_info[0] for record in caplog.records] == [TypeError]


@pytest.mark.usefixtures("defect")
@pytest.mark.parametrize("pack", ["zip", "tar"])
def test_a_bug_in_one_file_of_an_archive_is_reported_for_that_file(tmp_path, pack):
    (tmp_path / "logs").write_bytes(archive(pack))
    counts = parse_flow_log(tmp_path / "logs", names=["logs"])
    assert {name: file.flows for name, file in counts.files.items()} == {
        "logs/a.log": 3,
        "logs/evil.log": 0,
        "logs/z.log": 3,
    }
    assert "logs/evil.log: this is a bug in flowtag" in next(iter(counts.total.damage))


def test_nothing_in_a_refused_file_is_counted_in_a_folder_or_an_archive(tmp_path):
    refused = zstandard.compress(LOG) + b"\x28\xb5\x2f\xfd\x00\x98" + bytes(99)
    (tmp_path / "logs").mkdir()
    for name, content in (("a.log", LOG), ("b.log", refused)):
        (tmp_path / "logs" / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as files:
        files.write(tmp_path / "logs" / "a.log", "a.log")
        files.write(tmp_path / "logs" / "b.log", "b.log")
    for log in ("logs", "logs.zip"):
        counts = parse_flow_log(tmp_path / log)
        assert counts.total.flows == 3
        assert "a zstd window of" in next(iter(counts.total.damage))


@pytest.mark.usefixtures("defect")
def test_a_bug_in_a_single_file_is_an_error_like_any_other():
    with pytest.raises(UnforeseenError, match="evil: this is a bug in flowtag"):
        parse_flow_log(io.BytesIO(LOG), names=["evil"])


def test_running_out_of_memory_is_an_error_that_names_the_file(monkeypatch):
    def parts_of(*_):
        raise MemoryError

    monkeypatch.setattr(counting, "parts_of", parts_of)
    with pytest.raises(LogError, match=r"a\.log: there is not enough memory to read it"):
        parse_flow_log(io.BytesIO(LOG), names=["a.log"])


@pytest.fixture
def command(monkeypatch):
    """The process of a command, in which no handler of the page shows what is logged."""
    monkeypatch.setattr(logging.getLogger(LOGGER), "handlers", [])


@pytest.mark.usefixtures("defect", "command")
@pytest.mark.parametrize("debug", ["", "1"])
def test_the_command_line_exits_with_2_and_shows_a_traceback_only_on_request(
    folder, capfd, monkeypatch, debug
):
    monkeypatch.setenv("FLOWTAG_DEBUG", debug)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    one, result = str(folder / "logs" / "evil.log"), folder / "result.csv"
    assert main([one, str(folder / "lookup.csv"), str(result)]) == 2
    told = capfd.readouterr().err
    assert f"flowtag: {one}: this is a bug in flowtag (TypeError" in told
    assert ("Traceback" in told) == bool(debug)
    assert not result.exists()
    assert main([str(folder / "logs"), str(folder / "lookup.csv"), str(result)]) == 1
    assert result.read_bytes().startswith(b"Tag Counts:\nTag,Count\nweb,6\n")


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize("where", ["count.tagged", "summary.equation"])
def test_a_bug_in_the_command_line_itself_does_not_end_in_a_traceback(
    folder, capfd, monkeypatch, where
):
    def fail(*_):
        raise TypeError("unexpected")

    monkeypatch.setattr(f"flowtag_core.commands.{where}", fail)
    result = folder / "result.csv"
    code = main([str(folder / "logs"), str(folder / "lookup.csv"), str(result)])
    told = capfd.readouterr().err
    assert "this is a bug in flowtag (TypeError" in told
    assert "Traceback" not in told
    # The summary comes after the result, which has been written by then.
    assert (code, result.exists()) == ((2, False) if where == "count.tagged" else (0, True))


@pytest.mark.usefixtures("defect")
def test_the_page_reads_the_files_after_one_with_a_bug_and_logs_its_traceback(folder, caplog):
    files = Intake()
    paths = sorted((folder / "logs").iterdir())
    files.take(Arrival(path.name, log_at(str(path), path.name).places) for path in paths)
    files.wait(60)
    *logs, refusal = files.collect()
    assert {log.name: log.counts.total.flows for log in logs} == {"a.log": 3, "z.log": 3}
    assert refusal.sentence.startswith("evil.log: this is a bug in flowtag (TypeError")
    assert [record.exc_info[0] for record in caplog.records] == [TypeError]
    assert logging.getLogger(LOGGER).handlers


def test_an_exception_from_a_callback_reaches_the_caller(tmp_path):
    path = tmp_path / "logs.tar"
    path.write_bytes(archive("tar"))

    def stop(*_):
        raise ValueError("enough")

    for options in ({"progress": stop}, {"cancel": stop}):
        with pytest.raises(ValueError, match="enough"):
            parse_flow_log(path, **options)


def test_a_file_with_a_few_wrong_bytes_is_counted_or_refused_with_a_message():
    assert [*filter(None, map(damage.wrong, range(800)))] == []


def long_names(count):
    """Return a tar archive of long names for a file that never follows."""
    file = io.BytesIO()
    for _ in range(count):
        member = tarfile.TarInfo("././@LongLink")
        member.type, member.size = tarfile.GNUTYPE_LONGNAME, 512
        file.write(member.tobuf(tarfile.GNU_FORMAT) + b"a" * 512)
    return file.getvalue() + bytes(1024)


def test_an_archive_of_long_names_without_files_is_damaged(tmp_path):
    (tmp_path / "a.tar").write_bytes(long_names(1_500))
    (tmp_path / "b.log").write_bytes(LOG)
    counts = parse_flow_log(tmp_path)
    assert counts.total.flows == 3
    (sentence,) = counts.total.damage
    assert sentence.startswith(f"{tmp_path / 'a.tar'}: is damaged")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError("embedded null byte"), "embedded null byte"),
    ],
)
def test_the_reason_for_a_failure_is_the_systems_description(error, reason):
    assert reason_of(error) == reason


@pytest.mark.parametrize(
    ("raised", "kind", "sentence"),
    [
        (OSError(5, "Input/output error"), LogError, "a: cannot be read: Input/output error."),
        (MemoryError(), LogError, "a: there is not enough memory to read it."),
        (KeyError("x"), UnforeseenError, "a: this is a bug in flowtag (KeyError: 'x')."),
        (Cancelled("enough"), Cancelled, "enough"),
        (DamagedLogError("a: is cut short."), DamagedLogError, "a: is cut short."),
    ],
)
def test_a_failure_while_working_on_a_file_is_an_error_that_names_it(raised, kind, sentence):
    with pytest.raises(FlowtagError) as caught, as_log_error("a"):
        raise raised
    assert type(caught.value) is kind
    assert str(caught.value).startswith(sentence)
    assert raised in (caught.value, caught.value.__cause__)


def test_a_keyboard_interrupt_passes_through():
    with pytest.raises(KeyboardInterrupt), as_log_error("a"):
        raise KeyboardInterrupt


@pytest.mark.parametrize("error", [EOFError(), OSError()])
def test_the_reason_for_a_failure_is_never_empty(error):
    assert reason_of(error) == type(error).__name__
