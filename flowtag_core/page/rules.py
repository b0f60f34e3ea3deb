"""The section with the lookup: its rows to edit, and the rows with problems."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import streamlit as st

from flowtag_core.page.edits import MOST_CELLS
from flowtag_core.page.session import Session
from flowtag_core.page.workbench import undo_and_redo
from flowtag_core.showing import lookup_notes, tables, words
from flowtag_core.tagging.editing import Sheet
from flowtag_core.tagging.lookup import Lookup

_KEY: Final = "rules"
_LONGEST_CELL: Final = 1_000


def rules(session: Session) -> None:
    """If it is folded out the table to edit, and below it the rows in doubt."""
    lookup = session.desk.lookup
    # Folded out at first where something is in doubt; after that as the user has it.
    st.session_state.setdefault(_KEY, bool(lookup.problems or lookup.notices))
    # The label is a part of what the fold is known by, so no number may stand in it.
    with st.expander("Edit the lookup", key=_KEY, on_change="rerun") as place:
        for sentence in lookup.notices:
            st.text(sentence)
        if place.open:
            _editor(session)
        # Below the table, which would move under the hand that makes a mistake.
        _problems(lookup)


def _problems(lookup: Lookup) -> None:
    problems = tables.problem_table(lookup)
    if len(problems):
        st.caption(words.literal(f"{lookup.name}: rows that do not do what they seem to"))
        st.dataframe(
            problems,
            hide_index=True,
            key="problems",
            column_config={
                "Line": st.column_config.NumberColumn(format="localized", width=64),
                "Problem": st.column_config.TextColumn(width=150),
            },
            alt="Problems of the lookup",
        )
    else:
        st.caption(words.literal(f"{lookup.name}: no row is in doubt"))


def _editor(session: Session) -> None:
    edits = session.desk.edits
    edits.show(session.desk.lookup, is_there=_key(session) in st.session_state)
    if edits.rows is None:
        st.text(
            f"With over {MOST_CELLS:,} cells it is too large to be edited here. Name ports above, or "
            "edit the file and drop it again."
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(lookup_notes.EDITABLE, width="stretch")
        undo_and_redo(session, "_rows")
    # There from the start, or the table would move down at the first edit.
    st.caption(words.literal(session.desk.bench.said or "No change yet."))
    st.data_editor(
        edits.rows,
        key=_key(session),
        num_rows="dynamic",
        on_change=partial(_edited, session, _key(session)),
        hide_index=True,
        column_config=_columns(edits.sheet),
        disabled=["Line"],
        placeholder="",
        alt="The rows of the lookup, to edit",
    )
    if edits.wrong:
        st.error(words.literal(edits.wrong))


def _columns(sheet: Sheet) -> dict[Any, Any]:
    """The file's own names of its columns; a rule needs three of them."""
    needed = sheet.shape.columns.values()
    columns = {
        str(place): st.column_config.TextColumn(
            name, required=place in needed, max_chars=_LONGEST_CELL
        )
        for place, name in enumerate(sheet.columns)
    }
    return {"Line": st.column_config.NumberColumn(format="localized", width=64), **columns}


def _key(session: Session) -> str:
    return f"rules_{session.desk.edits.number}"


def _edited(session: Session, key: str) -> None:
    session.desk.edit(st.session_state[key])
