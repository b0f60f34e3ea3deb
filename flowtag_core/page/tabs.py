"""The session of each browser tab: kept over a reload, dropped after the tab is closed."""

from __future__ import annotations

import ctypes
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import streamlit as st
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from flowtag_core.page.component import component
from flowtag_core.page.session import Session
from flowtag_core.sources.pieces import READ_SIZE

_LOOKED_AT_EVERY: Final = 0.5
_PAUSED_AFTER: Final = 1.0
"""Seconds after which a closed tab stops reading files, until a reload brings it back."""
_NAME: Final = re.compile("[0-9a-f]{32}")


@dataclass
class _Tab:
    """A session, its connection, the tab's name, a refused name, and when the connection was lost."""

    session: Session
    connection: str
    name: str | None = None
    refused: str | None = None
    left: float | None = None


_TABS: Final[list[_Tab]] = []
_LOCK: Final = threading.Lock()
_WATCHED: Final = threading.Lock()


def session_of_this_tab() -> Session:
    """The session of the tab for which the script runs; a reloaded tab gets its old one back.

    Reruns the script if the tab turns out to have had a session before.
    """
    if "tab" not in st.session_state:
        st.session_state.tab = _Tab(Session(), _connection())
        _TABS.append(st.session_state.tab)
        _watch()
        _return_freed_memory()
    tab: _Tab = st.session_state.tab
    answer = component("tab")(
        key="name_of_tab",
        data={"known": tab.name, "refused": tab.refused},
        on_name_change=lambda: None,
    )
    name = str(answer.get("name"))
    if _NAME.fullmatch(name) and name not in (tab.name, tab.refused):
        st.session_state.tab = _named(tab, name)
        if st.session_state.tab is not tab or tab.refused:
            st.rerun()
    tab.session.intake.resume()
    return tab.session


def _named(tab: _Tab, name: str) -> _Tab:
    """Return the tab with this name: an earlier one whose connection has ended, or this one."""
    with _LOCK:
        before = next((other for other in _TABS if other.name == name), None)
        if before is None:
            tab.name = name
            return tab
        if _is_connected(before):
            tab.refused = name
            return tab
        before.connection, before.left = tab.connection, None
        _TABS.remove(tab)
    tab.session.start_over()
    return before


def _connection() -> str:
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def _is_connected(tab: _Tab) -> bool:
    return not Runtime.exists() or Runtime.instance().is_active_session(tab.connection)


def _watch() -> None:
    """Start watching for closed tabs. Streamlit drops them only when another tab connects."""
    if _WATCHED.acquire(blocking=False):
        threading.Thread(target=_look, name="tabs", daemon=True).start()


def _look() -> None:
    while Runtime.exists():
        time.sleep(_LOOKED_AT_EVERY)
        with _LOCK:
            for tab in _TABS[:]:
                _look_at(tab)
    _WATCHED.release()


def _look_at(tab: _Tab) -> None:
    if _is_connected(tab):
        tab.left = None
        tab.session.intake.resume()
        return
    now = time.monotonic()
    tab.left = now if tab.left is None else tab.left
    if now > tab.left + st.get_option("server.disconnectedSessionTTL"):
        _TABS.remove(tab)
        tab.session.start_over()
        Runtime.instance().uploaded_file_mgr.remove_session_files(tab.connection)
    elif now > tab.left + _PAUSED_AFTER:
        tab.session.intake.pause()


def _return_freed_memory() -> None:
    """Return the memory of freed large arrays to the system at once; glibc would keep some of it.

    The blocks in which logs are read are below the threshold: allocating each anew would take longer
    than counting it. Source: mallopt(3), M_MMAP_THRESHOLD. Other C libraries and Windows do not have it.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(-3, 2 * READ_SIZE)
