"""The lookup editor: the rows to edit, the pending edits, and the rows with problems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import streamlit as st

from flowtag_core.page import rows
from flowtag_core.page.component import component
from flowtag_core.page.edits import MOST_CELLS, Edits
from flowtag_core.page.session import Session
from flowtag_core.page.workbench import undo_and_redo
from flowtag_core.showing import lookup_notes, sheet, widths, words
from flowtag_core.tagging.lookup import Trouble

_KEY: Final = "rules"
_PART: Final = "shown_part"
_KIND: Final = "kind_of_problem"
_LONGEST_CELL: Final = 1_000


def rules(session: Session) -> None:
    """Draw the lookup editor; while it is collapsed, none of its content is sent to the browser."""
    lookup = session.desk.lookup
    # At first it is open if something needs checking; after that it stays as the user leaves it.
    st.session_state.setdefault(_KEY, bool(lookup.problems or lookup.notices))
    # The label is part of the identity of the expander, so it must not contain a number.
    with st.expander("Lookup editor", key=_KEY, on_change="rerun") as place:
        if place.open:
            for sentence in lookup.notices:
                st.text(sentence)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(lookup_notes.EDITABLE, width="stretch")
                undo_and_redo(session, "_rows")
            _editor(session)


@st.fragment
def _editor(session: Session) -> None:
    """Draw the rows to edit, the pending edits beside them, and the rows with problems below."""
    session.desk.stage(_told)
    edits = session.desk.table()
    left, right = st.columns([7, 4])
    with left:
        _parts(session, edits)
        _table(edits)
    with right:
        _waiting(session)
    _problems(session, edits)


@st.fragment
def _waiting(session: Session) -> None:
    """Draw the pending edits and their buttons. Only this is redrawn while cells are typed."""
    edits = session.desk.stage(_told)
    changes = edits.changes
    # Always drawn, or the list would move at the first edit.
    said = session.desk.bench.said if not changes else ""
    st.markdown(f":small[{words.literal(said) or sheet.waiting(changes)}]")
    with st.container(horizontal=True):
        st.button(
            "Apply",
            key="apply_edits",
            type="primary",
            disabled=not sheet.can_be_applied(changes),
            on_click=partial(_finish, session, session.desk.apply),
        )
        st.button(
            "Discard",
            key="discard_edits",
            disabled=not changes,
            on_click=partial(_finish, session, session.desk.discard),
        )
    if edits.wrong:
        st.error(words.literal(edits.wrong))
    st.markdown(sheet.change_list(edits.sheet, changes) or sheet.NOTHING_WAITS)
    component("cells")(key="cells", on_edited_change=_noted)


def _parts(session: Session, edits: Edits) -> None:
    """Draw the choice of which rows to show, if there is one."""
    parts = [part for part in sheet.PARTS if _has(edits, part)]
    if len(parts) > 1:
        st.session_state[_PART] = edits.part
        st.segmented_control(
            "Show",
            parts,
            key=_PART,
            required=True,
            format_func=partial(sheet.part_name, line=edits.line),
            on_change=partial(_show_part, session),
            label_visibility="collapsed",
        )


def _has(edits: Edits, part: sheet.Part) -> bool:
    """Whether the lookup has any rows of this part."""
    return {"all": True, "problems": bool(edits.lookup.problems), "around": bool(edits.line)}[part]


def _table(edits: Edits) -> None:
    if edits.rows is None:
        st.text(
            f"With over {MOST_CELLS:,} cells the lookup is too large to edit here. Tag ports above, or "
            "edit the file and drop it again."
        )
        return
    st.data_editor(
        edits.rows,
        key=_key(edits.number),
        num_rows="dynamic",
        on_change="ignore",
        hide_index=True,
        column_config=_columns(edits.sheet.columns),
        disabled=["Here", "Line", "Problem"],
        placeholder="",
        row_height=widths.ROW,
        alt="Editable rows of the lookup",
    )


def _columns(names: Sequence[str]) -> dict[Any, Any]:
    """Return the configuration of each column; the file's own columns keep their names."""
    columns = {
        str(place): st.column_config.TextColumn(name, max_chars=_LONGEST_CELL)
        for place, name in enumerate(names)
    }
    return {
        "Here": st.column_config.TextColumn("", width=24),
        "Line": st.column_config.NumberColumn(format="localized", width=64),
        "Problem": st.column_config.TextColumn(width=280),
        **columns,
    }


def _problems(session: Session, edits: Edits) -> None:
    """Draw the kinds of problems and the rows with the chosen kind; a click shows a row above."""
    lookup = edits.lookup
    kinds = sheet.kinds(lookup)
    if not kinds:
        st.caption(lookup_notes.NO_PROBLEMS)
        return
    st.caption(f"{lookup_notes.to_check(lookup)}. Click a row to see it with its neighbours.")
    kind = st.pills(
        "Rows with problems",
        [*kinds],
        default=next(iter(kinds)),
        key=_KIND,
        format_func=kinds.__getitem__,
        label_visibility="collapsed",
    )
    if kind is None:
        return
    table = sheet.problem_table(edits.sheet, lookup, kind)
    key = f"problems_{Trouble(kind).name.lower()}"
    st.dataframe(
        table,
        row_height=widths.ROW,
        hide_index=True,
        key=key,
        on_select=partial(_show_row, session, key, table["Line"].tolist()),
        selection_mode="single-row",
        column_config={"Line": st.column_config.NumberColumn(format="localized", width=64)},
        alt="Rows with problems",
    )


def _key(number: int) -> str:
    return f"rules_{number}"


def _told(number: int) -> Any:
    """Return the edits that the browser has reported for the table with this number, if any."""
    return st.session_state.get(_key(number))


def _noted() -> None:
    """Do nothing: the run that this callback starts shows the edit."""


def _finish(session: Session, act: Callable[[], None]) -> None:
    """Apply or discard the edits, including the cell that the click has closed, and redraw the page."""
    session.desk.stage(_told)
    act()
    st.rerun()


def _show_part(session: Session) -> None:
    session.desk.look_at(st.session_state[_PART] or "all")


def _show_row(session: Session, key: str, lines: Sequence[int]) -> None:
    """Show the row that is selected among the problems; all rows if none is selected."""
    selected = rows.selected(key) or []
    line = next((lines[row] for row in selected if row < len(lines)), None)
    session.desk.look_at("all" if line is None else "around", line)
