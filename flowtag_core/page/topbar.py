"""The bar at the top: what is shown, the files, the downloads, a link, a button to start over."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from flowtag_core.page import downloads, reading
from flowtag_core.page.clock import zone
from flowtag_core.page.files import files
from flowtag_core.page.session import Session
from flowtag_core.page.window import copy_link
from flowtag_core.showing import log_notes, times, widths, words
from flowtag_core.tagging.course import Course

ICON: Final = Path(__file__).parent.joinpath("icon.png")
_PICTURE: Final = f"data:image/png;base64,{b64encode(ICON.read_bytes()).decode()}"


def brand() -> None:
    """Draw the icon and the name."""
    st.html(f'<img src="{_PICTURE}" alt="" width="22" height="22">', width="content")
    st.html('<h1 class="brand">flowtag</h1>', width="content")


class Places(NamedTuple):
    """The places of the bar that are filled later: what is shown or being read, the result CSV, the other exports."""

    where: DeltaGenerator
    result: DeltaGenerator
    exports: DeltaGenerator | None


def topbar(session: Session, window: int) -> Places:
    """Draw the bar; return the places in it that are filled when the view is known.

    `window` is the width in pixels. In a narrow one, less common actions are under More.
    """
    is_phone = window <= widths.PHONE
    exports = None
    with st.container(key="topbar", horizontal=True, vertical_alignment="center"):
        brand()
        place = st.container(width="stretch", key="where")
        if session.logs:
            files(session)
        with st.container(width="content", key="result"):
            result = st.empty()
        if session.logs:
            downloads.result_so_far(session, result)
        if session.logs:
            with st.popover("More", key="more", width="content"):
                st.caption(log_notes.RESULT)
                exports = st.empty()
                downloads.lookup(session)
                if is_phone:
                    copy_link()
                    _start_over(session)
                else:
                    st.html(f'<p class="quiet">{log_notes.SHORTCUTS}</p>')
            if not is_phone:
                copy_link()
                with st.popover("Start over", key="ask_start_over", width="content"):
                    _start_over(session)
    return Places(place, result, exports)


def where(session: Session, course: Course) -> None:
    """Draw the covered time and the lookup's name, or the progress while files are read."""
    if session.is_busy:
        reading.progress(session)
        return
    lookup = session.desk.given
    name = words.short_path(lookup.name) if lookup else ""
    said = " \u00b7 ".join(filter(None, [times.covered(course, zone()), name]))
    st.html(f'<span class="where">{escape(said)}</span>')


def _start_over(session: Session) -> None:
    """Draw the button inside a popover, as starting over cannot be undone."""
    versions = session.desk.versions
    rules = 0 if versions.is_saved else versions.unsaved
    st.caption(log_notes.start_over(rules, has_start=session.has_start))
    st.button("Remove all files", key="start_over", on_click=session.start_over)
