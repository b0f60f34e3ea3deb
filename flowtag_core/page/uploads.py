"""The drop zone: files that were let go of in the browser -> arrivals."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import PurePosixPath
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from flowtag_core.page.intake import Arrival
from flowtag_core.page.session import Session


def drop_zone(session: Session, label: str) -> None:
    """A zone for logs and lookups, several at once or a whole folder."""
    st.file_uploader(
        label,
        accept_multiple_files=True,
        key=_zone(session.drops),
        help="Flow logs as text or gzip; a lookup with the columns dstport, protocol and tag. "
        "Files are told apart by what is in them. A whole folder may be dropped.",
    )


def take_dropped(session: Session) -> None:
    """Have the files read that were dropped since the last run.

    To be called before the zone is drawn, which then is another one, empty: as long as a zone holds
    files, Streamlit copies all of their bytes at every click. What was dropped while that was under
    way is still in the zone before.
    """
    zones = (_zone(session.drops - 1), _zone(session.drops))
    dropped = [upload for zone in zones for upload in st.session_state.get(zone) or []]
    uploads = [upload for upload in dropped if upload.file_id not in session.taken]
    if uploads:
        session.taken |= {upload.file_id for upload in uploads}
        session.drops += 1
        session.take(map(_arrival, uploads))


def _zone(drops: int) -> str:
    return f"logs_and_lookup_{drops}"


def _arrival(upload: UploadedFile) -> Arrival:
    """The upload, which nobody but the arrival then holds: once it is read its bytes are free."""
    context = get_script_run_ctx()
    if context is not None:
        uploads: Any = context.uploaded_file_mgr  # its declared protocol lacks what it can do
        uploads.remove_file(context.session_id, upload.file_id)
    return Arrival(_name(upload.name), lambda: nullcontext(upload), upload.size)


def _name(name: str) -> str:
    """What a dropped file is called: a text to show, never a path."""
    return PurePosixPath(name.replace("\\", "/")).name.strip() or "file"
