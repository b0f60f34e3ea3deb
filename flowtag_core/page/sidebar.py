"""The sidebar: the files with an x each, a zone for more, the downloads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from flowtag_core.errors import OutputError
from flowtag_core.exporting.result_csv import result_csv
from flowtag_core.page import in_place
from flowtag_core.page.logs import Logs
from flowtag_core.page.session import Session
from flowtag_core.page.uploads import drop_zone
from flowtag_core.showing.log_notes import about
from flowtag_core.showing.lookup_notes import about_lookup, unsaved
from flowtag_core.showing.words import file_name, literal, number, short_path
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import map_tags


def data(session: Session) -> None:
    """Each log and the lookup, and the zone for more."""
    st.header("Data")
    logs, shown = session.logs, 1
    if logs.pages > 1:
        shown = st.pagination(logs.pages, key="logs_page", max_visible_pages=3)
    for log in logs.page(shown):
        _file(log.name, about(log.counts), "log", partial(session.remove_log, log.name))
    if (lookup := session.desk.given) is not None:
        about_it = [about_lookup(lookup)]
        if not session.desk.versions.is_saved:
            about_it.append(unsaved(session.desk.versions.unsaved))
        _file(lookup.name, ", ".join(about_it), "lookup", session.remove_lookup)
    drop_zone(session, "Add logs or another lookup")


def take_away(session: Session) -> None:
    """The result, and the lookup back to the file that it was given in."""
    st.header("Take away")
    st.download_button(
        "Result CSV",
        data=partial(_result, session.logs, session.desk.lookup),
        file_name="flowtag-result.csv",
        mime="text/csv",
        key="result_csv",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
    st.caption("All flows by destination port, whatever the switches say.")
    lookup = session.desk.lookup
    st.download_button(
        "Improved lookup",
        # Not made when it is clicked, as the result: the run that the click begins may come first.
        data=lookup.content,
        file_name=file_name(lookup.name),
        mime="text/csv",
        key="improved_lookup",
        on_click=session.desk.downloaded,
        args=[lookup],
        icon=":material/download:",
        width="stretch",
    )
    st.caption("Your lookup with the new rules; lines that you did not change are as they were.")
    path = session.desk.home
    if (
        path
        and session.desk.has_lookup_to_save
        and not in_place.is_saved(session.desk.lookup, path)
    ):
        name = literal(short_path(path))
        if st.button(f"Save to {name}", key="save_lookup", icon=":material/save:", width="stretch"):
            _confirm(session, path)


def _result(logs: Logs, lookup: Lookup) -> bytes:
    return b"".join(result_csv(map_tags(logs.counts, lookup)))


def _file(name: str, about: str, kind: str, remove: Callable[[], None]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        with st.container(gap=None):
            # Not Markdown: it would make a link of a name that looks like one.
            st.text(short_path(name))
            st.caption(literal(about))
        st.button(
            f"Remove {literal(name)}",
            icon=":material/close:",
            key=f"remove {kind} {name}",
            type="tertiary",
            on_click=remove,
        )


@st.dialog("Save the lookup?")
def _confirm(session: Session, path: str) -> None:
    rules = number(len(session.desk.lookup), "rule")
    name = literal(session.desk.lookup.name)
    st.markdown(f"{name} as it is now, {rules}, will be written over {literal(path)}.")
    now = in_place.content(path)
    if now is not None and now != session.desk.home_content:
        st.warning("The file has changed since it was read. Those changes will be lost.")
    st.caption("It is written whole or not at all. What is in the file now is gone then.")
    with st.container(horizontal=True):
        save = st.button("Save", key="save_confirmed", on_click=_save, args=[session, path, now])
        leave = st.button("Do not save", key="save_cancelled")
    if save or leave:
        st.rerun()


def _save(session: Session, path: str, seen: bytes | None) -> None:
    """Save the lookup, unless the file is not any more what the user was asked about."""
    if in_place.content(path) != seen:
        session.messages.refused = [
            f"{path}: has just changed and was not written. Look at it again."
        ]
        return
    try:
        in_place.save(session.desk.lookup, path)
    except OutputError as error:
        session.messages.refused = [str(error)]
    else:
        session.messages.clear()
        session.messages.told.append(session.desk.saved())
