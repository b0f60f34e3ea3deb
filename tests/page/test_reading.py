"""The page while files are read."""

from flowtag_core.page.intake import Standing
from tests.page.seen import buttons, opened, session

STANDING = Standing("a.log", 1, 1, 5, 10, 0.5)


def test_while_the_first_files_are_read_there_is_progress_and_no_empty_dashboard(monkeypatch):
    page = opened()
    monkeypatch.setattr(session(page).intake, "standing", lambda: STANDING)
    page.run()
    assert buttons(page) == ["cancel"]
    assert not page.dataframe
    assert any("Reading your files" in each.proto.body for each in page.get("html"))
    assert page.file_uploader(key="logs_and_lookup_0")
    monkeypatch.undo()
    page.run()
    assert buttons(page) == ["sample"]
