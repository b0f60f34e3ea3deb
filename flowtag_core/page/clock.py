"""The time zone of the page: UTC or the browser's own."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Final

import streamlit as st

from flowtag_core.showing import times

LOCAL: Final = "Local"
_KEY: Final = "zone"


def zone() -> tzinfo:
    """The zone in which all times are shown; links always use UTC."""
    # Until the switch is drawn for the first time, only the address has the choice.
    choice = st.session_state.get(_KEY, st.query_params.get(_KEY))
    return browser_zone() or UTC if choice == LOCAL else UTC


def browser_zone() -> tzinfo | None:
    """The browser's zone; None if it is unknown."""
    return times.zone_of(st.context.timezone)


def zone_switch() -> None:
    """Draw a switch between UTC and the browser's zone, if they differ."""
    local = browser_zone()
    if local is None:
        st.html('<span class="quiet">Local time zone unknown</span>', width="content")
    elif local is not UTC:
        st.segmented_control(
            "Time zone",
            ["UTC", LOCAL],
            default="UTC",
            required=True,
            key=_KEY,
            label_visibility="collapsed",
            bind="query-params",
        )
