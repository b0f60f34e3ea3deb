"""The command line as a user meets it: a process of its own, its streams and its exit code."""

import gzip
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from flowtag_core.shapes.layout import BY_VERSION
from tests.conftest import ROOT, SAMPLE
from tests.logs import DEFAULT_HEADER, LOOKUP, line, record

LOG, SAMPLE_LOOKUP = str(SAMPLE / "flow.log"), str(SAMPLE / "lookup.csv")
on_posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no such signals or files"
)


def run(*arguments, **options):
    command = [sys.executable, "-m", "flowtag_core", *map(str, arguments)]
    options = {"cwd": ROOT, "capture_output": True, "timeout": 120, **options}
    return subprocess.run(command, check=False, **options)


@pytest.fixture
def lookup(tmp_path):
    path = tmp_path / "lookup.csv"
    path.write_bytes(LOOKUP)
    return path


def test_the_sample_gives_the_sample_result(tmp_path):
    done = run(LOG, SAMPLE_LOOKUP, tmp_path / "result.csv")
    assert done.returncode == 0
    assert done.stdout == b""
    assert b"14 records = 0 headers + 0 blank + 14 flows" in done.stderr
    assert (tmp_path / "result.csv").read_bytes() == run(LOG, SAMPLE_LOOKUP, "-").stdout
    told = [row.split() for row in done.stderr.decode().splitlines()]
    for tag in (
        ["email", "3", "6"],
        ["sv_P1", "2", "4"],
        ["sv_P2", "1", "2"],
        ["Untagged", "8", "2"],
    ):
        assert tag in told


def test_many_logs_standard_input_and_gzip_add_up(tmp_path):
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress((SAMPLE / "flow.log").read_bytes()))
    done = run(LOG, packed, "-", SAMPLE_LOOKUP, "-", input=(SAMPLE / "flow.log").read_bytes())
    assert done.stdout.startswith(
        b"Tag Counts:\nTag,Count\nemail,9\nsv_P1,6\nsv_P2,3\nUntagged,24\n"
    )


def test_faults_of_log_and_lookup_are_told_with_their_lines_and_passed_over(tmp_path, lookup):
    log = tmp_path / "flow.log"
    log.write_bytes(b"\n".join([line(), line(dstport="x"), b"short", line(status="SKIPDATA")]))
    lookup.write_bytes(LOOKUP + b"99999,tcp,x\n")
    done = run(log, lookup, tmp_path / "result.csv")
    assert done.returncode == 0
    told = done.stderr.decode()
    assert f"{log}:2: bad port: 2 1234" in told
    assert f"{log}:3: too few fields: short" in told
    assert f"{lookup}:6: port '99999' is no port" in told
    assert "lower bound" in told
    assert "4 records = 0 headers + 0 blank + 1 flow + 1 skipped data + 1 too few fields" in told


def test_a_damaged_log_is_counted_up_to_the_damage_and_exits_1(tmp_path, lookup):
    log = tmp_path / "flow.log.gz"
    log.write_bytes(
        gzip.compress(b"".join(line(start=str(1_700_000_000 + n)) + b"\n" for n in range(999)))[:-9]
    )
    done = run(log, lookup, "-")
    assert done.returncode == 1
    assert done.stdout.startswith(b"Tag Counts:\nTag,Count\nweb,99")
    assert b"is cut short" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((LOG,), "give at least one FLOW_LOG"),
        (("nowhere.log", SAMPLE_LOOKUP, "OUT"), "nowhere.log: there is no such file"),
        ((LOG, "nowhere.csv", "OUT"), "nowhere.csv: there is no such file"),
        ((LOG, "nowhere.log", SAMPLE_LOOKUP, "OUT"), "nowhere.log: there is no such file"),
        ((SAMPLE_LOOKUP, LOG, "OUT"), "needs the three columns dstport, protocol and tag"),
        ((LOG, SAMPLE_LOOKUP, str(SAMPLE)), "is a folder"),
        ((LOG, SAMPLE_LOOKUP, ""), "is a folder or no name"),
        ((LOG, SAMPLE_LOOKUP, "new/"), "is a folder or no name"),
        ((LOG, SAMPLE_LOOKUP, "no/such/folder/result.csv"), "there is no folder"),
        (("-", "-", "OUT"), "standard input (-) can be read only once"),
        (
            ("--format", "version action", LOG, SAMPLE_LOOKUP, "OUT"),
            "not both dstport and protocol",
        ),
        ((sys.executable, SAMPLE_LOOKUP, "OUT"), "not a flow log"),
    ],
)
def test_what_cannot_be_done_exits_2_says_why_and_writes_nothing(tmp_path, arguments, message):
    output = tmp_path / "result.csv"
    done = run(*(output if argument == "OUT" else argument for argument in arguments))
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("spelling", ["{}", "{folder}/../{name}/flow.log", "link"])
def test_an_output_that_is_an_input_is_refused(tmp_path, lookup, spelling):
    log = tmp_path / "flow.log"
    log.write_bytes(line())
    output = spelling.format(log, folder=tmp_path, name=tmp_path.name)
    if spelling == "link":
        output = tmp_path / "link"
        os.link(log, output)
    for inputs in ((log, lookup), (SAMPLE / "flow.log", log)):
        done = run(*inputs, output)
        assert done.returncode == 2
        assert b"is an input too" in done.stderr
    assert log.read_bytes() == line()


@on_posix
@pytest.mark.parametrize(
    "command",
    [
        "- {lookup} {log} < {log}",
        "{log} - {lookup} < {lookup}",
        "{log} {lookup} - >> {log}",
        "{log} {lookup} /dev/stdout >> {log}",
    ],
)
def test_an_output_that_is_an_input_through_a_redirection_is_refused(tmp_path, lookup, command):
    log = tmp_path / "flow.log"
    log.write_bytes(line())
    text = f"{sys.executable} -m flowtag_core " + command.format(log=log, lookup=lookup)
    done = subprocess.run(text, shell=True, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"is an input too" in done.stderr
    assert (log.read_bytes(), lookup.read_bytes()) == (line(), LOOKUP)


@on_posix
@pytest.mark.parametrize(
    "command",
    [
        "logs lookup.csv logs/below/a.log",
        "logs lookup.csv link",
        "'log*/**/*.log' lookup.csv logs/below/a.log",
        "logs lookup.csv - >> logs/below/a.log",
        "logs lookup.csv /dev/stdout >> logs/below/a.log",
    ],
)
def test_an_output_that_lies_in_a_folder_or_matches_a_pattern_that_is_read_is_refused(
    tmp_path, lookup, command
):
    log = tmp_path / "logs" / "below" / "a.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(line())
    (tmp_path / "link").symlink_to(log)
    done = subprocess.run(
        f"{sys.executable} -m flowtag_core {command}",
        shell=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"is an input too" in done.stderr
    assert (log.read_bytes(), lookup.read_bytes()) == (line(), LOOKUP)


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        (("logs", "logs/below"), "logs/below/a.log: was given more than once"),
        (("logs", "logs/**/*.log"), "logs/below/a.log: was given more than once"),
        (("logs", "./logs/../logs/below"), "is the same file as ./logs/../logs/below/a.log"),
        (("logs/below/a.log", "link"), "logs/below/a.log: is the same file as link"),
        (("logs/below/a.log",) * 2, "logs/below/a.log: was given more than once"),
    ],
)
def test_a_file_that_is_given_twice_counts_twice_and_that_is_said(tmp_path, lookup, logs, said):
    log = tmp_path / "logs" / "below" / "a.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(line())
    os.link(log, tmp_path / "link")
    done = run(*logs, lookup, "-", cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0
    assert b"web,2\n" in done.stdout
    assert f"{said}, and is counted each time.\n" in done.stderr.decode().replace(os.sep, "/")


def test_options_may_stand_anywhere():
    done = run(LOG, "--format", "version dstport protocol", SAMPLE_LOOKUP, "-")
    assert done.returncode == 0


def test_behind_two_dashes_every_word_is_a_path(tmp_path, lookup):
    (tmp_path / "-rf").write_bytes(line())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = run("--", "-rf", lookup, "--format", cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "--format").read_bytes().startswith(b"Tag Counts:\nTag,Count\nweb,1\n")


def test_nothing_that_a_log_says_reaches_the_terminal_raw(tmp_path, lookup):
    log = tmp_path / "flow.log"
    log.write_bytes(b"\x1b[2J\x1b]0;title\x07 \xff\n")
    done = run(log, lookup, tmp_path / "result.csv")
    assert b"\x1b" not in done.stderr
    assert b"\x07" not in done.stderr
    assert b"\\x1b[2J" in done.stderr


@on_posix
def test_a_reader_that_has_gone_gives_no_traceback(tmp_path, lookup):
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
def test_a_closed_standard_output_or_error_gives_no_traceback(tmp_path):
    for closing in ("2>&-", ">&- 2>&-", *(["2>/dev/full"] if os.path.exists("/dev/full") else [])):
        command = f"{sys.executable} -m flowtag_core {LOG} {SAMPLE_LOOKUP} {tmp_path}/result.csv {closing}"
        done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0
        assert done.stderr == b""
        assert (tmp_path / "result.csv").read_bytes().startswith(b"Tag Counts:")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
@pytest.mark.parametrize("output", ["/dev/full", "-"])
def test_a_full_disk_is_one_sentence_and_exits_2(output):
    with open("/dev/full", "wb") as full:
        done = run(LOG, SAMPLE_LOOKUP, output, capture_output=False, stdout=full, stderr=-1)
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert "could not be written: No space left on device." in done.stderr.decode()


@on_posix
def test_what_surprises_in_a_name_is_escaped_in_messages():
    done = run("\x1b[31mred\n.log", SAMPLE_LOOKUP, "-")
    assert done.stderr == b"flowtag: \\x1b[31mred\\n.log: there is no such file. Check the path.\n"


@pytest.fixture
def heeding_interrupts():
    """What a shell starts in the background ignores SIGINT, and so does all that is started there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@on_posix
@pytest.mark.usefixtures("heeding_interrupts")
@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_run_that_is_stopped_leaves_the_old_result(tmp_path, lookup, sent, code):
    output = tmp_path / "result.csv"
    output.write_bytes(b"old")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "flowtag_core", str(pipe), str(lookup), str(output)]
    with (
        subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as running,
        pipe.open("wb") as log,
    ):
        log.write(line() + b"\n")
        log.flush()
        time.sleep(0.3)
        running.send_signal(sent)
        told = running.stderr.read()
        assert running.wait(timeout=20) == code
    assert b"Traceback" not in told
    assert output.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["lookup.csv", "pipe", "result.csv"]


@on_posix
def test_a_terminal_gets_a_bar_and_gets_its_line_back(tmp_path, lookup):
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
    assert told.rstrip().endswith(b"lookup rules")


def test_help_names_every_argument_and_the_exit_codes():
    told = run("--help").stdout.decode()
    for word in ("FLOW_LOG", "LOOKUP", "OUTPUT", "--format", "exit code", "examples"):
        assert word in told


@pytest.fixture
def bucket(tmp_path):
    """A folder as `aws s3 sync` leaves it: dated and hive prefixes, layouts that differ."""
    day = tmp_path / "AWSLogs" / "111122223333" / "vpcflowlogs" / "eu-west-1" / "2026" / "11" / "25"
    hive = tmp_path / "AWSLogs" / "aws-account-id=1" / "year=2026" / "hour=07"
    export = tmp_path / "export" / "task-id" / "eni-0ab-all"
    for folder in (day, hive, export):
        folder.mkdir(parents=True)
    (day / "a.log.gz").write_bytes(gzip.compress(DEFAULT_HEADER.encode() + b"\n" + line()))
    (day / "b.log.gz").write_bytes(gzip.compress(b"action dstport protocol\nREJECT 25 6\n"))
    (hive / "c.log").write_bytes(line(dstport="53", protocol="17"))
    (export / "000000.gz").write_bytes(gzip.compress(b"2018-09-22T20:28:14.000Z " + line()))
    (tmp_path / "export" / "aws-logs-write-test").write_text("Permission Check Successful")
    (tmp_path / "export" / ".hidden").write_bytes(b"\0")
    return tmp_path


@pytest.mark.parametrize(
    "patterns", [("AWSLogs", "export"), ("*/**/*.gz", "AWSLogs/**/c.log"), ("AWSLogs/*", "exp*/**")]
)
def test_folders_and_patterns_are_read_with_all_that_is_below(bucket, lookup, patterns):
    done = run(*(bucket / pattern for pattern in patterns), lookup, "-")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Tag Counts:\nTag,Count\nweb,2\ndns,1\nmail,1\nUntagged,0\n")


def test_a_file_of_a_folder_that_is_no_log_leaves_the_others_and_exits_1(bucket, lookup):
    (bucket / "export" / "picture.log").write_bytes(b"\x89PNG\r\n")
    done = run(bucket / "export", lookup, "-")
    assert done.returncode == 1
    assert b"picture.log: is a picture" in done.stderr
    assert done.stdout.startswith(b"Tag Counts:\nTag,Count\nweb,1\n")


def test_a_layout_that_is_offered_can_be_taken_as_printed(tmp_path, lookup):
    log = tmp_path / "v5.log"
    log.write_text("".join(f"{record(BY_VERSION[5], dstport='443')}\n" for _ in range(7)))
    done = run(log, lookup, "-")
    assert b"v5.log: has no header. 7 lines fit a common layout of 29 fields" in done.stderr
    (command,) = (text for text in done.stderr.decode().splitlines() if "--format" in text)
    again = run(*shlex.split(command[command.index("--format") :]), log, lookup, "-")
    assert again.stdout.startswith(b"Tag Counts:\nTag,Count\nweb,7\n")


@on_posix
def test_what_is_no_regular_file_in_a_folder_is_named_and_not_waited_for(bucket, lookup):
    os.mkfifo(bucket / "export" / "pipe")
    done = run(bucket / "export", lookup, "-", timeout=30)
    assert done.returncode == 1
    assert b"pipe: is no regular file and was not read." in done.stderr
