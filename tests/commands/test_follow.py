"""`flowtag follow` keeps the result up to date, survives a kill, and says how far it is."""

import os
import signal
import subprocess
import sys
import time

import pytest

from flowtag_core.commands import follow
from flowtag_core.commands.follow import Followed
from flowtag_core.reading.follow import Follower
from flowtag_core.tagging.lookup_file import load_lookup_table
from tests.commands.made import on_posix, run
from tests.conftest import ROOT
from tests.logs import LOOKUP, line

pytestmark = on_posix


@pytest.fixture
def log(tmp_path):
    (tmp_path / "lookup.csv").write_bytes(LOOKUP)
    path = tmp_path / "a.log"
    path.write_bytes(line() + b"\n")
    return path


def followed(log, **options):
    lookup = str(log.with_name("lookup.csv"))
    out = str(log.with_name("out.csv"))
    return Followed(Follower([str(log)]), lookup, load_lookup_table(lookup), out, **options)


def append(log, *lines):
    with log.open("ab") as file:
        file.write(b"".join(each + b"\n" for each in lines))


def tags(folder):
    head = (folder / "out.csv").read_text().partition("\n\n")[0]
    return dict(row.split(",") for row in head.splitlines()[2:])


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
    assert "its last line is not complete, and is not counted" in told
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


def test_a_changed_lookup_is_loaded_again_and_a_broken_one_leaves_the_last_in_force(log, capsys):
    shown = followed(log)
    shown.look()
    lookup = log.with_name("lookup.csv")
    lookup.write_text("dstport,protocol,tag\n443,tcp,site\n")
    shown.look()
    assert tags(log.parent) == {"site": "1", "Untagged": "0"}
    lookup.write_text("nonsense\n")
    shown.look()
    assert "The lookup that was loaded before is still used." in capsys.readouterr().err
    append(log, line())
    shown.look()
    assert tags(log.parent) == {"site": "2", "Untagged": "0"}
    lookup.unlink()
    shown.look()
    shown.follower.close()
    assert "there is no such file" in capsys.readouterr().err


def test_a_result_or_a_state_that_cannot_be_written_is_said_and_tried_again(log, capsys):
    folder = log.with_name("later")
    shown = followed(log, state=str(folder / "kept"))
    shown.output = str(folder / "out.csv")
    shown.look()
    assert capsys.readouterr().err.count("It will be tried again.") == 2
    folder.mkdir()
    shown.look()
    shown.follower.close()
    assert sorted(os.listdir(folder)) == ["kept", "out.csv"]


def test_nothing_is_written_if_nothing_is_new(log):
    shown = followed(log, state=str(log.with_name("kept")))
    shown.look()
    for name in ("out.csv", "kept"):
        log.with_name(name).unlink()
    shown.look()
    shown.follower.close()
    assert sorted(os.listdir(log.parent)) == ["a.log", "lookup.csv"]


def test_a_line_and_the_live_table_name_the_largest_tags_as_text(log):
    log.with_name("lookup.csv").write_text("dstport,protocol,tag\n443,tcp,[red]web[/]\n")
    shown = followed(log)
    shown.look()
    shown.follower.close()
    assert " 1 flows, " in follow.line(shown)
    assert "Untagged 0.0%, newest 14 Nov 2023 22:13 UTC" in follow.line(shown)
    from rich.console import Console

    console = Console(width=100, record=True, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    console.print(follow._table(shown))
    assert "[red]web[/]" in console.export_text()
    console.file.close()


def test_standard_input_is_counted_to_its_end(tmp_path):
    (tmp_path / "lookup.csv").write_bytes(LOOKUP)
    words = ("follow", "-", tmp_path / "lookup.csv", tmp_path / "out.csv", "--every", "1s")
    done = run(*words, input=(line() + b"\n") * 5 + line(dstport="25"))
    assert done.returncode == 0
    assert tags(tmp_path) == {"web": "5", "mail": "1", "Untagged": "0"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.log", "lookup.csv", "-"), "follow needs files for the lookup and the result"),
        (("nowhere.log", "lookup.csv", "out.csv"), "nowhere.log: there is no such file"),
        (("a.log", "lookup.csv", "out.csv", "--every", "0s"), "is not a time such as 5s"),
        (("-", "lookup.csv", "out.csv", "--state", "kept"), "cannot be continued"),
        (("a.log", "lookup.csv", "out.csv", "--state", "a.log"), "is not a state of flowtag"),
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
    shown = followed(log, state=str(log.with_name("kept")))
    shown.look()
    shown.follower.close()
    words = ("follow", "a.log", "lookup.csv", "out.csv", "--state", "kept")
    for option in (("--format", "dstport protocol"), ("--internal", "8.8.8.8")):
        done = run(*words, *option, cwd=log.parent, env=environment)
        assert done.returncode == 2
        assert b"was written with another --format or --internal" in done.stderr
