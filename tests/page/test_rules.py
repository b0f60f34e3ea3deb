"""The lookup editor has the rows, the pending edits and the problems."""

import pytest
from streamlit.testing.v1 import AppTest

from flowtag_core.page import edits as edits_room
from flowtag_core.page import rules as rules_room
from flowtag_core.page.session import Session
from tests.page.made import lookup
from tests.page.seen import said, table

SCRIPT = """
import streamlit as st
from flowtag_core.page.rules import rules

rules(st.session_state.given)
"""
NOTHING = {"edited_rows": {}, "added_rows": [], "deleted_rows": []}
GOOD = "dstport,protocol,tag\n443,tcp,web\n25,tcp,mail\n"
DOUBTFUL = GOOD + "70000,tcp,x\n"


def session_with(text):
    session = Session()
    session.take_in([lookup(text)])
    return session


def drawn(session, **state):
    """Draw the lookup editor, with these values in the session state."""
    page = AppTest.from_string(SCRIPT)
    for key, value in {"given": session, **state}.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


@pytest.fixture
def stage(monkeypatch):
    """Report edits in the current table, as the browser does."""

    def stage(session, **done):
        told = {session.desk.edits.number: {**NOTHING, **done}}
        monkeypatch.setattr(rules_room, "_told", lambda number: told.get(number, NOTHING))

    return stage


def markdown(page):
    return "\n".join(element.value for element in page.markdown)


@pytest.mark.parametrize(("text", "is_open"), [(GOOD, False), (DOUBTFUL, True)])
def test_the_editor_is_open_at_first_only_if_a_row_needs_checking(text, is_open):
    page = drawn(session_with(text))
    assert page.session_state["rules"] == is_open
    # A hidden table is not sent.
    assert ("rules_1" in page.session_state) == is_open


@pytest.mark.parametrize("text", [GOOD, DOUBTFUL])
def test_after_that_the_editor_stays_as_the_user_leaves_it(text):
    for is_open in (True, False):
        assert drawn(session_with(text), rules=is_open).session_state["rules"] == is_open


def test_every_row_is_shown_as_it_is_written_with_its_line():
    rows = table(drawn(session_with(GOOD + "# kept\n *,GRE,x\n"), rules=True), "Line", "0")
    assert rows.to_numpy().tolist() == [
        [2, "443", "tcp", "web"],
        [3, "25", "tcp", "mail"],
        [5, "*", "GRE", "x"],
    ]


def test_problems_are_shown_by_their_kind_and_a_lookup_without_any_says_so():
    page = drawn(session_with(GOOD + "70000,tcp,x\n25,tcp,post\n"))
    assert "2 lookup rows need checking" in markdown_or_caption(page)
    assert list(table(page, "Line", "Row", "Problem")["Line"]) == [4]
    page.pills(key="kind_of_problem").set_value("loses to a later row").run()
    assert list(table(page, "Line", "Row", "Problem")["Problem"]) == ["Overridden by line 5"]
    assert "No problems found" in markdown_or_caption(drawn(session_with(GOOD), rules=True))


def markdown_or_caption(page):
    return "\n".join([markdown(page), *(caption.value for caption in page.caption)])


def test_the_row_of_a_problem_is_marked_and_shown_with_its_neighbors():
    session = session_with(DOUBTFUL)
    page = drawn(session)
    session.desk.look_at("around", 4)
    page.run()
    rows = table(page, "Here", "Line", "0")
    assert rows["Line"].tolist() == [2, 3, 4]
    assert rows["Here"].tolist() == ["", "", "\u25b6"]
    page.segmented_control(key="shown_part").set_value("problems").run()
    assert table(page, "Line", "0")["Line"].tolist() == [4]


def test_an_edit_is_pending_until_a_button_applies_it_and_can_be_undone(stage):
    session = session_with(GOOD)
    page = drawn(session, rules=True)
    assert "No pending changes" in markdown(page)
    assert page.button(key="apply_edits").disabled
    assert page.button(key="discard_edits").disabled
    stage(session, edited_rows={0: {"2": "**site**"}})
    page.run()
    assert "1 pending change. Apply or discard it." in markdown(page)
    assert r"tag\: web → \*\*site\*\*" in markdown(page)
    assert session.desk.lookup.tag_of(443, 6) == "web"
    page.button(key="apply_edits").click().run()
    assert not page.exception
    assert session.desk.lookup.tag_of(443, 6) == "**site**"
    page.button(key="undo_rows").click().run()
    assert not page.exception
    assert session.desk.lookup.content == GOOD.encode()


def test_discarded_edits_are_gone(stage):
    session = session_with(GOOD)
    page = drawn(session, rules=True)
    stage(session, deleted_rows=[0])
    page.run()
    page.button(key="discard_edits").click().run()
    assert "No pending changes" in markdown(page)
    assert session.desk.lookup.content == GOOD.encode()


@pytest.mark.parametrize("cell", ["99999", "#443"])
def test_an_unusable_row_is_listed_in_red_and_disables_the_button(cell, stage):
    session = session_with(GOOD)
    page = drawn(session, rules=True)
    stage(session, edited_rows={0: {"0": cell}})
    page.run()
    assert "**Line 2**" in markdown(page)
    assert markdown(page).count(":red[") == 2
    assert page.button(key="apply_edits").disabled
    assert not page.button(key="discard_edits").disabled


def test_edits_that_cannot_be_made_together_show_the_reason_as_text(stage):
    session = session_with("443,tcp,web\n")
    page = drawn(session, rules=True)
    stage(session, deleted_rows=[0])
    page.run()
    page.button(key="apply_edits").click().run()
    assert "a lookup needs the three columns" in said(page)
    assert session.desk.lookup.content == b"443,tcp,web\n"


def test_a_lookup_that_is_too_large_for_a_table_says_where_to_edit_it(monkeypatch):
    monkeypatch.setattr(edits_room, "MOST_CELLS", 5)
    page = drawn(session_with(GOOD), rules=True)
    assert "the lookup is too large to edit here" in said(page)
    assert not page.dataframe
