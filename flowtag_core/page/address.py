"""The selected tag and the chosen time, which are part of the page's address.

They are kept nowhere else, so links, reloads and the back button preserve them. Anyone can write an
address, so an invalid time is ignored.
"""

from __future__ import annotations

import streamlit as st

from flowtag_core.showing import times
from flowtag_core.tagging.report import Time


def tag() -> str | None:
    """The selected tag, which may not be in the lookup; None if no tag is selected."""
    return st.query_params.get("tag")


def time() -> Time | None:
    """The chosen time; None if there is none or it is invalid."""
    return times.from_link(st.query_params.get("time", ""))


def is_view() -> bool:
    """Whether the address has any parameter."""
    return bool(st.query_params)


def select_tag(name: str | None) -> None:
    """Select this tag; None deselects the current one."""
    _say("tag", name)


def choose_time(time: Time | None) -> None:
    """Choose this time; None means all time."""
    _say("time", times.to_link(time) if time else None)


def _say(key: str, value: str | None) -> None:
    if value is None:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = value
