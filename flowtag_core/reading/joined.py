"""Join what was counted of the parts of a file, as if the file had been counted at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from flowtag_core.counting.file_count import Reached
from flowtag_core.counts import MOST_FAULTS, FlowCounts, all_of


class Ranged(NamedTuple):
    """What became of the lines or rows of one part of a file: their counts without tables, and where it ended.

    The lines of faults are numbered from the beginning of the part, rows from that of the file. `begun` is how the
    count stood before the part; only its layout and its header matter. `trouble` says why the part could not be
    counted apart.
    """

    counts: FlowCounts
    begun: Reached
    reached: Reached
    trouble: str = ""


class Joining:
    """The parts of one file, as they come; `at` is how the count stands after those that are certain."""

    def __init__(self, name: str, count: int, start: Reached) -> None:
        self._name = name
        self._parts: list[Ranged | None] = [None] * count
        self._certain = 0
        self._at = start

    def put(self, place: int, part: Ranged) -> None:
        """Take the part with this number; it may be taken again."""
        self._parts[place] = part

    def certain(self) -> Iterator[int]:
        """Yield the numbers of the parts that are certain from now on, since all before them are."""
        while (part := self._next()) and _is_same(part.begun, self._at):
            self._at = part.reached
            self._certain += 1
            yield self._certain - 1

    def misread(self) -> tuple[int, Reached] | None:
        """Return the part that was counted with the wrong layout, and how the count really stands before it.

        It is forgotten, to be counted again. Call this after `certain`.
        """
        if self._next() is None:
            return None
        self._parts[self._certain] = None
        return self._certain, self._at._replace(line=0, misfit="")

    @property
    def is_complete(self) -> bool:
        """Whether all parts are certain."""
        return self._certain == len(self._parts)

    def counts(self) -> FlowCounts:
        """Return what became of all records of the file, without tables. Its size is that of all parts."""
        parts = [part for part in self._parts if part]
        file = all_of([part.counts.files[self._name] for part in parts])
        misfit = next((part.reached.misfit for part in parts if part.reached.misfit), "")
        faults, line = [], 0
        for part in parts:
            faults += [fault._replace(line=fault.line + line) for fault in part.counts.faults]
            line += part.reached.line
        file = replace(file, misfits=frozenset([misfit] if file.fitting else []))
        return FlowCounts(
            files={self._name: file},
            faults=tuple(sorted(faults)[:MOST_FAULTS]),
            internal=parts[0].counts.internal,
        )

    def _next(self) -> Ranged | None:
        return None if self.is_complete else self._parts[self._certain]


def _is_same(one: Reached, other: Reached) -> bool:
    """Whether the lines after both are counted in the same way, whatever their numbers."""
    return (one.layout, one.has_header) == (other.layout, other.has_header)
