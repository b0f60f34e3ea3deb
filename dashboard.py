"""The page: streamlit run dashboard.py. It reads top to bottom like the page itself.

Widgets and guards only; what is counted, tagged and drawn comes from flowtag_core.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

import flowtag_core
from flowtag_core.counting import compiled
from flowtag_core.page import address, in_place, rows, sidebar, tabs
from flowtag_core.page.records import records
from flowtag_core.page.rules import rules
from flowtag_core.page.status import offers, repeated, say, status
from flowtag_core.page.timeline import chosen, timeline
from flowtag_core.page.uploads import take_dropped
from flowtag_core.page.welcome import welcome
from flowtag_core.page.workbench import workbench
from flowtag_core.showing import charts, log_notes, lookup_notes, tables
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.report import Filters

PAGE = Path(flowtag_core.__file__).parent.joinpath("page")

NUMBER = st.column_config.NumberColumn(format="localized", width=84)
PORT = st.column_config.NumberColumn(format="%d", width=64)
PROTOCOL = st.column_config.TextColumn(width=72)
TAG = st.column_config.TextColumn(width=116)


def share(table: pd.DataFrame) -> Any:
    """Shares as bars, the largest as long as its column is wide."""
    largest = max(table["Share"].max(), 0.1) if len(table) else 100
    return st.column_config.ProgressColumn(
        format="%.1f%%", min_value=0, max_value=largest, width=96
    )


def pick_tag(shown: Sequence[str]) -> None:
    """Take what is selected in the table of these tags for the tag that is meant."""
    address.select_tag(next((shown[row] for row in rows.selected("tags")), None))


def pick_port(shown: Sequence[tuple[int, int]]) -> None:
    """Take what is selected in the table of these ports and protocols for the pair that is meant."""
    session.asked = next((shown[row] for row in rows.selected("ports")), None)


def switch(
    label: str,
    options: list[Any],
    key: str,
    shown: Callable[[str], str] = str.capitalize,
    help: str | None = None,
) -> Any:
    """One of the options, the first unless another is chosen; the choice is in the address."""
    chosen_option = st.segmented_control(
        label,
        options,
        default=options[0],
        required=True,
        format_func=shown,
        key=key,
        help=help,
        bind="query-params",
    )
    # An empty value in a link chooses nothing, whatever is required.
    return options[0] if chosen_option is None else chosen_option


st.set_page_config("flowtag", page_icon=PAGE.joinpath("icon.png"), layout="wide")
st.logo(PAGE.joinpath("icon.png"))
st.html(PAGE.joinpath("style.css"))
compiled.kernel()  # to compile takes seconds: where that must be, it begins before a file is there
session = tabs.session_of_this_tab()
in_place.start(session, sys.argv[1:])
take_dropped(session)
session.collect()
in_place.remember(session.logs.by_name.values())

if not session.logs and not session.is_busy:
    welcome(session)
    st.stop()

with st.sidebar:
    sidebar.data(session)
    if session.logs:
        # Early: a click on what the run before offered finds nothing from here on.
        sidebar.take_away(session)

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Flow log tag mapper", width="stretch")
    measure = switch("Measure", log_notes.measures(session.logs.counts), key="measure")
    actions = log_notes.actions(session.logs.counts)
    action = switch("Action", [*actions], key="action")
    views = {"destination": "As logged", "service": "By service"}
    grouping = switch(
        "Replies", [*views], key="view", shown=views.__getitem__, help=log_notes.REPLIES
    )
beside_status = status(session)
with st.container():
    say(st.error, session.messages.refusals)
    say(st.info, session.messages.told)
    repeated(session)
    offers(session)
if not session.logs:
    st.stop()

view = view_of(
    session.logs.counts,
    session.desk.lookup,
    measure,
    Filters(actions[action], address.time(), grouping),
    address.tag(),
)
report, tag = view.report, view.tag
with beside_status:
    chosen(view.time, tag)
session.desk.bench.drawn(report, view.identity)
theme = st.context.theme.type or "light"
with st.container():
    # In one place however many they are: the tables below lose order and scroll if theirs changes.
    say(st.warning, view.cautions)
    if session.desk.given is None:
        st.info(lookup_notes.NO_LOOKUP)

grid = st.grid(5, min_column_width=130)
for card in view.cards:
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
    names = tags["Tag"].tolist()
    rows.select("tags", [names.index(tag)] if tag in names else [])
    st.dataframe(
        tables.in_colour(tags, theme),
        key="tags",
        height=tables.height(tags),
        hide_index=True,
        column_config={"Tag": TAG, measure.capitalize(): NUMBER, "Share": share(tags)},
        on_select=partial(pick_tag, names),
        selection_mode="single-row",
        alt=f"{measure.capitalize()} of each tag",
    )
    st.text(lookup_notes.why_tag(view.lookup, tag) if tag else lookup_notes.SELECT_A_TAG)
with right:
    workbench(session, view)

colours = view.legend(theme)
left, right = st.columns([7, 4])
with left:
    timeline(session.brush, view.whole_course, view.whole, colours, view.time)
with right:
    st.header(f"{measure.capitalize()} by tag")
    st.altair_chart(
        charts.tag_chart(report, colours, theme), alt=f"{measure.capitalize()} by tag, bars"
    )

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.header(log_notes.ports_title(tag), width="stretch")
    text = st.text_input(
        "Search ports",
        key="search",
        type="search",
        max_chars=100,
        live=True,
        placeholder="443/tcp, udp, 6000-6063, untagged",
        width=320,
        bind="query-params",
    )
found = view.ports(text)
ports, pairs = tables.port_table(found, report.total)
st.caption(log_notes.found(found, report, shown=len(ports)))
left, right = st.columns([7, 4])
with left:
    rows.select("ports", [pairs.index(session.asked)] if session.asked in pairs else [])
    st.dataframe(
        ports,
        key="ports",
        hide_index=True,
        placeholder="",
        column_config={
            "Port": PORT,
            "Protocol": PROTOCOL,
            "Tag": TAG,
            measure.capitalize(): NUMBER,
            "Share": share(ports),
        },
        on_select=partial(pick_port, pairs),
        selection_mode="single-row",
        alt=f"{measure.capitalize()} of each port and protocol",
    )
    if session.asked in pairs:
        st.text(lookup_notes.why_port(view.lookup, *session.asked))
with right:
    st.altair_chart(
        charts.port_chart(found, colours, theme), alt=f"{measure.capitalize()} by port, bars"
    )

records(view.counts)
rules(session)
