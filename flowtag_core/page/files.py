"""The files of a tab: a list with an x beside each, a button to add more, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from flowtag_core.page.seat import NAME as LIVE
from flowtag_core.page.session import Session
from flowtag_core.page.uploads import custom_format, internal_ranges
from flowtag_core.showing import live_notes
from flowtag_core.showing.log_notes import about, effort
from flowtag_core.showing.lookup_notes import about_lookup, unsaved
from flowtag_core.showing.words import literal, number, short_path


def files(session: Session) -> None:
    """Draw a button `3 files` that opens the list of logs and the lookup."""
    with st.popover(
        number(len(session.logs.by_name), "file"),
        icon=":material/database:",
        key="files",
        width="content",
    ):
        st.html('<h2 class="poph">Files</h2>')
        _logs(session)
        _lookup(session)
        st.button(
            "Add logs or a lookup\u2026", icon=":material/add:", key="add_files", width="stretch"
        )
        st.caption("Or drop files or a folder anywhere on the page.")
        custom_format(session)
        internal_ranges(session)
        st.toggle(
            "Keep uploads for a second look",
            value=session.kept.is_on,
            key="keep_uploads",
            on_change=partial(_keep, session),
            help="Top talkers are found by reading the logs again. For this, uploads stay in a private temporary "
            "folder until this tab is closed. Files that the page was started with are read where they are.",
        )
        st.caption(literal(effort(session.logs.counts, session.logs.seconds)))


def _keep(session: Session) -> None:
    """Keep uploads from now on, or stop and remove those that were kept."""
    session.kept.is_on = st.session_state["keep_uploads"]
    if not session.kept.is_on:
        session.forget_kept()


def _logs(session: Session) -> None:
    logs, shown = session.logs, 1
    if logs.pages > 1:
        shown = st.pagination(logs.pages, key="logs_page", max_visible_pages=3)
    for log in logs.page(shown):
        if session.seat and log.name == LIVE:
            st.text(live_notes.followed(session.seat.following.job.paths))
            st.caption(literal(about(log.counts)))
            continue
        _file(log.name, about(log.counts), "log", partial(session.remove_log, log.name))


def _lookup(session: Session) -> None:
    lookup, versions = session.desk.given, session.desk.versions
    if lookup is None:
        return
    state = [] if versions.is_saved else [unsaved(versions.unsaved)]
    about_it = ", ".join([about_lookup(lookup), *state])
    _file(lookup.name, about_it, "lookup", session.remove_lookup)


def _file(name: str, about: str, kind: str, remove: Callable[[], None]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        with st.container(gap=None):
            # Not Markdown, which would turn a name that looks like a link into one.
            st.text(short_path(name, 44))
            st.caption(literal(about))
        st.button(
            f"Remove {literal(name)}",
            icon=":material/close:",
            key=f"remove {kind} {name}",
            type="tertiary",
            on_click=remove,
        )
