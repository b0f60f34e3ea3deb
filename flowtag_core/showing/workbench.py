"""Report -> the list of untagged ports and protocols, each with a suggested tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from flowtag_core.counts import Ints
from flowtag_core.showing.suggestions import suggestion
from flowtag_core.showing.words import pair_name
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.lookup import EXACT, Ports, Rule
from flowtag_core.tagging.report import Numbers, Report, places_in, sums_at

MOST_PAIRS: Final = 200
"""Rows of the workbench: more than anybody names one by one."""
BARS: Final = 24
"""Bars at most in the small picture of a pair's flows over time."""


class UntaggedPair(NamedTuple):
    """An untagged port and protocol number, and the tag that it might get."""

    port: int
    protocol: int
    suggestion: str

    @property
    def numbers(self) -> tuple[int, int]:
        """Port and protocol number."""
        return self.port, self.protocol

    @property
    def label(self) -> str:
        """The text on its button."""
        return f"+ {self.suggestion}"

    def rule(self, tag: str) -> Rule:
        """The rule that gives it the tag."""
        return Rule(Ports(EXACT, self.port, self.port), self.protocol, tag, 0)


def untagged_places(report: Report) -> Ints:
    """The places of the untagged pairs in the report, the most first, at most MOST_PAIRS."""
    places: Ints = np.flatnonzero(report.is_untagged)
    most = (-report.count[places]).argsort(kind="stable")[:MOST_PAIRS]
    return places[most]


def untagged_pairs(report: Report, places: Ints) -> list[UntaggedPair]:
    """The pairs at these places, each with a tag that it might get."""
    pairs = zip(report.port[places].tolist(), report.protocol[places].tolist(), strict=True)
    return [UntaggedPair(port, protocol, suggestion(port, protocol)) for port, protocol in pairs]


def untagged_table(
    report: Report,
    places: Ints,
    pairs: Sequence[UntaggedPair],
    course: Course,
    rejected: Report | None,
) -> pd.DataFrame:
    """Port, Tag as, the measure, Share (percent), Over time (a list), Rejected (percent).

    The last two are there if they are known: `rejected` has what was rejected of the same flows.
    """
    count = report.count[places]
    table = pd.DataFrame(
        {
            "Port": [pair_name(*pair.numbers) for pair in pairs],
            "Tag as": [pair.label for pair in pairs],
            report.measure.capitalize(): count,
            "Share": 100.0 * count / max(report.total, 1),
        }
    )
    if len(course.start) > 1:
        table["Over time"] = list(_bars(course, places, len(report.port)))
    if rejected is not None:
        table["Rejected"] = _percent_of(rejected, report, places)
    return table


def _bars(course: Course, places: Ints, pairs: int) -> Ints:
    """For each of the places the measure in parts of the time, each of as many windows."""
    row_of = np.full(pairs, -1, np.int64)
    row_of[places] = np.arange(len(places))
    row = row_of[course.pair]
    is_wanted = row >= 0
    slot = (course.start - course.start[0]) // (course.width * 60)
    part = slot // -(-(slot[-1] + 1) // BARS)
    where = row[is_wanted], part[course.window[is_wanted]]
    return sums_at((len(places), part[-1] + 1), where, course.count[is_wanted])


def _percent_of(rejected: Report, report: Report, places: Ints) -> Numbers:
    found = places_in(rejected, report.port[places], report.protocol[places])
    count = np.where(found < 0, 0, np.append(rejected.count, 0)[found])
    percent: Numbers = np.rint(100.0 * count / np.maximum(report.count[places], 1)).astype(np.int32)
    return percent
