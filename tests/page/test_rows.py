"""The rows of a table are selected by what is meant, not by where the browser had them."""

from streamlit.testing.v1 import AppTest

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
    """The rows that are selected before and after a table is drawn in which these are meant."""
    if meant is not None:
        table.session_state["meant"] = meant
    table.run()
    assert not table.exception
    return table.session_state["before"], table.session_state["now"]


def test_no_row_of_a_table_is_selected_before_it_is_drawn():
    assert drawn(AppTest.from_string(TABLE)) == ([], [])


def test_the_rows_that_are_meant_are_selected_and_no_others():
    table = AppTest.from_string(TABLE)
    assert drawn(table, meant=(0, 2)) == ([], [0, 2])
    assert drawn(table, meant=[1]) == ([0, 2], [1])
    assert drawn(table, meant=[]) == ([1], [])
