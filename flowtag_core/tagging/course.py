"""A report over time: the flows, packets or bytes of each window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import UNKNOWN_TIME, Ints, Measure, Table, sum_of
from flowtag_core.tagging.report import (
    Numbers,
    Report,
    Selection,
    Time,
    keys_of,
    sums_at,
    values_of,
)


@dataclass(frozen=True)
class Course:
    """The counts of a report by port, protocol and window.

    `start` lists the windows that occur, in seconds since 1970, each `width` minutes wide (0: one
    window for all time). `pair`, `window` and `count` are columns: the index of a port and protocol
    in the report, the index of a window in `start`, and the sum of the measure. Several rows may
    have the same pair and window; they add up. `unknown` is the sum over flows whose time is
    unknown; they are in no row.
    """

    start: Ints
    width: int
    pair: Numbers
    window: Numbers
    count: Ints
    unknown: int


def over_time(selection: Selection, report: Report) -> Course:
    """Return the course of a report over time; `selection` must be the one it was made from."""
    key = _joined(selection, lambda table: keys_of(table.port, table.protocol)).astype(np.int32)
    seconds = _joined(selection, lambda table: table.window)
    is_known = seconds != UNKNOWN_TIME
    width = selection.width
    known = seconds[is_known]
    start, window = np.unique(
        known - known % (width * 60) if width else known * 0, return_inverse=True
    )
    pair = np.searchsorted(keys_of(report.port, report.protocol), key[is_known])
    sums = _sums(selection, report.measure, is_known)
    return Course(start, width, pair.astype(np.int32), window.astype(np.int32), *sums)


def by_measure(course: Course, selection: Selection, measure: Measure) -> Course:
    """Return the course with another measure; `selection` must be the one it was made from."""
    seconds = _joined(selection, lambda table: table.window)
    count, unknown = _sums(selection, measure, seconds != UNKNOWN_TIME)
    return replace(course, count=count, unknown=unknown)


def _sums(selection: Selection, measure: Measure, is_known: NDArray[np.bool_]) -> tuple[Ints, int]:
    """Return the measure of each row with a known time, and the total of the rows without one."""
    values = _joined(selection, lambda table: values_of(table, measure))
    return values[is_known], sum_of(values[~is_known])


def outward(time: Time, width: int) -> Time | None:
    """Extend a time span to whole windows of `width` minutes.

    Returns None if the width is 0: there is one window for all time, which cannot be divided.
    """
    if not width:
        return None
    first, behind = time
    return first - first % (width * 60), behind + -behind % (width * 60)


def stacked(course: Course, layer: Numbers, layers: int) -> Ints:
    """Return sums by layer and window, as a matrix with a row per layer and a column per window.

    `layer` is the index of the layer for each port and protocol of the report.
    """
    shape = layers, len(course.start)
    return sums_at(shape, (layer[course.pair], course.window), course.count)


def _joined(selection: Selection, column: Callable[[Table], NDArray[Any]]) -> NDArray[Any]:
    """Concatenate a column of both tables of a selection."""
    return np.concatenate([column(table) for table in selection.tables])
