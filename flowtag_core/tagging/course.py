"""The course of a report over time: how much began in which window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import UNKNOWN_TIME, Ints, Table, sum_of
from flowtag_core.tagging.report import (
    Measure,
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
    """When the flows of each port and protocol of a report began.

    `start` has the windows that occur, in seconds since 1970, each `width` minutes wide (0: one
    window for all time). The other columns have a row for each pair and window with flows: the
    place in the report, the place in `start`, the sum of the measure. `unknown` is the sum of the
    flows whose time is unknown; they are in no row.
    """

    start: Ints
    width: int
    pair: Numbers
    window: Numbers
    count: Ints
    unknown: int


def over_time(selection: Selection, report: Report) -> Course:
    """When the flows of a report began that was made of this selection."""
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
    """The course of a report that was made of this selection, by another measure."""
    seconds = _joined(selection, lambda table: table.window)
    count, unknown = _sums(selection, measure, seconds != UNKNOWN_TIME)
    return replace(course, count=count, unknown=unknown)


def _sums(selection: Selection, measure: Measure, is_known: NDArray[np.bool_]) -> tuple[Ints, int]:
    """The measure of each row whose time is known, and the sum of the others'."""
    values = _joined(selection, lambda table: values_of(table, measure))
    return values[is_known], sum_of(values[~is_known])


def outward(time: Time, width: int) -> Time | None:
    """The shortest time that holds this one and begins and ends with windows of so many minutes.

    None where the width is 0: one window holds all time, and no part of it can be told apart.
    """
    if not width:
        return None
    first, behind = time
    return first - first % (width * 60), behind + -behind % (width * 60)


def stacked(course: Course, layer: Numbers, layers: int) -> Ints:
    """Sums by layer and window: a row for each layer, a column for each window.

    `layer` has the number of the layer for each port and protocol of the report.
    """
    shape = layers, len(course.start)
    return sums_at(shape, (layer[course.pair], course.window), course.count)


def _joined(selection: Selection, column: Callable[[Table], NDArray[Any]]) -> NDArray[Any]:
    """A column of both tables of a selection."""
    return np.concatenate([column(table) for table in selection.tables])
