"""The logs that a tab has counted, and those among them that repeat others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from flowtag_core.counting.total import total
from flowtag_core.counts import FlowCounts
from flowtag_core.page.intake import CountedLog

LOGS_A_PAGE: Final = 8


@dataclass(frozen=True)
class Logs:
    """The counted logs by name, and their sum."""

    by_name: Mapping[str, CountedLog] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_name)

    @cached_property
    def counts(self) -> FlowCounts:
        """The counts of all logs, added once: no click adds them again."""
        return total([log.counts for log in self.by_name.values()])

    @property
    def seconds(self) -> float:
        """The seconds that it took to read all of them."""
        return sum(log.seconds for log in self.by_name.values())

    @property
    def pages(self) -> int:
        """The number of portions that fit beside the page."""
        return -(-len(self.by_name) // LOGS_A_PAGE)

    def page(self, number: int) -> list[CountedLog]:
        """One portion of them, the first is 1."""
        return list(self.by_name.values())[(number - 1) * LOGS_A_PAGE : number * LOGS_A_PAGE]

    def plus(self, logs: Iterable[CountedLog]) -> Logs:
        """These and more."""
        return Logs({**self.by_name, **{log.name: log for log in logs}})

    def without(self, name: str) -> Logs:
        """All but one; the others are added again, not read again."""
        return Logs({other: log for other, log in self.by_name.items() if other != name})


def repetitions(before: Logs, logs: Iterable[CountedLog]) -> Iterator[tuple[str, str]]:
    """Each log, by its name, that looks as if another one had come a second time, and a sentence."""
    sized = {log.counts.total.size: log for log in before.by_name.values()}
    for log in logs:
        size = log.counts.total.size
        other = sized.get(size)
        if other is not None and _is_same(log, other):
            same = f"{log.name} has the same size and counts as {other.name}"
            yield log.name, f"{same}. Is it the same file? Both are counted."
        sized[size] = log


def _is_same(one: CountedLog, other: CountedLog) -> bool:
    tables = [(log.counts.requests, log.counts.replies) for log in (one, other)]
    return one.name != other.name and one.counts.total.flows > 0 and tables[0] == tables[1]
