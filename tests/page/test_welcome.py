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


def test_a_link_that_is_opened_without_files_says_that_its_view_waits(page):
    assert LINK_WAITS not in said(page)
    page.query_params["tag"] = "email"
    page.run()
    assert LINK_WAITS in said(page)
    # The view is there as soon as the files are.
    page.button(key="sample").click().run()
    assert LINK_WAITS not in said(page)
    assert page.button(key="clear_tag").label == r"Tag\: email"


def test_a_lookup_alone_is_there_to_edit_in_place_of_the_glance(page):
    assert "A log goes in" in html(page)
    drop(page, ("l.csv", LOOKUP))
    assert "A log goes in" not in html(page)
    assert "rules" in page.session_state
    page.button(key="start_over").click().run()
    assert buttons(page) == ["sample"]


def test_the_glance_takes_the_sample_for_no_session(page):
    assert not session(page).logs
    assert session(page).desk.given is None


def test_a_layout_can_be_taken_before_there_is_a_log(page):
    drop(page, ("v5.log", log_with(V5, 2)))
    assert {f"{word} {' '.join(V5)}" for word in ("take", "leave")} < {*buttons(page)}


def test_a_page_that_others_can_reach_says_so(page, monkeypatch):
    assert SHARED not in said(page)
    assert "Nothing leaves this machine" in html(page)
    monkeypatch.setattr(door, "is_shared", lambda: True)
    assert SHARED in said(page.run())
    assert "this machine" not in html(page)
