"""The columns that fit in each table of the page, and their widths, for a window of any width.

A table's columns grow but never shrink, and columns that do not fit scroll out of sight. So a column is as
wide as its largest number, and less important columns are left out if there is no room for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from flowtag_core.showing.legend import MOST_TAGS

PHONE: Final = 640
"""The widest window, in pixels, that shows everything in one column."""
NARROW: Final = 1180
"""The widest window, in pixels, that stacks both halves of the page, with bars next to each table."""
NARROW_TABLE: Final = 480
"""The narrowest ports table, in pixels, that has a column for the protocol."""
MOST: Final = 2000
"""The widest page, in pixels."""
ROW: Final = 32
"""The height of a table row in pixels."""

_SCROLLBAR: Final = 16
_MARGIN: Final = {"phone": 26, "other": 56}
_GAP: Final = 28
_SMALL_GAP: Final = 17
_WIDE_PART: Final = 1.35 / 2.35
_FRAME: Final = 44
"""The pixels taken up by a table's borders and its column of checkboxes."""
_EDGES: Final = 3
_PANEL: Final = 30
_BESIDE_PLOT: Final = 80
"""The pixels taken up by the border of the timeline's panel and the numbers of its other axis."""
_BAR: Final = 22
_AROUND_BARS: Final = 51
_FEWEST: Final = 10
_SLACK: Final = 12
_GROWS: Final = "Tag"
"""The column that gets the remaining space, so that long names that differ at the end can be told apart."""
_DIGIT: Final = 7.6
_PADDING: Final = 26
_LEAST_NUMBER: Final = 84
_SHORT_NUMBER: Final = 78


class Rooms(NamedTuple):
    """The available width, in pixels, for each table and chart."""

    tags: int
    tag_bars: int
    untagged: int
    ports: int
    port_bars: int


def rooms(window: int) -> Rooms:
    """Return the widths available in a window of this width. The style sheet divides it in the same way."""
    content = across(window)
    if window <= PHONE:
        return Rooms(*[content] * 5)
    if window <= NARROW:
        wide = int((content - _SMALL_GAP) * _WIDE_PART)
        narrow = content - _SMALL_GAP - wide
        return Rooms(wide, narrow, content, wide, narrow)
    return Rooms(*[(content - _GAP) // 2] * 5)


def plot(window: int) -> int:
    """Return the width of the timeline's bars in a window of this width."""
    return across(window) - _BESIDE_PLOT


def across(window: int) -> int:
    """Return the width of the page's content in a window of this width."""
    if window <= PHONE:
        # On touch screens the scrollbar overlays the page.
        return window - _MARGIN["phone"]
    return min(window - _SCROLLBAR, MOST) - _MARGIN["other"]


@dataclass(frozen=True)
class Fit:
    """The columns to show, in order, with their widths, and whether numbers need a larger unit to fit."""

    widths: Mapping[str, int]
    is_short: bool


def fitted(columns: Mapping[str, int], measure: str, optional: Sequence[str], room: int) -> Fit:
    """Return the columns that fit into `room` pixels.

    `columns` has the width of each column. `optional` names those that can be left out, the least important
    last. The measure is shown in full if that fits without the optional columns.
    """
    needed = {name: width for name, width in columns.items() if name not in optional}
    is_short = sum(needed.values()) + _FRAME > room and needed[measure] > _SHORT_NUMBER
    if is_short:
        needed[measure] = _SHORT_NUMBER
    for name in () if is_short else optional:
        if name in columns and sum(needed.values()) + columns[name] + _FRAME <= room:
            needed[name] = columns[name]
    spare = room - _FRAME - _SLACK - sum(needed.values())
    if spare > 0 and _GROWS in needed:
        needed[_GROWS] += spare
    return Fit({name: needed[name] for name in columns if name in needed}, is_short)


def of_numbers(numbers: Iterable[int]) -> int:
    """Return the width in pixels that shows each of these numbers in full, with thousands separators."""
    longest = max((len(f"{number:,}") for number in numbers), default=0)
    return max(_LEAST_NUMBER, int(longest * _DIGIT) + _PADDING)


def height(rows: int, most: int) -> int:
    """Return the height in pixels of a table with a header and this many rows, but at most `most`."""
    return ROW * (1 + min(max(rows, 1), most)) + _EDGES


def in_panel(room: int) -> int:
    """Return the width in pixels of a chart in a panel that has a border."""
    return room - _PANEL


def beside_tags(rows: int, tags: int) -> int:
    """Return the height in pixels of a table next to the tags section, so that both end at the same level."""
    bars = min(tags, MOST_TAGS + 2)
    beside = height(tags, MOST_TAGS) + _BAR * bars + _AROUND_BARS
    return min(height(rows, rows), max(beside, height(_FEWEST, _FEWEST)))
