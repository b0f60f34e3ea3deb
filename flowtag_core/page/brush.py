"""The state of the timeline, and the time that a drag over it selects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flowtag_core.showing.timeline import Axis
from flowtag_core.tagging.report import Time


class Fault(NamedTuple):
    """A sentence on a typed text that is not a valid time, and the time that was chosen then."""

    time: Time | None
    sentence: str


@dataclass
class Brush:
    """The chart that the browser has: its number, its axis, and the time marked in it.

    `first` is the time marked when the chart was sent, and `mark` its places. They are part of the chart, so they
    stay the same while the browser moves the mark. A time set elsewhere needs a new chart. `fault` says what
    is wrong with the last typed text.
    """

    number: int = 0
    axis: Axis | None = None
    first: Time | None = None
    mark: tuple[int, int] | None = None
    marked: Time | None = None
    fault: Fault | None = None

    @property
    def key(self) -> str:
        """The chart's key on the page."""
        return f"timeline_{self.number}"

    def draw(self, axis: Axis, time: Time | None, is_there: bool) -> None:
        """Prepare a chart with this axis and this time marked; reuse the current one if possible.

        A chart that comes back, after a reload or a view without flows, has its first mark again.
        """
        is_like = self.axis is not None and self.axis.is_like(axis)
        if not is_like or time != (self.marked if is_there else self.first):
            self.number += 1
            self.first = self.marked = time
            self.mark = axis.places(time) if time else None
        self.axis = axis

    def dragged(self, places: Sequence[float] | None) -> Time | None:
        """Mark and return the time between two places on the axis; without places, clear the mark."""
        self.marked = self.axis.time(*places) if self.axis and places else None
        return self.marked
