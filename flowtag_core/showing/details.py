"""The details of one port and protocol in a view."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import altair as alt
import numpy as np
import pandas as pd

from flowtag_core.counts import Ints
from flowtag_core.showing import lookup_notes
from flowtag_core.showing.charts import FONT, QUIET
from flowtag_core.showing.view import View
from flowtag_core.showing.words import measured, pair_name, short
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import Numbers, Report, Time, places_in, sums_at


@dataclass(frozen=True)
class Details:
    """The name of a port and protocol, its tag, the rule that gives the tag, and its count.

    `share` is its percentage of the whole view, `rejected` the rejected percentage of its count, or None if
    unknown. `seen` reaches from the start of its first window to the end of its last, or is None if no time
    is known. `course` has its count in each window in which the view has flows.
    """

    name: str
    tag: str
    rule: str
    count: int
    share: float
    rejected: float | None
    seen: Time | None
    course: Ints


def details(view: View, port: int, protocol: int) -> Details | None:
    """Return the details of a port and protocol, or None if no flow in the view has them."""
    report, course = view.report, view.course
    place = _place(report, port, protocol)
    if place < 0:
        return None
    count = int(report.count[place])
    rows = course.pair == place
    counts = sums_at((len(course.start),), course.window[rows], course.count[rows])
    rejected = None
    if view.rejected is not None:
        rejected = 100 * _rejected(view.rejected, port, protocol) / max(count, 1)
    return Details(
        pair_name(port, protocol),
        report.tags[report.tag[place]],
        lookup_notes.rule_of(view.lookup, port, protocol),
        count,
        100 * count / max(report.total, 1),
        rejected,
        _seen(course, course.window[rows]),
        counts,
    )


def _place(report: Report, port: int, protocol: int) -> int:
    """Return the row of a port and protocol in a report, or -1 if there is none."""
    found = places_in(report, np.array([port], np.int32), np.array([protocol], np.int32))
    return int(found[0])


def _rejected(rejected: Report, port: int, protocol: int) -> int:
    place = _place(rejected, port, protocol)
    return int(rejected.count[place]) if place >= 0 else 0


def _seen(course: Course, windows: Numbers) -> Time | None:
    if not len(windows) or not course.width:
        return None
    first, last = course.start[[windows.min(), windows.max()]].tolist()
    return first, last + 60 * course.width


def facts(found: Details, measure: str, seen: str) -> str:
    """Return the details as the items of an HTML description list. `seen` is the time in words."""
    return "".join(
        f"<div><dt>{term}</dt><dd>{escape(said)}</dd></div>"
        for term, said in _facts(found, measure, seen)
    )


def _facts(found: Details, measure: str, seen: str) -> Iterator[tuple[str, str]]:
    yield "Rule", found.rule
    yield measure.capitalize(), f"{measured(found.count, measure)}, {found.share:.1f}% of the view"
    if found.rejected is not None:
        yield "Rejected", f"{found.rejected:.1f}%"
    if seen:
        yield "Seen between", seen


def title(found: Details, colour: str) -> str:
    """Return `443/tcp` followed by its tag, as HTML."""
    return (
        f'<h3 class="mono">{escape(found.name)}</h3>'
        f'<span class="pill"><i style="background:{colour}"></i>{escape(short(found.tag, 40))}</span>'
    )


def chart(found: Details, colour: str, theme: str, measure: str) -> alt.Chart:
    """Return a bar chart of the count per window, without windows in which the view has no flows."""
    frame = pd.DataFrame({"place": np.arange(len(found.course)), "count": found.course})
    axis = alt.Axis(
        title=None,
        tickCount=3,
        tickMinStep=1,
        format="~s",
        domain=False,
        ticks=False,
        labelFont=FONT,
        labelColor=QUIET[theme],
    )
    drawn: alt.Chart = (
        alt.Chart(frame, height=110)
        .mark_bar(color=colour, binSpacing=0)
        .encode(
            alt.X("place:O", axis=None, scale=alt.Scale(paddingInner=0.1)),
            alt.Y("count:Q", axis=axis),
            tooltip=[alt.Tooltip("count:Q", format=",", title=measure.capitalize())],
        )
        .configure_view(stroke=None)
    )
    return drawn
