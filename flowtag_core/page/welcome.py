"""The page without a log: a drop zone, the sample, a glance of the result."""

from __future__ import annotations

from typing import Final

import streamlit as st

from flowtag_core.page import address
from flowtag_core.page.in_place import USAGE
from flowtag_core.page.rules import rules
from flowtag_core.page.session import Session
from flowtag_core.page.status import offers, say
from flowtag_core.page.uploads import drop_zone
from flowtag_core.showing import log_notes
from flowtag_core.showing.charts import tag_chart
from flowtag_core.showing.legend import legend
from flowtag_core.tagging.report import map_tags

_LOG: Final = """\
2 123456789012 eni-0a1b2c3d 10.0.1.201
198.51.100.2 49152 25 6 20 16000
1620140761 1620140821 ACCEPT OK"""
_LOOKUP: Final = """\
dstport,protocol,tag
25,tcp,sv_P1
110,tcp,email"""


def welcome(session: Session) -> None:
    """Everything that a newcomer needs, in one glance."""
    st.title("Flow log tag mapper")
    st.write("Which application does each flow belong to, and which flows belong to none yet?")
    with st.container():
        # In one place however many they are, so that the drop zone keeps its own.
        say(st.error, session.messages.refusals)
        say(st.info, session.messages.told)
        offers(session)
        if session.desk.given is not None:
            say(
                st.info,
                [f"{session.desk.lookup.name} is loaded as the lookup. Now drop a flow log."],
            )
        if address.is_view():
            st.info(log_notes.LINK_WAITS)
    with st.container(border=True):
        drop_zone(session, "Drop flow logs and a lookup CSV here, together or one by one")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Try the sample",
                key="sample",
                icon=":material/science:",
                on_click=session.show_sample,
            )
            st.text("14 flows and 11 rules. Nothing leaves this machine.")
            if session.desk.given is not None or session.has_start:
                st.button("Start over", key="start_over", on_click=session.start_over)
    if session.desk.given is not None:
        rules(session)
        return
    _glance()


def _glance() -> None:
    log, lookup, result = st.columns(3)
    with log:
        st.header("A flow log goes in")
        st.code(_LOG, language=None, wrap_lines=True)
        st.caption("AWS VPC flow logs as you have them: text, CSV, JSON, Parquet, packed or not.")
    with lookup:
        st.header("A lookup names ports")
        st.code(_LOOKUP, language=None)
        st.caption(
            "Ports, ranges or *, and a protocol. Without one everything is Untagged at first."
        )
    with result:
        st.header("Counts by tag come out")
        sample = Session()
        sample.show_sample()
        report = map_tags(sample.logs.counts, sample.desk.lookup)
        theme = st.context.theme.type or "light"
        colours = legend(report, report, theme)
        st.altair_chart(tag_chart(report, colours, theme), alt="The sample's flows by tag, bars")
        st.caption("By port and protocol too, as tables, bars and a CSV.")
    st.caption("Gigabytes need no upload: start the page on the files themselves.")
    st.code(USAGE, language=None, wrap_lines=True)
