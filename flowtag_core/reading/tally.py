"""Rows that the kernel wrote -> tables: an open-addressing table that grows, then three sorted ones."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import (
    ALL_TIME,
    WIDTHS,
    FlowCounts,
    Ints,
    Table,
    Tower,
    fitting_rung,
    rest_first,
    table,
)
from flowtag_core.reading.compiled import BATCH, KIND_SHIFT, REST_BITS, UNKNOWN_MINUTE, Kernel

_KINDS: Final = 3
_LEAST_BITS: Final = 12
_MOST_BITS: Final = 20  # 32 MB
_MOST_SPAN: Final = 1 << 22  # windows for which there may be a list of all
_REST: Final = (1 << REST_BITS) - 1
_NO_KIND: Final = (1 << KIND_SHIFT) - 1


class Tally:
    """Adds rows up; for one thread at a time.

    Each kind of rows is kept in the narrowest windows that its table may still have in the end, so
    that a day's log has rows for 10 minutes and not for each minute. Where the table is full all the
    same, it is turned into sorted ones and emptied.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._sums = [Tower(Table()) for _ in range(_KINDS)]
        self._batch = np.empty(3 * BATCH, np.int64)
        self._used = np.zeros(1, np.int64)
        self._rungs = [0] * _KINDS
        self._start(_LEAST_BITS)

    def add(self, rows: Ints, count: int) -> None:
        """Add the first `count` rows of (key, packets, bytes)."""
        done = 0
        while True:
            done = self._kernel.add(
                rows.ctypes.data,
                done,
                count,
                self._slots.ctypes.data,
                self._slots.ctypes.data,
                64 - self._bits,
                3 << (self._bits - 2),
                self._widths.ctypes.data,
                self._batch.ctypes.data,
                self._used.ctypes.data,
            )
            if done == count:
                return
            self._make_room()

    def counts(self) -> FlowCounts:
        """All that was added, and nothing else."""
        self._harvest()
        requests, replies, by_service = (each.total() for each in self._sums)
        return FlowCounts(requests, replies, by_service)

    def _start(self, bits: int) -> None:
        """Empty slots, for windows as wide as the rungs say."""
        self._bits = bits
        self._slots = np.zeros((1 << bits, 4), np.int64)
        self._used[0] = 0
        widths = [WIDTHS[rung] for rung in self._rungs]
        self._widths = np.array([UNKNOWN_MINUTE if w == ALL_TIME else w for w in widths], np.int64)

    def _make_room(self) -> None:
        """Widen the windows that must be wider; then more slots, or none that are used."""
        if self._bits < _MOST_BITS:
            self._widen(self._bits + 2)
            return
        self._harvest()
        self._rungs = [max(r, s.total().rung) for r, s in zip(self._rungs, self._sums, strict=True)]
        self._start(_MOST_BITS)

    def _widen(self, bits: int) -> None:
        """Move everything to so many slots, in windows as wide as they must be by now."""
        key = self._columns()[0]
        rungs = [self._rung(key[_is(kind, key)], rung) for kind, rung in enumerate(self._rungs)]
        if rungs == self._rungs and bits == self._bits:
            return
        old, widths, self._rungs = self._slots, self._widths, rungs
        self._start(bits)
        times = self._widths // widths
        self._kernel.pour(
            old.ctypes.data,
            len(old),
            self._slots.ctypes.data,
            self._slots.ctypes.data,
            64 - bits,
            times.ctypes.data,
            self._batch.ctypes.data,
            self._used.ctypes.data,
        )

    def _harvest(self) -> None:
        self._widen(self._bits)
        columns = self._columns()
        for kind, tower in enumerate(self._sums):
            is_kind = _is(kind, columns[0])
            if not is_kind.any():
                continue
            key, flows, packets, volume = (column[is_kind] for column in columns)
            order = self._order(key)
            window, rest = _window(key[order]), key[order] & _REST
            rung = self._rungs[kind]
            tower.add(table(window, rest, flows[order], packets[order], volume[order], rung))
        self._start(_LEAST_BITS)

    def _columns(self) -> Ints:
        """Keys, flows, packets and bytes of the slots in use."""
        most = int(self._used[0])
        columns = np.empty((4, most), np.int64)
        slots, size = self._slots.ctypes.data, len(self._slots)
        self._kernel.gather(slots, size, columns.ctypes.data, most)
        return columns

    def _rung(self, key: Ints, rung: int) -> int:
        """The narrowest rung, from this one upward, in which rows with these keys are few enough."""
        known = key[(key >> REST_BITS) & UNKNOWN_MINUTE != UNKNOWN_MINUTE] & _NO_KIND
        if not len(known):
            return rung
        by_rest = rest_first(known)
        return fitting_rung(_windows(known), len(known), lambda: self._sorted(by_rest), rung)

    def _order(self, key: Ints) -> Ints:
        """The places of the keys in ascending order."""
        bits = len(key).bit_length()
        low = key.min()
        if int(key.max() - low).bit_length() + bits > 63:
            return np.argsort(key)
        # The places are sorted with the keys: below them, in the same numbers.
        places = self._sorted(((key - low) << bits) | np.arange(len(key)), bits)
        return places & ((1 << bits) - 1)

    def _sorted(self, values: Ints, low: int = 0) -> Ints:
        """The numbers by their bits from `low` up; `values` are used up."""
        high = int(values.max()).bit_length()
        spare, ends = np.empty_like(values), np.zeros((6, 2048), np.int64)
        passes = self._kernel.sort(
            values.ctypes.data, spare.ctypes.data, len(values), low, high, ends.ctypes.data
        )
        return spare if passes % 2 else values


def _is(kind: int, key: Ints) -> NDArray[np.bool_]:
    return np.asarray(key >> KIND_SHIFT == kind)


def _windows(key: Ints) -> Ints:
    """The windows that are there, sorted."""
    window = key >> REST_BITS
    low = window.min()
    if window.max() - low > _MOST_SPAN:
        return np.asarray(np.unique(window), np.int64)
    is_there = np.zeros(window.max() - low + 1, np.bool_)
    is_there[window - low] = True
    return np.asarray(np.flatnonzero(is_there) + low, np.int64)


def _window(key: Ints) -> Ints:
    """The number of the window in slots' keys, -1 where it is unknown."""
    window = (key >> REST_BITS) & UNKNOWN_MINUTE
    return np.where(window == UNKNOWN_MINUTE, -1, window)
