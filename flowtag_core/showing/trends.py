"""Course -> a small chart of the measure over time for each tag or port."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import Ints
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import Numbers

Floats = NDArray[np.float64]
MOST_PARTS: Final = 28
"""The most points of such a chart."""


def trends(course: Course, layer: Numbers, layers: int) -> Floats | None:
    """The measure of each layer in equal parts of the windows with flows; None for fewer than two.

    `layer` has the layer of each port and protocol of the report; those from `layers` on are left out.
    The parts divide windows with flows, not time: one stray flow from 2021 would flatten all the rest.
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
    """The share of each window (row) in each part (column).

    A window across an edge is divided. If parts had whole windows, some would have one more than
    others, and steady traffic would look like a saw.
    """
    edges = np.arange(parts + 1) * windows / parts
    first = np.arange(windows)[:, None]
    shares: Floats = np.minimum(first + 1, edges[1:]) - np.maximum(first, edges[:-1])
    return shares.clip(min=0)


def layer_of(places: Ints, rows: int) -> Numbers:
    """For each row of a report its index in `places`, or `len(places)` if it is not there."""
    layer = np.full(rows, len(places), np.int32)
    layer[places] = np.arange(len(places))
    return layer
