"""The drop zone: files dropped in the browser -> arrivals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import streamlit as st
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from flowtag_core.page.component import component
from flowtag_core.page.in_place import USAGE
from flowtag_core.page.intake import Arrival
from flowtag_core.page.session import Session
from flowtag_core.showing import log_notes
from flowtag_core.showing.words import literal
from flowtag_core.sources.places import log_of


class _Uploads:
    """The files that the browser has uploaded on this connection, and the address for uploads."""

    def __init__(self) -> None:
        context = get_script_run_ctx()
        # Its declared protocol lacks some of its methods.
        self._manager: Any = context.uploaded_file_mgr if context else None
        self._connection = context.session_id if context else ""

    @property
    def address(self) -> str:
        """The common prefix of all upload URLs."""
        urls = self._manager.get_upload_urls(self._connection, [""]) if self._manager else []
        return "".join(url.upload_url.removesuffix(url.file_id) for url in urls)

    def have(self, ids: Collection[str]) -> bool:
        """Whether all files with these ids are there."""
        return len(self._records(ids)) == len(ids)

    def take(self, ids: Collection[str]) -> list[UploadedFile]:
        """Return the files with these ids that are there; after that, only the caller holds their bytes."""
        records = self._records(ids)
        for name in ids:
            self.forget(name)
        return [UploadedFile(record, FileURLs()) for record in records]

    def forget(self, name: str) -> None:
        """Forget the bytes of a file."""
        if self._manager:
            self._manager.remove_file(self._connection, name)

    def _records(self, ids: Collection[str]) -> list[UploadedFileRec]:
        return self._manager.get_files(self._connection, [*ids]) if self._manager else []


@dataclass(frozen=True)
class _Drop:
    """Files that were dropped together: names by id, and name and reason of those not uploaded."""

    name: str
    files: dict[str, str]
    unsent: list[tuple[str, str]]

    @classmethod
    def of(cls, told: dict[str, Any]) -> _Drop:
        """The drop that the browser reports."""
        unsent = [(str(name), str(reason)) for name, reason in told["unsent"]]
        return cls(told["name"], dict(told["files"]), unsent)


def drop_zone(session: Session, label: str) -> None:
    """Draw a zone for logs, lookups and folders; files may also be dropped elsewhere on the page.

    Call it exactly once in each run.
    """
    st.file_uploader(
        label,
        accept_multiple_files=True,
        key=_zone(session.drops),
        help="Flow logs from AWS or other tools: text, CSV, JSON or Parquet, compressed or not. "
        "A lookup: a CSV with the columns dstport, protocol and tag. Files are recognized by their "
        "content. You can also drop a whole folder.",
    )
    component("drops")(key="drops", data=_answer(session), on_sent_change=lambda: None)


def page_zone(session: Session) -> None:
    """Draw the drop zone of a page with files, which appears while files are dragged over it."""
    with st.container(key="page_zone"):
        drop_zone(session, "Drop logs, a lookup or a folder anywhere")


def _answer(session: Session) -> dict[str, Any]:
    """The data for the browser: the state of its drops, and what it needs to upload more."""
    uploads, drops = _Uploads(), _sent()
    left = [drop for drop in drops if drop.name not in session.taken]
    return {
        "address": uploads.address,
        "megabytes": st.get_option("server.maxUploadSize"),
        "turn": _told().get("turn"),
        "taken": [drop.name for drop in drops if drop.name in session.taken],
        "missing": [drop.name for drop in left if not uploads.have(drop.files)],
    }


def _told() -> dict[str, Any]:
    return (st.session_state.get("drops") or {}).get("sent") or {}


def _sent() -> list[_Drop]:
    return [_Drop.of(told) for told in _told().get("batches", [])]


def custom_format(session: Session) -> None:
    """Draw a field for the layout of logs without a header that are not in the default format."""
    # After a reload the field is new, and the format may come from the command line.
    st.session_state["format"] = session.format.text
    with st.expander("Custom format"):
        st.text_input(
            "Fields of logs without a header, in order",
            key="format",
            placeholder="${version} ${srcaddr} ${dstport} ...",
            max_chars=4_000,
            on_change=partial(_take_format, session),
            help="The format as AWS shows it, or just the field names. It applies to files added from "
            "now on. A log with a header does not need it.",
        )
        if session.format.wrong:
            st.error(literal(session.format.wrong))
        elif layout := session.format.layout:
            st.caption(literal(log_notes.format_in_use(layout)))


def internal_ranges(session: Session) -> None:
    """Draw a field for the user's own address ranges inside the network."""
    st.session_state["internal"] = session.internal.text
    with st.expander("Internal ranges"):
        st.text_input(
            "Public address ranges of your own network",
            key="internal",
            placeholder="203.0.113.0/24, 2001:db8::/32",
            max_chars=20_000,
            on_change=lambda: session.use_internal(st.session_state["internal"]),
            help="Private addresses, such as 10.0.0.0/8, always count as inside your network. Add public "
            "ranges of your own, so that flowtag can tell which flows are internal, inbound or outbound. "
            "A change counts the logs again.",
        )
        if session.internal.wrong:
            st.error(literal(session.internal.wrong))
        elif ranges := session.internal.inside.ranges:
            st.caption(literal(log_notes.ranges_in_use(ranges)))


def _take_format(session: Session) -> None:
    session.use_format(st.session_state["format"])


def take_dropped(session: Session) -> None:
    """Start reading the files dropped since the last run. Call it before the zone is drawn."""
    uploads = _Uploads()
    there = {drop.name: drop for drop in _sent() if uploads.have(drop.files)}
    claimed = session.claim(there)
    drops = [drop for name, drop in there.items() if name in claimed]
    arrivals = [
        _arrival(upload, drop.files[upload.file_id])
        for drop in drops
        for upload in uploads.take(drop.files)
    ]
    if arrivals:
        session.take(arrivals)
    unsent = [file for drop in drops for file in drop.unsent]
    session.messages.unsent.extend(_unsent(_name(name), reason) for name, reason in unsent)
    _take_from_zones(session, uploads)


def _unsent(name: str, reason: str) -> str:
    if reason == "large":
        limit = f"{st.get_option('server.maxUploadSize'):,} MB"
        reason = f"it is larger than {limit}. Start the page with it instead: {USAGE}"
        return f"{name}: was not uploaded because {reason}"
    return f"{name}: was not uploaded because the browser could not read it."


def _take_from_zones(session: Session, uploads: _Uploads) -> None:
    """Take the files from Streamlit's own zone, which gets them if our script does not run.

    The next zone is a new, empty one: as long as a zone holds files, Streamlit copies all of their
    bytes at every click. Files that came in the meantime are still in the previous zone.
    """
    zones = (_zone(session.drops - 1), _zone(session.drops))
    dropped = [upload for zone in zones for upload in st.session_state.get(zone) or []]
    new = session.claim(upload.file_id for upload in dropped)
    if not new:
        return
    session.drops += 1
    for upload in dropped:
        uploads.forget(upload.file_id)
    session.take(_arrival(upload, upload.name) for upload in dropped if upload.file_id in new)


def _arrival(upload: UploadedFile, name: str) -> Arrival:
    """Return the arrival of an upload; only the arrival holds its bytes, until it forgets them."""
    name = _name(name)
    return Arrival(name, log_of(upload, name).places, forget=upload.close)


def _zone(drops: int) -> str:
    return f"logs_and_lookup_{drops}"


def _name(name: str) -> str:
    """Return the name of a dropped file as text to show, never as a path."""
    return PurePosixPath(name.replace("\\", "/")).name.strip() or "file"
