"""The page without a log."""

from flowtag_core.page import door
from flowtag_core.showing.log_notes import LINK_WAITS, SHARED
from tests.logs import LOOKUP
from tests.page.seen import V5, buttons, drop, html, log_with, said, session


def test_the_empty_page_offers_the_drop_zone_and_the_sample(page):
    assert not page.exception
    assert buttons(page) == ["sample"]
    assert page.file_uploader(key="logs_and_lookup_0").proto.type == []
    assert not page.dataframe


def test_a_link_opened_without_files_asks_for_them(page):
    assert LINK_WAITS not in said(page)
    page.query_params["tag"] = "email"
    page.run()
    assert LINK_WAITS in said(page)
    # The view appears as soon as there are files.
    page.button(key="sample").click().run()
    assert LINK_WAITS not in said(page)
    assert page.button(key="clear_tag").label == r"Tag\: email"


def test_a_lookup_alone_can_be_edited_in_place_of_the_example(page):
    assert "A log goes in" in html(page)
    drop(page, ("l.csv", LOOKUP))
    assert "A log goes in" not in html(page)
    assert "rules" in page.session_state
    page.button(key="start_over").click().run()
    assert buttons(page) == ["sample"]


def test_the_example_adds_nothing_to_the_session(page):
    assert not session(page).logs
    assert session(page).desk.given is None


def test_an_offered_layout_can_be_accepted_before_there_is_a_log(page):
    drop(page, ("v5.log", log_with(V5, 2)))
    assert {f"{word} {' '.join(V5)}" for word in ("take", "leave")} < {*buttons(page)}


def test_a_shared_page_says_so(page, monkeypatch):
    assert SHARED not in said(page)
    assert "Nothing leaves this machine" in html(page)
    monkeypatch.setattr(door, "is_shared", lambda: True)
    assert SHARED in said(page.run())
    assert "this machine" not in html(page)
