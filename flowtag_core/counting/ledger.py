"""The fate of every record of one file: kept while it is counted, handed over as FileCounts.

The ledger decides nothing. The reference and the kernel say what a record is, and it writes that down:
how many of which kind, which fields could not be read, and the first faults with their line numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from flowtag_core.counts import MOST_FAULTS, Fault, FileCounts, FlowCounts, Reason
from flowtag_core.shapes.layout import Layout

OPTIONAL_FIELDS: Final = ("start", "srcport", "action", "packets", "bytes")
"""The fields without which a flow still counts."""

T = TypeVar("T")


class Plain(NamedTuple):
    """Totals counted elsewhere: flows, blank lines, AWS's notes, and flows with unreadable or odd words."""

    flows: int
    blank: int = 0
    notes: Mapping[Reason, int] = MappingProxyType({})
    unreadable: Mapping[str, int] = MappingProxyType({})
    odd_words: Mapping[str, int] = MappingProxyType({})
    shape: str = ""


class Ledger:
    """The records of one file; `line` is the number of the last line that was dealt with.

    `take` hands over what was written down since the last time, and the ledger goes on: what is taken
    adds up to what one `take` at the end would have given.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.line = 0
        self.has_header = False
        self.misfit = ""
        self._begin()

    def _begin(self) -> None:
        self._headers = self._blank = self._flows = 0
        self._set_aside: Counter[Reason] = Counter()
        self._unreadable: Counter[str] = Counter()
        self._lacking: Counter[str] = Counter()
        self._odd_words: Counter[str] = Counter()
        self._fitting: Counter[str] = Counter()
        self._shapes: set[str] = set()
        self._faults: list[Fault] = []

    @property
    def has_enough_faults(self) -> bool:
        """Whether enough faults are kept as samples; further ones are only counted."""
        return len(self._faults) >= MOST_FAULTS

    @property
    def headers(self) -> int:
        """The headers since the last time that was taken."""
        return self._headers

    @property
    def faults(self) -> int:
        """The records with a fault since the last time that was taken."""
        return sum(count for reason, count in self._set_aside.items() if reason.is_fault)

    def add_header(self) -> None:
        """Write down a header."""
        self._headers += 1
        self.has_header = True

    def add_blank(self) -> None:
        """Write down a blank line."""
        self._blank += 1

    def add_shape(self, shape: str) -> None:
        """Write down how a part of the file was read."""
        self._shapes.add(shape)

    def add_flows(
        self,
        layout: Layout,
        flows: int,
        unreadable: Mapping[str, int],
        odd_words: Mapping[str, int],
    ) -> None:
        """Write down flows of one layout, and how many of them have which fields that are not sound."""
        if not flows:
            return
        self._flows += flows
        self._shapes.add(layout.shape)
        for field in OPTIONAL_FIELDS:
            if field not in layout.names:
                self._lacking[field] += flows
        _add(self._unreadable, unreadable)
        _add(self._odd_words, odd_words)

    def add_plain(self, layout: Layout, plain: Plain) -> None:
        """Write down what was counted elsewhere in plain records of a layout."""
        self.add_flows(layout, plain.flows, plain.unreadable, plain.odd_words)
        self._blank += plain.blank
        _add(self._set_aside, plain.notes)
        if plain.shape:
            self._shapes.add(plain.shape)

    def add_faults(self, reason: Reason, count: int) -> None:
        """Write down the number of lines with a fault of which no samples are wanted."""
        self._set_aside[reason] += count

    def set_aside(self, number: int, reason: Reason, text: str) -> None:
        """Write down one record that is no flow; `text` is how it begins."""
        self._set_aside[reason] += 1
        if self.wants_text(reason):
            self._faults.append(Fault(self.name, number, reason, text))

    def wants_text(self, reason: Reason) -> bool:
        """Whether the beginning of a record that is set aside for this reason is kept."""
        return reason.is_fault and not self.has_enough_faults

    def add_fitting(self, fields: str) -> None:
        """Write down a line that would be a flow in another layout, by the fields of that one."""
        self._fitting[fields] += 1

    def take(self, size: int, wrapping: str = "", damage: str | None = None) -> FlowCounts:
        """Hand over what was written down since the last time, and go on without it.

        `size` is in bytes as read, `wrapping` names what was unpacked first, `damage` says why the file
        ended early. The tables are empty: flows are added up elsewhere.
        """
        file = FileCounts(
            size,
            self._headers,
            self._blank,
            self._flows,
            self._set_aside,
            +self._unreadable,
            +self._lacking,
            +self._odd_words,
            self._fitting,
            frozenset([self.misfit] if self._fitting else []),
            frozenset(f"{wrapping}: {shape}" if wrapping else shape for shape in self._shapes),
            frozenset([damage] if damage else []),
        )
        faults = tuple(self._faults)
        self._begin()
        return FlowCounts(files={self.name: file}, faults=faults)


def _add(counter: Counter[T], counts: Mapping[T, int]) -> None:
    """Do what Counter.update does, in a fifth of the time for a few counts most of which are 0."""
    for each, count in counts.items():
        if count:
            counter[each] += count
