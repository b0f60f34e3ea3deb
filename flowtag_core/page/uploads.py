"""The drop zone: files dropped in the browser -> arrivals."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import Any, Final

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from flowtag_core.page.in_place import USAGE
from flowtag_core.page.intake import Arrival
from flowtag_core.page.session import Session
from flowtag_core.showing import log_notes
from flowtag_core.showing.words import literal
from flowtag_core.sources.places import log_of

# What the browser does not send, because it is too large, the server never hears of: the red chip in
# the zone is all there is, and it goes when the zone is drawn anew for the files that were sent. The
# server is told a moment later: a run of the script that begins while the browser asks where the other
# files may be sent makes Streamlit forget the answer, and they would be lost without a word.
_NAMES_OF_UNSENT: Final = """
export default function ({ setTriggerValue }) {
  const untold = (window.flowtagUnsent ??= [])
  let telling
  const tell = () => {
    telling = undefined
    setTriggerValue("files", untold.splice(0))
  }
  const look = () => {
    const chips = document.querySelectorAll('[data-testid="stFileChip"][aria-invalid="true"]')
    for (const chip of [...chips].filter((chip) => !chip.dataset.told)) {
      chip.dataset.told = "yes"
      const zone = chip.closest('[class*="st-key-logs_and_lookup_"]')?.className ?? ""
      untold.push({
        drop: Number(zone.match(/logs_and_lookup_(\\d+)/)?.[1] ?? 0),
        name: chip.querySelector('[data-testid="stFileChipName"]')?.title ?? "",
      })
    }
    if (untold.length) telling ??= setTimeout(tell, 500)
  }
  const watch = new MutationObserver(look)
  watch.observe(document.body, { subtree: true, childList: true, attributes: true })
  look()
  return () => {
    clearTimeout(telling)
    watch.disconnect()
  }
}
"""


def drop_zone(session: Session, label: str) -> None:
    """A zone for logs and lookups, several at once or a whole folder, and a field for a format."""
    st.file_uploader(
        label,
        accept_multiple_files=True,
        key=_zone(session.drops),
        help="Flow logs as AWS or another tool gave them: text, CSV, JSON or Parquet, packed or not. "
        "A lookup with the columns dstport, protocol and tag. Files are told apart by what is in "
        "them. A whole folder may be dropped.",
    )
    watch = st.components.v2.component("flowtag_unsent", js=_NAMES_OF_UNSENT)
    watch(key="unsent", on_files_change=partial(_tell_unsent, session))
    _custom_format(session)


def _custom_format(session: Session) -> None:
    """A field for the layout of logs that have no header and another format than the default."""
    # After a reload the field is a new one, and the format may also have come with the start.
    st.session_state["format"] = session.format.text
    with st.expander("Custom format"):
        st.text_input(
            "Fields of logs without a header, in their order",
            key="format",
            placeholder="${version} ${srcaddr} ${dstport} ...",
            max_chars=4_000,
            on_change=partial(_take_format, session),
            help="As AWS shows the format of a flow log, or the bare names. For files that come from "
            "now on; a log with a header needs none.",
        )
        if session.format.wrong:
            st.error(literal(session.format.wrong))
        elif layout := session.format.layout:
            st.caption(literal(log_notes.format_in_use(layout)))


def _take_format(session: Session) -> None:
    session.use_format(st.session_state["format"])


def _tell_unsent(session: Session) -> None:
    files = st.session_state["unsent"].get("files")
    for file in files if isinstance(files, list) else []:
        sentence = (
            f"{_name(str(file['name']))}: was not sent, since it is larger than "
            f"{st.get_option('server.maxUploadSize'):,} MB. Start the page on it instead: {USAGE}"
        )
        session.messages.unsent.append((int(file["drop"]), sentence))


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
    """The upload, whose bytes only the arrival then holds, until it forgets them."""
    context = get_script_run_ctx()
    if context is not None:
        uploads: Any = context.uploaded_file_mgr  # its declared protocol lacks what it can do
        uploads.remove_file(context.session_id, upload.file_id)
    name = _name(upload.name)
    return Arrival(name, log_of(upload, name).places, forget=upload.close)


def _name(name: str) -> str:
    """The name of a dropped file: a text to show, never a path."""
    return PurePosixPath(name.replace("\\", "/")).name.strip() or "file"
