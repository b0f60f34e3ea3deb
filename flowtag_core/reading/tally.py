"""Rows that the kernel wrote -> tables: an open-addressing table that grows, then three sorted ones."""

from __future__ import annotations

from typing import Final

import numpy as np

from flowtag_core.counts import (
    ALL_TIME,
    WIDTHS,
    FlowCounts,
    Ints,
    Table,
    Tower,
    fitting_rung,
    table,
)
from flowtag_core.reading.compiled import BATCH, KIND_SHIFT, REST_BITS, UNKNOWN_MINUTE, USED, Kernel

_KINDS: Final = 3
_LEAST_BITS: Final = 12
_MOST_BITS: Final = 20  # 32 MB
_REST: Final = (1 << REST_BITS) - 1


class Tally:
    """Adds rows up; for one thread at a time.

    Each kind of rows is kept in the narrowest windows that its table may still have in the end, so
    that a day's log has rows for 10 minutes and not for each minute. Where the table is full all the
    same, it is turned into sorted ones and emptied.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._sums = [Tower(Table()) for _ in range(_KINDS)]
        self._batch = np.empty(2 * BATCH, np.int64)
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
        if self._bits == _MOST_BITS:
            self._harvest()
            self._rungs = [
                max(r, s.total().rung) for r, s in zip(self._rungs, self._sums, strict=True)
            ]
            self._start(_MOST_BITS)
            return
        old, widths = self._slots, self._widths
        self._rungs = [
            fitting_rung(np.sort(_table_keys(part[:, 0])), rung)
            for part, rung in zip(self._by_kind(), self._rungs, strict=True)
        ]
        self._start(self._bits + 2)
        times = self._widths // widths
        self._kernel.pour(
            old.ctypes.data,
            len(old),
            self._slots.ctypes.data,
            64 - self._bits,
            times.ctypes.data,
            self._used.ctypes.data,
        )

    def _harvest(self) -> None:
        for each, part, rung in zip(self._sums, self._by_kind(), self._rungs, strict=True):
            window = _window(part[:, 0])
            rest = part[:, 0] & _REST
            each.add(table(window, rest, part[:, 1], part[:, 2], part[:, 3], rung))
        self._start(_LEAST_BITS)

    def _by_kind(self) -> list[Ints]:
        """The slots in use, of each kind together."""
        used = self._slots[self._slots[:, 0] != 0]
        kind = (used[:, 0] ^ USED) >> KIND_SHIFT
        return [used[kind == each] for each in range(_KINDS)]


def _window(key: Ints) -> Ints:
    """The number of the window in slots' keys, -1 where it is unknown."""
    window = (key >> REST_BITS) & UNKNOWN_MINUTE
    return np.where(window == UNKNOWN_MINUTE, -1, window)


def _table_keys(key: Ints) -> Ints:
    """Slots' keys as those of a table, as far as the time is known."""
    window = _window(key)
    return (window[window >= 0] << REST_BITS) | (key[window >= 0] & _REST)
