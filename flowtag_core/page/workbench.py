"""The section with the workbench: untagged ports, each with a tag that one click takes."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import streamlit as st

from flowtag_core.errors import RuleError
from flowtag_core.page import rows
from flowtag_core.page.session import Session
from flowtag_core.showing import log_notes, lookup_notes, words
from flowtag_core.showing.view import View
from flowtag_core.showing.words import literal
from flowtag_core.showing.workbench import untagged_pairs, untagged_places, untagged_table
from flowtag_core.tagging.report import Report

HEIGHT: Final = 422
_MOST_TAGS: Final = 1_000


def workbench(session: Session, view: View) -> None:
    """The box to name what is ticked, undo and redo, and the list of untagged pairs."""
    report = view.report
    bench, places = session.desk.bench, untagged_places(report)
    pairs = untagged_pairs(report, places)
    rows.select("untagged", bench.show(pairs))
    st.header(lookup_notes.untagged_title(report, len(places)))
    if not pairs:
        undo_and_redo(session)
        st.text(bench.said or ("No flow is untagged." if report.total else log_notes.NOTHING_THERE))
        return
    if view.replies_hint:
        st.caption(view.replies_hint)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ports = _boxes(session, report)
        undo_and_redo(session)
    st.caption(literal(_said(session, report, ports)))
    table = untagged_table(report, places, pairs, view.course, view.rejected)
    st.dataframe(
        table,
        key="untagged",
        height=HEIGHT,
        hide_index=True,
        on_select=partial(_tick, session),
        selection_mode="multi-row",
        column_config=_columns(session, report.measure.capitalize(), table["Share"].max()),
        alt="Untagged ports and protocols",
    )


def _boxes(session: Session, report: Report) -> str:
    """Draw the box for the ports, whose text is returned, and the box for the tag."""
    bench = session.desk.bench
    ports = st.text_input(
        "Port or range",
        key="tag_ports",
        live=True,
        max_chars=500,
        on_change=bench.refuse,
        args=[""],
        placeholder=words.few_words(bench.names()),
        help="What to tag: the ticked rows, or if none is ticked the first. Or write it: "
        "443/tcp, 6000-6063/udp, \\*/gre, icmp.",
        width=150,
    )
    st.selectbox(
        "Tag as",
        lookup_notes.tags_to_choose(report, bench.first_suggestion)[:_MOST_TAGS],
        index=None,
        key="tag_as",
        accept_new_options=True,
        on_change=partial(_tag_as, session),
        placeholder="Tag, then Enter",
    )
    return ports or ""


def _said(session: Session, report: Report, ports: str) -> str:
    """A sentence on what the tag would cover, or on the effect of the last change."""
    bench = session.desk.bench
    if bench.wrong:
        return bench.wrong
    if not ports.strip() and not bench.ticked and bench.said:
        return bench.said
    try:
        rules = bench.rules(ports, lookup_notes.placeholder_tag(session.desk.lookup))
        return lookup_notes.preview(report, session.desk.lookup, rules)
    except RuleError as error:
        return str(error)


def undo_and_redo(session: Session, place: str = "") -> None:
    """The two buttons; `place` tells those in one place of the page from those in another."""
    versions = session.desk.versions
    with st.container(horizontal=True, width="content", gap="xsmall"):
        for name, act, is_there in (
            ("Undo", session.desk.undo, versions.can_undo),
            ("Redo", session.desk.redo, versions.can_redo),
        ):
            key = f"{name.lower()}{place}"
            st.button(name, key=key, on_click=act, disabled=not is_there, width=76)


def _columns(session: Session, measure: str, largest_share: float) -> dict[Any, Any]:
    return {
        "Port": st.column_config.TextColumn(width=92),
        "Tag as": st.column_config.ButtonColumn(
            width=130,
            alignment="left",
            help="A hint from what usually runs there. One click adds the rule.",
            on_click=partial(_take, session),
            key="take",
        ),
        measure: st.column_config.NumberColumn(format="localized", width=84),
        "Share": st.column_config.ProgressColumn(
            format="%.1f%%",
            min_value=0,
            max_value=max(0.1, float(largest_share)),
            width=96,
            color="orange",
        ),
        "Over time": st.column_config.BarChartColumn(y_min=0, width=96),
        "Rejected": st.column_config.NumberColumn(format="%d%%", width=72),
    }


def _tick(session: Session) -> None:
    session.desk.bench.tick(rows.selected("untagged"))


def _take(session: Session) -> None:
    click = st.session_state["take"]
    pair = session.desk.bench.clicked(click["row"], click["label"]) if click else None
    if pair is not None:
        session.desk.tag([pair.rule(pair.suggestion)])


def _tag_as(session: Session) -> None:
    tag = (st.session_state["tag_as"] or "").strip()
    st.session_state["tag_as"] = None
    try:
        rules = session.desk.bench.rules(st.session_state.get("tag_ports") or "", tag)
    except RuleError as error:
        session.desk.bench.refuse(str(error))
        return
    if tag and rules:
        session.desk.tag(rules)
        if not session.desk.bench.wrong:
            st.session_state["tag_ports"] = ""
