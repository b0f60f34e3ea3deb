"""The selected rows of a table follow their content, not their position."""

from streamlit.testing.v1 import AppTest

from flowtag_core.page import rows

TABLE = """
import streamlit as st
from flowtag_core.page import rows

st.session_state.before = rows.selected("table")
if "meant" in st.session_state:
    rows.select("table", st.session_state.meant)
st.dataframe({"port": [22, 25, 443]}, key="table", on_select="rerun", selection_mode="multi-row")
st.session_state.now = rows.selected("table")
"""


def drawn(table, meant=None):
    """Draw a table with these rows wanted; return the selected rows before and after that."""
    if meant is not None:
        table.session_state["meant"] = meant
    table.run()
    assert not table.exception
    return table.session_state["before"], table.session_state["now"]


def test_no_row_of_a_table_is_selected_before_it_is_drawn():
    assert drawn(AppTest.from_string(TABLE)) == ([], [])


def test_exactly_the_wanted_rows_are_selected():
    table = AppTest.from_string(TABLE)
    assert drawn(table, meant=(0, 2)) == ([], [0, 2])
    assert drawn(table, meant=[1]) == ([0, 2], [1])
    assert drawn(table, meant=[]) == ([1], [])


def test_a_selection_that_the_browser_reported_is_not_sent_back(monkeypatch):
    state = {"table": {"selection": {"rows": [1, 2]}}}
    monkeypatch.setattr(rows.st, "session_state", state)
    assert rows.selected("table") == [1, 2]
    told = state["table"]
    rows.select("table", (1, 2))
    assert state["table"] is told
    rows.select("table", [0, 2])
    assert state["table"]["selection"]["rows"] == [0, 2]
    # The rows have moved back, but the browser may not have received the selection in between.
    rows.select("table", [1])
    assert state["table"]["selection"]["rows"] == [1]
    del state["table"]  # The table was not on the page.
    rows.select("table", [1, 2])
    assert state["table"]["selection"]["rows"] == [1, 2]


def test_a_message_that_adds_a_rule_and_repeats_old_rows_selects_nothing(monkeypatch):
    def tell(rows_, **others):
        state.update(table={"selection": {"rows": rows_}}, **others)
        return rows.selected("table")

    state = {"tag_as": "a"}
    monkeypatch.setattr(rows.st, "session_state", state)
    assert tell([1, 2]) == [1, 2]
    rows.select("table", [1, 2])
    assert tell([1, 2], tag_as="a b") == [1, 2]  # Nothing has moved.
    rows.select("table", [])
    assert tell([1, 2], tag_as="a b c") is None
    rows.select("table", [])
    assert tell([1, 2], take={"row": 4}) is None
    rows.select("table", [])
    assert tell([1, 3], tag_as="a b c d", take=None) == [1, 3]
    rows.select("table", [])
    assert tell([1, 3]) == [1, 3]  # The same rows are clicked once more.


def test_a_click_on_a_cell_selects_its_row_once_and_the_checkbox_still_works(monkeypatch):
    def tell(rows_, cells):
        state.update(table={"selection": {"rows": rows_, "cells": cells}})
        return rows.selected("table")

    state = {}
    monkeypatch.setattr(rows.st, "session_state", state)
    rows.select("table", [])
    assert tell([], [(2, "Tag")]) == [2]
    rows.select("table", [2])
    assert state["table"]["selection"] == {"rows": [2], "columns": [], "cells": [(2, "Tag")]}
    assert tell([], [(2, "Tag")]) == []  # Its checkbox was unticked.
    rows.select("table", [])
    assert tell([0], [[2, "Tag"]]) == [0]
    assert tell([0], [[1, "Flows"]]) == [1]
    del state["table"]  # The table was not on the page, nor is the clicked cell.
    rows.select("table", [1])
    assert tell([1], [(1, "Flows")]) == [1]
