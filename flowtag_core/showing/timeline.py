"""Course -> the chart over time, with an axis that leaves out long gaps."""

from __future__ import annotations

from typing import Final, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from flowtag_core.counts import Ints
from flowtag_core.showing import times
from flowtag_core.showing.legend import Legend
from flowtag_core.showing.words import measured
from flowtag_core.tagging.course import Course, stacked
from flowtag_core.tagging.report import Report, Time

MOST_SLOTS: Final = 480
"""Places on the axis: more would be narrower than a pixel on a phone."""
FEWEST_SLOTS: Final = 12
"""With fewer the bars would be walls: the axis has room at its ends then."""
_TOUCHED: Final = 0.1
"""The part of a slot that must be dragged over for the slot to count: hands and pixels are coarse."""
_COUNTS: Final = "datum.value ? format(datum.value, '~s') : '0'"
_MOST_TICKS: Final = 8
_FADED: Final = 0.3
_DAY: Final = 86_400
_YEAR: Final = 365 * _DAY
_TICKS: Final = (
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)),
    *(_DAY * days for days in (1, 2, 7, 14, 28, 56, 112, 224)),
)
"""Seconds from one label of the axis to the next, if there is a slot for it."""


class Axis(NamedTuple):
    """Slots from left to right: the windows with flows, and between them those without.

    `start` has when each slot begins, in seconds since 1970; all are `width` minutes wide. Where
    they would be too many, long times without flows are cut; the slots at `cuts` follow such a time.
    """

    start: Ints
    width: int
    cuts: Ints

    def time(self, left: float, right: float) -> Time | None:
        """The time of all slots between two places, with those of which only a part is.

        None where that is no slot, and where one window holds all time.
        """
        first = max(int(np.floor(left + _TOUCHED)), 0)
        until = min(int(np.ceil(right - _TOUCHED)), len(self.start)) - 1
        if first > until or not self.width:
            return None
        return int(self.start[first]), int(self.start[until]) + self.width * 60

    def places(self, time: Time) -> tuple[int, int] | None:
        """The places on the axis where a time begins and ends; None if it lies outside."""
        left, right = np.searchsorted(self.start, time).tolist()
        return (left, right) if left < right else None


def axis_of(course: Course) -> Axis:
    """The axis for the windows of a course."""
    seconds = course.width * 60
    empty = np.diff(course.start) // max(seconds, 1) - 1
    room = MOST_SLOTS - len(course.start)
    longest = next(
        (cut for cut in range(MOST_SLOTS, 0, -1) if np.minimum(empty, cut).sum() <= room), 0
    )
    slots = 1 + np.append(np.minimum(empty, longest), 0)[: len(course.start)]
    before = np.cumsum(slots) - slots
    within = np.arange(slots.sum()) - np.repeat(before, slots)
    start: Ints = np.repeat(course.start, slots) + seconds * within
    return Axis(start, course.width, before[1:][empty > longest])


def chart(
    course: Course,
    report: Report,
    legend: Legend,
    axis: Axis,
    chosen: Time | None = None,
) -> alt.LayerChart:
    """A bar for each window, in layers by tag, Untagged at the bottom; to drag over.

    What is dragged over is in the selection `brush`, two places on the axis under the name `slot`;
    it begins with the time that is `chosen`.
    """
    places = axis.places(chosen) if chosen else None
    brush = alt.selection_interval(
        name="brush", encodings=["x"], value={"x": [*places]} if places else alt.Undefined
    )
    is_chosen = (
        f"!isValid(brush.slot) || (datum.end - {_TOUCHED} > brush.slot[0]"
        f" && datum.slot + {_TOUCHED} < brush.slot[1])"
    )
    bars = (
        alt.Chart(_frame(course, report, legend, axis))
        .mark_bar(orient="vertical", binSpacing=0)
        .encode(
            _across(axis),
            alt.X2("end:Q"),
            alt.Y("count:Q", stack=True, axis=alt.Axis(title=None, tickCount=4, labelExpr=_COUNTS)),
            alt.Color("colour:N", scale=None),
            alt.Order("order:Q"),
            opacity=alt.condition(is_chosen, alt.Opacity("shade:Q", scale=None), alt.value(_FADED)),
            description=alt.Description("spoken:N"),
            tooltip=[
                alt.Tooltip("time:N", title="Began (UTC)"),
                alt.Tooltip("name:N", title="Tag"),
                alt.Tooltip("number:N", title=report.measure.capitalize()),
            ],
        )
        .add_params(brush)
    )
    cuts = (
        alt.Chart(pd.DataFrame({"slot": axis.cuts - 0.5}))
        .mark_rule(strokeDash=[2, 3], opacity=0.7, aria=False)
        .encode(alt.X("slot:Q"))
    )
    layers: alt.LayerChart = alt.layer(bars, cuts).configure_view(stroke=None)
    return layers


def _across(axis: Axis) -> alt.X:
    """The slots from left to right, with our own labels: Vega's would be in the browser's zone."""
    spare = max(FEWEST_SLOTS - len(axis.start), 0) / 2
    labels = _labels(axis)
    return alt.X(
        "slot:Q",
        scale=alt.Scale(domain=[-spare, len(axis.start) + spare], nice=False, zero=False),
        axis=alt.Axis(
            title=None,
            values=[place + 0.0 for place in labels],
            labelExpr=f"{ {str(place): label for place, label in labels.items()} }[datum.value]",
            labelOverlap="greedy",
            grid=False,
        ),
    )


def _frame(course: Course, report: Report, legend: Legend, axis: Axis) -> pd.DataFrame:
    """A row for each window and name with flows."""
    sums = stacked(course, legend.place[report.tag], len(legend.names))
    layer, window = np.nonzero(sums)
    slot = np.searchsorted(axis.start, course.start)[window]
    count = sums[layer, window]
    numbers = [f"{number:,}" for number in count.tolist()]
    names = [legend.names[place] for place in layer]
    spans = [
        times.span((start, start + course.width * 60)) if course.width else ""
        for start in course.start.tolist()
    ]
    when = [spans[place] for place in window]
    is_meant = np.full(len(layer), legend.selected is None) | (layer == legend.selected)
    return pd.DataFrame(
        {
            "slot": slot,
            "end": slot + 1,
            "count": count,
            "number": numbers,
            "name": names,
            "colour": [legend.colours[place] for place in layer],
            "order": -layer,
            "time": when,
            "shade": np.where(is_meant, 1, _FADED),
            "spoken": [
                f"{time}: {name} {measured(number, report.measure)}"
                for time, name, number in zip(when, names, count.tolist(), strict=True)
            ],
        }
    )


def _labels(axis: Axis) -> dict[int, str]:
    """Slots on the axis with the time there, in UTC; the day where it is another one than before."""
    steps = (np.flatnonzero(axis.start % step == 0).tolist() for step in _TICKS)
    ticks = next((ticks for ticks in steps if 0 < len(ticks) <= _MOST_TICKS), [0])
    named = times.day if axis.start[-1] - axis.start[0] > _YEAR else times.day_of_year
    labels, before = {}, ""
    for slot in sorted({*ticks, *axis.cuts[:_MOST_TICKS].tolist()}):
        seconds = int(axis.start[slot])
        day, clock = named(seconds), times.clock(seconds)
        same_day = clock if day == before else f"{day} {clock}"
        labels[slot] = day if axis.width >= _DAY // 60 else same_day
        before = day
    return labels
