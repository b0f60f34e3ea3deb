"""The state of the timeline, and the meaning of a drag over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flowtag_core.showing.timeline import Axis
from flowtag_core.tagging.report import Time


@dataclass
class Brush:
    """The chart that the browser has: its number, its axis, and the time marked in it.

    `first` is the time that the chart began with: a part of the chart, which stays the same while
    the browser moves the mark. For a time that came from elsewhere there is another chart.
    """

    number: int = 0
    axis: Axis | None = None
    first: Time | None = None
    marked: Time | None = None

    @property
    def key(self) -> str:
        """The chart's key on the page."""
        return f"timeline_{self.number}"

    def draw(self, axis: Axis, time: Time | None, is_there: bool) -> None:
        """Have a chart with this axis and this time marked, the one that is there if it will do.

        One that was away, for a reload or for want of flows, is marked as it was at first.
        """
        is_same = self.axis is not None and np.array_equal(self.axis.start, axis.start)
        if not is_same or time != (self.marked if is_there else self.first):
            self.number += 1
            self.first = self.marked = time
        self.axis = axis

    def dragged(self, places: Sequence[float] | None) -> Time | None:
        """The time between two places on the axis, which is marked now."""
        self.marked = self.axis.time(*places) if self.axis and places else None
        return self.marked
