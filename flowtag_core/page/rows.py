"""The selected rows of a table, which move when the table changes.

The browser knows only row numbers, but a user selects what is in the rows, and that moves. So the
selection is set again whenever the table is drawn, unless it is what the browser has just told: to
tell it that would take back what the user has selected meanwhile.

Each message of the browser has the selection of every table. One that was sent before the browser heard of
a move still has the old row numbers, in which other things are now: that is no selection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

_TOLD: Final = "rows that the browser told"
_MOVED: Final = "tables whose rows have moved since, and what had been typed by then"
_TYPED: Final = "tag_as"
_CLICKED: Final = "take"
"""What adds rules and so moves rows: the box for tags, and the buttons in the list of untagged ports."""


def selected(key: str) -> list[int] | None:
    """The rows that the user has just selected in the table with this key, for its callback.

    None if the message is about something else and repeats what was selected before the rows moved.
    """
    state = st.session_state.get(key)
    rows = list(state["selection"]["rows"]) if state else []
    told = st.session_state.get(_TOLD, {})
    st.session_state[_TOLD] = {**told, key: rows}
    is_old = rows == told.get(key) and _is_about_a_rule(key)
    return None if is_old else rows


def select(key: str, rows: Sequence[int]) -> None:
    """Select these rows and no others in the table that is drawn next.

    This is done in each run, since a run that is replaced by another one never reaches the browser.
    """
    told = st.session_state.get(_TOLD, {}).get(key)
    has_moved = told != [*rows]
    moved = st.session_state.get(_MOVED, {})
    st.session_state[_MOVED] = {**moved, key: [st.session_state.get(_TYPED)] if has_moved else []}
    if key not in st.session_state or has_moved:
        st.session_state[key] = {"selection": {"rows": [*rows], "columns": [], "cells": []}}


def _is_about_a_rule(key: str) -> bool:
    """Whether the rows of this table have moved, and the message adds a rule."""
    typed = st.session_state.get(_MOVED, {}).get(key)
    if not typed:
        return False
    return bool(st.session_state.get(_CLICKED)) or typed != [st.session_state.get(_TYPED)]
