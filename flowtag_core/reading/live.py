"""The counts of logs that are followed: the sum of everything, and the recent part."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from flowtag_core.counting.recent import DAY, Recent
from flowtag_core.counting.total import TABLES, Total
from flowtag_core.counts import FileCounts, FlowCounts, all_of
from flowtag_core.errors import StateError
from flowtag_core.reading.follow import Follower
from flowtag_core.reading.state import DAMAGED, State, load, save

CLEAN: Final = "earlier files without faults"
OTHER: Final = "earlier files with faults"
"""The names under which the records of files are added up if there are too many files to list."""
_MOST_FILES: Final = 1000
_DAMAGE: Final = (
    *(KeyError, TypeError, ValueError, AttributeError, IndexError),
    *(OverflowError, RecursionError),
)
"""What positions that make no sense may raise."""


class Live:
    """Counts what a follower finds; the sum of everything is the same as if the logs had been counted at once.

    `sum` are all counts, `added` those of the last look, which took place `seconds` after the one before,
    0 if there was none. `recent` holds the last `keep` minutes, at least a day, in short windows.
    """

    def __init__(self, follower: Follower, keep: int = DAY) -> None:
        self.follower = follower
        self.sum = FlowCounts()
        self.added = FlowCounts()
        self.seconds = 0.0
        self.recent = Recent(max(keep, DAY))
        self._total, self._fresh, self._interval = Total(), Total(), Total()
        self._is_new = False
        self._at: float | None = None
        self._state_seen: tuple[int, int, int] | None = None

    @property
    def lag(self) -> int | None:
        """How many seconds ago the minute of the newest flow ended, at least 0; None if no time is known."""
        if not self.recent.newest:
            return None
        return max(int(time.time()) - 60 * (self.recent.newest + 1), 0)

    def poll(self) -> bool:
        """Count what was appended to files lately, for the next look; return whether there was anything."""
        return self._count(self.follower.growth())

    def look(self, seconds: float = math.inf) -> bool:
        """Count what is new, for at most about `seconds`; return whether there was anything since the last look."""
        self._count(self.follower.parts(seconds))
        self.add_up()
        self.added, self._interval = self._interval.counts(), Total()
        now = time.monotonic()
        self.seconds, self._at = 0.0 if self._at is None else now - self._at, now
        return bool(self.added.total.records or self.added.files)

    def _count(self, parts: Iterable[FlowCounts]) -> bool:
        is_new = False
        for part in parts:
            self._fresh.add(part)
            self.recent.add(part, int(time.time()) // 60)
            is_new |= bool(part.total.records or part.files)
        self._is_new |= is_new
        return is_new

    def add_up(self) -> None:
        """Add what was counted since the last time to the sum."""
        if self._is_new or self.sum.internal is None:
            fresh, self._fresh, self._is_new = self._fresh.counts(), Total(), False
            self._interval.add(fresh)
            self._total.add(fresh)
            self._set_sum(self._total.counts())

    def last(self, minutes: int) -> FlowCounts:
        """Return the flows of the last minutes before the newest flow, with the records of all files."""
        recent = self.recent.last(minutes)
        return replace(self.sum, **{name: getattr(recent, name) for name in TABLES})

    def save(self, path: str, last_true: Mapping[str, int]) -> None:
        """Write a state from which another `Live` can continue.

        Raises OutputError if that fails, and StateError if somebody else has written to the file meanwhile.
        """
        if self._state_seen and version_of(path) not in (self._state_seen, None):
            raise StateError(
                f"{path}: was changed by another program. Give each flowtag a state file of its own."
            )
        follower, recent = self.follower, self.recent
        layout = follower.layout.names
        state = State(
            self.sum, follower.positions, layout, recent.newest, recent.spans(), last_true
        )
        save(state, path)
        self._state_seen = version_of(path)

    def resume(self, path: str) -> State:
        """Continue from a state, before anything has been counted, and return it.

        Raises StateError if the file is not a state, or if it was written with a different format or ranges.
        """
        state, follower = load(path), self.follower
        is_same_format = tuple(state.layout) == follower.layout.names
        if not is_same_format or state.counts.internal not in (None, follower.inside.ranges):
            raise StateError(
                f"{path}: was written with a different --format or --internal. Use the same options, or "
                "another state file."
            )
        try:
            follower.resume(state.positions)
        except _DAMAGE as error:
            raise StateError(f"{path}: {DAMAGED}") from error
        self._state_seen = version_of(path)
        self._total.add(state.counts)
        self.sum = state.counts
        self.recent.resume(state.newest, state.spans)
        return state

    def _set_sum(self, counts: FlowCounts) -> None:
        self.sum = counts
        if len(counts.files) > 3 * _MOST_FILES:
            self.sum = replace(counts, files=_fewer(counts.files))
            self._total = Total()
            self._total.add(self.sum)


def version_of(path: str) -> tuple[int, int, int] | None:
    """Return what changes whenever a file is written or replaced, or None if it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _fewer(files: Mapping[str, FileCounts]) -> dict[str, FileCounts]:
    """Return the newest files with their records, and the records of the others added up."""
    kept: dict[str, FileCounts] = {}
    for name in (CLEAN, OTHER):
        some = {
            key: each
            for key, each in files.items()
            if (CLEAN if _is_clean(each) else OTHER) == name
        }
        some.pop(name, None)
        newest = list(some)[-_MOST_FILES:]
        older = [files[key] for key in [name, *some] if key in files and key not in newest]
        if older:
            kept[name] = all_of(older)
        kept |= {key: files[key] for key in newest}
    return kept


def _is_clean(file: FileCounts) -> bool:
    """Whether there is nothing to say about a file except how many records it has."""
    return not (file.faults or file.damage or file.unreadable or file.odd_words or file.offer)
