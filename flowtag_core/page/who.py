"""The second look: who is behind a port, or behind everything in the view, in place of the bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any, Final

import streamlit as st

from flowtag_core.counts import ACTIONS
from flowtag_core.evidence import Evidence, Wanted, port_bits
from flowtag_core.exporting.who_csv import who_csv
from flowtag_core.page.clock import zone
from flowtag_core.page.intake import CountedLog
from flowtag_core.page.session import A_MOMENT, Session, Who
from flowtag_core.showing import log_notes, markup, tables, times, who, widths
from flowtag_core.showing.handout import Findings
from flowtag_core.showing.view import View
from flowtag_core.showing.who import WhoList
from flowtag_core.showing.words import few, literal, pair_name
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.questions import (
    NO_QUESTION,
    QUESTIONS,
    List,
    Order,
    Question,
    tag_bits,
    wanted_by,
    wanted_in,
)
from flowtag_core.tagging.report import Report

MOST_SEEN: Final = 6
_MOST_ROWS: Final = 200
_MOST_EXPORTED: Final = 20
_ALL: Final = 1_000_000
_WHILE_BUSY: Final = 0.5
_SHORT: Final[dict[List, str]] = {
    "pairs": "Pairs",
    "sources": "Sources",
    "destinations": "Destinations",
    "ports": "Ports",
    "interfaces": "Interfaces",
}


def open_on(session: Session, port: tuple[int, int] | None) -> None:
    """Ask who is behind a port and protocol number, or behind the whole view; for a button."""
    session.who = Who(port)


def panel(session: Session, view: View, asked: Who, found: Report) -> None:
    """Draw what the second look found, or its progress; `found` has the ports that the search found."""
    with st.container(key="who_panel", border=True):
        with st.container(horizontal=True, vertical_alignment="center", key="who_head", wrap=False):
            st.html(f"<h3>{escape(_title(asked))}</h3>", width="stretch")
            st.button(
                "Close",
                key="close_who",
                icon=":material/close:",
                type="tertiary",
                on_click=_close,
                args=[session],
            )
        if asked.port is None:
            _questions(session, asked)
        logs = session.logs_to_look_at
        if not any(log.again for log in logs):
            st.info(log_notes.NOT_KEPT)
            return
        wanted = _wanted(view, asked, found if st.session_state.get("search") else None)
        if not session.looks.error(wanted, logs):
            session.looks.ask(wanted, logs)
        if session.looks.found(wanted, logs) is None:
            session.looks.wait(A_MOMENT)
        is_busy = session.looks.standing() is not None
        st.fragment(_body, run_every=_WHILE_BUSY if is_busy else None)(
            session, view, asked, wanted, logs, is_busy=is_busy
        )


def findings(session: Session, view: View, found: Report | None) -> Findings | None:
    """Return what the open panel has found, for the exports; None if it is closed or not done."""
    asked, logs = session.who, session.logs_to_look_at
    if asked is None or session.looks.standing() is not None:
        return None
    evidence = session.looks.found(_wanted(view, asked, found), logs)
    if evidence is None:
        return None
    question = QUESTIONS[asked.question] if asked.question else NO_QUESTION
    order: Order = question.order if asked.question else view.report.measure
    lists = who.lists(evidence, order, _MOST_EXPORTED, session.names, question.answer)
    about = [_scope(view, asked, question)]
    if asked.address:
        about.append(f"Only flows from or to {asked.address}.")
    return Findings(evidence, lists, _title(asked), " ".join(filter(None, about)), session.names)


def _title(asked: Who) -> str:
    if asked.question:
        return QUESTIONS[asked.question].text
    return f"Top talkers on {pair_name(*asked.port)}" if asked.port else "Top talkers"


def _name(asked: Who) -> str:
    return pair_name(*asked.port) if asked.port else ""


def _questions(session: Session, asked: Who) -> None:
    st.session_state["who_question"] = asked.question
    st.pills(
        "Questions",
        [*QUESTIONS],
        format_func=lambda name: QUESTIONS[name].short,
        key="who_question",
        on_change=lambda: _ask(session, st.session_state["who_question"]),
        label_visibility="collapsed",
    )


def _ask(session: Session, name: str | None) -> None:
    session.who = Who(question=name)


def _wanted(view: View, asked: Who, found: Report | None) -> Wanted:
    """Return the flows to look for: those in the view, or those that a question asks for in its time.

    If there is a search, only the ports that it found count.
    """
    filters = view.report.filters
    if asked.question:
        wanted = wanted_by(QUESTIONS[asked.question], view.lookup)
        minutes = wanted_in(filters).minutes
        return wanted._replace(minutes=minutes, address=asked.address)
    ports = None
    if asked.port:
        port, protocol = asked.port
        ports = port_bits([(protocol, port)])
    elif found is not None:
        ports = port_bits(zip(found.protocol.tolist(), found.port.tolist(), strict=True))
    elif view.tag:
        ports = tag_bits(view.lookup, None if view.tag == UNTAGGED else view.tag)
    return wanted_in(filters, ports)._replace(address=asked.address)


def _body(
    session: Session,
    view: View,
    asked: Who,
    wanted: Wanted,
    logs: Sequence[CountedLog],
    *,
    is_busy: bool,
) -> None:
    standing = session.looks.standing()
    # A fragment always gets the arguments of the last full run.
    if session.who != asked or (is_busy and standing is None):
        st.rerun()
    if standing is not None:
        with st.container(
            horizontal=True, wrap=False, vertical_alignment="center", key="who_progress"
        ):
            st.progress(standing[0], literal(standing[1]))
            st.button("Cancel", key="cancel_look", on_click=session.looks.cancel)
    if asked.address:
        st.button(
            literal(f"From or to {asked.address}"),
            key="who_address",
            icon=":material/close:",
            on_click=_narrow,
            args=[session, None],
        )
    error = session.looks.error(wanted, logs)
    if error:
        st.warning(literal(error))
    found = session.looks.found(wanted, logs)
    if found is not None:
        _found(session, view, asked, found, error)
    missing = [log.name for log in logs if not log.again]
    if missing:
        st.caption(literal(log_notes.not_looked_at(missing)))


def _found(session: Session, view: View, asked: Who, found: Evidence, error: str) -> None:
    question = QUESTIONS[asked.question] if asked.question else NO_QUESTION
    order: Order = question.order if asked.question else view.report.measure
    lists = who.lists(found, order, _MOST_ROWS, session.names, question.answer)
    scope = _scope(view, asked, question)
    st.html(markup.quiet(" ".join(filter(None, [who.summary(found), scope]))))
    if lists:
        names = [each.name for each in lists]
        shown = asked.list if asked.list in names else names[0]
        st.segmented_control(
            "List",
            names,
            default=shown,
            required=True,
            format_func=_SHORT.__getitem__,
            key=f"who_list {asked.question} {asked.port}",
            on_change=partial(_choose, session, f"who_list {asked.question} {asked.port}"),
            label_visibility="collapsed",
        )
        _table(session, asked, lists[names.index(shown)])
    with st.container(horizontal=True, vertical_alignment="center", key="who_more"):
        if found.samples:
            with st.popover("First lines", width="content"):
                st.code(
                    "\n".join(f"{each.file}:{each.line}: {each.text}" for each in found.samples),
                    language=None,
                    wrap_lines=True,
                )
        doubts = [*filter(None, [error]), *who.limits(found), *sorted(found.damage)]
        if doubts:
            with st.popover("What may be missing", icon=":material/info:", width="content"):
                for sentence in few(doubts):
                    st.markdown(literal(sentence))
        if lists:
            st.download_button(
                "CSV",
                lambda: b"".join(
                    who_csv(
                        who.csv_lines(who.lists(found, order, _ALL, session.names, question.answer))
                    )
                ),
                file_name=who.csv_name(asked.question or _name(asked), is_whole=not error),
                mime="text/csv",
                key="who_csv",
                icon=":material/download:",
                on_click="ignore",
            )


def _scope(view: View, asked: Who, question: Question) -> str:
    """Return which flows the numbers are about: the filters of the page, or those of the question."""
    filters, time = view.report.filters, view.time and times.span_in(view.time, zone())
    if asked.question:
        return who.scope(question.action, question.boundary, time, by_service=question.by_service)
    action = None if filters.action is None else ACTIONS.index(filters.action)
    tag = view.tag if asked.port is None else None
    return who.scope(
        action,
        filters.boundary,
        time,
        by_service=filters.view == "service",
        tag=tag,
        search=None if asked.port else st.session_state.get("search"),
    )


def _table(session: Session, asked: Who, shown: WhoList) -> None:
    config = st.column_config
    key = f"who_table {shown.name} {asked.address}"
    options: dict[str, Any] = {}
    if shown.name in who.ADDRESSES:
        options = {
            "on_select": partial(_clicked, session, shown, key),
            "selection_mode": "single-cell",
        }
    st.dataframe(
        tables.who_table(shown, zone()),
        key=key,
        height=widths.height(len(shown.rows), MOST_SEEN),
        row_height=widths.ROW,
        hide_index=True,
        column_config={
            "Flows": config.NumberColumn(format="localized"),
            "Bytes": config.NumberColumn(format="bytes"),
            "Rejected": config.NumberColumn(format="%.0f%%"),
            "Destinations": config.NumberColumn(format="localized"),
            "Ports": config.NumberColumn(format="localized"),
            "First": config.DatetimeColumn(format="D MMM HH:mm"),
            "Last": config.DatetimeColumn(format="D MMM HH:mm"),
        },
        alt=shown.title,
        **options,
    )
    if hint := who.hint(shown, is_narrowed=asked.address is not None):
        st.caption(hint)


def _clicked(session: Session, shown: WhoList, key: str) -> None:
    cells = st.session_state[key]["selection"].get("cells", [])
    for row, column in cells:
        if column in shown.heads and row < len(shown.rows):
            end = shown.rows[row].ends[shown.heads.index(column)]
            _narrow(session, None if end == "unknown" else end)


def _narrow(session: Session, address: str | None) -> None:
    if session.who:
        session.who = replace(session.who, address=address, list=None)


def _choose(session: Session, key: str) -> None:
    if session.who:
        session.who = replace(session.who, list=st.session_state[key])


def _close(session: Session) -> None:
    session.who = None
