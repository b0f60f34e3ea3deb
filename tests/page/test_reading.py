"""The page while files are read."""

import threading

import pytest

from flowtag_core.page.intake import Intake, Standing
from flowtag_core.page.session import Session
from tests.logs import line
from tests.page.made import held
from tests.page.seen import buttons, metrics, opened, session

STANDING = Standing("a.log", 1, 1, 5, 10, 0.5)


def test_while_the_first_files_are_read_there_is_progress_and_no_empty_dashboard(monkeypatch):
    page = opened()
    monkeypatch.setattr(Intake, "standing", lambda _: STANDING)
    monkeypatch.setattr(Intake, "is_busy", True)
    page.run()
    assert buttons(page) == ["cancel"]
    assert not page.dataframe
    assert any("Reading your files" in each.proto.body for each in page.get("html"))
    assert page.file_uploader(key="logs_and_lookup_0")
    monkeypatch.undo()
    page.run()
    assert buttons(page) == ["sample"]


@pytest.mark.parametrize("has_sample", [False, True], ids=["first", "later"])
def test_a_file_that_finishes_while_the_page_is_drawn_is_included(monkeypatch, has_sample):
    page = opened()
    if has_sample:
        page.button(key="sample").click().run()
    gate = threading.Event()
    session(page).intake.take([held("a.log", gate, b"\n".join([line()] * 3))])
    collect = Session.collect

    def collect_and_let_it_end(session):
        collect(session)
        gate.set()
        session.intake.wait(60)

    monkeypatch.setattr(Session, "collect", collect_and_let_it_end)
    page.run()
    assert metrics(page)["Flows"] == "3"
    assert "cancel" not in buttons(page)
