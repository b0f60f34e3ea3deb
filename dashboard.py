"""The page: streamlit run dashboard.py. `page` reads top to bottom like the page itself.

Widgets and guards only; what is counted, tagged and drawn comes from flowtag_core. Streamlit imports this
file once for the server, which serves `app`, and then runs it as a script for each tab.
"""

from __future__ import annotations

import sys

import streamlit as st
from starlette.middleware import Middleware

from flowtag_core.counting import compiled
from flowtag_core.page import (
    address,
    door,
    downloads,
    handout,
    in_place,
    live,
    reading,
    tabs,
    ticks,
)
from flowtag_core.page.filters import filters
from flowtag_core.page.notices import cautions, chips, messages
from flowtag_core.page.ports import ports
from flowtag_core.page.records import records
from flowtag_core.page.rules import rules
from flowtag_core.page.style import style
from flowtag_core.page.summary import summary
from flowtag_core.page.tags import tags
from flowtag_core.page.timeline import timeline
from flowtag_core.page.topbar import ICON, topbar, where
from flowtag_core.page.uploads import page_zone, take_dropped
from flowtag_core.page.welcome import welcome
from flowtag_core.page.window import width
from flowtag_core.page.workbench import workbench
from flowtag_core.showing import markup, widths


def page() -> None:
    """Draw the page for one tab."""
    st.set_page_config("flowtag", page_icon=ICON, layout="wide", initial_sidebar_state="collapsed")
    style()
    compiled.kernel()  # Compiling takes seconds, so it starts before a file arrives.
    session = tabs.session_of_this_tab()
    in_place.start(session, sys.argv[1:])
    take_dropped(session)
    session.collect()
    in_place.remember(session.logs.by_name.values())
    live.take(session)
    window = width(session.starts)
    room = widths.rooms(window)
    theme = st.context.theme.type or "light"

    places = topbar(session, window)
    if not session.logs:
        if session.is_busy:
            reading.page(session)
            page_zone(session)
        else:
            welcome(session)
        st.stop()

    page_zone(session)
    live.bar(session)
    measure, chosen = filters(session.logs.counts)
    view = session.views.of(
        session.logs.counts, session.desk.lookup, measure, chosen, address.tag()
    )
    legend = view.legend(session.colours)
    session.desk.bench.drawn(view.report, live.identity(session, view))
    with places.where:
        where(session, view.whole_course)
    chips(session, view)
    with st.container(key="news"):
        # All in one container: if the tables below moved, they would lose their sorting and scroll position.
        messages(session)
        cautions(session, view)
    summary(view)
    timeline(
        session.brush,
        view.whole_course,
        view.whole,
        legend,
        view.time,
        theme,
        widths.plot(window),
    )

    left, right = st.columns(2, gap="medium")
    with left:
        tags(view, session.colours, legend, session.picks, room)
    with right, st.container(key="bench_section"):
        workbench(session, view, room.untagged)
    ports(session, view, room)
    st.html(markup.for_print(view.report))
    records(view.counts)
    rules(session)
    # This comes last because it takes longest: everything else is visible by then.
    downloads.result(session, places.result)
    if places.exports:
        downloads.exports(places.exports, handout.handout_of(session, view))
    live.ended(session)


if __name__ == "__main__":
    page()
else:
    app = st.App(
        __file__,
        middleware=[Middleware(door.Door)],
        lifespan=door.opening,
        routes=[ticks.ROUTE],
    )
