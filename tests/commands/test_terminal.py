"""Output to a terminal, and to streams that are closed, full or broken."""

import io
import os
import subprocess
import sys

import pytest

from flowtag_core.commands import terminal
from flowtag_core.errors import FlowtagError
from flowtag_core.reading.flow_log import Progress
from flowtag_core.sources.places import Place
from tests.commands.made import LOG, SAMPLE_LOOKUP, on_posix, run
from tests.conftest import ROOT
from tests.logs import line


def test_control_characters_in_a_log_never_reach_the_terminal(tmp_path, lookup):
    log = tmp_path / "flow.log"
    log.write_bytes(b"\x1b[2J\x1b]0;title\x07 \xff\n")
    done = run(log, lookup, tmp_path / "result.csv")
    assert b"\x1b" not in done.stderr
    assert b"\x07" not in done.stderr
    assert b"\\x1b[2J" in done.stderr


@on_posix
def test_a_reader_that_stops_early_causes_no_traceback(tmp_path, lookup):
    log = tmp_path / "flow.log"
    log.write_bytes(b"".join(line(dstport=str(port)) + b"\n" for port in range(60_000)))
    command = f"{sys.executable} -m flowtag_core {log} {lookup}"
    for rest in (
        "- | head -1",
        "- 2>&1 | head -1",
        "- 2>&1 >/dev/null | true",
        "- | true",
        "/dev/stdout | true",
    ):
        done = subprocess.run(
            f"{command} {rest}", shell=True, cwd=ROOT, capture_output=True, check=False
        )
        assert b"Traceback" not in done.stderr + done.stdout
        assert b"Error" not in done.stderr


@on_posix
def test_a_closed_standard_output_or_error_causes_no_traceback(tmp_path):
    for closing in ("2>&-", ">&- 2>&-", *(["2>/dev/full"] if os.path.exists("/dev/full") else [])):
        command = f"{sys.executable} -m flowtag_core {LOG} {SAMPLE_LOOKUP} {tmp_path}/result.csv {closing}"
        done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0
        assert done.stderr == b""
        assert (tmp_path / "result.csv").read_bytes().startswith(b"Tag Counts:")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
@pytest.mark.parametrize("output", ["/dev/full", "-"])
def test_a_full_disk_gives_one_sentence_and_exits_2(output):
    with open("/dev/full", "wb") as full:
        done = run(LOG, SAMPLE_LOOKUP, output, capture_output=False, stdout=full, stderr=-1)
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert "could not be written: No space left on device." in done.stderr.decode()


@on_posix
def test_control_characters_in_a_file_name_are_escaped_in_messages():
    done = run("\x1b[31mred\n.log", SAMPLE_LOOKUP, "-")
    assert done.stderr == (
        b"flowtag: \\x1b[31mred\\n.log: no file matches this pattern. Check the path.\n"
    )


@on_posix
def test_a_terminal_gets_a_progress_bar_and_then_the_summary(tmp_path, lookup):
    import pty

    log = tmp_path / "flow.log"
    log.write_bytes((line() + b"\n") * 100_000)
    main, side = pty.openpty()
    command = [sys.executable, "-m", "flowtag_core", str(log), str(lookup), str(tmp_path / "out")]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, cwd=ROOT, stderr=side, env=environment) as running:
        os.close(side)
        told = b""
        while True:
            try:
                told += os.read(main, 1 << 16)
            except OSError:
                break
        assert running.wait(timeout=60) == 0
    os.close(main)
    assert b"flow.log" in told
    assert b"MB/s" in told
    assert told.rstrip().endswith(b"The result is in %b." % os.fsencode(tmp_path / "out"))


def test_a_line_cannot_move_the_cursor_or_set_colors_and_keeps_its_letters(capsys):
    terminal.say("\x1b[2J\rGröße 日\t\u202e", "two\nlines")
    assert capsys.readouterr() == ("", "\\x1b[2J\\rGröße 日\\t\\u202e\ntwo\\nlines\n")


def test_if_standard_error_is_closed_nothing_is_printed_elsewhere(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    terminal.say("nobody hears this")
    assert capsys.readouterr().out == ""
    with terminal.progress_bar([]) as progress:
        assert progress is None


@on_posix
def test_if_standard_error_cannot_be_written_it_is_discarded(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        monkeypatch.setattr(sys, "stderr", gone)
        terminal.say("nobody reads this")
        gone.write("nor this")
        gone.flush()


def test_a_discarded_stream_loses_its_buffer_and_leaves_the_file_alone(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.write(b"kept")
        stream.flush()
        stream.write(b"discarded")
        terminal.discard(stream)
    assert path.read_bytes() == b"kept"
    terminal.discard(None)


def test_a_closed_standard_stream_is_named_with_the_remedy():
    with pytest.raises(FlowtagError, match=r"standard input \(-\) is closed. Name a file"):
        terminal.bytes_of(None, "input")
    with open(os.devnull) as stream:
        assert terminal.bytes_of(stream, "input") is stream.buffer


def test_only_a_terminal_gets_a_progress_bar(capsys):
    with terminal.progress_bar([]) as progress:
        assert progress is None
    assert capsys.readouterr() == ("", "")


def test_the_progress_bar_shows_the_escaped_end_of_a_name_and_the_total_of_all_files(monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    places = [Place(name, None, size=10_000_000) for name in "ab"]
    with terminal.progress_bar(places) as progress:
        for name in ("a", "\x1b[31m[bold]" + "b" * 60):
            progress(Progress(name, 5_000_000, 10_000_000, 0))
    told = screen.getvalue()
    assert "10.0/20.0 MB" in told
    assert "b" * 40 in told
    assert "b" * 41 not in told
