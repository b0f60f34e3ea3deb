"""The sections on top: progress, messages, offers of other layouts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from flowtag_core.page.in_place import USAGE
from flowtag_core.page.session import Session
from flowtag_core.showing import log_notes, words
from flowtag_core.showing.words import literal

_TYPED: Final = re.compile(rf"({re.escape(USAGE)}|--format|fields @message)")


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
        text = log_notes.effort(session.logs.counts, session.logs.seconds)
        st.caption(literal(text), width="stretch")
        place = st.container(width="content")
        # Behind a second click, for it stands where Cancel has just been.
        with st.popover("Start over", key="ask_start_over"):
            st.caption(
                log_notes.start_over(
                    0 if session.desk.versions.is_saved else session.desk.versions.unsaved
                )
            )
            st.button("Forget all files", key="start_over", on_click=session.start_over)
    return place


def say(box: Callable[[str], Any], sentences: Sequence[str]) -> None:
    """One box with the first of many sentences, and all in a list that folds out."""
    if not sentences:
        return
    box("  \n".join(map(_markdown, words.few(sentences))))
    if len(sentences) > words.FEW:
        with st.expander(f"All {len(sentences):,} messages"), st.container(height=300):
            st.text("\n\n".join(sentences[: log_notes.MOST_MESSAGES]))


def repeated(session: Session) -> None:
    """Show the logs that seem to be there twice, with a button that removes the later ones."""
    names = [name for name in session.messages.repeated if name in session.logs.by_name]
    if not names:
        return
    say(st.info, [session.messages.repeated[name] for name in names])
    label = (
        f"Remove {literal(words.short_path(names[0]))}"
        if len(names) == 1
        else f"Remove these {len(names):,} logs"
    )
    st.button(label, key="repeated", on_click=session.remove_repeated)


def offers(session: Session) -> None:
    """Show what logs would give in a layout that they do not name, with a button to take it."""
    for layout, offered in session.offers_by_layout().items():
        found = {name: offer for each in offered for name, offer in each.offers.items()}
        with st.container(border=True):
            st.markdown(literal(log_notes.offer_of(found)))
            samples = {offer.fields: log_notes.named_words(offer) for offer in found.values()}
            st.code("\n\n".join(samples.values()), language=None, wrap_lines=True)
            with st.container(horizontal=True):
                st.button(
                    "Use this layout",
                    key=f"take {layout}",
                    on_click=session.take_offer,
                    args=[layout],
                )
                st.button(
                    "Leave these lines out",
                    key=f"leave {layout}",
                    on_click=session.decline_offer,
                    args=[layout],
                )


def _markdown(sentence: str) -> str:
    """The sentence unchanged, what is to be typed in it as code, so that it can be copied."""
    parts = _TYPED.split(sentence)
    marked = [f"`{part}`" if _TYPED.fullmatch(part) else literal(part) for part in parts]
    return " ".join(filter(None, marked)).strip()


@st.fragment(run_every=0.5)
def _working(session: Session) -> None:
    standing = session.intake.standing()
    if standing is None:
        st.rerun()
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", key="status"):
        st.progress(standing.part, literal(str(standing)))
        st.button("Cancel", key="cancel", on_click=session.cancel)
