"""The workbench section: untagged ports, each with a suggested tag that one click adds."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import streamlit as st

from flowtag_core.page import rows, tag_box
from flowtag_core.page.columns import fitted, share
from flowtag_core.page.component import component
from flowtag_core.page.session import Session
from flowtag_core.showing import lookup_notes, markup, tables, widths
from flowtag_core.showing.view import View
from flowtag_core.showing.workbench import (
    looks_like_replies,
    untagged_pairs,
    untagged_places,
)

_BOX: Final = "tag_as"
_TEXT: Final = {"Port": 92, "Tag as": 138}


def workbench(session: Session, view: View, room: int) -> None:
    """Draw the heading, undo and redo, the tag box, and the list of untagged ports."""
    report, bench = view.report, session.desk.bench
    likely = looks_like_replies(view.counts, report)
    with st.container(horizontal=True, vertical_alignment="center", key="untagged_head"):
        st.html(markup.heading("Untagged"), width="content")
        note = st.container()
        is_every_port_shown = _are_replies_shown(can_be=bool(likely.any()))
        undo_and_redo(session)
    hidden = 0 if is_every_port_shown else int(likely.sum())
    places = untagged_places(report, likely if hidden else None)
    pairs = untagged_pairs(report, places)
    note.caption(lookup_notes.untagged_note(report, len(places), hidden))
    rows.select("untagged", bench.show(pairs))
    _box(session, view, lookup_notes.nothing_to_tag(report, hidden))
    if not pairs:
        return
    table = tables.untagged_table(
        report, places, pairs, view.course, view.rejected, view.selections.report
    )
    shown, columns = fitted(table, report.measure, room, _TEXT, _own_columns(session, table))
    st.dataframe(
        shown,
        key="untagged",
        height=widths.beside_tags(len(pairs), len(report.tag_counts)),
        row_height=widths.ROW,
        hide_index=True,
        on_select=partial(_tick, session),
        selection_mode="multi-row",
        column_config=columns,
        alt="Untagged ports and protocols",
    )


def _are_replies_shown(*, can_be: bool) -> bool:
    return st.toggle(
        "Show replies",
        key="show_replies",
        disabled=not can_be,
        help="A port is hidden if nearly all flows to it come from a lower port: these are probably "
        "replies from a service to its clients. Tag the port of the service instead.",
        bind="query-params",
    )


def _box(session: Session, view: View, nothing: str) -> None:
    """Draw the box, which keeps its own text, and the line below it."""
    desk = session.desk
    ports = tag_box.written_ports(desk, _typed())
    line = tag_box.sentence(desk, view.report, ports, nothing)
    component("tag_box")(
        key=_BOX,
        data=tag_box.told(desk, view.lookup, view.report, ports, line),
        on_typed_change=lambda: tag_box.take(desk, _typed()),
    )


def _typed() -> tag_box.Typed:
    """The last message from the box in the browser."""
    return tag_box.typed((st.session_state.get(_BOX) or {}).get("typed"))


def undo_and_redo(session: Session, place: str = "") -> None:
    """Draw the two buttons; `place` makes their keys unique on the page."""
    versions = session.desk.versions
    with st.container(horizontal=True, width="content", gap="xxsmall"):
        for name, act, is_there in (
            ("Undo", session.desk.undo, versions.can_undo),
            ("Redo", session.desk.redo, versions.can_redo),
        ):
            st.button(
                name,
                key=f"{name.lower()}{place}",
                icon=f":material/{name.lower()}:",
                type="tertiary",
                on_click=act,
                disabled=not is_there,
            )


def _own_columns(session: Session, table: Any) -> dict[str, Any]:
    return {
        "Tag as": st.column_config.ButtonColumn(
            width=_TEXT["Tag as"],
            alignment="left",
            help="The service that usually runs on this port. One click adds a rule with this tag.",
            on_click=partial(_take, session),
            key="take",
        ),
        "Share": share(table, 104, "orange"),
    }


def _tick(session: Session) -> None:
    selected = rows.selected("untagged")
    if selected is not None:
        session.desk.bench.tick(selected)


def _take(session: Session) -> None:
    click = st.session_state["take"]
    pair = session.desk.bench.clicked(click["row"], click["label"]) if click else None
    if pair is not None:
        session.desk.tag([pair.rule(pair.suggestion)])
