"""The progress of reading files, with a button to cancel it."""

from __future__ import annotations

import streamlit as st

from flowtag_core.page.session import Session
from flowtag_core.showing.words import literal


def page(session: Session) -> None:
    """Draw the page while the first files are read; an empty dashboard would only be there for a moment."""
    with st.container(key="welcome"):
        st.html("<h1>Reading your files</h1>")
        progress(session)
        st.html(
            "<p>The page opens as soon as they are counted. You can drop more in the meantime.</p>"
        )


@st.fragment(run_every=0.5)
def progress(session: Session) -> None:
    """Draw what is being read, how much is left, and Cancel; redraw the page at the end."""
    standing = session.intake.standing()
    if standing is None:
        st.rerun()
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", key="progress"):
        st.progress(standing.part, literal(str(standing)))
        st.button("Cancel", key="cancel", on_click=session.cancel)
