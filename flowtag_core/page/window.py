"""The browser window: its width, the keyboard shortcuts, and the button that copies its link."""

from __future__ import annotations

from typing import Final

import streamlit as st

from flowtag_core.page.component import component

UNKNOWN: Final = 1440
"""The width that is assumed until the browser has sent it."""


def width(starts: int = 0) -> int:
    """Return the inner width of the window in CSS pixels, rounded down to a multiple of 20.

    Call it once in each run: it also installs the keyboard shortcuts. The script reruns when the
    width or the theme changes.

    When `starts` grows, the page is loaded again without a view in its address, which Streamlit does
    not let a script clear.
    """
    told = (st.session_state.get("window") or {}).get("width")
    component("window")(
        key="window",
        data={"width": told, "theme": st.context.theme.type, "starts": starts},
        on_width_change=lambda: None,
        on_theme_change=lambda: None,
    )
    return told if isinstance(told, int) else UNKNOWN


def copy_link() -> None:
    """Draw a button that copies the page's address, which includes the view."""
    component("copy_link")(key="copy_link", width="content")
