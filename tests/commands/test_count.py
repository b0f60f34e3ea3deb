"""Counting from the command line, as a user sees it: the result, the summary, the messages, the exit codes."""

import gzip
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

from flowtag_core import load_lookup_table, map_tags, parse_flow_log
from flowtag_core.commands import count, summary
from flowtag_core.commands.verbs import run as main
from flowtag_core.errors import OutputError
from flowtag_core.shapes.layout import BY_VERSION
from flowtag_core.tagging.report import EVERY_FLOW
from tests.commands.made import LOG, SAMPLE_LOOKUP, on_posix, run
from tests.conftest import ROOT, SAMPLE
from tests.exporting.made import MADE
from tests.logs import DEFAULT_HEADER, LOOKUP, line, record
from tests.sources.bucket import Bucket, serving

HEAVY = "pandas", "altair", "pyarrow", "jinja2", "vl_convert"


def test_the_sample_gives_its_result_and_a_summary(tmp_path):
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


def test_several_logs_standard_input_and_gzip_add_up(tmp_path):
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress((SAMPLE / "flow.log").read_bytes()))
    done = run(LOG, packed, "-", SAMPLE_LOOKUP, "-", input=(SAMPLE / "flow.log").read_bytes())
    assert done.stdout.startswith(
        b"Tag Counts:\nTag,Count\nemail,9\nsv_P1,6\nsv_P2,3\nUntagged,24\n"
    )


def test_faults_in_log_and_lookup_are_reported_with_their_lines_and_the_rest_is_counted(
    tmp_path, lookup
):
    log = tmp_path / "flow.log"
    log.write_bytes(b"\n".join([line(), line(dstport="x"), b"short", line(status="SKIPDATA")]))
    lookup.write_bytes(LOOKUP + b"99999,tcp,x\n")
    done = run(log, lookup, tmp_path / "result.csv")
    assert done.returncode == 0
    told = done.stderr.decode()
    assert f"{log}:2: bad port: 2 1234" in told
    assert f"{log}:3: too few fields: short" in told
    assert f"{lookup}:6: port '99999' is not a port" in told
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
        ((LOG,), "give at least one LOG"),
        (("nowhere.log", SAMPLE_LOOKUP, "OUT"), "nowhere.log: there is no such file"),
        ((LOG, "nowhere.csv", "OUT"), "nowhere.csv: there is no such file"),
        ((LOG, "nowhere.log", SAMPLE_LOOKUP, "OUT"), "nowhere.log: there is no such file"),
        ((SAMPLE_LOOKUP, LOG, "OUT"), "needs the three columns dstport, protocol and tag"),
        ((LOG, SAMPLE_LOOKUP, str(SAMPLE)), "is not a file name"),
        ((LOG, SAMPLE_LOOKUP, ""), "one of the paths is empty"),
        ((LOG, SAMPLE_LOOKUP, "new/"), "is not a file name"),
        ((LOG, SAMPLE_LOOKUP, "no/such/folder/result.csv"), "there is no folder"),
        (("-", "-", "OUT"), "standard input (-) can be read only once"),
        (
            ("--format", "version action", LOG, SAMPLE_LOOKUP, "OUT"),
            "not both dstport and protocol",
        ),
        ((sys.executable, SAMPLE_LOOKUP, "OUT"), "not a flow log"),
    ],
)
def test_an_impossible_run_exits_2_says_why_and_writes_nothing(tmp_path, arguments, message):
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
def test_an_output_in_an_input_folder_or_matching_an_input_pattern_is_refused(
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
def test_a_file_that_is_given_twice_is_counted_twice_with_a_notice(tmp_path, lookup, logs, said):
    log = tmp_path / "logs" / "below" / "a.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(line())
    os.link(log, tmp_path / "link")
    done = run(*logs, lookup, "-", cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0
    assert b"web,2\n" in done.stdout
    assert f"{said}, and is counted each time.\n" in done.stderr.decode().replace(os.sep, "/")


def test_options_may_come_anywhere():
    done = run(LOG, "--format", DEFAULT_HEADER, SAMPLE_LOOKUP, "-")
    assert done.returncode == 0


def test_after_two_dashes_every_word_is_a_path(tmp_path, lookup):
    (tmp_path / "-rf").write_bytes(line())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = run("--", "-rf", lookup, "--format", cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "--format").read_bytes().startswith(b"Tag Counts:\nTag,Count\nweb,1\n")


@pytest.fixture
def heeding_interrupts():
    """React to SIGINT, which a shell's background jobs and their child processes otherwise ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@on_posix
@pytest.mark.usefixtures("heeding_interrupts")
@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_run_that_is_stopped_keeps_the_old_result(tmp_path, lookup, sent, code):
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


def test_help_names_every_argument_and_the_exit_codes():
    told = run("--help").stdout.decode()
    for word in ("LOG", "LOOKUP", "OUTPUT", "--format", "exit code", "page", "check", "completion"):
        assert word in told


@pytest.fixture
def bucket(tmp_path):
    """A folder as `aws s3 sync` creates it, with date and Hive prefixes and different layouts."""
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
def test_folders_and_patterns_are_read_recursively(bucket, lookup, patterns):
    done = run(*(bucket / pattern for pattern in patterns), lookup, "-")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Tag Counts:\nTag,Count\nweb,2\ndns,1\nmail,1\nUntagged,0\n")


def test_a_file_in_a_folder_that_is_not_a_log_exits_1_and_the_others_are_counted(bucket, lookup):
    (bucket / "export" / "picture.log").write_bytes(b"\x89PNG\r\n")
    done = run(bucket / "export", lookup, "-")
    assert done.returncode == 1
    assert b"picture.log: is a picture" in done.stderr
    assert done.stdout.startswith(b"Tag Counts:\nTag,Count\nweb,1\n")


def test_an_offered_layout_can_be_used_as_printed(tmp_path, lookup):
    log = tmp_path / "v5.log"
    log.write_text("".join(f"{record(BY_VERSION[5], dstport='443')}\n" for _ in range(7)))
    done = run(log, lookup, "-")
    assert b"v5.log: has no header. 7 lines fit a common layout of 29 fields" in done.stderr
    (command,) = (text for text in done.stderr.decode().splitlines() if "--format" in text)
    again = run(*shlex.split(command[command.index("--format") :]), log, lookup, "-")
    assert again.stdout.startswith(b"Tag Counts:\nTag,Count\nweb,7\n")


def test_the_summary_shows_sums_by_boundary_and_which_addresses_are_inside(tmp_path, lookup):
    log = tmp_path / "a.log"
    log.write_bytes(b"\n".join([line(), line(srcaddr="203.0.113.9"), line(srcaddr="8.8.8.8")]))
    done = run(log, lookup, "-")
    told = " ".join(done.stderr.decode().split())
    assert (
        "internal 1 10 840 inbound 2 20 1,680 Inside the network: the private address ranges."
        in told
    )
    own = run("--internal", "203.0.113.0/24", log, lookup, "-")
    told = " ".join(own.stderr.decode().split())
    assert "internal 2 20 1,680 inbound 1 10 840" in told
    assert "Inside the network: the private address ranges and 203.0.113.0/24." in told
    assert own.stdout == done.stdout


def test_the_summary_of_a_log_without_addresses_has_no_boundary(tmp_path, lookup):
    log = tmp_path / "a.log"
    log.write_bytes(b"dstport protocol\n443 6\n")
    assert b"Boundary" not in run(log, lookup, "-").stderr


def test_an_invalid_address_range_is_refused_before_anything_is_read(tmp_path, lookup):
    done = run("--internal", "10.1.2.3/16", tmp_path / "none.log", lookup, "-")
    assert done.returncode == 2
    assert b"'10.1.2.3/16' is not an address range (did you mean 10.1.0.0/16?)" in done.stderr


@pytest.mark.parametrize("delimiter", [" ", ","])
def test_an_offered_layout_fits_as_many_lines_as_it_said(tmp_path, lookup, delimiter):
    log = tmp_path / "v5.log"
    text = "".join(f"{record(BY_VERSION[5], dstport='443')}\n" for _ in range(7))
    log.write_text(text.replace(" ", delimiter))
    command = next(
        text for text in run(log, lookup, "-").stderr.decode().splitlines() if "--format" in text
    )
    again = run(*shlex.split(command[command.index("--format") :]), log, lookup, "-")
    assert again.stdout.startswith(b"Tag Counts:\nTag,Count\nweb,7\n")


@on_posix
def test_a_pipe_in_a_folder_is_named_and_not_waited_for(bucket, lookup):
    os.mkfifo(bucket / "export" / "pipe")
    done = run(bucket / "export", lookup, "-", timeout=30)
    assert done.returncode == 1
    assert b"pipe: is not a regular file, so it was not read." in done.stderr


@pytest.mark.parametrize(
    ("raised", "code", "sentence"),
    [
        (MemoryError(), 2, "flowtag: there is not enough memory.\n"),
        (KeyboardInterrupt(), 130, "flowtag: stopped before it was done.\n"),
        (OutputError("x: no."), 2, "flowtag: x: no.\n"),
    ],
)
def test_a_run_that_ends_early_prints_one_sentence_and_writes_nothing(
    tmp_path, capsys, monkeypatch, raised, code, sentence
):
    def fail(*_, **__):
        raise raised

    monkeypatch.setattr(count, "parse_flow_log", fail)
    assert main([LOG, SAMPLE_LOOKUP, str(tmp_path / "result.csv")]) == code
    assert capsys.readouterr().err == sentence
    assert os.listdir(tmp_path) == []


def test_an_interrupt_after_the_result_is_written_is_ignored(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(summary, "equation", interrupt)
    assert main([LOG, SAMPLE_LOOKUP, str(tmp_path / "result.csv")]) == 0
    assert (tmp_path / "result.csv").exists()


def test_the_summary_shows_the_ten_largest_tags_untagged_and_how_many_more(tmp_path, capsys):
    rows = [f"{port},tcp,tag {port}\n" for port in range(1, 13)]
    (tmp_path / "lookup.csv").write_text("dstport,protocol,tag\n" + "".join(rows))
    flows = [line(dstport=str(port)) + b"\n" for port in range(1, 14) for _ in range(14 - port)]
    (tmp_path / "flow.log").write_bytes(b"".join(flows))
    assert main([str(tmp_path / name) for name in ("flow.log", "lookup.csv", "result.csv")]) == 0
    told = [row.split() for row in capsys.readouterr().err.splitlines()]
    named = [row[1:] for row in told if row[:1] == ["tag"]]
    assert named == [[str(port), str(14 - port), str(14 - port)] for port in range(1, 11)]
    assert ["Untagged", "1", "1"] in told
    assert ["...", "and", "2", "more", "tags"] in told


def test_after_the_first_thousand_faults_are_only_counted(tmp_path, lookup, capsys):
    (tmp_path / "flow.log").write_bytes(line() + b"\nshort" * 1002)
    assert main([str(tmp_path / "flow.log"), str(lookup), str(tmp_path / "result.csv")]) == 0
    told = capsys.readouterr().err
    assert told.count("too few fields: short") == 1000
    assert "... and 2 more lines with a fault\n" in told
    assert "1 flow + 1,002 too few fields" in told


def test_with_o_the_last_path_is_the_lookup(tmp_path):
    for words in (("-o", "OUT"), ("--output=OUT",)):
        output = tmp_path / words[0].strip("-")[:1]
        given = [word.replace("OUT", str(output)) for word in words]
        assert run(*given, LOG, LOG, SAMPLE_LOOKUP).returncode == 0
        assert output.read_bytes().startswith(b"Tag Counts:\nTag,Count\nemail,6\n")


def test_with_the_lookup_option_every_path_is_a_log():
    done = run("--lookup", SAMPLE_LOOKUP, LOG, LOG, "-o", "-")
    assert done.stdout.startswith(b"Tag Counts:\nTag,Count\nemail,6\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((LOG, "--lookup", SAMPLE_LOOKUP), "--lookup needs -o, which names the result"),
        ((LOG, SAMPLE_LOOKUP, "-o", "a", "-o", "a"), "a: is named twice as an output"),
        ((LOG, SAMPLE_LOOKUP, "-o", "a", "--who"), "--who needs --json, or an output whose name"),
        (("-", SAMPLE_LOOKUP, "-o", "a.json", "--who"), "--who reads the logs twice"),
        ((LOG, SAMPLE_LOOKUP, "a.json", "--names", "b"), "--names needs --who"),
        ((SAMPLE_LOOKUP, "-o", "a"), "give at least one LOG, then the LOOKUP"),
        (("-o", "a"), "give at least one LOG, then the LOOKUP"),
        (("--lookup", SAMPLE_LOOKUP, "-o", "a"), "give at least one LOG, then the LOOKUP"),
        ((LOG, SAMPLE_LOOKUP, "-", "--json"), "cannot both go to standard output"),
        ((LOG, SAMPLE_LOOKUP, "-", "--from", "10:00"), "--from: '10:00' is not a valid time."),
        (
            (LOG, SAMPLE_LOOKUP, "-", "--from", "2021-05-05", "--to", "2021-05-04"),
            "--to must be after --from, and no flow begins before 1970",
        ),
    ],
)
def test_unclear_arguments_are_refused_before_anything_is_written(tmp_path, words, message):
    done = run(*words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert os.listdir(tmp_path) == []


def test_a_quiet_run_prints_only_what_went_wrong(tmp_path, lookup):
    log = tmp_path / "flow.log"
    log.write_bytes(line() + b"\nshort\n")
    done = run("-q", log, lookup, "-")
    assert (done.returncode, done.stderr) == (0, b"")
    log.write_bytes(line() + b"\n" + line(status="SKIPDATA"))
    assert b"lower bound" in run("-q", log, lookup, "-").stderr
    packed = tmp_path / "flow.log.gz"
    packed.write_bytes(gzip.compress(line() + b"\n" + os.urandom(99_999))[:-9])
    done = run("--quiet", packed, lookup, tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.decode().count("\n") == 1
    assert b"is cut short" in done.stderr


HOURS = [1_700_000_000 - 1_700_000_000 % 3600 + 3600 * hour for hour in range(3)]


@pytest.mark.parametrize(
    ("words", "flows", "said"),
    [
        (("--from", "HOUR1"), 2, "begin at 14 Nov 2023 23:00 UTC or later are counted: 2 of 4."),
        (("--to", "HOUR1"), 1, "begin before 14 Nov 2023 23:00 UTC are counted: 1 of 4."),
        (("--from", "HOUR1", "--to", "HOUR2"), 1, "begin from 14 Nov 2023 23:00 UTC to 15 Nov 2023 00:00 UTC"),
        (("--from", "2023-11-14", "--to", "2023-11-14"), 2, "are counted: 2 of 4."),
        (("--from", "2024-01-01"), 0, "are counted: 0 of 4."),
    ],
)  # fmt: skip
def test_from_and_to_keep_only_the_flows_that_begin_between_them(
    tmp_path, lookup, words, flows, said
):
    log = tmp_path / "flow.log"
    log.write_bytes(b"\n".join([*(line(start=str(at)) for at in HOURS), line(start="-")]))
    words = [f"{HOURS[int(word[-1])]}" if word.startswith("HOUR") else word for word in words]
    done = run(*words, log, lookup, "-")
    assert done.returncode == 0
    tags = done.stdout.decode().split("\n\n")[0].splitlines()[2:]
    assert sum(int(row.rpartition(",")[2]) for row in tags) == flows
    told = done.stderr.decode()
    assert said in told
    assert "1 flow without a known time is left out." in told
    assert "4 records = 0 headers + 0 blank + 4 flows" in told


def test_a_time_inside_a_window_is_widened_to_it_with_a_notice(tmp_path, lookup):
    log = tmp_path / "flow.log"
    starts = [HOURS[0] + 60 * minute for minute in range(300)]
    log.write_bytes(b"\n".join(line(start=str(at)) for at in starts))
    done = run("--from", str(starts[7]), "--to", str(starts[9]), log, lookup, "-")
    assert done.stdout.startswith(b"Tag Counts:\nTag,Count\nweb,5\n")
    told = done.stderr.decode()
    assert "begin from 14 Nov 2023 22:05 UTC to 14 Nov 2023 22:10 UTC" in told
    assert (
        "That is more than you asked for, because times are kept in windows of 5 minutes." in told
    )


def test_seconds_are_widened_to_windows_and_the_summary_says_so(tmp_path, lookup):
    log = tmp_path / "flow.log"
    log.write_bytes(line(start=str(HOURS[0])))
    ends = "--from", "2023-11-14T22:00:10", "--to", "2023-11-14T22:00:20"
    told = run(*ends, log, lookup, "-").stderr.decode()
    assert "from 14 Nov 2023 22:00 UTC to 14 Nov 2023 22:01 UTC are counted: 1 of 1." in told
    assert "That is more than you asked for" in told


def test_an_open_end_is_never_more_than_was_asked_for(tmp_path, lookup):
    log = tmp_path / "flow.log"
    log.write_bytes(b"\n".join(line(start=str(1_600_000_000 + 86_400 * day)) for day in range(400)))
    told = run("--from", "2020-09-17", log, lookup, "-").stderr.decode()
    assert "begin at 17 Sep 2020 00:00 UTC or later" in told
    assert "more than you asked for" not in told


def test_if_no_flow_begins_in_the_time_the_summary_says_which_days_the_logs_cover(lookup):
    told = run("--from", "2027-01-01", LOG, lookup, "-").stderr.decode()
    assert "The logs cover 4 May 2021 UTC." in told


@pytest.mark.parametrize("words", [(), ("-q",)])
def test_a_log_without_a_line_that_can_be_counted_exits_1_and_says_so(tmp_path, lookup, words):
    log = tmp_path / "flow.log"
    log.write_bytes(b"hello\nworld\n")
    done = run(log, lookup, tmp_path / "out", *words)
    assert done.returncode == 1
    assert b"no flows were found" in done.stderr
    assert (tmp_path / "out").read_bytes().startswith(b"Tag Counts:\nTag,Count\nUntagged,0\n")


def test_a_word_that_is_almost_a_verb_gets_a_hint():
    done = run("chek", SAMPLE_LOOKUP)
    assert done.returncode == 2
    assert b"did you mean python -m flowtag_core check?" in done.stderr


@on_posix
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-o /dev/stdout --json > {out}", b"is where --json goes too"),
        ("-o {out} --json > {out}", b"is where --json goes too"),
        ("-o {out} --json >> {log}", b"standard output: is an input too"),
        ("-o {loop}", b"symbolic links"),
    ],
)
def test_outputs_that_would_destroy_each_other_are_refused(tmp_path, lookup, words, said):
    log, loop = tmp_path / "flow.log", tmp_path / "loop"
    log.write_bytes(line())
    loop.symlink_to(loop)
    names = words.format(out=tmp_path / "out", log=log, loop=loop)
    command = f"{sys.executable} -m flowtag_core {log} {lookup} {names}"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert (log.read_bytes(), loop.is_symlink()) == (line(), True)


@on_posix
def test_a_summary_that_cannot_be_printed_exits_1_and_the_result_is_there(tmp_path, lookup):
    out = tmp_path / "out"
    command = f"{sys.executable} -m flowtag_core {LOG} {lookup} {out} --json > /dev/full"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"The result is written all the same." in done.stderr
    assert out.exists()


def test_a_terminal_sees_twenty_faults_and_how_many_more_there_are(tmp_path):
    log = tmp_path / "flow.log"
    log.write_bytes(line() + b"\n" + b"short\n" * 50)
    counts, lookup = parse_flow_log(str(log)), load_lookup_table(SAMPLE_LOOKUP)
    ended = summary.Run(
        *(counts, lookup, map_tags(counts, lookup), EVERY_FLOW, None), (), (), (), 0.1, ["-"], MADE
    )
    told = summary.lines(ended, 20)
    assert sum("too few fields: short" in each for each in told) == 20
    assert "... and 30 more lines with a fault (--json lists the first 1,000)" in told


def test_several_outputs_have_the_same_numbers_and_the_logs_are_read_once(tmp_path):
    log = tmp_path / "flow.log"
    log.write_bytes(b"\n".join([line(), line(dstport="25", action="REJECT"), b"short"]))
    alone = tmp_path / "alone.csv"
    assert run(log, SAMPLE_LOOKUP, alone).returncode == 0
    names = ["a.csv", "b.json", "c.parquet", "d.html"]
    outputs = [word for name in names for word in ("-o", tmp_path / name)]
    with open(log, "rb") as stream:
        done = run("-", SAMPLE_LOOKUP, *outputs, stdin=stream)
    assert done.returncode == 0, done.stderr
    assert f"The result is in {', '.join(str(tmp_path / name) for name in names)}." in (
        done.stderr.decode()
    )
    assert (tmp_path / "a.csv").read_bytes() == alone.read_bytes()
    result = json.loads((tmp_path / "b.json").read_bytes())
    assert result["total"] == {"flows": 2, "packets": 20, "bytes": 1680}
    rows = pl.read_parquet(tmp_path / "c.parquet")
    assert rows["flows"].sum() == 2
    assert b"3 records = 0 headers" in (tmp_path / "d.html").read_bytes()


def test_the_action_and_the_boundary_limit_every_output_and_the_summary_says_so(tmp_path):
    log = tmp_path / "flow.log"
    lines = [line(), line(srcaddr="8.8.8.8", action="REJECT"), line(action="REJECT")]
    log.write_bytes(b"\n".join(lines))
    words = (log, SAMPLE_LOOKUP, "-o", tmp_path / "a.csv", "-o", tmp_path / "b.json")
    done = run(*words, "--action", "reject", "--boundary", "inbound")
    assert "Only rejected inbound flows are counted: 1 of 3." in done.stderr.decode()
    assert (tmp_path / "a.csv").read_text().endswith("443,tcp,1\n")
    result = json.loads((tmp_path / "b.json").read_bytes())
    assert result["total"]["flows"] == 1
    assert result["filters"]["action"] == "REJECT"
    assert result["records"]["flows"] == 3


def test_who_adds_the_evidence_of_the_flows_that_count(tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("cidr,name\n51.15.99.0/24,mailer\n")
    output = tmp_path / "a.json"
    done = run(LOG, SAMPLE_LOOKUP, "-o", output, "--who", "--names", names, "--to", "2021-05-05")
    assert done.returncode == 0, done.stderr
    who = json.loads(output.read_bytes())["who"]
    assert who["flows"] == 14
    assert "mailer" in {row.get("destination_name") for row in who["lists"]["pairs"]}
    told = json.loads(run(LOG, SAMPLE_LOOKUP, tmp_path / "b", "--who", "--json").stdout)
    assert told["who"]["flows"] == 14


def test_if_one_output_fails_no_file_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    outputs = ["-o", str(tmp_path / "a.csv"), "-o", str(tmp_path / "b.html")]
    with pytest.raises(OutputError, match="pip install vl-convert-python"):
        count.run([LOG, SAMPLE_LOOKUP, *outputs])
    assert list(tmp_path.iterdir()) == []


def test_a_result_csv_needs_no_pandas(tmp_path):
    code = (
        "import sys; from flowtag_core.commands.verbs import run; "
        f"run(sys.argv[1:]); sys.exit(any(name in sys.modules for name in {HEAVY}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, LOG, SAMPLE_LOOKUP, str(tmp_path / "a.csv")],
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0


def test_the_names_are_an_input_too(tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("cidr,name\n10.0.0.0/8,office\nx,y\n")
    before = names.read_bytes()
    words = (LOG, SAMPLE_LOOKUP, "-o", tmp_path / "a.json", "-o", names, "--who", "--names", names)
    done = run(*words)
    assert done.returncode == 2
    assert f"{names}: is an input too." in done.stderr.decode()
    assert names.read_bytes() == before
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "flow.log").write_bytes((SAMPLE / "flow.log").read_bytes())
    names.rename(folder / "names.csv")
    done = run(
        *(folder, SAMPLE_LOOKUP, "-o", tmp_path / "a.json", "--who"),
        *("--names", folder / "names.csv"),
    )
    assert (done.returncode, b"names.csv:3: " in done.stderr) == (0, True), done.stderr


@on_posix
def test_who_needs_logs_that_can_be_read_twice_and_tells_of_a_change_between(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = run(pipe, SAMPLE_LOOKUP, "-o", tmp_path / "a.json", "--who")
    assert (done.returncode, b"none of them can be a pipe" in done.stderr) == (2, True)
    log = tmp_path / "a.log"
    log.write_bytes(line() + b"\n")
    look = count.look

    def grown(*given, **options):
        with log.open("ab") as file:
            file.write(line() + b"\n")
        return look(*given, **options)

    monkeypatch.setattr(count, "look", grown)
    output = tmp_path / "b.json"
    assert count.run([str(log), SAMPLE_LOOKUP, "-o", str(output), "--who"]) == 1
    said = f"{log}: has changed since it was counted."
    assert said in json.loads(output.read_bytes())["messages"]


@on_posix
def test_standard_output_is_not_written_twice():
    done = run(LOG, SAMPLE_LOOKUP, "-o", "-", "-o", "/dev/stdout", timeout=60)
    assert (done.returncode, b"is named twice as an output" in done.stderr) == (2, True)


def test_logs_and_lookup_can_be_in_a_bucket(tmp_path):
    bucket = Bucket()
    bucket.objects = {
        "a/2026/11/22/x.log.gz": gzip.compress((SAMPLE / "flow.log").read_bytes()),
        "a/2026/11/23/y.log": line(dstport="25"),
        "lookup.csv": (SAMPLE / "lookup.csv").read_bytes(),
    }
    output = tmp_path / "result.csv"
    words = "s3://logs/a/", "s3://logs/lookup.csv", "-o", output
    with serving(bucket) as environment:
        environment = {**os.environ, **environment}
        done = run(*words, "--until", "2026-11-22", env=environment)
        assert done.returncode == 0, done.stderr
        assert output.read_bytes() == run(LOG, SAMPLE_LOOKUP, "-").stdout
        told = json.loads(run(*words, "--json", env=environment).stdout)
        assert [file["name"] for file in told["files"]] == [
            "s3://logs/a/2026/11/22/x.log.gz",
            "s3://logs/a/2026/11/23/y.log",
        ]
        bucket.refusals[""] = (403, "AccessDenied")
        done = run(*words, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith(b"flowtag: s3://logs/a/: access is denied (AccessDenied).")


@on_posix
def test_an_interrupt_ends_a_download_that_hangs(tmp_path):
    bucket = Bucket()
    bucket.objects["a.log"] = line()
    with serving(bucket) as environment:
        bucket.seconds = 60
        command = [sys.executable, "-m", "flowtag_core", "s3://logs/a.log", SAMPLE_LOOKUP]
        with subprocess.Popen(
            [*command, str(tmp_path / "out")],
            cwd=ROOT,
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
        ) as process:
            time.sleep(1.5)
            process.send_signal(signal.SIGINT)
            begun = time.monotonic()
            _, said = process.communicate(timeout=30)
    assert (process.returncode, b"stopped before it was done" in said) == (130, True), said
    assert time.monotonic() - begun < 3


def test_a_cluster_on_this_machine_gives_the_same_result(tmp_path):
    outputs = tmp_path / "alone.csv", tmp_path / "cluster.csv"
    assert run(LOG, SAMPLE_LOOKUP, outputs[0]).returncode == 0
    done = run(LOG, SAMPLE_LOOKUP, outputs[1], "--cluster", "local")
    assert (done.returncode, b"14 records = 0 headers" in done.stderr) == (0, True)
    assert outputs[1].read_bytes() == outputs[0].read_bytes()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("tcp://127.0.0.1:9", "flowtag: tcp://127.0.0.1:9: no scheduler answers"),
        ("here", "flowtag: 'here' is not the address of a cluster. Write tcp://host:8786"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_one_sentence(address, sentence, tmp_path, capsys):
    code = main([LOG, SAMPLE_LOOKUP, str(tmp_path / "result.csv"), "--cluster", address])
    assert code == 2
    said = capsys.readouterr().err.splitlines()
    assert (len(said), said[0].startswith(sentence)) == (1, True)
    assert list(tmp_path.iterdir()) == []
