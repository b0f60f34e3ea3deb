"""The page: streamlit run dashboard.py. It reads top to bottom like the page itself.

Widgets and guards only; what is counted, tagged and drawn comes from flowtag_core.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

import flowtag_core
from flowtag_core.page import in_place, sidebar, tabs, trust
from flowtag_core.page.status import say, status
from flowtag_core.page.uploads import take_dropped
from flowtag_core.page.welcome import welcome
from flowtag_core.page.workbench import workbench
from flowtag_core.showing import charts, notes, tables
from flowtag_core.showing.cards import cards
from flowtag_core.showing.search import search
from flowtag_core.tagging.lookup import parse_protocol
from flowtag_core.tagging.report import over_time, select, tagged, untagged_replies

PAGE = Path(flowtag_core.__file__).parent.joinpath("page")

NUMBER = st.column_config.NumberColumn(format="localized", width=90)
PORT = st.column_config.NumberColumn(format="%d", width=64)
PROTOCOL = st.column_config.TextColumn(width=72)
TAG = st.column_config.TextColumn(width=130)
SHARE = st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=100, width=110)


def selected_rows(event: Any, table: pd.DataFrame) -> list[pd.Series]:
    """The row in which a cell of the table is selected, if it is still there."""
    rows = [row for row, _ in event["selection"]["cells"]]
    return [table.iloc[row] for row in rows if row < len(table)]


def forget_selections() -> None:
    """A selection is a place in a table: what is selected must not change because rows move."""
    for key in ("tags", "ports"):
        st.session_state.pop(key, None)
        st.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": []}}


def switch(
    label: str,
    options: list[Any],
    key: str,
    shown: Callable[[str], str] = str.capitalize,
    help: str | None = None,
) -> Any:
    """One of the options, the first unless another is chosen; the choice is in the address."""
    return st.segmented_control(
        label,
        options,
        default=options[0],
        required=True,
        format_func=shown,
        key=key,
        help=help,
        on_change=forget_selections,
        bind="query-params",
    )


st.set_page_config("flowtag", page_icon=PAGE.joinpath("icon.png"), layout="wide")
st.logo(PAGE.joinpath("icon.png"))
st.html(PAGE.joinpath("style.css"))
session = tabs.session_of_this_tab()
if not session.is_started:
    in_place.start(session, sys.argv[1:])
take_dropped(session)
session.collect()
in_place.remember(session.logs.by_name.values())

if not session.logs and not session.is_busy:
    welcome(session)
    st.stop()

with st.sidebar:
    sidebar.data(session)

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Flow log tag mapper", width="stretch")
    measure = switch("Measure", notes.measures(session.logs.counts), key="measure")
    actions = notes.actions(session.logs.counts)
    action = switch("Action", [*actions], key="action")
    views = {"destination": "As logged", "service": "By service"}
    view = switch("Replies", [*views], key="view", shown=views.__getitem__, help=notes.REPLIES)
status(session)
say(st.error, [*session.refused, *session.unsent])
say(st.info, session.told)
if not session.logs:
    st.stop()

counts, lookup = session.logs.counts, session.lookup
selection = select(counts, action=actions[action], view=view)
report = tagged(selection, lookup, measure)
course = over_time(selection, report)
rejected = (
    tagged(select(counts, action="REJECT", view=view), lookup, measure)
    if actions[action] is None and "reject" in actions
    else None
)
theme = st.context.theme.type or "light"
say(st.warning, [*notes.cautions(counts), *notes.doubts(lookup)])
if session.given_lookup is None:
    st.info(
        "Without a lookup everything is Untagged. Drop a CSV with dstport, protocol and tag, or name "
        "what is untagged below: that makes one."
    )

grid = st.grid(5, min_column_width=130)
for card in cards(report, counts, lookup, untagged_replies(selection, report)):
    grid.metric(
        card.label,
        card.value,
        card.note,
        delta_color="off",
        delta_arrow="off",
        help=card.help,
        border=True,
        height="stretch",
    )

left, right = st.columns([4, 7])
with left:
    st.header("Tags")
    tags = tables.tag_table(report)
    picked = st.dataframe(
        tables.in_colour(tags, theme),
        key="tags",
        height=tables.height(tags),
        hide_index=True,
        column_config={"Tag": TAG, measure.capitalize(): NUMBER, "Share": SHARE},
        on_select="rerun",
        selection_mode="single-cell",
        alt=f"{measure.capitalize()} of each tag",
    )
    st.caption("Select a cell of this table or the next to see which rule gives the tag.")
    for row in selected_rows(picked, tags):
        st.text(notes.why_tag(lookup, row["Tag"]))
    st.header(f"{measure.capitalize()} by tag")
    st.altair_chart(charts.tag_chart(report, theme), alt=f"{measure.capitalize()} by tag, bars")
with right:
    workbench(session, report, course, rejected)

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.header("Ports and protocols", width="stretch")
    text = st.text_input(
        "Search ports",
        key="search",
        on_change=forget_selections,
        type="search",
        max_chars=100,
        live=True,
        placeholder="443/tcp, udp, 6000-6063, untagged",
        width=320,
    )
found = search(report, text)
ports = tables.port_table(found, report.total)
st.caption(notes.found(found, report, shown=len(ports)))
left, right = st.columns([6, 5])
with left:
    picked = st.dataframe(
        ports,
        key="ports",
        hide_index=True,
        placeholder="",
        column_config={
            "Port": PORT,
            "Protocol": PROTOCOL,
            "Tag": TAG,
            measure.capitalize(): NUMBER,
            "Share": SHARE,
        },
        on_select="rerun",
        selection_mode="single-cell",
        alt=f"{measure.capitalize()} of each port and protocol",
    )
    for row in selected_rows(picked, ports):
        port = 0 if pd.isna(row["Port"]) else row["Port"]
        st.text(notes.why_port(lookup, port, parse_protocol(row["Protocol"])))
with right:
    st.altair_chart(charts.port_chart(found, theme), alt=f"{measure.capitalize()} by port, bars")

trust.records(counts)
trust.rules(lookup)
with st.sidebar:
    sidebar.take_away(session)
