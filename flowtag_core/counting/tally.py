"""Rows from the kernel -> tables: a small hot table, and piles for the rows that do not fit into it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, cast

import numpy as np

from flowtag_core.counting.compiled import loaded
from flowtag_core.counting.contract import (
    KIND_SHIFT,
    UNKNOWN_MINUTE,
    Kernel,
)
from flowtag_core.counting.folding import table_from, unused_fold
from flowtag_core.counting.reference import is_reply, tables_of
from flowtag_core.counting.threads import each
from flowtag_core.counts import ALL_TIME, WIDTHS, FlowCounts, Ints, Table, Tower, key_of
from flowtag_core.evidence import Evidence

_KINDS: Final = range(3)
_WORTH_THREADS: Final = 1 << 18
_MOST_FEW: Final = 1 << 16  # numbers: 512 KB
_HOT_BITS: Final = 11
_PILE_SIZES: Final = (1 << 14, 1 << 16, 1 << 18, 7 << 17)
"""The sizes of a pile, in rows; the last one must exceed the size of the largest table."""


class Tally:
    """Adds up rows; not thread-safe.

    There is a pile for each kind of row. A full pile is folded: rows with equal keys are merged into one,
    in the narrowest windows that the final table may still have.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._hot = np.full((len(_KINDS), 1 << _HOT_BITS, 4), -1, np.int64)
        self._widths = np.empty((5, len(_KINDS)), np.int64)
        self._used = np.empty(len(_KINDS), np.int64)
        self._most = np.full(len(_KINDS), _PILE_SIZES[0])
        self._piles = [_room(_PILE_SIZES[0]) for _ in _KINDS]
        self._places = np.empty(len(_KINDS), np.int64)
        self._addresses = [
            self._hot.ctypes.data,
            _HOT_BITS,
            *(array.ctypes.data for array in (self._widths, self._places, self._most, self._used)),
        ]
        self._start()

    @property
    def size(self) -> int:
        """The number of rows on the piles."""
        return int(self._used.sum())

    def add(self, rows: Ints) -> None:
        """Add rows of (key, packets, bytes), which follow one another in a flat array."""
        at, done, count = rows.ctypes.data, 0, len(rows) // 3
        while True:
            done = self._kernel.add(at, done, count, *self._addresses)
            if done == count:
                return
            self._make_room()

    def counts(self, do: Callable[..., Iterable[Table]] = map) -> FlowCounts:
        """Return the sum of all rows, and start again with none.

        `do` works like `map`; it is called with the kinds of row, the largest pile first.
        """
        self._pour()
        kinds = np.argsort(-self._used).tolist()
        tables = dict(zip(kinds, do(self._total, kinds), strict=True))
        self._start()
        return FlowCounts(*(tables[kind] for kind in _KINDS))

    def _start(self) -> None:
        self._rungs = [0 for _ in _KINDS]
        self._used[:] = 0
        self._widths[3], self._widths[4] = UNKNOWN_MINUTE, -1
        self._widen()

    def _make_room(self) -> None:
        """Enlarge the piles that are full; those that are already large are folded first."""
        if any(self._most[kind] >= _PILE_SIZES[-1] for kind in self._full()):
            self._pour()  # before windows get wider than those of hot rows; may fill other piles
        for kind in self._full():
            larger = [size for size in _PILE_SIZES if size > self._most[kind]]
            if not larger:
                columns = self._folded(kind)
                left = self._used[kind] = columns.shape[1]
                self._piles[kind][:left] = columns.T
                if 3 * left > 2 * self._most[kind]:
                    larger = [2 * max(left, int(self._most[kind]))]
            if larger:
                pile, self._most[kind] = self._piles[kind], larger[0]
                self._piles[kind] = _room(larger[0])
                self._piles[kind][: self._used[kind]] = pile[: self._used[kind]]
        self._widen()

    def _full(self) -> list[int]:
        return [kind for kind in _KINDS if self._used[kind] >= self._most[kind]]

    def _pour(self) -> None:
        """Move all hot rows to the piles."""
        for kind, used in enumerate(self._used):
            hot = self._hot[kind]
            hot = hot[hot[:, 0] >= 0]
            self._piles[kind][used : used + len(hot)] = hot
            self._used[kind] += len(hot)
        self._hot[:] = -1

    def _widen(self) -> None:
        """Tell the kernel how wide the windows are now, and where the piles are."""
        self._places[:] = [pile.ctypes.data for pile in self._piles]
        widths = [WIDTHS[rung] for rung in self._rungs]
        self._widths[0] = [UNKNOWN_MINUTE if width == ALL_TIME else width for width in widths]
        self._widths[1] = -1

    def _total(self, kind: int) -> Table:
        columns = self._folded(kind)
        if self._most[kind] > _PILE_SIZES[-1]:  # a pile this large is not kept for reuse
            self._piles[kind], self._most[kind] = _room(_PILE_SIZES[0]), _PILE_SIZES[0]
        return table_from(columns, self._rungs[kind])

    def _folded(self, kind: int) -> Ints:
        """Return the columns of a pile, sorted and with equal keys merged; widen its rung if necessary."""
        pile = self._piles[kind][: self._used[kind]]
        low, high = (self._widths[3:, kind] // self._widths[0, kind]).tolist()
        with unused_fold(self._kernel) as one:
            columns, self._rungs[kind] = one.columns(pile, low, high, self._rungs[kind])
        return columns


def _room(most: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return an empty pile with room for `most` rows plus all hot rows; unused parts take up no memory."""
    return np.empty((most + (1 << _HOT_BITS), 4), np.int64)


_TALLIES: Final[deque[Tally]] = deque(maxlen=1)
"""An empty tally, kept for reuse: allocating its memory again would take longer than using it."""


def empty_tally() -> Tally:
    """Return an empty tally that nobody else uses; the kernel must be loaded."""
    try:
        return _TALLIES.pop()
    except IndexError:
        return Tally(cast(Kernel, loaded()))


def taken(tally: Tally) -> FlowCounts:
    """Return the sum of all rows added to a tally, which is then empty and kept for reuse."""
    counts = tally.counts(each if tally.size > _WORTH_THREADS else map)
    _TALLIES.append(tally)
    return counts


class Counted(NamedTuple):
    """Counts, and the rows of small files that are not in a table yet; a second look has hits as rows, and evidence."""

    counts: FlowCounts
    rows: list[Ints]
    evidence: Evidence | None = None


class RowSum:
    """Adds up the kernel's rows and the reference's flows; as long as there are few rows, it only keeps them.

    Whoever takes the rows of many small files adds them up together.
    """

    def __init__(self) -> None:
        self._few: list[Ints] = []
        self._few_size = 0
        self._tally: Tally | None = None
        self._tables = Tower(FlowCounts())

    def add(self, rows: Ints) -> None:
        """Add rows from the kernel."""
        if not len(rows):
            return
        if self._tally is None:
            self._few.append(rows.copy())
            self._few_size += len(rows)
            if self._few_size >= _MOST_FEW:
                self._add_few()
        else:
            self._tally.add(rows)

    def add_flows(self, flows: Ints) -> None:
        """Add flows from the reference."""
        if not len(flows):
            return
        if loaded():
            self.add(rows_of(flows))
        else:
            self._tables.add(tables_of(flows))

    def take(self) -> Counted:
        """Return everything added since the last call."""
        counts, self._tables = self._tables.total(), Tower(FlowCounts())
        if tally := self._tally:
            self._tally = None
            counts += taken(tally)
        few, self._few, self._few_size = self._few, [], 0
        return Counted(counts, few)

    def counts(self) -> FlowCounts:
        """Return everything added since the last call, with all rows in tables."""
        if self._few:
            self._add_few()
        return self.take().counts

    def _add_few(self) -> None:
        tally = self._tally = empty_tally()
        while self._few:
            tally.add(self._few.pop())
        self._few_size = 0


def rows_of(flows: Ints) -> Ints:
    """Return the flows from `Reference.take_flows` as rows like those of the kernel."""
    minute, protocol, dstport, srcport, action, packets, volume, boundary = flows.T
    is_reply_ = is_reply(protocol, srcport, dstport)
    kind = is_reply_.astype(np.int64) << KIND_SHIFT
    window = minute & UNKNOWN_MINUTE
    by_dstport = kind | key_of(window, protocol, dstport, action, boundary)
    by_srcport = 2 << KIND_SHIFT | key_of(window, protocol, srcport, action, boundary)
    rows = np.stack([by_dstport, packets, volume], axis=1)
    by_service = np.stack([by_srcport, packets, volume], axis=1)[is_reply_]
    return np.concatenate([rows, by_service]).reshape(-1)
