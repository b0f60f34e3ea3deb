"""The page's address: the selected tag and the chosen time in it.

They are kept only here, so that links, reloads and the back button have them. Anyone can write an
address, so an invalid time is ignored.
"""

from __future__ import annotations

import streamlit as st

from flowtag_core.showing import times
from flowtag_core.tagging.report import Time


def tag() -> str | None:
    """The selected tag, whether or not the lookup has it."""
    return st.query_params.get("tag")


def time() -> Time | None:
    """The chosen time."""
    return times.from_link(st.query_params.get("time", ""))


def is_view() -> bool:
    """Whether the address has any parameter."""
    return bool(st.query_params)


def select_tag(name: str | None) -> None:
    """Select this tag, or none."""
    _say("tag", name)


def choose_time(time: Time | None) -> None:
    """Choose this time, or all time."""
    _say("time", times.to_link(time) if time else None)


def _say(key: str, value: str | None) -> None:
    if value is None:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = value
