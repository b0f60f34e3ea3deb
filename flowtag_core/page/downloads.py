"""The downloads: the result, exports of the view, and the lookup with its changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from flowtag_core.errors import OutputError
from flowtag_core.exporting.ports_csv import ports_csv
from flowtag_core.exporting.ports_parquet import ports_parquet
from flowtag_core.exporting.report_html import report_html
from flowtag_core.exporting.result_json import document, result_json
from flowtag_core.page import in_place
from flowtag_core.page.session import Session
from flowtag_core.showing import log_notes
from flowtag_core.showing.handout import Handout
from flowtag_core.showing.lookup_notes import unsaved
from flowtag_core.showing.words import file_name, literal, number, short_path

_RESULT: Final = "Result CSV"
_ICON: Final = ":material/download:"


def result_so_far(session: Session, place: DeltaGenerator) -> None:
    """Draw the button for the result CSV, disabled until the result is made.

    Otherwise the old result could be downloaded while the page already shows new numbers. Of logs that are
    followed, the result is made at the click: it changes too often.
    """
    if session.seat:
        _result(place, partial(session.result.of, session.logs, session.desk.lookup))
        return
    made = session.result.made(session.logs, session.desk.lookup)
    if made is None:
        place.button(_RESULT, key="result_waits", disabled=True, icon=_ICON, width="content")
    else:
        _result(place, made)


def result(session: Session, place: DeltaGenerator) -> None:
    """Make the result CSV if that has not been done, and enable its button."""
    if session.seat is None and session.result.made(session.logs, session.desk.lookup) is None:
        _result(place, session.result.of(session.logs, session.desk.lookup))


def _result(place: DeltaGenerator, content: bytes | Callable[[], bytes]) -> None:
    """Draw the button for the result CSV: all flows, without filters."""
    place.download_button(
        _RESULT,
        # Made before the click: if it were made after, another click could interrupt that.
        data=content,
        file_name="flowtag-result.csv",
        mime="text/csv",
        key="result_csv",
        on_click="ignore",
        icon=_ICON,
        width="content",
    )


def exports(place: DeltaGenerator, handout: Handout) -> None:
    """Draw a button for each export of the view."""
    with place.container(key="exports", gap="xsmall"):
        st.caption(log_notes.VIEW)
        for_people, *for_programs = _FORMS
        _export(for_people, handout)
        with st.container(horizontal=True, gap="xsmall"):
            for form in for_programs:
                _export(form, handout)


def _export(form: _Form, handout: Handout) -> None:
    st.download_button(
        form.label,
        data=partial(_content, form.content, handout),
        file_name=form.file,
        mime=form.mime,
        key=f"export_{form.file}",
        on_click="ignore",
        icon=_ICON,
        width="stretch",
    )


def _content(content: Callable[[Handout], Iterable[bytes]], handout: Handout) -> bytes:
    return b"".join(content(handout))


class _Form(NamedTuple):
    label: str
    file: str
    mime: str
    content: Callable[[Handout], Iterable[bytes]]


_FORMS: Final = (
    _Form("Report (HTML)", "flowtag-report.html", "text/html", report_html),
    _Form("CSV of ports", "flowtag-ports.csv", "text/csv", ports_csv),
    _Form(
        "JSON",
        "flowtag-view.json",
        "application/json",
        lambda handout: result_json(document(handout)),
    ),
    _Form(
        "Parquet",
        "flowtag-view.parquet",
        "application/vnd.apache.parquet",
        lambda handout: [ports_parquet(handout)],
    ),
)


def lookup(session: Session) -> None:
    """Draw the buttons to download the lookup and to save it to its own file."""
    desk = session.desk
    st.download_button(
        "Lookup with your changes",
        data=desk.lookup.content,
        file_name=file_name(desk.lookup.name),
        mime="text/csv",
        key="improved_lookup",
        on_click=desk.downloaded,
        args=[desk.lookup],
        icon=":material/download:",
        width="stretch",
    )
    state = "" if desk.versions.is_saved else f", {unsaved(desk.versions.unsaved)}"
    st.caption(
        f"{number(len(desk.lookup), 'rule')}{state}. Lines that you did not change stay as they are."
    )
    path = desk.home
    if path and desk.has_lookup_to_save and not in_place.is_saved(desk.lookup, path):
        name = literal(short_path(path))
        if st.button(f"Save to {name}", key="save_lookup", icon=":material/save:", width="stretch"):
            _confirm(session, path)


@st.dialog("Save the lookup?")
def _confirm(session: Session, path: str) -> None:
    rules = number(len(session.desk.lookup), "rule")
    name = literal(session.desk.lookup.name)
    st.markdown(f"This replaces {literal(path)} with {name} as it is now ({rules}).")
    now = in_place.content(path)
    if now is not None and now != session.desk.home_content:
        st.warning("The file has changed since it was read. Those changes will be lost.")
    st.caption("The file is replaced completely or not at all. Its old content will be lost.")
    with st.container(horizontal=True):
        save = st.button("Save", key="save_confirmed", on_click=_save, args=[session, path, now])
        leave = st.button("Do not save", key="save_cancelled")
    if save or leave:
        st.rerun()


def _save(session: Session, path: str, seen: bytes | None) -> None:
    """Save the lookup, unless the file has changed since the user was asked."""
    if in_place.content(path) != seen:
        session.messages.refused = [
            f"{path}: has just changed, so the lookup was not saved. Check the file and try again."
        ]
        return
    try:
        in_place.save(session.desk.lookup, path)
    except OutputError as error:
        session.messages.refused = [str(error)]
    else:
        session.messages.clear()
        session.messages.told.append(session.desk.saved())
