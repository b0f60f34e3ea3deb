"""The chart of a report over time, in which long gaps are shortened, and the heading above it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from flowtag_core.counts import Ints
from flowtag_core.showing import times
from flowtag_core.showing.charts import FONT, QUIET, Layers
from flowtag_core.showing.legend import Legend
from flowtag_core.showing.words import measured, number, short, unicode
from flowtag_core.tagging.course import Course, stacked
from flowtag_core.tagging.report import Report, Time

MOST_SLOTS: Final = 480
"""The most slots on an axis. If there were more, each would be narrower than a pixel on a phone."""
FEWEST_SLOTS: Final = 12
"""An axis with fewer slots gets empty space at both ends, so that its bars are not too wide."""
_SHORT_GAP: Final = 6
"""A gap of at most this many windows is shortened only if there would be too many slots."""
_CUT_GAP: Final = 3
"""The number of slots to which a gap is shortened."""
_TOUCHED: Final = 0.1
"""The fraction of a slot that a drag must cover to select it, because drags are imprecise."""
_FEWEST_BARS: Final = 8
"""With fewer bars than this, there is no way to tell which ones are ordinary."""
_PEAK: Final = 3
"""A peak is more than this many times as tall as the tallest ordinary bar."""
_COUNTS: Final = "datum.value % 1 ? '' : datum.value ? format(datum.value, '~s') : '0'"
_HEIGHT: Final = 112
_NAME: Final = "timeline"
"""Without a name, Altair makes one from the data, and the chart would be another one for other data."""
_BELOW: Final = 7
_A_LETTER: Final = 6.0
"""The width in pixels of a character in a label."""
_BETWEEN_LABELS: Final = 6
_MOST_TICKS: Final = 8
_APART: Final = 14
"""Labels are at least the axis length divided by this number apart."""
_FADED: Final = 0.3
_LONGEST_NAME: Final = 22
_TICKS: Final = (
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)),
    *(times.DAY * days for days in (1, 2, 7, 14, 28, 56, 112, 224, 365, 730, 3650)),
)
"""The possible intervals between two labels of the axis, in seconds."""
_GRID: Final = {"light": "#e8edef", "dark": "#202b30", "report": "var(--grid)"}


class Axis(NamedTuple):
    """The slots of the time axis, from left to right: windows with flows, and the gaps between them.

    Places on the axis are counted from `base`, so that a slot keeps its place as long as time goes on and the gaps
    after it stay as they are: then the browser need not draw the chart anew, and a mark in it stays on its time. `start` has the start of each slot in seconds since 1970. All slots are `width` minutes wide. Long gaps
    are shortened to a few slots. `cuts` has a row for each of these gaps: its first slot, and the slot
    after its last one, which has flows again.
    """

    start: Ints
    width: int
    cuts: Ints

    def time(self, left: float, right: float) -> Time | None:
        """Return the time of the slots between two places on the axis, including partly covered slots.

        Returns None if no slot is covered, or if all time is in one window. If one end is inside a shortened
        gap, it moves to where the flows stop or start again, because the gap is not drawn to scale. If both
        ends are inside the same gap, the time is the whole gap.
        """
        first = max(int(np.floor(left - self.base + _TOUCHED)), 0)
        behind = min(int(np.ceil(right - self.base - _TOUCHED)), len(self.start))
        if first >= behind or not self.width:
            return None
        for opens, ends in self.cuts.tolist():
            if opens <= first and behind <= ends:
                return int(self.start[opens]), int(self.start[ends])
            if opens <= first < ends:
                first = ends
            if opens < behind <= ends:
                behind = opens
        return int(self.start[first]), int(self.start[behind - 1]) + self.width * 60

    def places(self, time: Time) -> tuple[int, int] | None:
        """Return the places on the axis where a time starts and ends, or None if it is outside."""
        left, right = np.searchsorted(self.start, time).tolist()
        return (self.base + left, self.base + right) if left < right else None

    @property
    def base(self) -> int:
        """The place of the first slot. The last slot's is the number of its window since 1970."""
        if not self.width:
            return 0
        return int(self.start[-1]) // (self.width * 60) - len(self.start) + 1

    def is_like(self, other: Axis) -> bool:
        """Whether all slots that both axes have are at the same places, so that one chart can show both."""
        if self.width != other.width:
            return False
        _, mine, theirs = np.intersect1d(self.start, other.start, return_indices=True)
        return bool(len(mine)) and np.array_equal(self.base + mine, other.base + theirs)

    @property
    def gaps(self) -> list[int]:
        """The true length of each shortened gap, in seconds."""
        opens, ends = self.cuts.T
        lengths: list[int] = (self.start[ends] - self.start[opens - 1] - self.width * 60).tolist()
        return lengths


def axis_of(course: Course) -> Axis:
    """Return the axis for the windows of a course, which must have at least one."""
    seconds, windows = course.width * 60, len(course.start)
    empty = np.diff(course.start) // max(seconds, 1) - 1
    limits = range(max(_SHORT_GAP, windows // 8), 0, -1)
    room = MOST_SLOTS - windows
    longest = next((limit for limit in limits if _kept(empty, limit).sum() <= room), 0)
    kept = _kept(empty, longest)
    slots = 1 + np.append(kept, 0)
    before = np.cumsum(slots) - slots
    within = np.arange(slots.sum()) - np.repeat(before, slots)
    start: Ints = np.repeat(course.start, slots) + seconds * within
    ends = before[1:][empty > longest]
    return Axis(start, course.width, np.column_stack([ends - kept[empty > longest], ends]))


def _kept(empty: Ints, longest: int) -> Ints:
    """Return how many slots each gap of `empty` windows gets if those over `longest` are shortened."""
    return np.where(empty > longest, min(_CUT_GAP, longest), empty)


def ceiling_of(course: Course) -> int | None:
    """Return the top of a scale that caps peaks, or None if no peak flattens the ordinary bars.

    Up to one bar in 50 may be a peak. If there are fewer than 100 bars, one may be.
    """
    heights = np.sort(np.bincount(course.window, course.count, len(course.start)))
    if len(heights) < _FEWEST_BARS:
        return None
    ordinary = int(heights[-1 - max(1, len(heights) // 50)])
    if not 0 < ordinary * _PEAK < heights[-1]:
        return None
    above = ordinary + ordinary // 10 + 1
    digits: int = 10 ** max(len(str(above)) - 2, 0)
    return -(-above // digits) * digits


def heading(report: Report, legend: Legend, quiet: str) -> str:
    """Return the row above the chart as HTML: its name, the tags with their colors, and a muted note."""
    keys = "".join(
        f'<span title="{html.escape(unicode(name))}"><i style="background:{colour}"></i>'
        f"{html.escape(short(unicode(name), _LONGEST_NAME))}</span>"
        for name, colour in zip(legend.names, legend.colours, strict=True)
    )
    return (
        f'<div class="tlhead"><h2>{report.measure.capitalize()} over time</h2>'
        f'<div class="leg">{keys}</div><span class="quiet">{html.escape(quiet)}</span></div>'
    )


def quiet_line(
    course: Course, measure: str, axis: Axis | None, zone: tzinfo = UTC, ceiling: int | None = None
) -> str:
    """Return a note on the bars and on what is left out: `1-minute bars \u00b7 UTC`."""
    return " \u00b7 ".join(_pieces(course, measure, axis, zone, ceiling))


def _pieces(
    course: Course, measure: str, axis: Axis | None, zone: tzinfo, ceiling: int | None
) -> Iterable[str]:
    if axis is None:
        if not course.unknown:
            yield f"No {measure}"
    elif not axis.width:
        yield "The times are too far apart to show separately"
    else:
        yield times.bars(axis.width)
    if axis and (gaps := axis.gaps):
        longest = times.length(max(gaps))
        several = f"{number(len(gaps), 'quiet gap')} shortened, the longest {longest}"
        yield several if len(gaps) > 1 else f"a quiet gap of {longest} shortened"
    if ceiling:
        yield f"peaks capped at {ceiling:,}"
    if course.unknown:
        have = "has" if course.unknown == 1 else "have"
        are = "is" if course.unknown == 1 else "are"
        yield f"{measured(course.unknown, measure)} {have} no known time and {are} not shown"
    if axis and axis.width:
        yield times.zone_name(zone, times.extent(course))


def chart(
    course: Course,
    report: Report,
    legend: Legend,
    axis: Axis,
    mark: tuple[int, int] | None = None,
    *,
    theme: str = "light",
    zone: tzinfo = UTC,
    ceiling: int | None = None,
    room: int = 1000,
) -> Layers:
    """Return a bar chart of the windows, stacked by tag, with Untagged at the bottom.

    The user can drag over the chart. The selection `brush` then contains two places on the axis, under the
    name `slot`. It starts as the `mark`. Bars above the `ceiling` are capped there and marked. The chart is
    about `room` pixels wide. Only its data depend on the windows, so a browser draws later windows in the same chart.
    """
    brush = alt.selection_interval(
        name="brush", encodings=["x"], value={"x": [*mark]} if mark else alt.Undefined
    )
    is_chosen = (
        f"!isValid(brush.slot) || (datum.end - {_TOUCHED} > brush.slot[0]"
        f" && datum.slot + {_TOUCHED} < brush.slot[1])"
    )
    rows = _frame(course, report, legend, axis, zone)
    when = alt.Tooltip("time:N", title=f"Time, {times.zone_name(zone, times.extent(course))}")
    measure = report.measure.capitalize()
    bars = (
        alt.Chart(rows)
        .mark_bar(orient="vertical", binSpacing=0, clip=True)
        .encode(
            alt.X("slot:Q", axis=None, scale=alt.Scale(nice=False, zero=False)),
            alt.X2("end:Q"),
            alt.Y(
                "count:Q",
                stack=True,
                scale=alt.Scale(domain=[0, ceiling], nice=False) if ceiling else alt.Undefined,
                axis=alt.Axis(title=None, tickCount=4, tickMinStep=1, labelExpr=_COUNTS),
            ),
            alt.Color("colour:N", scale=None),
            alt.Order("order:Q"),
            opacity=alt.condition(is_chosen, alt.Opacity("shade:Q", scale=None), alt.value(_FADED)),
            description=alt.Description("spoken:N"),
            tooltip=[
                when,
                alt.Tooltip("name:N", title="Tag"),
                alt.Tooltip("number:N", title=measure),
            ],
        )
        .add_params(brush)
        .properties(name=_NAME)
    )
    cuts = (
        alt.Chart(pd.DataFrame({"slot": axis.base + axis.cuts.mean(axis=1)}, dtype=float))
        .mark_rule(strokeDash=[2, 3], opacity=0.7, aria=False)
        .encode(alt.X("slot:Q"))
    )
    layers = [bars, cuts, _ends(axis), _labels(axis, zone, theme, room)]
    if ceiling:
        layers.append(_peaks(rows, ceiling, when, measure, theme))
    return Layers(layer=layers, height=_HEIGHT, config=_quiet(theme))


def _peaks(
    rows: pd.DataFrame, ceiling: int, when: alt.Tooltip, measure: str, theme: str
) -> alt.Chart:
    """Return a mark above each capped bar, with the full number in its tooltip."""
    bars = rows.groupby("slot", as_index=False).agg({"time": "first", "count": "sum"})
    peaks = bars[bars["count"] > ceiling]
    frame = pd.DataFrame(
        {
            "slot": peaks["slot"] + 0.5,
            "time": peaks["time"],
            "number": [f"{count:,}" for count in peaks["count"]],
        }
    )
    marks: alt.Chart = (
        alt.Chart(frame)
        .mark_point(
            shape="triangle-up", size=44, filled=True, opacity=1, color=QUIET[theme], aria=False
        )
        .encode(
            alt.X("slot:Q"),
            y=alt.value(-6),
            tooltip=[when, alt.Tooltip("number:N", title=f"{measure} in total")],
        )
    )
    return marks


def _quiet(theme: str) -> alt.Config:
    """Return a chart configuration with muted axes."""
    axis = alt.AxisConfig(
        labelFont=FONT,
        labelFontSize=11,
        labelColor=QUIET[theme],
        labelPadding=6,
        gridColor=_GRID[theme],
        domain=False,
        ticks=False,
    )
    rule = alt.MarkConfig(color=QUIET[theme])
    return alt.Config(view=alt.ViewConfig(stroke=None), rule=rule, axis=axis)


def _ends(axis: Axis) -> alt.Chart:
    """Return invisible marks where the axis begins and ends."""
    spare = max(FEWEST_SLOTS - len(axis.start), 0) / 2
    ends = [axis.base - spare, axis.base + len(axis.start) + spare]
    marks: alt.Chart = (
        alt.Chart(pd.DataFrame({"slot": ends}))
        .mark_point(opacity=0, aria=False)
        .encode(alt.X("slot:Q"), y=alt.value(alt.expr("height")))
    )
    return marks


def _labels(axis: Axis, zone: tzinfo, theme: str, room: int) -> alt.Chart:
    """Return the labels of the time axis, as marks: Vega does not know about the gaps or the time zone."""
    labels = labels_of(axis, zone) if axis.width else {}
    frame = pd.DataFrame(_fitting(labels, axis, room), columns=["slot", "label", "align"])
    marks: alt.Chart = (
        alt.Chart(frame)
        .mark_text(
            align=alt.expr("datum.align"),
            baseline="top",
            font=FONT,
            fontSize=11,
            color=QUIET[theme],
            aria=False,
        )
        .encode(
            alt.X("slot:Q"),
            alt.Text("label:N"),
            y=alt.value(alt.expr(f"height + {_BELOW}")),
        )
    )
    return marks


def _fitting(
    labels: Mapping[float, str], axis: Axis, room: int
) -> Iterator[tuple[float, str, str]]:
    """Yield the labels that do not overlap on an axis so many pixels wide, each with its place and alignment.

    One at an end of the axis is aligned with it.
    """
    slots = max(len(axis.start), FEWEST_SLOTS)
    spare = (slots - len(axis.start)) / 2
    behind = 0.0
    for place, label in labels.items():
        at, width = (place + spare) * room / slots, _A_LETTER * len(label)
        align = "left" if at < width / 2 else "right" if at > room - width / 2 else "center"
        left = at - {"left": 0, "center": width / 2, "right": width}[align]
        if left >= behind:
            behind = left + width + _BETWEEN_LABELS
            yield axis.base + place, label, align


def _frame(
    course: Course, report: Report, legend: Legend, axis: Axis, zone: tzinfo
) -> pd.DataFrame:
    """Return a row for each window and each name in the legend that has flows in it."""
    sums = stacked(course, legend.place[report.tag], len(legend.names))
    layer, window = np.nonzero(sums)
    slot = axis.base + np.searchsorted(axis.start, course.start)[window]
    count = sums[layer, window]
    numbers = [f"{number:,}" for number in count.tolist()]
    names = [legend.names[place] for place in layer]
    spans = [
        times.span((start, start + course.width * 60), zone) if course.width else ""
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


def labels_of(axis: Axis, zone: tzinfo = UTC) -> dict[float, str]:
    """Return places on the axis and their labels: days at midnight, clock times in between."""
    behind_cuts = axis.cuts[:_MOST_TICKS, 1].tolist()
    marks = [(float(slot), int(axis.start[slot])) for slot in behind_cuts]
    apart = max(len(axis.start), FEWEST_SLOTS) / _APART
    chosen: dict[float, int] = {}
    for place, moment in [*marks, *_ticks(axis, zone)]:
        if all(abs(place - other) >= apart for other in chosen):
            chosen[place] = moment
    before, labels = None, {}
    for place, moment in sorted(chosen.items()):
        now = times.at(moment, zone)
        labels[place] = _label(moment, zone, before, has_clock=axis.width * 60 < times.DAY)
        before = now
    return labels


def _label(moment: int, zone: tzinfo, before: datetime | None, has_clock: bool) -> str:
    """Return the day if it is not that of the label `before`, and the clock time unless it is midnight."""
    now = times.at(moment, zone)
    is_midnight = now.hour == now.minute == 0
    day = times.day if before is None or now.year != before.year else times.day_of_year
    words = [] if before and before.date() == now.date() else [day(moment, zone)]
    if not words or (has_clock and not is_midnight):
        words.append(times.clock(moment, zone))
    return " ".join(words)


def _ticks(axis: Axis, zone: tzinfo) -> list[tuple[float, int]]:
    """Return the places of round clock times in the zone, each with its moment in seconds since 1970."""
    seconds = axis.width * 60
    is_drawn = np.ones(len(axis.start), bool)
    for opens, ends in axis.cuts.tolist():
        is_drawn[opens:ends] = False
    clocks = axis.start + [times.offset(start, zone) for start in axis.start.tolist()]
    for step in (step for step in _TICKS if step >= seconds):
        ahead = -clocks % step
        slots = np.flatnonzero(is_drawn & (ahead < seconds))
        if 0 < len(slots) <= _MOST_TICKS:
            moments = [
                _as_said(int(axis.start[slot]), int(ahead[slot]), zone) for slot in slots.tolist()
            ]
            return [
                (round(slot + (moment - int(axis.start[slot])) / seconds, 3), moment)
                for slot, moment in zip(slots.tolist(), moments, strict=True)
            ]
    return [(0.0, int(axis.start[0]))]


def _as_said(start: int, ahead: int, zone: tzinfo) -> int:
    """Return when local clocks show `ahead` seconds more than at the start, even if the offset changes."""
    return start + ahead + times.offset(start, zone) - times.offset(start + ahead, zone)
