"""`flowtag page` passes its arguments on, and finds the script of the page wherever flowtag is installed."""

import runpy
import sys

import pytest

from flowtag_core.commands import page
from flowtag_core.errors import FlowtagError
from flowtag_core.page.in_place import Given, parse
from tests.conftest import ROOT


@pytest.fixture
def started(monkeypatch):
    """Return a function that runs the verb and returns the arguments for Streamlit, which is not started."""
    monkeypatch.setattr(sys, "argv", ["flowtag"])
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
        *("--internal", "203.0.113.0/24", "--shared", "b.log"),
    )
    given = parse(words[words.index("--") + 1 :])
    assert given == Given(
        ("logs", "b.log"), "-odd.csv", "dstport protocol", "203.0.113.0/24", shared=True
    )


def test_the_script_is_found_inside_an_installed_package(tmp_path, monkeypatch):
    package = tmp_path / "site" / "flowtag_core"
    monkeypatch.setattr(page.flowtag_core, "__file__", str(package / "__init__.py"))
    with pytest.raises(FlowtagError, match="Install flowtag again"):
        page.folder()
    served = package / "page" / "served"
    served.mkdir(parents=True)
    (served / "dashboard.py").touch()
    assert page.folder() == served
