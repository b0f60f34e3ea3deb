"""The section with the timeline: dragging over it filters the whole page."""

from __future__ import annotations

from functools import partial
from typing import Final

import streamlit as st

from flowtag_core.page import address
from flowtag_core.page.brush import Brush
from flowtag_core.showing import times, words
from flowtag_core.showing.legend import Legend
from flowtag_core.showing.timeline import axis_of, chart
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import Report, Time

_BOX: Final = "time_box"
_CLOSE: Final = ":material/close:"


def timeline(
    brush: Brush, course: Course, report: Report, legend: Legend, time: Time | None
) -> None:
    """The flows of a course over time by tag, with the chosen time marked."""
    if not len(course.start):
        st.header("Over time")
        st.caption(times.about(course, report.measure))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Over time", width="stretch")
        _time_box(time, course)
    st.caption(times.about(course, report.measure))
    axis = axis_of(course)
    brush.draw(axis, time, is_there=brush.key in st.session_state)
    st.altair_chart(
        chart(course, report, legend, axis, brush.first),
        key=brush.key,
        on_select=partial(_dragged, brush, brush.key),
        selection_mode="brush",
        alt=f"{report.measure.capitalize()} over time by tag, bars",
    )


def chosen(time: Time | None, tag: str | None) -> None:
    """The chosen time and the selected tag, each as a button that takes it back."""
    with st.container(horizontal=True, gap="small"):
        if time:
            st.button(
                f"{times.span(time)} UTC",
                key="clear_time",
                icon=_CLOSE,
                on_click=address.choose_time,
                args=[None],
            )
        if tag:
            st.button(
                words.literal(words.short(tag, 30)),
                key="clear_tag",
                icon=_CLOSE,
                on_click=address.select_tag,
                args=[None],
            )


def _time_box(time: Time | None, course: Course) -> None:
    """The time as it is in a link, to be typed exactly: the road for those without a mouse."""
    st.session_state[_BOX] = times.to_link(time) if time else ""
    st.text_input(
        "From and until when, in UTC",
        key=_BOX,
        max_chars=60,
        placeholder=times.to_link(times.extent(course)),
        on_change=_typed,
        label_visibility="collapsed",
        width=310,
    )


def _typed() -> None:
    """Take the time that was typed; what is none leaves all as it was."""
    text = st.session_state[_BOX].strip().replace(" ", "T")
    if not text or times.from_link(text):
        address.choose_time(times.from_link(text))


def _dragged(brush: Brush, key: str) -> None:
    address.choose_time(brush.dragged(st.session_state[key]["selection"]["brush"].get("slot")))
