"""The ports section: a search, the table, and bars or the details of the selected port."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import streamlit as st

from flowtag_core.page import rows, who
from flowtag_core.page.clock import zone
from flowtag_core.page.columns import fitted
from flowtag_core.page.session import Session
from flowtag_core.showing import charts, details, log_notes, markup, tables, times, widths
from flowtag_core.showing.details import Details
from flowtag_core.showing.view import View
from flowtag_core.showing.words import pair_name
from flowtag_core.tagging.report import Report

MOST_SEEN: Final = 14
_TEXT: Final = {"Protocol": 78, "Tag": 100}
_NARROW_TEXT: Final = {"Port": 84, "Tag": 90}


def ports(session: Session, view: View, room: widths.Rooms) -> None:
    """Draw the section; a selected row or a clicked bar shows the details of its port."""
    found = _search(view)
    colours = session.colours.of(view.report.tags)
    left, right = st.columns(2, gap="medium")
    with left:
        pairs = _table(session, view, found, colours, room.ports)
    with right:
        chosen = details.details(view, *session.asked) if session.asked in pairs else None
        asked = session.who
        if asked and asked.port in (None, session.asked):
            who.panel(session, view, asked, found)
        elif chosen:
            _details(session, view, chosen, colours[view.report.tags.index(chosen.tag)])
        else:
            _bars(session, view, found, colours, pairs, room.port_bars)


def _search(view: View) -> Report:
    """Draw the heading with the search, and return what it finds."""
    with st.container(key="ports_head", horizontal=True, vertical_alignment="center"):
        st.html(markup.heading("Ports", view.tag or ""), width="content")
        text = st.text_input(
            "Search ports",
            key="search",
            type="search",
            max_chars=100,
            live=True,
            placeholder="443/tcp, udp, 6000-6063, web",
            width=320,
            bind="query-params",
            label_visibility="collapsed",
        )
        found = view.ports(text)
        shown = min(len(found.port), tables.MOST_PORTS)
        st.html(markup.quiet(log_notes.found(found, view.report, shown)), width="stretch")
    return found


def _table(
    session: Session, view: View, found: Report, colours: Sequence[str], room: int
) -> list[tuple[int, int]]:
    measure = view.report.measure
    table, pairs = tables.port_table(found, view.report, colours, view.rejected, view.course)
    text = _TEXT
    if room < widths.NARROW_TABLE:
        table, text = tables.with_names(table, pairs), _NARROW_TEXT
    shown, columns = fitted(table, measure, room, text)
    rows.select("ports", [pairs.index(session.asked)] if session.asked in pairs else [])
    st.dataframe(
        shown,
        key="ports",
        height=widths.height(len(pairs), MOST_SEEN),
        row_height=widths.ROW,
        hide_index=True,
        placeholder="",
        column_config=columns,
        on_select=partial(_pick, session, pairs),
        selection_mode=["single-row", "single-cell"],
        alt=f"{measure.capitalize()} of each port and protocol",
    )
    return pairs


def _pick(session: Session, shown: Sequence[tuple[int, int]]) -> None:
    """Show the details of the port and protocol that is selected in the table."""
    selected = rows.selected("ports")
    if selected is not None:
        # The browser may tell of a row that a filter has just removed.
        session.asked = next((shown[row] for row in selected if row < len(shown)), None)
        session.who = None


def _bars(
    session: Session,
    view: View,
    found: Report,
    colours: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    room: int,
) -> None:
    theme, measure = st.context.theme.type or "light", view.report.measure
    bars = charts.port_bars(found, colours)
    with st.container(key="port_panel", border=True):
        about = charts.others_share(found, bars, view.report.total)
        with st.container(horizontal=True, vertical_alignment="center", key="port_panel_head"):
            st.html(
                markup.heading(f"{measure.capitalize()} by port", about, level=3), width="stretch"
            )
            st.button(
                "Top talkers",
                key="top_talkers",
                icon=":material/group:",
                on_click=who.open_on,
                args=[session, None],
                help=log_notes.TALKERS,
            )
        st.altair_chart(
            charts.chart(bars, measure, theme, widths.in_panel(room), step=25),
            key="port_bars",
            on_select=partial(_clicked, session, pairs),
            selection_mode=charts.PICK,
            alt=f"{measure.capitalize()} by port, bars",
        )


def _clicked(session: Session, pairs: Sequence[tuple[int, int]]) -> None:
    names = session.picks.clicked("port_bars")
    session.asked = next((pair for pair in pairs if pair_name(*pair) in names), None)


def _details(session: Session, view: View, found: Details, colour: str) -> None:
    """Draw the details of the selected port in place of the bars, so that nothing moves."""
    theme, measure = st.context.theme.type or "light", view.report.measure
    with st.container(key="detail_panel", border=True):
        with st.container(
            horizontal=True, vertical_alignment="center", key="detail_head", wrap=False
        ):
            st.html(details.title(found, colour), width="stretch")
            st.button(
                "Close the details",
                key="close_details",
                icon=":material/close:",
                type="tertiary",
                on_click=_close,
                args=[session],
            )
        seen = times.span_in(found.seen, zone()) if found.seen else ""
        st.html(f'<dl class="facts">{details.facts(found, measure, seen)}</dl>')
        if found.seen:
            st.html(markup.quiet(f"{measure.capitalize()} over time (gaps left out)"))
            st.altair_chart(
                details.chart(found, colour, theme, measure), alt=f"{found.name} over time, bars"
            )
        with st.container(horizontal=True):
            st.button(
                "Top talkers here",
                key="who_port",
                icon=":material/group:",
                type="primary",
                on_click=who.open_on,
                args=[session, session.asked],
                help=log_notes.TALKERS,
            )
            st.button(
                "Only this port",
                key="only_port",
                icon=":material/filter_alt:",
                on_click=_only,
                args=[found.name],
            )
            st.button(
                "Change its tag",
                key="retag",
                icon=":material/edit:",
                on_click=session.desk.bench.aim,
                args=[found.name],
            )


def _close(session: Session) -> None:
    session.asked = None


def _only(name: str) -> None:
    st.session_state["search"] = name
