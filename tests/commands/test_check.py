"""`flowtag check` names every lookup row that needs checking, and its exit code says whether there are any."""

import json
import os
import subprocess
import sys

import pytest

from flowtag_core.commands.check import run as check
from tests.commands.made import SAMPLE_LOOKUP, on_posix, run
from tests.conftest import ROOT

DOUBTFUL = b"dstport,protocol,tag\n443,tcp,web\n99999,tcp,x\n443,tcp,www\n80,tcp,=1+1\n"


def test_a_lookup_without_problems_exits_0_and_says_so():
    done = run("check", SAMPLE_LOOKUP)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{SAMPLE_LOOKUP}: 11 rules. No problems found.\n"


def test_every_row_with_a_problem_is_named_with_its_line_and_the_exit_code_is_1(tmp_path):
    path = tmp_path / "lookup.csv"
    path.write_bytes(DOUBTFUL)
    done = run("check", path)
    assert (done.returncode, done.stderr) == (1, b"")
    told = done.stdout.decode().splitlines()
    assert [row.split(":")[1] for row in told[:-1]] == ["2", "3", "5"]
    assert told[0] == (
        f"{path}:2: 443,tcp is tagged 'web' here but 'www' in line 4, and the later row wins"
    )
    assert told[-1] == f"{path}: 2 rules. 3 lookup rows need checking."


def test_an_assumption_about_a_lookup_needs_checking_too(tmp_path, capsys):
    path = tmp_path / "lookup.csv"
    path.write_bytes(b"443,tcp,web\n")
    assert check([str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{path}: has no header: its columns were taken as dstport, protocol, tag.",
        f"{path}: 1 rule.",
    ]


def test_the_json_contains_the_same_problems_as_the_text(tmp_path, capsys):
    path = tmp_path / "lookup.csv"
    path.write_bytes(DOUBTFUL)
    assert check([str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["lookup"], told["rules"], told["notices"]) == (str(path), 2, [])
    assert [(problem["line"], problem["trouble"]) for problem in told["problems"]] == [
        (2, "loses to a later row"),
        (3, "cannot be used"),
        (5, "looks like a formula"),
    ]


@pytest.mark.parametrize("content", [DOUBTFUL, b"dstport,protocol,tag\n443,tcp,web\n"])
def test_a_quiet_check_prints_nothing_and_only_sets_the_exit_code(tmp_path, capsys, content):
    path = tmp_path / "lookup.csv"
    path.write_bytes(content)
    assert check([str(path), "-q"]) == (content == DOUBTFUL)
    assert capsys.readouterr() == ("", "")


def test_a_lookup_on_standard_input_can_be_checked():
    done = run("check", "-", input=DOUBTFUL)
    assert done.returncode == 1
    assert b":3: port '99999' is not a port" in done.stdout


@pytest.mark.parametrize("words", [("nowhere.csv",), ("nowhere.csv", "--quiet")])
def test_a_lookup_that_cannot_be_read_exits_2_and_says_why(words):
    done = run("check", *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"flowtag: nowhere.csv: there is no such file. Check the path.\n"


def test_control_characters_in_a_lookup_never_reach_the_terminal(tmp_path):
    path = tmp_path / "lookup.csv"
    path.write_bytes(b"dstport,protocol,tag\n443,tcp,=\x1b[2J\n443,udp,\x1b[31m\n443,udp,red\n")
    for option in ((), ("--json",)):
        done = run("check", path, *option)
        assert b"\x1b" not in done.stdout
        assert done.returncode == 1


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_tag_that_the_terminal_cannot_show_is_escaped(tmp_path, encoding):
    path = tmp_path / "lookup.csv"
    path.write_text("dstport,protocol,tag\n443,tcp,\u6f22\n443,tcp,x\n", encoding="utf-8")
    done = run("check", path, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (1, b"")
    assert ("\u6f22" if encoding == "utf-8" else "\\u6f22") in done.stdout.decode(encoding)


@on_posix
@pytest.mark.parametrize("words", ["", "--json"])
def test_a_check_that_cannot_be_printed_fails(words):
    command = f"{sys.executable} -m flowtag_core check {SAMPLE_LOOKUP} {words}"
    for redirection, said in (("> /dev/full", b"could not be written"), (">&-", b"is closed")):
        done = subprocess.run(
            f"{command} {redirection}", shell=True, cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == 2
        assert said in done.stderr
