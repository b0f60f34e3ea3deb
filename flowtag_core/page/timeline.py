"""What began when, to drag over: the time that is kept then filters the whole page."""

from __future__ import annotations

from functools import partial

import streamlit as st

from flowtag_core.page import address
from flowtag_core.page.brush import Brush
from flowtag_core.showing import times
from flowtag_core.showing.legend import Legend
from flowtag_core.showing.timeline import axis_of, chart
from flowtag_core.tagging.report import Course, Report, Time


def timeline(
    brush: Brush, course: Course, report: Report, legend: Legend, time: Time | None
) -> None:
    """The flows of a course over time by tag, with the chosen time marked."""
    st.header("Over time")
    st.caption(times.about(course, report.measure))
    if not len(course.start):
        return
    axis = axis_of(course)
    brush.draw(axis, time)
    key = f"timeline_{brush.number}"
    st.altair_chart(
        chart(course, report, legend, axis, brush.first),
        key=key,
        on_select=partial(_dragged, brush, key),
        selection_mode="brush",
        alt=f"{report.measure.capitalize()} over time by tag, bars",
    )


def chosen(time: Time | None) -> None:
    """The chosen time as a button that takes it back."""
    if time:
        st.button(
            f"{times.span(time)} UTC",
            key="clear_time",
            icon=":material/close:",
            on_click=address.choose_time,
            args=[None],
        )


def _dragged(brush: Brush, key: str) -> None:
    address.choose_time(brush.dragged(st.session_state[key]["selection"]["brush"].get("slot")))
