"""The page as `streamlit run dashboard.py` starts it, and fixtures that several of its tests share."""

import logging
import sys
import tempfile

import pytest
from streamlit.components.v2 import manifest_scanner

from flowtag_core.page import in_place, intake, kept
from tests.page import seen
from tests.page.seen import LOG, SAMPLE_LOOKUP


@pytest.fixture(autouse=True)
def started(monkeypatch):
    """Start the page as `streamlit run dashboard.py` does, without local files that were counted before."""
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    monkeypatch.setattr(sys, "argv", ["dashboard.py"])
    # Each AppTest would search all installed packages for components, which takes as long as two runs.
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)
    in_place._COUNTED.clear()


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    """A temporary folder of its own, and a server that has not kept any upload yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept._folder_of_server.cache_clear()
    yield tmp_path
    kept._folder_of_server.cache_clear()


@pytest.fixture
def page():
    return seen.opened()


@pytest.fixture
def counted(monkeypatch):
    """The names of the logs that were read."""
    names = []
    each_place = intake.each_place

    def count_and_note(places, **options):
        names.extend(place.name for place in places)
        return each_place(places, **options)

    monkeypatch.setattr(intake, "each_place", count_and_note)
    return names


@pytest.fixture
def given(monkeypatch, tmp_path):
    """The paths of a local log and a local lookup that the page is started with."""
    log, rules = tmp_path / "a.log", tmp_path / "rules.csv"
    log.write_bytes(LOG)
    rules.write_bytes(SAMPLE_LOOKUP)
    monkeypatch.setattr(sys, "argv", ["dashboard.py", str(log), "--lookup", str(rules)])
    return log, rules
