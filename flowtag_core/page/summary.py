"""The summary: a bar that shows how much is explained, and a few numbers beside it."""

from __future__ import annotations

import streamlit as st

from flowtag_core.showing import coverage
from flowtag_core.showing.view import View


def summary(view: View) -> None:
    """Draw the bar and the numbers of the filtered flows."""
    with st.container(key="summary", border=True):
        with st.container(key="coverage"):
            st.markdown(
                coverage.bar(view.parts),
                unsafe_allow_html=True,
                help=coverage.help_on(view.parts),
            )
        with st.container(key="numbers"):
            for each in view.numbers:
                st.metric(
                    each.label,
                    each.value,
                    each.note,
                    delta_color="off",
                    delta_arrow="off",
                    help=each.help,
                )
