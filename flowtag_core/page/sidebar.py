"""Beside the page: the files with an x each, a zone for more, and what to take away."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from flowtag_core.errors import OutputError
from flowtag_core.page import in_place
from flowtag_core.page.session import Logs, Session
from flowtag_core.page.uploads import drop_zone
from flowtag_core.showing.notes import about, literal, number, short_path
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import map_tags, result_csv


def data(session: Session) -> None:
    """Each log and the lookup, and the zone for more."""
    st.header("Data")
    logs, shown = session.logs, 1
    if logs.pages > 1:
        shown = st.pagination(logs.pages, key="logs_page", max_visible_pages=3)
    for log in logs.page(shown):
        _file(log.name, about(log.counts), partial(session.remove_log, log.name))
    if lookup := session.given_lookup:
        _file(lookup.name, number(len(lookup), "rule"), session.remove_lookup)
    drop_zone(session, "Add logs or another lookup")


def take_away(session: Session) -> None:
    """The result, and the lookup back to the file that it was given in."""
    st.header("Take away")
    st.download_button(
        "Result CSV",
        data=partial(_result, session.logs, session.lookup),
        file_name="flowtag-result.csv",
        mime="text/csv",
        key="result_csv",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
    st.caption("All flows by destination, as the command line writes them.")
    lookup = session.given_lookup
    if session.home and lookup and not in_place.is_saved(lookup, session.home):
        name = literal(short_path(session.home))
        if st.button(f"Save to {name}", key="save_lookup", icon=":material/save:", width="stretch"):
            _confirm(session, lookup, session.home)


def _result(logs: Logs, lookup: Lookup) -> bytes:
    return b"".join(result_csv(map_tags(logs.counts, lookup)))


def _file(name: str, about: str, remove: Callable[[], None]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        st.markdown(
            f"{literal(short_path(name))}  \n:gray[:small[{literal(about)}]]", width="stretch"
        )
        st.button(
            f"Remove {literal(name)}",
            icon=":material/close:",
            key=f"remove {name}",
            type="tertiary",
            on_click=remove,
        )


@st.dialog("Save the lookup?")
def _confirm(session: Session, lookup: Lookup, path: str) -> None:
    st.markdown(
        f"{literal(path)} will hold the {number(len(lookup), 'rule')} of {literal(lookup.name)}."
    )
    now = in_place.content(path)
    if now != session.home_content:
        st.warning("The file has changed since it was read. Those changes will be lost.")
    st.caption("It is written whole or not at all. What is in it now is gone then.")
    with st.container(horizontal=True):
        save = st.button(
            "Save", key="save_confirmed", type="primary", on_click=_save, args=[session, path]
        )
        leave = st.button("Do not save", key="save_cancelled")
    if save or leave:
        st.rerun()


def _save(session: Session, path: str) -> None:
    try:
        in_place.save(session.lookup, path)
    except OutputError as error:
        session.refused = [str(error)]
    else:
        session.saved()
