"""The recent part of an endless log: a table for each span of time; older spans are wider.

The windows of one sum over a log that never ends get wider and wider. Here each span has its own table, so the
last hour keeps its minutes however long the log is. Old spans are dropped, and memory is limited: if there are
too many rows, the spans that are shortest for their age are joined first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.counting.total import TABLES, rows_in, total
from flowtag_core.counts import (
    ALL_TIME,
    UNKNOWN_WINDOW,
    WIDTHS,
    WINDOW_SHIFT,
    FlowCounts,
    Ints,
    Table,
    table,
    times_as_wide,
)

HOUR: Final = 60
DAY: Final = 24 * HOUR
"""Times here are in minutes; points in time are minutes since 1970."""

_WIDTHS: Final = ((28 * DAY, DAY), (7 * DAY, 4 * HOUR), (DAY + 10, HOUR), (2 * HOUR, 10), (0, 1))
"""Pairs of an age and a width: spans of that age or older have at least that width."""
_MOST_AHEAD: Final = HOUR
"""How far ahead of the clock a flow may be; a time further ahead must be wrong."""
_MOST_ROWS: Final = 1 << 21
"""The most rows in all tables together: 64 MB."""
_MOST_PARTS: Final = 16


class Span(NamedTuple):
    """A span of time: its first minute, and its length in minutes."""

    start: int
    width: int


class Recent:
    """Tables of the last `keep` minutes before the newest flow.

    A flow without a time, or with one too far in the future, goes to the minute of the newest flow.
    """

    def __init__(self, keep: int = DAY) -> None:
        self.keep = keep
        self.newest = 0
        """The minute of the newest flow, 0 if there is none."""
        self._spans: dict[Span, list[FlowCounts]] = {}
        self._rows = 0
        self._first = 0
        """The minute before which everything was dropped."""

    def add(self, counts: FlowCounts, now: int) -> None:
        """Add counts; `now` is the minute on the clock."""
        pieces = [(name, *piece) for name in TABLES for piece in _by_window(getattr(counts, name))]
        # The newest flow of a wide window may be in its last minute, but not ahead of the clock.
        ends = [
            max(start, min(start + width - 1, now))
            for _, start, width, _ in pieces
            if 0 <= start <= now + _MOST_AHEAD
        ]
        before = self.newest
        self.newest = max(before, *ends) if ends else before or (now if pieces else 0)
        spans: dict[Span, dict[str, list[Table]]] = {}
        for name, start, width, piece in pieces:
            if start < 0 or start > now + _MOST_AHEAD:
                start, width, piece = self.newest, 1, _moved(piece, self.newest)
            span = self._span(start, width)
            if span.start >= self._first:
                spans.setdefault(span, {}).setdefault(name, []).append(_widened(piece, span.width))
        for span, tables in spans.items():
            requests, replies, by_service = (sum(tables.get(name, ()), Table()) for name in TABLES)
            self._add(span, FlowCounts(requests, replies, by_service))
        self._age()
        self._limit()

    def spans(self, since: int = 0) -> dict[Span, FlowCounts]:
        """Return the tables of each span that ends after the minute `since`, oldest first."""
        return {
            span: self._merged(span)
            for span in sorted(self._spans)
            if span.start + span.width > since
        }

    def last(self, minutes: int) -> FlowCounts:
        """Return the sum of the spans that contain any of the last `minutes` up to the newest flow.

        It includes everything from the beginning of the first of them.
        """
        return total([FlowCounts(), *self.spans(self._beginning(minutes)).values()])

    def covered(self, minutes: int) -> tuple[int, int] | None:
        """Return the first minute that `last` covers and the one after its last; None if there are no flows."""
        if not self._spans:
            return None
        # A span that was widened may begin before that, but what it has does not.
        return max(self._beginning(minutes), self._first), self.newest + 1

    def _beginning(self, minutes: int) -> int:
        """Return the first minute from which on whole spans cover the last minutes."""
        beginning = self.newest + 1 - minutes
        while True:
            first = min(
                (s.start for s in self._spans if s.start + s.width > beginning), default=beginning
            )
            if first >= beginning:
                is_first = beginning == self.newest + 1 - minutes
                return first if is_first else beginning
            beginning = first

    def resume(self, newest: int, spans: Mapping[Span, FlowCounts]) -> None:
        """Continue with the spans of another `Recent`, before anything has been added."""
        self.newest = newest
        self._first = min(spans, default=Span(0, 0)).start
        for span, counts in spans.items():
            self._add(span, counts)
        self._age()

    def _span(self, start: int, width: int) -> Span:
        """Return the span for a window: as wide as its age requires, or as the window if that is wider."""
        age = self.newest - start
        width = max(width, next(wide for oldest, wide in _WIDTHS if age >= oldest or not oldest))
        return Span(start - start % width, width)

    def _add(self, span: Span, counts: FlowCounts) -> None:
        parts = self._spans.setdefault(span, [])
        parts.append(counts)
        self._rows += rows_in(counts)
        if len(parts) > _MOST_PARTS:
            self._merged(span)

    def _merged(self, span: Span) -> FlowCounts:
        parts = self._spans[span]
        if len(parts) > 1:
            counts = total(parts)
            self._rows += rows_in(counts) - sum(map(rows_in, parts))
            self._spans[span] = parts = [counts]
        return parts[0]

    def _age(self) -> None:
        """Join the spans that are too short for their age, and drop those that are too old."""
        for span in list(self._spans):
            if self._span(*span) != span:
                self._move(span, self._span(*span))
        beginning = self._beginning(self.keep)
        for span in list(self._spans):
            if span.start + span.width <= beginning:
                self._first = max(self._first, span.start + span.width)
                self._rows -= sum(map(rows_in, self._spans.pop(span)))

    def _limit(self) -> None:
        """Join the spans that are the shortest for their age until there are few enough rows."""
        if self._rows > _MOST_ROWS:
            for span in self._spans:
                self._merged(span)
        while self._rows > _MOST_ROWS:
            short = [span for span in self._spans if span.width < WIDTHS[-2]]
            if not short:
                return
            span = min(short, key=lambda each: (each.width / (self.newest - each.start + 1), each))
            width = WIDTHS[WIDTHS.index(span.width) + 1]
            whole = Span(span.start - span.start % width, width)
            for part in short:
                if part.width < width and whole.start <= part.start < whole.start + width:
                    self._move(part, whole)
            self._merged(whole)

    def _move(self, span: Span, wider: Span) -> None:
        counts = self._merged(span)
        del self._spans[span]
        self._rows -= rows_in(counts)
        requests, replies, by_service = (
            _widened(getattr(counts, name), wider.width) for name in TABLES
        )
        self._add(wider, FlowCounts(requests, replies, by_service))


def _by_window(whole: Table) -> Iterator[tuple[int, int, Table]]:
    """Yield the first minute, the width and the rows of each window; the minute is -1 if it is unknown."""
    window = whole.key >> WINDOW_SHIFT
    firsts = np.flatnonzero(np.diff(window, prepend=-1)).tolist()
    for first, end in pairwise([*firsts, len(whole)]):
        number = int(window[first])
        is_known = number != UNKNOWN_WINDOW and whole.width != ALL_TIME
        start = number * whole.width if is_known else -1
        key, flows, packets, volume = (
            column[first:end] for column in (whole.key, whole.flows, whole.packets, whole.bytes)
        )
        yield start, whole.width, Table(key, flows, packets, volume, whole.rung)


def _moved(piece: Table, minute: int) -> Table:
    """Return the rows with another window, one minute wide."""
    return _rekeyed(piece, np.full(len(piece), minute), 0)


def _widened(piece: Table, width: int) -> Table:
    """Return the rows, all of one window, with the wider window of a span around it."""
    rung = WIDTHS.index(width)
    if rung == piece.rung or not len(piece):
        return piece
    return _rekeyed(piece, (piece.key >> WINDOW_SHIFT) // times_as_wide(piece.rung, rung), rung)


def _rekeyed(piece: Table, window: Ints, rung: int) -> Table:
    key = window << WINDOW_SHIFT | piece.key & ((1 << WINDOW_SHIFT) - 1)
    return table(key, piece.flows, piece.packets, piece.bytes, rung)
