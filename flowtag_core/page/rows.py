"""The selected rows of a table, which move when the table changes.

The browser knows them as places in the table. What is meant are the things in the rows, which move:
so the rows are set again from what is meant whenever the table is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def selected(key: str) -> list[int]:
    """The rows that are selected in the table with this key."""
    state = st.session_state.get(key)
    return list(state["selection"]["rows"]) if state else []


def select(key: str, rows: Sequence[int]) -> None:
    """Have these rows selected and no others in the table that is drawn next.

    It is said each time, since a run that another takes the place of says it to nobody.
    """
    st.session_state[key] = {"selection": {"rows": [*rows], "columns": [], "cells": []}}
