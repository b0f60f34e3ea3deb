"""The selected rows of a table, which stay with their content when rows move.

The browser knows only row numbers, but users select what is in the rows, and that can move. So the
selection is set again whenever the table is drawn, unless the browser has just reported it: sending
it back would undo what the user has selected in the meantime.

Each message from the browser has the selection of every table. A message that was sent before the
browser learned of a move still has the old row numbers, which now belong to other content. Such a
message selects nothing.

In a table that reports clicked cells, a click on a cell selects its row too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import streamlit as st

_TOLD: Final = "rows that the browser reported"
_MOVED: Final = "tables whose rows have moved since, and the text typed by then"
_TYPED: Final = "tag_as"
_CLICKED: Final = "take"
"""The widgets that add rules and thus move rows: the tag box, and the buttons in the untagged list."""


class _Told(NamedTuple):
    """The rows that the browser reported last, and the cell that was clicked last."""

    rows: list[int]
    cells: list[tuple[int, str]]


def selected(key: str) -> list[int] | None:
    """Return the rows that the user has just selected in a table; for the callback of that table.

    None if the message is about something else and only repeats a selection from before a move.
    """
    before, now = _told(key), _in(st.session_state.get(key))
    _tell(key, now)
    if now == before and _is_about_a_rule(key):
        return None
    is_click = now.cells and now.cells != (before.cells if before else [])
    return [row for row, _ in now.cells] if is_click else now.rows


def select(key: str, rows: Sequence[int]) -> None:
    """Select these rows and no others in the table that is drawn next.

    Call it in each run: the selection of a run that is replaced never reaches the browser.
    """
    told = _told(key) or _Told([], [])
    has_moved = told.rows != [*rows]
    moved = st.session_state.get(_MOVED, {})
    st.session_state[_MOVED] = {**moved, key: [st.session_state.get(_TYPED)] if has_moved else []}
    if key not in st.session_state:  # The browser has no clicked cell either.
        told = _Told(told.rows, [])
        _tell(key, told)
    if key not in st.session_state or has_moved:
        selection = {"rows": [*rows], "columns": [], "cells": told.cells}
        st.session_state[key] = {"selection": selection}


def _in(state: Any) -> _Told:
    """Return the rows and cells that are selected in the state of a table."""
    selection = state["selection"] if state else {}
    return _Told([*selection.get("rows", [])], [*map(tuple, selection.get("cells", []))])


def _told(key: str) -> _Told | None:
    told: _Told | None = st.session_state.get(_TOLD, {}).get(key)
    return told


def _tell(key: str, told: _Told) -> None:
    st.session_state[_TOLD] = {**st.session_state.get(_TOLD, {}), key: told}


def _is_about_a_rule(key: str) -> bool:
    """Whether the rows of this table have moved and the message adds a rule."""
    typed = st.session_state.get(_MOVED, {}).get(key)
    if not typed:
        return False
    return bool(st.session_state.get(_CLICKED)) or typed != [st.session_state.get(_TYPED)]
