"""The handout of what the page shows."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from flowtag_core.page import who
from flowtag_core.page.clock import zone
from flowtag_core.page.session import Session
from flowtag_core.showing import log_notes
from flowtag_core.showing.handout import Handout
from flowtag_core.showing.view import View


def handout_of(session: Session, view: View) -> Handout:
    """Return the handout of a view, with the search, and with the evidence if its panel is open and done."""
    search = st.session_state.get("search") or ""
    return Handout(
        view,
        datetime.now(UTC),
        search,
        zone(),
        (*log_notes.remarks(view.counts), *log_notes.cautions(view.counts)),
        who.findings(session, view, view.ports(search) if search else None),
    )
