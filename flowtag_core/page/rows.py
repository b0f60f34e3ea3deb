"""The selected rows of a table, which move when the table changes.

The browser knows only row numbers, but a user selects what is in the rows, and that moves. So the
selection is set again whenever the table is drawn, unless it is what the browser has just told: to
tell it that would take back what the user has selected meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

_TOLD: Final = "rows that the browser told"


def selected(key: str) -> list[int]:
    """The rows that the user has just selected in the table with this key, for its callback."""
    state = st.session_state.get(key)
    rows = list(state["selection"]["rows"]) if state else []
    st.session_state[_TOLD] = {**st.session_state.get(_TOLD, {}), key: rows}
    return rows


def select(key: str, rows: Sequence[int]) -> None:
    """Select these rows and no others in the table that is drawn next.

    This is done in each run, since a run that is replaced by another one never reaches the browser.
    """
    told = st.session_state.get(_TOLD, {}).get(key)
    if key not in st.session_state or told != [*rows]:
        st.session_state[key] = {"selection": {"rows": [*rows], "columns": [], "cells": []}}
