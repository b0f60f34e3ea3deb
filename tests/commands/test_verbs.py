"""The first word chooses the verb, every verb has help, and invalid arguments get a clear message."""

import os
import re
import sys

import pytest

import flowtag_core
from flowtag_core.commands import verbs
from flowtag_core.commands.verbs import VERBS
from tests.commands.made import LOG, SAMPLE_LOOKUP, run
from tests.conftest import ROOT
from tests.logs import line


@pytest.mark.parametrize("name", [*VERBS, "compare", "follow"])
def test_a_file_named_like_a_verb_is_a_log_if_its_folder_is_written_too(tmp_path, lookup, name):
    (tmp_path / name).write_bytes(line())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = run(f"./{name}", lookup, "-", cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Tag Counts:\nTag,Count\nweb,1\n")


def test_the_version_is_that_of_the_package():
    done = run("--version")
    assert (done.returncode, done.stdout.decode()) == (0, f"flowtag {flowtag_core.__version__}\n")


def test_the_help_fits_on_one_screen_and_names_every_verb(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/flowtag"])
    with pytest.raises(SystemExit) as ended:
        verbs.run(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(re.search(rf"^ +flowtag {verb} ", told, re.MULTILINE) for verb in VERBS)
    assert told.count("\n") <= 40
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_its_own_help(verb):
    done = run(verb, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: python -m flowtag_core {verb} ".encode())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give at least one LOG"),
        (("check",), "the following arguments are required: LOOKUP"),
        (("check", LOG, SAMPLE_LOOKUP), "unrecognized arguments"),
        (("completion", "cmd.exe"), "invalid choice"),
        (("page", "--colour"), "unrecognized arguments: --colour"),
        (("page", "--port", "http"), "'http' is not a port from 1 to 65535"),
        (("--forma", "x", LOG, SAMPLE_LOOKUP, "-"), "unrecognized arguments: --forma"),
    ],
)
def test_invalid_arguments_exit_2_and_print_the_usage(words, message):
    done = run(*words)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"usage: python -m flowtag_core")
    assert message in done.stderr.decode()
