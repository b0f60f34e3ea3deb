"""Rows in any order, or many tables -> one sorted table of limited size, with equal keys merged.

Nothing is sorted, unless a pile is too large or spans too much time. The window of a key and its rest
(protocol, port, boundary and action) are each numbered in order; the two numbers give a cell in a grid
of bits. Each set bit is a row of the table; the number of set bits before it is the row's index.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from mmap import mmap
from typing import Any, Final, NamedTuple

import numpy as np

from flowtag_core import counts
from flowtag_core.counting.contract import MOST_FOLDED, UNKNOWN_MINUTE, Kernel
from flowtag_core.counts import (
    PROTOCOL_SHIFT,
    UNKNOWN_WINDOW,
    WINDOW_SHIFT,
    Ints,
    Table,
    distinct,
    fitting_rung,
    table,
    times_as_wide,
)

_AT_ONCE: Final = 1 << 12
_MOST_SPAN: Final = 1 << 20  # the longest span, in windows, of which all windows are listed

Int32s = np.ndarray[Any, np.dtype[np.int32]]


class _Bits:
    """An array of bits, all 0 at first, and for each group of 64 the number of set bits before it."""

    def __init__(self, count: int) -> None:
        words = max(-(-count // 64), 1)
        # Only the parts that are used take up memory, unlike in NumPy's own arrays, for which it
        # requests huge pages.
        self.bits: Ints = np.frombuffer(mmap(-1, 8 * words), np.int64)
        self.before: Int32s = np.frombuffer(mmap(-1, 4 * words), np.int32)

    def __len__(self) -> int:
        return 64 * len(self.bits)

    def number(self, kernel: Kernel, begin: int, end: int, count: int) -> int:
        """Number the set bits from index `begin` to `end`, from `count` up; return the next free number."""
        at = self.bits.ctypes.data, self.before.ctypes.data
        return kernel.number(*at, begin // 64, end // 64, count)

    def clear(self, begin: int, end: int) -> None:
        """Set the bits from index `begin` to `end` to 0."""
        self.bits[begin // 64 : end // 64] = 0


class _Grid(NamedTuple):
    """The cells that are in use when windows have a certain width.

    `windows` are the windows of that width, the unknown one last. `wider` gives for each window in the
    cells the index of the one in `windows` that it is part of. `words` is the number of 64-bit words for
    each window. There are `all` rows, of which `known` have a known window.
    """

    windows: Ints
    wider: Int32s
    words: int
    known: int
    all: int


class Fold:
    """Folds piles, one at a time; it reuses its memory, since allocating memory costs more time."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._rests = _Bits(1 << WINDOW_SHIFT)  # unused parts take up no memory
        self._bits = _Bits(0)
        self._cells: Int32s = np.empty(0, np.int32)

    def columns(self, pile: Ints, low: int, high: int, rung: int) -> tuple[Ints, int]:
        """Return the columns of the table that a pile folds into, and its rung, which is `rung` or wider.

        The known windows on the pile have numbers from `low` to `high`.
        """
        if high - low > _MOST_SPAN or len(pile) > MOST_FOLDED:  # e.g. a few minutes in many years
            return _sorted_columns(pile, rung)
        seen = np.zeros(max(high - low + 1, 1), np.uint8)
        spans, rests = self._mark(pile, low, seen)
        # Limit the number of windows first, since that does not require a look at the rows.
        windows = np.flatnonzero(seen) + low
        narrow = fitting_rung(rung, windows, 0, lambda _: 0)
        times = times_as_wide(rung, narrow)
        windows = distinct(windows // times)
        numbers = np.searchsorted(windows, np.arange(low, low + len(seen)) // times)
        self._shrink(pile, low, numbers.astype(np.int32), len(windows))
        for span in spans:
            self._rests.clear(*span)

        def grid(wider: int) -> _Grid:
            return self._grid(len(pile), windows // times_as_wide(narrow, wider), rests)

        if narrow == rung > 0:  # windows that were widened before are mostly still wide enough
            there = grid(rung)
            if there.known <= counts.MOST_ROWS:
                return self._add_up(pile, there), rung
        rung = fitting_rung(narrow, windows, len(pile), lambda wider: grid(wider).known)
        return self._add_up(pile, grid(rung)), rung

    def _mark(
        self, pile: Ints, low: int, seen: np.ndarray[Any, np.dtype[np.uint8]]
    ) -> tuple[list[tuple[int, int]], int]:
        """Number the rests of the keys on a pile; return one span of rests for each protocol, and their number.

        `seen` gets a 1 for each window that occurs; its first element is window number `low`.
        """
        protocols, rests = np.zeros(256, np.uint8), self._rests
        marked = seen.ctypes.data, protocols.ctypes.data, rests.bits.ctypes.data
        self._kernel.mark(pile.ctypes.data, len(pile), low, *marked)
        there = np.flatnonzero(protocols).tolist()
        spans = [(each << PROTOCOL_SHIFT, each + 1 << PROTOCOL_SHIFT) for each in there]
        count = 0
        for begin, end in spans:
            count = rests.number(self._kernel, begin, end, count)
        return spans, count

    def _shrink(self, pile: Ints, low: int, numbers: Int32s, unknown: int) -> None:
        """Compute the cell of each key on a pile."""
        if len(self._cells) < len(pile):
            self._cells = np.empty(len(pile), np.int32)
        self._kernel.shrink(
            pile.ctypes.data,
            len(pile),
            low,
            numbers.ctypes.data,
            unknown,
            self._rests.bits.ctypes.data,
            self._rests.before.ctypes.data,
            self._cells.ctypes.data,
        )

    def _grid(self, count: int, in_window: Ints, rests: int) -> _Grid:
        """Return the grid of the first `count` cells when windows are wider, and number its rows.

        `in_window` gives for each window in the cells the number of the wider one that it is part of.
        """
        windows = distinct(in_window)
        wider = np.append(np.searchsorted(windows, in_window), len(windows)).astype(np.int32)
        words = -(-rests // 64)
        unknown_at = 64 * words * len(windows)
        end = unknown_at + 64 * words
        if len(self._bits) < end:
            self._bits = _Bits(end)
        bits = self._bits
        bits.clear(0, end)
        self._kernel.fill(
            self._cells.ctypes.data, count, wider.ctypes.data, words, bits.bits.ctypes.data
        )
        known = bits.number(self._kernel, 0, unknown_at, 0)
        both = bits.number(self._kernel, unknown_at, end, known)
        return _Grid(np.append(windows, UNKNOWN_MINUTE), wider, words, known, both)

    def _add_up(self, pile: Ints, grid: _Grid) -> Ints:
        """Return the columns with one row for each cell in the grid, which must be the last one made."""
        columns = np.zeros((4, grid.all), np.int64)
        self._kernel.fold(
            pile.ctypes.data,
            self._cells.ctypes.data,
            len(pile),
            grid.wider.ctypes.data,
            grid.words,
            self._bits.bits.ctypes.data,
            self._bits.before.ctypes.data,
            grid.windows.ctypes.data,
            columns.ctypes.data,
            columns.ctypes.data,
            grid.all,
        )
        return columns


_FOLDS: Final[deque[Fold]] = deque()


@contextmanager
def unused_fold(kernel: Kernel) -> Iterator[Fold]:
    """Provide a fold for exclusive use; afterwards it is kept for reuse."""
    try:
        one = _FOLDS.pop()
    except IndexError:
        one = Fold(kernel)
    yield one
    _FOLDS.append(one)


def _sorted_columns(pile: Ints, rung: int) -> tuple[Ints, int]:
    """Fold a pile by sorting it, because it has too many rows or spans too many windows."""
    found = table_from(pile.T.copy(), rung)
    # In a table the number of the unknown window is larger; on a pile it is UNKNOWN_MINUTE.
    window = np.minimum(found.key >> WINDOW_SHIFT, UNKNOWN_MINUTE)
    key = window << WINDOW_SHIFT | found.key & ((1 << WINDOW_SHIFT) - 1)
    return np.stack([key, found.flows, found.packets, found.bytes]), found.rung


def table_from(columns: Ints, rung: int) -> Table:
    """Return the table of a pile's columns; changes unknown minutes to the unknown window in place."""
    key, flows, packets, volume = columns
    key[key >> WINDOW_SHIFT == UNKNOWN_MINUTE] |= UNKNOWN_WINDOW << WINDOW_SHIFT
    return table(key, flows, packets, volume, rung)


def folded(kernel: Kernel, tables: Sequence[Table]) -> Table:
    """Return the sum of tables, none of them empty, in one go: no table is sorted into another."""
    rung = max(table.rung for table in tables)
    pile = np.empty((sum(map(len, tables)), 4), np.int64)
    low, high, at = UNKNOWN_MINUTE, -1, 0
    for each in tables:
        key = _widened_keys(each, rung)
        known = int(np.searchsorted(key, UNKNOWN_MINUTE << WINDOW_SHIFT))
        if known:
            low = min(low, int(key[0] >> WINDOW_SHIFT))
            high = max(high, int(key[known - 1] >> WINDOW_SHIFT))
        columns = key, each.flows, each.packets, each.bytes
        for start in range(0, len(each), _AT_ONCE):  # in small steps, which stay in the cache
            rows = pile[at + start : at + min(start + _AT_ONCE, len(each))]
            for place, column in enumerate(columns):
                rows[:, place] = column[start : start + _AT_ONCE]
        at += len(each)
    with unused_fold(kernel) as one:
        columns_, rung = one.columns(pile, low, high, rung)
    return table_from(columns_, rung)


def _widened_keys(table: Table, rung: int) -> Ints:
    """Return a table's keys as they would be on a pile with the windows of a wider rung."""
    known = int(np.searchsorted(table.key, UNKNOWN_WINDOW << WINDOW_SHIFT))
    if table.rung == rung and known == len(table):
        return table.key
    window = table.key >> WINDOW_SHIFT
    window = window // times_as_wide(table.rung, rung)
    window[known:] = UNKNOWN_MINUTE
    return window << WINDOW_SHIFT | table.key & ((1 << WINDOW_SHIFT) - 1)
