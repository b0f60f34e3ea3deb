"""The course of a report over time: how much began in which window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import UNKNOWN_TIME, Ints, sum_of
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
    keys = keys_of(report.port, report.protocol)
    tables = [table for table in selection.tables if len(table)]
    key = _joined([keys_of(table.port, table.protocol) for table in tables], np.int32)
    seconds = _joined([table.window for table in tables])
    values = _joined([values_of(table, report.measure) for table in tables])
    is_known = seconds != UNKNOWN_TIME
    width = selection.width
    known = seconds[is_known]
    start, window = np.unique(
        known - known % (width * 60) if width else known * 0, return_inverse=True
    )
    pair = np.searchsorted(keys, key[is_known])
    unknown = sum_of(values[~is_known])
    return Course(
        start,
        width,
        pair.astype(np.int32),
        window.astype(np.int32),
        values[is_known],
        unknown,
    )


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


def _joined(columns: list[NDArray[Any]], kind: type = np.int64) -> NDArray[Any]:
    return np.concatenate([np.empty(0, kind), *columns])
