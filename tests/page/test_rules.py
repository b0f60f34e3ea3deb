"""The lookup's rows stand at the end of the page, to edit, with those in doubt below."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from flowtag_core.page import edits as edits_room
from flowtag_core.page import rules as rules_room
from flowtag_core.page.session import Session
from tests.page.made import lookup
from tests.page.seen import captions, said, table

SCRIPT = """
import streamlit as st
from flowtag_core.page.rules import rules

rules(st.session_state.given)
"""
GOOD = "dstport,protocol,tag\n443,tcp,web\n25,tcp,mail\n"
DOUBTFUL = GOOD + "70000,tcp,x\n"


def session_with(text):
    session = Session()
    session.take_in([lookup(text)])
    return session


def drawn(session, **state):
    """The end of the page, with this in the session's state."""
    page = AppTest.from_string(SCRIPT)
    for key, value in {"given": session, **state}.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


def edit(session, monkeypatch, **done):
    """Have the browser tell what was done to the table that it has."""
    key = f"rules_{session.desk.edits.number}"
    told = {"edited_rows": {}, "added_rows": [], "deleted_rows": [], **done}
    monkeypatch.setattr(rules_room, "st", SimpleNamespace(session_state={key: told}))
    rules_room._edited(session, key)
    monkeypatch.undo()


@pytest.mark.parametrize(("text", "is_open"), [(GOOD, False), (DOUBTFUL, True)])
def test_the_fold_is_open_at_first_only_where_a_row_is_in_doubt(text, is_open):
    page = drawn(session_with(text))
    assert page.session_state["rules"] == is_open
    # A table that nobody sees is not sent.
    assert ("rules_1" in page.session_state) == is_open


@pytest.mark.parametrize("text", [GOOD, DOUBTFUL])
def test_after_that_the_fold_is_as_the_user_has_it(text):
    for is_open in (True, False):
        assert drawn(session_with(text), rules=is_open).session_state["rules"] == is_open


def test_every_row_is_there_with_its_line_and_as_it_is_written():
    rows = table(drawn(session_with(GOOD + "# kept\n *,GRE,x\n"), rules=True), "Line", "0")
    assert rows.to_numpy().tolist() == [
        [2, "443", "tcp", "web"],
        [3, "25", "tcp", "mail"],
        [5, "*", "GRE", "x"],
    ]


def test_a_row_in_doubt_is_named_with_its_line_and_a_lookup_without_one_says_so():
    assert list(table(drawn(session_with(DOUBTFUL)), "Line", "Problem")["Line"]) == [4]
    assert "lookup.csv: no row is in doubt" in captions(drawn(session_with(GOOD)))


def test_an_edit_in_the_table_is_made_in_the_lookup_and_can_be_undone_there(monkeypatch):
    session = session_with(GOOD)
    drawn(session, rules=True)
    edit(session, monkeypatch, edited_rows={0: {"2": "site"}})
    page = drawn(session, rules=True)
    assert session.desk.lookup.tag_of(443, 6) == "site"
    page.button(key="undo_rows").click().run()
    assert not page.exception
    assert session.desk.lookup.content == GOOD.encode()


def test_an_edit_that_cannot_be_is_told_as_text_below_the_table(monkeypatch):
    session = session_with(GOOD)
    drawn(session, rules=True)
    edit(session, monkeypatch, edited_rows={0: {"0": "#443"}})
    assert "lookup.csv: what was written there" in said(drawn(session, rules=True))
    assert session.desk.lookup.content == GOOD.encode()


def test_a_lookup_that_is_too_large_for_a_table_says_where_it_is_edited(monkeypatch):
    monkeypatch.setattr(edits_room, "MOST_CELLS", 5)
    page = drawn(session_with(GOOD), rules=True)
    assert "it is too large to be edited here" in said(page)
    assert not page.dataframe
