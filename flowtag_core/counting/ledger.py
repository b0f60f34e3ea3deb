"""The ledger: what became of every record of one file.

The ledger decides nothing. The reference and the kernel decide what a record is, and the ledger keeps
track: how many records there are of each kind, which fields could not be read, and the first faults with
their line numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from flowtag_core.counts import MOST_FAULTS, Fault, FileCounts, FlowCounts, Reason
from flowtag_core.shapes.layout import Layout

OPTIONAL_FIELDS: Final = ("start", "srcport", "action", "packets", "bytes")
"""The fields that a layout may lack; its flows still count."""

T = TypeVar("T")


class Plain(NamedTuple):
    """Totals counted elsewhere, to be added to a ledger.

    `notes` counts AWS's NODATA and SKIPDATA records. `unreadable` counts, by field, the flows in which it
    could not be read; `odd_words` those in which it has a word that AWS does not use.
    """

    flows: int
    blank: int = 0
    notes: Mapping[Reason, int] = MappingProxyType({})
    unreadable: Mapping[str, int] = MappingProxyType({})
    odd_words: Mapping[str, int] = MappingProxyType({})
    shape: str = ""


class Ledger:
    """Keeps track of the records of one file; `line` is the number of the last line that was processed.

    `take` may be called repeatedly. Each call returns what was added since the one before; the results add
    up to what a single call at the end would have returned.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.line = 0
        self.has_header = False
        self.misfit = ""
        self._begin()

    def _begin(self) -> None:
        self._headers = self._blank = self._flows = 0
        self._set_aside: dict[Reason, int] = {}
        self._unreadable: dict[str, int] = {}
        self._lacking: dict[str, int] = {}
        self._odd_words: dict[str, int] = {}
        self._fitting: dict[str, int] = {}
        self._shapes: set[str] = set()
        self._faults: list[Fault] = []

    @property
    def has_enough_faults(self) -> bool:
        """Whether enough faults are kept as samples; further ones are only counted."""
        return len(self._faults) >= MOST_FAULTS

    @property
    def headers(self) -> int:
        """The number of headers since the last `take`."""
        return self._headers

    @property
    def faults(self) -> int:
        """The number of records with a fault since the last `take`."""
        return sum(count for reason, count in self._set_aside.items() if reason.is_fault)

    def add_header(self) -> None:
        """Count a header."""
        self._headers += 1
        self.has_header = True

    def add_blank(self) -> None:
        """Count a blank line."""
        self._blank += 1

    def add_shape(self, shape: str) -> None:
        """Add a description of how a part of the file was read."""
        self._shapes.add(shape)

    def add_flows(
        self,
        layout: Layout,
        flows: int,
        unreadable: Mapping[str, int],
        odd_words: Mapping[str, int],
    ) -> None:
        """Count flows of one layout, and by field how many have an unreadable value or an odd word."""
        if not flows:
            return
        self._flows += flows
        self._shapes.add(layout.shape)
        for field in OPTIONAL_FIELDS:
            if field not in layout.names:
                _add(self._lacking, {field: flows})
        _add(self._unreadable, unreadable)
        _add(self._odd_words, odd_words)

    def add_plain(self, layout: Layout, plain: Plain) -> None:
        """Add the totals of plain records of one layout that were counted elsewhere."""
        self.add_flows(layout, plain.flows, plain.unreadable, plain.odd_words)
        self._blank += plain.blank
        _add(self._set_aside, plain.notes)
        if plain.shape:
            self._shapes.add(plain.shape)

    def add_faults(self, reason: Reason, count: int) -> None:
        """Count lines with the same fault, without keeping samples."""
        _add(self._set_aside, {reason: count})

    def set_aside(self, number: int, reason: Reason, text: str) -> None:
        """Count one record that is not a flow; `text` is its beginning, kept as a sample if it is a fault."""
        _add(self._set_aside, {reason: 1})
        if self.wants_text(reason):
            self._faults.append(Fault(self.name, number, reason, text))

    def wants_text(self, reason: Reason) -> bool:
        """Whether the text of a record that is set aside for this reason would be kept as a sample."""
        return reason.is_fault and not self.has_enough_faults

    def add_fitting(self, fields: str) -> None:
        """Count a line that would be a flow in another layout, the one with these fields."""
        _add(self._fitting, {fields: 1})

    def take(
        self,
        size: int,
        wrapping: str = "",
        damage: str | None = None,
        internal: tuple[str, ...] | None = None,
    ) -> FlowCounts:
        """Return what was added since the last `take`, and start again from zero.

        `size` is the number of bytes as read, `wrapping` names the formats that the file was unpacked from,
        `damage` is the reason why it ended early, and `internal` are the ranges that counted as inside. The
        tables are empty: flows are added up elsewhere.
        """
        file = FileCounts(
            size,
            self._headers,
            self._blank,
            self._flows,
            _counter(self._set_aside),
            _counter(self._unreadable),
            _counter(self._lacking),
            _counter(self._odd_words),
            _counter(self._fitting),
            frozenset([self.misfit] if self._fitting else []),
            frozenset(f"{wrapping}: {shape}" if wrapping else shape for shape in self._shapes),
            frozenset([damage] if damage else []),
        )
        faults = tuple(self._faults)
        self._begin()
        return FlowCounts(files={self.name: file}, faults=faults, internal=internal)


def _add(sums: dict[T, int], counts: Mapping[T, int]) -> None:
    """Add counts to sums, without those that are 0; a Counter would take five times as long."""
    for each, count in counts.items():
        if count:
            sums[each] = sums.get(each, 0) + count


_NOTHING: Final[Counter[Any]] = Counter()


def _counter(sums: dict[T, int]) -> Counter[T]:
    """Return sums as a Counter. All empty ones are the same object, since there may be very many files."""
    return Counter(sums) if sums else _NOTHING
