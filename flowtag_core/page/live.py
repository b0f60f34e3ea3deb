"""The page on logs that are followed: the row that says how live it is, and what is new."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import tzinfo
from functools import partial
from typing import Final, cast

import streamlit as st

from flowtag_core.iana import protocol_name
from flowtag_core.page import address
from flowtag_core.page.clock import zone
from flowtag_core.page.component import component
from flowtag_core.page.filters import switch
from flowtag_core.page.following import WINDOWS, Window
from flowtag_core.page.seat import NAME, Seat
from flowtag_core.page.session import Session
from flowtag_core.showing import live_notes, markup
from flowtag_core.showing.view import View
from flowtag_core.showing.words import literal
from flowtag_core.tagging.alerts import Alert

_SHOWN: Final = 4
_CLOSE: Final = ":material/close:"


def take(session: Session) -> None:
    """Take what is new from the follower, unless the tab is paused; for the beginning of each run."""
    seat = session.seat
    if seat is None:
        return
    seat.begin()
    log = seat.log(_window())
    known = session.logs.by_name.get(NAME)
    if known is None or known.counts is not log.counts:
        session.logs = session.logs.plus([log])
    if seat.paused is None:
        session.messages.news(seat.take_messages())
        session.messages.refused.extend(seat.take_error())
        _take_lookup(session, seat)


def identity(session: Session, view: View) -> Hashable:
    """Return a key that is equal for views of the same flows; flows that were followed meanwhile change nothing."""
    return view.identity if session.seat is None else (view.report.measure, view.report.filters)


def _window() -> Window:
    """Return the chosen window, before its control is drawn."""
    told = st.session_state.get("last") or st.query_params.get("last", "").lower()
    return cast("Window", told) if told in WINDOWS else WINDOWS[0]


def _take_lookup(session: Session, seat: Seat) -> None:
    """Use the follower's lookup if it is new, unless the tab has another one than before: that is the user's own."""
    lookup, before = seat.following.lookup, seat.lookup
    if lookup is None or lookup is before:
        return
    seat.lookup = lookup
    is_free = before is None or session.desk.lookup.content == before.content
    if is_free:
        session.desk.take(lookup)
    if before is not None:
        say = live_notes.loaded_again if is_free else live_notes.not_loaded
        session.messages.news([say(lookup)])


def bar(session: Session) -> None:
    """Draw how live the page is, the windows, the pause, and what is new."""
    seat = session.seat
    if seat is None:
        return
    standing = seat.standing
    component("live")(
        key="ticks",
        data={
            "number": standing.number,
            "every": seat.every,
            "on": seat.paused is None,
        },
        on_tick_change=lambda: None,
    )
    with st.container(key="live", horizontal=True, vertical_alignment="center"):
        is_live = seat.paused is None and not standing.error
        said = standing.error or live_notes.standing(
            standing.rate, standing.arrived, standing.lag, zone(), is_behind=standing.is_behind
        )
        st.html(markup.live(said, is_live=is_live), width="stretch")
        switch("Show", [*WINDOWS], key="last", shown=live_notes.WINDOWS.__getitem__)
        if seat.paused is None:
            st.button("Pause", key="pause", icon=":material/pause:", on_click=seat.pause)
        else:
            st.button("Go on", key="go_on", icon=":material/play_arrow:", on_click=seat.go_on)
    _news(session, seat, zone())


def _news(session: Session, seat: Seat, here: tzinfo) -> None:
    """Draw the alerts, each with a button that shows its view and one that dismisses it."""
    if not seat.news:
        return
    with st.container(key="whats_new", border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", key="whats_new_head"):
            st.html(markup.heading("What is new", level=2), width="stretch")
            st.button("Dismiss all", key="dismiss_all", type="tertiary", on_click=seat.dismiss)
        for told in seat.news[:_SHOWN]:
            alert = cast("Alert", told.what)
            with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                st.text(live_notes.alert(alert, here), width="stretch")
                st.button(
                    f"Show {literal(alert.subject)}",
                    key=f"show_news {told.number}",
                    on_click=partial(_show, session, alert),
                )
                st.button(
                    "Dismiss",
                    key=f"remove_news {told.number}",
                    icon=_CLOSE,
                    type="tertiary",
                    on_click=seat.dismiss,
                    args=[told.number],
                )
        if more := live_notes.more(len(seat.news), _SHOWN):
            st.caption(more)


def _show(session: Session, alert: Alert) -> None:
    """Show the view behind an alert: its port or tag, its ten minutes, its boundary and action."""
    address.select_tag(alert.tag if alert.port is None else None)
    st.session_state["search"] = ""
    if alert.port is not None and alert.protocol is not None:
        session.asked, session.who = (alert.port, alert.protocol), None
        st.session_state["search"] = f"{alert.port}/{protocol_name(alert.protocol)}"
    is_outside, is_rejected = alert.kind == "accepted from outside", alert.kind == "more rejected"
    st.session_state["boundary"] = "inbound" if is_outside else "all"
    st.session_state["action"] = "accept" if is_outside else "reject" if is_rejected else "all"
    is_silent = alert.kind == "silent tag"
    address.choose_time(None if is_silent else alert.time)
    if session.seat and st.session_state.get("last") == "hour":
        st.session_state["last"] = session.seat.window_of(alert)


def ended(session: Session) -> None:
    """Note the end of a run: how long it took says how often the script may run again."""
    if session.seat:
        session.seat.end()
