"""The points of the small charts that show the measure over time for each tag or port."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import Ints
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import Numbers

Floats = NDArray[np.float64]
MOST_PARTS: Final = 28
"""The most points in a small chart."""


def trends(course: Course, layer: Numbers, layers: int) -> Floats | None:
    """Return the measure of each layer (row) in equal parts of the course (column).

    `layer` has the layer of each row of the report. Rows whose layer is `layers` or higher are left out. The
    course is divided by its windows with flows, not by time, because one stray flow from years ago would
    otherwise flatten the rest. Returns None if there are fewer than two windows.
    """
    windows = len(course.start)
    if windows < 2:
        return None
    of_row = layer[course.pair]
    is_wanted = of_row < layers
    place = of_row[is_wanted].astype(np.int64) * windows + course.window[is_wanted]
    sums = np.bincount(place, course.count[is_wanted], layers * windows)
    return sums.reshape(layers, windows) @ _shares(windows, min(MOST_PARTS, windows))


def _shares(windows: int, parts: int) -> Floats:
    """Return the share of each window (row) that belongs to each part (column).

    A window across the edge of two parts is divided. If parts had only whole windows, some would have one
    more than others, and steady traffic would look like a sawtooth.
    """
    edges = np.arange(parts + 1) * windows / parts
    first = np.arange(windows)[:, None]
    shares: Floats = np.minimum(first + 1, edges[1:]) - np.maximum(first, edges[:-1])
    return shares.clip(min=0)


def layer_of(places: Ints, rows: int) -> Numbers:
    """Return, for each row of a report, its index in `places`, or `len(places)` if it is not in there."""
    layer = np.full(rows, len(places), np.int32)
    layer[places] = np.arange(len(places))
    return layer
