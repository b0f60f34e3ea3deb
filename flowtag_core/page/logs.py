"""The logs that a tab has counted, and the search for logs that repeat others."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from flowtag_core.counting.total import total
from flowtag_core.counts import FlowCounts, Table
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
        """The counts of all logs; cached, so that no click adds them up again."""
        return total([log.counts for log in self.by_name.values()])

    @property
    def seconds(self) -> float:
        """The seconds that it took to read all of them."""
        return sum(log.seconds for log in self.by_name.values())

    @property
    def pages(self) -> int:
        """The number of pages in the list of logs."""
        return -(-len(self.by_name) // LOGS_A_PAGE)

    def page(self, number: int) -> list[CountedLog]:
        """The logs on one page of that list; the first page is 1."""
        return list(self.by_name.values())[(number - 1) * LOGS_A_PAGE : number * LOGS_A_PAGE]

    def plus(self, logs: Iterable[CountedLog]) -> Logs:
        """Return a copy with these logs added; a log replaces one of the same name."""
        return Logs({**self.by_name, **{log.name: log for log in logs}})

    def without(self, name: str) -> Logs:
        """Return a copy without one log; the others are added up again, not read again."""
        return Logs({other: log for other, log in self.by_name.items() if other != name})


def repetitions(before: Logs, logs: Iterable[CountedLog]) -> Iterator[tuple[str, str]]:
    """Yield the name of each log that seems to repeat another one, and a sentence that says so."""
    alike: dict[Hashable, list[CountedLog]] = {}
    for log in before.by_name.values():
        alike.setdefault(_look(log), []).append(log)
    for log in logs:
        others = alike.setdefault(_look(log), [])
        other = next((other for other in others if _is_same(log, other)), None)
        if other is None:
            others.append(log)
        else:
            same = f"{log.name} has the same size and counts as {other.name}"
            yield log.name, f"{same}. Is it the same file? Both are counted."


def _look(log: CountedLog) -> Hashable:
    """Return a key that is equal for logs that may be the same, and different for nearly all others."""
    return log.counts.total.size, *((len(table), int(table.key.sum())) for table in _tables(log))


def _is_same(one: CountedLog, other: CountedLog) -> bool:
    is_other = one.name != other.name and one.counts.total.flows > 0
    return is_other and _tables(one) == _tables(other)


def _tables(log: CountedLog) -> tuple[Table, Table, Table]:
    return log.counts.requests, log.counts.replies, log.counts.replies_by_service
