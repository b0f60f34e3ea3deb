"""The sum of many counts: of files, of folders, of the parts of a growing log.

`counts` can also add tables, but only two at a time. Here the kernel folds many tables in one go, which is
several times as fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flowtag_core.counting import compiled
from flowtag_core.counting.folding import folded
from flowtag_core.counting.tally import Counted, RowSum
from flowtag_core.counts import (
    MOST_FAULTS,
    FileCounts,
    FlowCounts,
    Table,
    Tower,
    all_of,
    same_ranges,
)

_MOST_WAITING: Final = 1 << 20
"""Rows of tables that may wait to be folded (32 MB), or twice the rows of the sum if that is more."""
_WORTH_FOLDING: Final = 1 << 10
"""Rows that can be sorted in less time than it takes to set up a fold."""
TABLES: Final = ("requests", "replies", "replies_by_service")


class Total:
    """Adds up counts as they arrive; the sum can be requested at any time."""

    def __init__(self) -> None:
        self._rows = RowSum()
        self._parts: list[FlowCounts] = []
        self._waiting = 0
        self._enough = _MOST_WAITING

    def add(self, counts: FlowCounts) -> None:
        """Add counts to the sum."""
        self._parts.append(counts)
        self._waiting += rows_in(counts)
        if self._waiting > self._enough:
            self._fold()

    def add_counted(self, counted: Counted) -> None:
        """Add the counts of a file, including rows that are not in a table yet."""
        self.add(counted.counts)
        for rows in counted.rows:
            self._rows.add(rows)

    def counts(self) -> FlowCounts:
        """Return the sum of everything added so far."""
        self._parts.append(self._rows.counts())
        return self._fold()

    def _fold(self) -> FlowCounts:
        counts = total(self._parts)
        self._parts = [counts]
        self._waiting = 0
        self._enough = max(_MOST_WAITING, 2 * rows_in(counts))
        return counts


def total(parts: Sequence[FlowCounts]) -> FlowCounts:
    """Return the sum of counts, all added in one go."""
    if len(parts) == 1:
        return parts[0]
    requests, replies, by_service = (
        _sum([getattr(part, name) for part in parts]) for name in TABLES
    )
    faults = sorted(fault for part in parts for fault in part.faults)
    internal = same_ranges(part.internal for part in parts)
    return FlowCounts(
        requests, replies, by_service, _files(parts), tuple(faults[:MOST_FAULTS]), internal
    )


def _sum(tables: Sequence[Table]) -> Table:
    tables = [table for table in tables if len(table)]
    kernel = compiled.loaded()
    if kernel is not None and len(tables) > 1 and sum(map(len, tables)) > _WORTH_FOLDING:
        return folded(kernel, tables)
    tower = Tower(Table())
    for table in tables:
        tower.add(table)
    return tower.total()


def _files(parts: Sequence[FlowCounts]) -> dict[str, FileCounts]:
    by_name: dict[str, list[FileCounts]] = {}
    for part in parts:
        for name, file in part.files.items():
            by_name.setdefault(name, []).append(file)
    return {name: all_of(files) if len(files) > 1 else files[0] for name, files in by_name.items()}


def rows_in(counts: FlowCounts) -> int:
    """Return the number of rows of all tables together."""
    return sum(len(getattr(counts, name)) for name in TABLES)
