"""The timeline section: dragging over the timeline filters the whole page."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import tzinfo
from functools import partial
from typing import Final

import streamlit as st

from flowtag_core.page import address, clock
from flowtag_core.page.brush import Brush, Fault
from flowtag_core.showing import times, typed_times
from flowtag_core.showing.legend import Legend
from flowtag_core.showing.timeline import axis_of, ceiling_of, chart, heading, quiet_line
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import Report, Time

_BOX: Final = "time_box"
_CLOCK: Final = ":material/schedule:"
_BOX_WIDTH: Final = 300


def timeline(
    brush: Brush,
    course: Course,
    report: Report,
    legend: Legend,
    time: Time | None,
    theme: str = "light",
    room: int = 1000,
) -> None:
    """Draw the flows of a course over time by tag, with the chosen time marked; the bars have `room` pixels."""
    zone = clock.zone()
    with st.container(border=True, key="timebox", gap="xsmall"):
        row = st.container(horizontal=True, vertical_alignment="top", gap="small", key="tlrow")
        head = row.container(width="stretch")
        if not len(course.start):
            head.html(heading(report, legend, quiet_line(course, report.measure, None)))
            return
        fault = brush.fault if brush.fault and brush.fault.time == time else None
        with row.container(horizontal=True, gap="small", width="content", key="tlctl"):
            ceiling = _ceiling(course)
            clock.zone_switch()
            _time_box(brush, fault, time, course, zone)
        if fault:
            st.html(f'<p class="quiet" role="alert">{html.escape(fault.sentence)}</p>')
        axis = axis_of(course)
        quiet = quiet_line(course, report.measure, axis, zone, ceiling)
        head.html(heading(report, legend, quiet))
        brush.draw(axis, time, is_there=brush.key in st.session_state)
        st.altair_chart(
            chart(
                course,
                report,
                legend,
                axis,
                brush.mark,
                theme=theme,
                zone=zone,
                ceiling=ceiling,
                room=room,
            ),
            width="stretch",
            key=brush.key,
            on_select=partial(_dragged, brush, brush.key),
            selection_mode="brush",
            alt=f"{report.measure.capitalize()} over time by tag, bars",
        )


def _ceiling(course: Course) -> int | None:
    """Draw the switch for capping peaks, if there are any; return the top of the scale if it is on.

    It is off at first: peaks are what people look for, so they are only capped on request.
    """
    ceiling = ceiling_of(course)
    if ceiling is None:
        return None
    return ceiling if st.toggle("Cap peaks", key="cap", bind="query-params") else None


def _time_box(
    brush: Brush, fault: Fault | None, time: Time | None, course: Course, zone: tzinfo
) -> None:
    """Draw a text field for the exact time, which also works without a mouse."""
    # Set in every run: if another run follows at once, the browser never sees what this one sets.
    if fault is None:
        st.session_state[_BOX] = typed_times.written(time, zone) if time else ""
    shown, extent = time or times.main_part(course), times.extent(course)
    st.text_input(
        "Start and end time",
        key=_BOX,
        max_chars=typed_times.LONGEST,
        placeholder=typed_times.example(shown, zone),
        on_change=_typed,
        args=[brush, time, partial(_read, zone, shown, extent)],
        label_visibility="collapsed",
        icon=_CLOCK,
        width=_BOX_WIDTH,
    )


def _read(zone: tzinfo, shown: Time, extent: Time, text: str) -> Time:
    return typed_times.read(text, zone, shown, extent)


def _typed(brush: Brush, before: Time | None, read: Callable[[str], Time]) -> None:
    """Choose the time that was typed; if it is invalid, say so and change nothing."""
    text = st.session_state[_BOX].strip()
    try:
        time = read(text) if text else None
    except typed_times.UnclearTime as unclear:
        brush.fault = Fault(before, str(unclear))
        return
    brush.fault = None
    address.choose_time(time)


def _dragged(brush: Brush, key: str) -> None:
    address.choose_time(brush.dragged(st.session_state[key]["selection"]["brush"].get("slot")))
