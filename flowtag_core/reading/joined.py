"""Join the counts of the parts of a file, as if the file had been counted as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from flowtag_core.counting.file_count import Reached
from flowtag_core.counts import MOST_FAULTS, FlowCounts, all_of


class Ranged(NamedTuple):
    """The counts of one part of a file, without tables, and how the count stood before and after it.

    The lines of faults are numbered from the beginning of the part, rows from that of the file. `begun` is the
    state of the count before the part; only its layout and its header matter. `trouble` says why the part could not be
    counted separately.
    """

    counts: FlowCounts
    begun: Reached
    reached: Reached
    trouble: str = ""


_MOST_GUESSES: Final = 2
"""How often a part is counted again with a layout that is only likely; then it waits for the parts before it."""


class Joining:
    """The parts of one file, as they arrive; `start` is the state of the count before the first."""

    def __init__(self, name: str, count: int, start: Reached) -> None:
        self._name = name
        self._parts: list[Ranged | None] = [None] * count
        self._guesses = [0] * count
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

    @property
    def at(self) -> Reached:
        """The state of the count after the parts that are certain; lines are numbered from there."""
        return self._at._replace(line=0, misfit="")

    def misread(self) -> list[int]:
        """Return the parts that were counted with the wrong layout, and are to be counted again with that of `at`.

        This is certain of the first of them, and probable of the others. They are forgotten. Call this after `certain`.
        """
        if self._next() is None:
            return []
        found = []
        for place in range(self._certain, len(self._parts)):
            part = self._parts[place]
            is_next = place == self._certain
            if part is None or _is_same(part.begun, self._at):
                continue
            if is_next or self._guesses[place] < _MOST_GUESSES:
                self._guesses[place] += not is_next
                self._parts[place] = None
                found.append(place)
        return found

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
