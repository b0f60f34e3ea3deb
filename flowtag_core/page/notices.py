"""Messages with a button for the remedy, chips for the choices, and quiet notices."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

import streamlit as st

from flowtag_core.page import address, door
from flowtag_core.page.clock import zone
from flowtag_core.page.in_place import USAGE
from flowtag_core.page.session import Session
from flowtag_core.showing import log_notes, lookup_notes, times, words
from flowtag_core.showing.view import View
from flowtag_core.showing.words import literal

_TYPED: Final = re.compile(rf"({re.escape(USAGE)}|--format|--shared|fields @message)")
_CLOSE: Final = ":material/close:"


def messages(session: Session) -> None:
    """Draw the messages on the files added last: unusable files, repeats, offers."""
    with st.container(key="messages"):
        say(st.error, session.messages.refusals)
        say(st.info, session.messages.told)
        if session.messages.refusals or session.messages.told:
            st.button("Dismiss", key="dismiss", type="tertiary", on_click=session.messages.clear)
        repeated(session)
        offers(session)


def chips(session: Session, view: View) -> None:
    """Draw the chosen time and the selected tag, each with an x, and the notices on the right."""
    with st.container(key="chips", horizontal=True, vertical_alignment="center", gap="small"):
        if view.time:
            _chip(times.span_in(view.time, zone()), "clear_time", address.choose_time)
        if view.tag:
            _chip(f"Tag: {words.short(view.tag, 30)}", "clear_tag", address.select_tag)
        if not view.time and not view.tag:
            st.html(f'<span class="quiet">{log_notes.NARROW_DOWN}</span>', width="content")
        _notices(session, view)


def _chip(label: str, key: str, clear: Callable[[None], None]) -> None:
    st.button(literal(label), key=key, icon=_CLOSE, on_click=clear, args=[None])


def _notices(session: Session, view: View) -> None:
    """Draw a short line of caveats on the numbers; a click opens the full sentences."""
    no_lookup = session.desk.given is None
    heads = [*log_notes.heads(view.counts), *lookup_notes.heads(view.lookup)]
    if no_lookup:
        heads.append(lookup_notes.NO_LOOKUP_YET)
    is_shared = door.is_shared()
    if is_shared:
        heads.append(log_notes.SHARED_PAGE)
    if not heads:
        return
    with st.popover(
        literal(words.joined(heads)),
        icon=":material/info:",
        type="tertiary",
        key="notices",
        width="content",
    ):
        say(st.warning, view.cautions)
        if no_lookup:
            st.info(lookup_notes.NO_LOOKUP)
        if is_shared:
            st.info(log_notes.SHARED)


def cautions(session: Session, view: View) -> None:
    """Draw what is wrong with the files or the view, each with a button for the remedy."""
    if not view.report.total:
        with st.container(key="nothing", horizontal=True, vertical_alignment="center"):
            has_flows = view.counts.total.flows
            st.info(log_notes.NOTHING_THERE if has_flows else log_notes.NO_FLOWS)
            filters = view.report.filters
            if view.time or filters.action or filters.boundary:
                st.button("Clear the filters", key="clear_filters", on_click=_clear_filters)
    for name, sentence in islice(log_notes.useless(view.counts), 3):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(literal(sentence))
            if name in session.logs.by_name:
                st.button(
                    f"Remove {literal(words.short_path(name))}",
                    key=f"drop useless {name}",
                    on_click=session.remove_log,
                    args=[name],
                )


def _clear_filters() -> None:
    address.choose_time(None)
    st.session_state["action"] = st.session_state["boundary"] = "all"


def say(box: Callable[[str], Any], sentences: Sequence[str]) -> None:
    """Draw a box with the first few sentences; if there are more, an expander has all of them."""
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
    """Show what logs without a header would contain in another layout, with a button to use it."""
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
                    "Keep as is",
                    key=f"leave {layout}",
                    on_click=session.decline_offer,
                    args=[layout],
                )


def _markdown(sentence: str) -> str:
    """Return the sentence as Markdown; commands in it are code, so that they can be copied."""
    parts = _TYPED.split(sentence)
    marked = [f"`{part}`" if _TYPED.fullmatch(part) else literal(part) for part in parts]
    return " ".join(filter(None, marked)).strip()
