"""What the page has to say: how the reading stands, and sentences in boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from flowtag_core.page.in_place import USAGE
from flowtag_core.page.session import Session
from flowtag_core.showing import notes
from flowtag_core.showing.notes import literal


def status(session: Session) -> DeltaGenerator:
    """Progress with Cancel while files are read, else what was read, with Start over.

    Both are equally high, so that nothing below moves when a count begins or ends. Gives the place
    in the same line for what else holds for the whole page.
    """
    if session.is_busy:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container():
                _working(session)
            return st.container(width="content")
    with st.container(horizontal=True, vertical_alignment="center", key="status"):
        text = notes.effort(session.logs.counts, session.logs.seconds)
        st.caption(literal(text), width="stretch")
        place = st.container(width="content")
        # Behind a second click, for it stands where Cancel has just been.
        with st.popover("Start over", key="ask_start_over"):
            st.caption(
                notes.start_over(0 if session.versions.is_saved else session.versions.unsaved)
            )
            st.button("Forget all files", key="start_over", on_click=session.start_over)
    return place


def say(box: Callable[[str], Any], sentences: Sequence[str]) -> None:
    """One box with the first of many sentences, and all in a list that folds out."""
    if not sentences:
        return
    box("  \n".join(map(_markdown, notes.few(sentences))))
    if len(sentences) > notes.FEW:
        with st.expander(f"All {len(sentences):,} sentences"):
            st.dataframe({"Sentence": sentences}, hide_index=True, alt="All sentences")


def offers(session: Session) -> None:
    """What logs would give in a layout that they do not name, each with a click to take it."""
    for fields, offered in session.offers_by_format().items():
        with st.container(border=True):
            names = [each.again.name for each in offered]
            st.markdown(literal(notes.offer_of(names, [each.offer for each in offered])))
            st.code(f"{fields}\n\n{offered[0].line}", language=None, wrap_lines=True)
            with st.container(horizontal=True):
                st.button(
                    "Read it so" if len(names) == 1 else "Read them so",
                    key=f"take {fields}",
                    type="primary",
                    on_click=session.take_offer,
                    args=[fields],
                )
                st.button(
                    "Leave it",
                    key=f"leave {fields}",
                    on_click=session.decline_offer,
                    args=[fields],
                )


def _markdown(sentence: str) -> str:
    """The sentence unchanged, the command in it as one that can be copied."""
    parts = [literal(part) for part in sentence.split(USAGE)]
    return f" `{USAGE}` ".join(parts).strip()


@st.fragment(run_every=0.5)
def _working(session: Session) -> None:
    standing = session.intake.standing()
    if standing is None:
        st.rerun()
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", key="status"):
        st.progress(standing.part, literal(str(standing)))
        st.button("Cancel", key="cancel", on_click=session.cancel)
