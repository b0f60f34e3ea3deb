"""The page without a log: a large drop zone, the sample, a small example of input and result."""

from __future__ import annotations

from html import escape

import streamlit as st

from flowtag_core.page import address, door
from flowtag_core.page.in_place import USAGE
from flowtag_core.page.notices import messages, say
from flowtag_core.page.rules import rules
from flowtag_core.page.session import Session
from flowtag_core.page.uploads import custom_format, drop_zone, internal_ranges
from flowtag_core.showing import glance, log_notes


def welcome(session: Session) -> None:
    """Draw everything that a new user needs to start."""
    is_shared = door.is_shared()
    with st.container(key="welcome"):
        st.html(glance.HEADING)
        with st.container():
            # All in one container, so that the drop zone keeps its position.
            messages(session)
            _what_waits(session)
        with st.container(key="big_zone"):
            drop_zone(session, "Drop flow logs and a lookup here")
            st.html(glance.ZONE)
        with st.container(key="sample_row", horizontal=True, vertical_alignment="center"):
            st.button(
                "Try the sample",
                key="sample",
                icon=":material/science:",
                on_click=session.show_sample,
            )
            if session.desk.given is not None or session.has_start:
                st.button("Start over", key="start_over", on_click=session.start_over)
            st.html(glance.START if is_shared else glance.PROMISE, width="content")
        if session.desk.given is not None:
            rules(session)
            return
        st.html(glance.GLANCE)
        if not is_shared:
            st.html(f"<p>{glance.GIGABYTES} <code>{escape(USAGE)}</code></p>")
        custom_format(session)
        internal_ranges(session)


def _what_waits(session: Session) -> None:
    """Draw notes on what is already loaded or waiting for a log."""
    if session.desk.given is not None:
        say(
            st.info,
            [f"{session.desk.lookup.name} is loaded as the lookup. Now drop a flow log."],
        )
    if door.is_shared():
        st.info(log_notes.SHARED)
    if address.is_view():
        st.info(log_notes.LINK_WAITS)
