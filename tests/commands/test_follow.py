"""`flowtag follow` keeps the result up to date, survives a kill, and says how far it is."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from flowtag_core.commands import follow
from flowtag_core.reading.follow import Follower
from flowtag_core.reading.live import Live
from tests.commands.made import append, on_posix, run, tags
from tests.conftest import ROOT
from tests.logs import LOOKUP, line

pytestmark = on_posix


def wait_for(condition, seconds=60):
    for _ in range(seconds * 20):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen")


@pytest.fixture
def started(log):
    """Yield a function that starts the command on the log with some options."""
    running = []

    def start(*options):
        words = ["follow", log, log.with_name("lookup.csv"), log.with_name("out.csv")]
        command = [sys.executable, "-m", "flowtag_core", *map(str, words), "--every", "1s"]
        running.append(
            subprocess.Popen([*command, *options], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_result_follows_the_log_and_a_signal_ends_it_with_everything_counted(
    log, started, number
):
    process = started()
    wait_for((log.parent / "out.csv").exists)
    append(log, line(dstport="25"), line(dstport="9"))
    wait_for(lambda: tags(log.parent) == {"mail": "1", "web": "1", "Untagged": "1"})
    with log.open("ab") as file:
        file.write(line() + b"\nhalf")
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0
    assert tags(log.parent)["web"] == "2"
    assert "Stopped. 4 records = 0 headers + 0 blank + 4 flows." in told
    assert "its last line is incomplete, and is not counted" in told
    assert told.count("Untagged 0.0%") >= 1


def test_a_kill_and_a_restart_count_every_line_once(log, started):
    kept = log.with_name("kept")
    process = started("--state", str(kept))
    for number in range(3):
        append(log, *[line(dstport="25")] * 100)
        wait_for(lambda: tags(log.parent).get("mail") if (log.parent / "out.csv").exists() else 0)
        process.send_signal(signal.SIGKILL)
        process.wait()
        append(log, *[line(dstport="9")] * (number + 1))
        process = started("--state", str(kept))
    wait_for(lambda: tags(log.parent) == {"mail": "300", "web": "1", "Untagged": "6"})


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5), ("30s", 30), ("10m", 600), ("24h", 86_400), ("7d", 604_800)]
)
def test_a_time_has_a_unit(text, seconds):
    words = ["a.log", "lookup.csv", "out.csv", "--every", text]
    assert follow.parser().parse_args(words).every == seconds


def test_standard_input_is_counted_to_its_end(tmp_path):
    (tmp_path / "lookup.csv").write_bytes(LOOKUP)
    words = ("follow", "-", tmp_path / "lookup.csv", tmp_path / "out.csv", "--every", "1s")
    done = run(*words, input=(line() + b"\n") * 5 + line(dstport="25"))
    assert done.returncode == 0
    assert tags(tmp_path) == {"web": "5", "mail": "1", "Untagged": "0"}


def test_each_look_is_a_line_of_json_and_the_result_is_in_the_form_of_its_suffix(tmp_path):
    (tmp_path / "lookup.csv").write_bytes(LOOKUP)
    words = (
        "follow",
        "-",
        tmp_path / "lookup.csv",
        tmp_path / "out.json",
        "--json",
        "--keep",
        "24h",
    )
    done = run(*words, input=line() + b"\n" + line(dstport="9") + b"\n")
    assert done.returncode == 0
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["flows"], last["untagged"], last["faults"]) == (2, 1, 0)
    assert (last["from"], last["to"]) == ("2023-11-14T22:13:00Z", "2023-11-14T22:14:00Z")
    result = json.loads((tmp_path / "out.json").read_bytes())
    assert (result["version"], result["total"]["flows"]) == (1, 2)
    assert [row["tag"] for row in result["ports"]] == ["Untagged", "web"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.log", "lookup.csv", "-"), "follow needs files for the lookup and the result"),
        (("nowhere.log", "lookup.csv", "out.csv"), "nowhere.log: there is no such file"),
        (("a.log", "lookup.csv", "out.csv", "--every", "0s"), "is not a time such as 5s"),
        (("-", "lookup.csv", "out.csv", "--state", "kept"), "logs that can be read again"),
        (("a.log", "lookup.csv", "out.csv", "--state", "a.log"), "a.log: is named twice"),
        (("a.log", "lookup.csv", "a.log"), "a.log: is named twice"),
        (("a.log", "lookup.csv", "out.csv", "--alerts", "./out.csv"), "out.csv: is named twice"),
        (("a.log", "lookup.csv", "out.csv", "--keep", "5m"), "Keep at least ten minutes"),
        (("a.log", "lookup.csv", "out.csv", "--limit", "growth"), "is not NAME=NUMBER"),
        (("a.log", "lookup.csv", "out.csv", "--limit", "grow=2"), "'grow' is not a limit"),
        (("a.log", "lookup.csv", "out.csv", "--limit", "growth=-1"), "is not a number"),
        (("a.log", "lookup.csv", "out.csv", "--state", "damaged/kept"), "there is no folder"),
        (("a.log", "lookup.csv", "out.csv", "--json", "--alerts", "-"), "both write to standard"),
        (("a.log", "lookup.csv", "-o", "b", "-o", "c"), "give only one -o"),
        (("a.log",), "give at least one LOG"),
    ],
)
def test_words_that_make_no_sense_exit_2_and_write_nothing(log, words, said):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = run("follow", *words, cwd=log.parent, env=environment, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert sorted(os.listdir(log.parent)) == ["a.log", "lookup.csv"]


def test_a_state_for_another_format_or_other_ranges_is_refused(log):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    live = Live(Follower([str(log)]))
    live.look()
    live.save(str(log.with_name("kept")), {})
    live.follower.close()
    words = ("follow", "a.log", "lookup.csv", "out.csv", "--state", "kept")
    for option in (("--format", "dstport protocol"), ("--internal", "8.8.8.8")):
        done = run(*words, *option, cwd=log.parent, env=environment)
        assert done.returncode == 2
        assert b"was written with a different --format or --internal" in done.stderr
