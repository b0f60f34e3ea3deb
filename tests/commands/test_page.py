"""The verb page passes on what it was given, and refuses what the page could not use."""

import runpy
import socket
import sys
from pathlib import Path

import pytest
from streamlit import file_util

from flowtag_core.commands import page
from flowtag_core.errors import FlowtagError
from flowtag_core.page.in_place import Given, parse
from tests.conftest import ROOT


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Return a function that runs the verb, in a folder with logs, and returns the arguments for Streamlit."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.log", "b.log", "-rf", "-odd.csv", "logs/c.log"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    monkeypatch.setattr(sys, "argv", ["flowtag"])
    monkeypatch.setattr(file_util, "get_project_streamlit_file_path", None)
    names = []
    monkeypatch.setattr(runpy, "run_module", lambda name, run_name: names.append((name, run_name)))

    def start(*words):
        assert page.run(words) == 0
        assert names == [("streamlit", "__main__")]
        return sys.argv

    return start


def test_streamlit_runs_the_script_of_this_checkout(started):
    assert started() == ["streamlit", "run", str(ROOT / "dashboard.py"), "--", "--"]


def test_server_options_go_to_streamlit_and_the_others_to_the_script(started):
    words = started("--port", "8600", "a.log", "--no-browser", "--", "-rf")
    at = words.index("--")
    assert words[3:at] == ["--server.headless=true", "--server.port=8600"]
    assert parse(words[at + 1 :]) == Given(("a.log", "-rf"))


def test_every_option_reaches_the_page_unchanged(started):
    words = started(
        *("logs", "--lookup=-odd.csv", "--format", "dstport protocol"),
        *("--internal", "203.0.113.0/24", "--names=-odd.csv", "--shared", "b.log"),
        *("--follow", "--keep", "24h", "--state", "kept", "--background"),
    )
    given = parse(words[words.index("--") + 1 :])
    assert given == Given(
        ("logs", "b.log"),
        "-odd.csv",
        "dstport protocol",
        "203.0.113.0/24",
        shared=True,
        names="-odd.csv",
        follow=True,
        keep=1440,
        state="kept",
        background=True,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.log",), "nowhere.log: there is no such file"),
        (("--lookup", "nowhere.csv"), "nowhere.csv: there is no such file"),
        (("--format", "version"), "not both dstport and protocol"),
        (("--follow",), "--follow needs at least one log or folder"),
        (("a.log", "--state", "kept"), "--state needs --follow"),
        (("a.log", "--follow", "--state", "nowhere/kept"), "there is no folder"),
        (("--internal", "home"), "'home' is not an address range"),
    ],
)
def test_what_the_page_could_not_use_is_refused_before_it_starts(started, words, said):
    with pytest.raises(FlowtagError, match=said):
        started(*words)


def test_a_port_in_use_is_refused_with_the_remedy(started):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(FlowtagError, match="Choose another one with --port"):
            started("--port", str(other.getsockname()[1]))


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999999", "http", ""])
def test_a_port_that_does_not_exist_is_refused(started, port):
    with pytest.raises(SystemExit, match="2"):
        started(f"--port={port}")


def test_a_folder_that_is_followed_may_still_be_empty(started):
    Path("empty").mkdir()
    assert started("--follow", "empty")[-1] == "empty"
