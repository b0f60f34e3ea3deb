"""Evidence: who the flows that fit some filters come from and go to. Evidence can be added, like counts.

The counts of a log contain no addresses. A second look reads the log again, finds the flows that fit, and adds
them up here by source, destination, both of them, source and port, port, and interface. A table is exact as long
as it has at most MOST_ROWS rows. Beyond that its smallest rows are dropped, and `lacking` says how much each
remaining row may lack.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.counts import MEASURES, MOST_SUM, Ints, Measure, summed
from flowtag_core.errors import ChoiceError

MOST_ROWS: Final = 3 << 16
"""The most rows of a table of evidence; if there are more, all but the largest are dropped."""
_KEPT: Final = 1 << 16
"""How many rows are left then."""
MOST_SAMPLES: Final = 5
_HALF: Final = 64

_NONE: Final = np.empty(0, np.int64)
Lacking = tuple[int, int, int]


class Sample(NamedTuple):
    """One of the flows: its file, its line or record number, and its text."""

    file: str
    line: int
    text: str


class Wanted(NamedTuple):
    """The flows to look for: their ports with protocols, actions, boundaries, and minutes since 1970.

    `ports` has a bit for each protocol and port, as from `port_bits`. `actions` and `boundaries` are indexes into
    ACTIONS and BOUNDARIES. `minutes` are the first and the last one in which a flow may begin; flows with an unknown
    time do not fit then. `address` is one that the flows come from or go to. None means all. If `by_service`, flows
    that look like replies count under their source port.
    """

    ports: bytes | None = None
    actions: frozenset[int] | None = None
    boundaries: frozenset[int] | None = None
    minutes: tuple[int, int] | None = None
    by_service: bool = False
    address: str | None = None


EVERY_FLOW: Final = Wanted()


_PROTOCOLS, _PORTS = range(256), range(65_536)
PORT_BYTES: Final = 1 << 21
"""The size of `Wanted.ports`: a bit for each protocol and port."""


def port_bits(pairs: Iterable[tuple[int, int]]) -> bytes:
    """Return 2 MB with the bits of these pairs of a protocol number and a port set."""
    bits = np.zeros(PORT_BYTES, np.uint8)
    for protocol, port in pairs:
        if protocol not in _PROTOCOLS or port not in _PORTS:
            raise ChoiceError(
                f"{(protocol, port)!r:.60} is not a protocol number from 0 to 255 with a port from 0 to 65535."
            )
        place = protocol << 16 | port
        bits[place >> 3] |= 1 << (place & 7)
    return bits.tobytes()


@dataclass(frozen=True)
class Talkers:
    """Sums of flows by key, in no particular order: columns of equal length.

    `keys` are the columns of the key; an address or interface takes two, as in `codes`. `first` and `last` are
    the minutes in which the first and the last flow began; if unknown, NEVER and UNKNOWN_TIME. `lacking` is how
    many flows, packets and bytes each row may lack at most; rows that have no more than that may be missing.
    """

    keys: tuple[Ints, ...] = ()
    flows: Ints = field(default_factory=lambda: _NONE)
    packets: Ints = field(default_factory=lambda: _NONE)
    bytes: Ints = field(default_factory=lambda: _NONE)
    accepted: Ints = field(default_factory=lambda: _NONE)
    rejected: Ints = field(default_factory=lambda: _NONE)
    first: Ints = field(default_factory=lambda: _NONE)
    last: Ints = field(default_factory=lambda: _NONE)
    lacking: Lacking = (0, 0, 0)

    def __len__(self) -> int:
        return len(self.flows)

    @property
    def is_exact(self) -> bool:
        """Whether no row was dropped."""
        return not any(self.lacking)

    def columns(self) -> list[Ints]:
        """The columns of values, in order."""
        return [getattr(self, name) for name in _COLUMNS]

    def by(self, *places: int) -> Talkers:
        """Return the sums by these columns of the key only."""
        if not len(self):
            return Talkers(lacking=self.lacking)
        return folded([replace(self, keys=tuple(self.keys[place] for place in places))])

    def top(self, measure: Measure, most: int) -> Talkers:
        """Return the rows with the largest sums, the largest first; of equal ones, the lowest key first."""
        values = getattr(self, measure)
        if len(self) > most:
            least = np.partition(values, len(self) - most)[len(self) - most]
            chosen = np.flatnonzero(values >= least)
        else:
            chosen = np.arange(len(self))
        order = np.lexsort([*(column[chosen] for column in reversed(self.keys)), -values[chosen]])
        return self.at(chosen[order[:most]])

    def at(self, rows: Ints) -> Talkers:
        """Return the rows with these indexes, in this order."""
        keys = tuple(column[rows] for column in self.keys)
        return talkers_of(keys, [column[rows] for column in self.columns()], self.lacking)


def talkers_of(
    keys: tuple[Ints, ...], columns: Sequence[Ints], lacking: Lacking = (0, 0, 0)
) -> Talkers:
    """Return a table of these key columns and columns of values, in their order."""
    flows, packets, volume, accepted, rejected, first, last = columns
    return Talkers(keys, flows, packets, volume, accepted, rejected, first, last, lacking)


_COLUMNS: Final = ("flows", "packets", "bytes", "accepted", "rejected", "first", "last")


def folded(parts: Sequence[Talkers]) -> Talkers:
    """Return the sum of several tables with the same kind of key: one row for each key."""
    parts = [part for part in parts if len(part) or not part.is_exact]
    if not parts:
        return Talkers()
    lacking = _lacking_of(parts)
    there = [part for part in parts if len(part)]
    if not there:
        return Talkers(lacking=lacking)
    keys = [np.concatenate(columns) for columns in zip(*(part.keys for part in there), strict=True)]
    order = _order(keys) if keys else np.arange(sum(map(len, there)))
    keys = [column[order] for column in keys]
    is_first = np.zeros(len(order), np.bool_)
    is_first[0] = True
    for column in keys:
        is_first[1:] |= column[1:] != column[:-1]
    begins = np.flatnonzero(is_first)
    values = []
    for name in _COLUMNS:
        column = np.concatenate([getattr(part, name) for part in there])[order]
        if name == "first":
            values.append(np.minimum.reduceat(column, begins))
        elif name == "last":
            values.append(np.maximum.reduceat(column, begins))
        else:
            values.append(summed(lambda some: np.add.reduceat(some, begins), column))
    return talkers_of(tuple(column[begins] for column in keys), values, lacking)


def _lacking_of(parts: Sequence[Talkers]) -> Lacking:
    """Return how much a row of the sum of these tables may lack."""
    return _lacking(sum(each) for each in zip(*(part.lacking for part in parts), strict=True))


def _lacking(sums: Iterable[int]) -> Lacking:
    flows, packets, volume = (min(MOST_SUM, each) for each in sums)
    return flows, packets, volume


def _order(keys: Sequence[Ints]) -> Ints:
    """Return an order in which equal keys are next to each other."""
    packed, bits = np.zeros(len(keys[0]), np.uint64), 0
    for column in keys:
        low = column.min()
        width = int(int(column.max()) - int(low)).bit_length()
        bits += width
        if bits > _HALF:
            return np.lexsort(keys)
        if width:
            packed = packed << np.uint64(width) if bits > width else packed
            packed |= (column - low).astype(np.uint64)
    return np.argsort(packed)


def pruned(talkers: Talkers) -> Talkers:
    """Return the table with at most MOST_ROWS rows."""
    if len(talkers) <= MOST_ROWS:
        return talkers
    measures = [getattr(talkers, measure) for measure in MEASURES]
    rows, lacking = largest(measures, talkers.lacking)
    return replace(talkers.at(rows), lacking=lacking)


def largest(measures: Sequence[Ints], lacking: Lacking) -> tuple[Ints, Lacking]:
    """Return the indexes of the rows to keep: the largest by flows, packets and bytes, and some of the others.

    Also return how much a row may lack at most once all others are dropped; `lacking` is how much it may lack before.
    """
    keep = np.zeros(len(measures[0]), np.bool_)
    for values in measures:
        place = len(values) - _KEPT // 4
        keep |= values > np.partition(values, place)[place]
    others = np.flatnonzero(~keep)
    left = _KEPT - (len(keep) - len(others))
    keep[others[:left]] = True
    dropped = others[left:]
    lost = (int(values[dropped].max()) for values in measures)
    return np.flatnonzero(keep), _lacking(map(sum, zip(lacking, lost, strict=True)))


_NOBODY: Final = Talkers()


@dataclass(frozen=True, repr=False)
class Evidence:
    """Who talks to whom in the flows that fit some filters.

    The key of `sources` and `destinations` is an address, of `pairs` both, of `by_port` a protocol with a port, of
    `ports` a source with these two, and of `interfaces` an interface; `total` has no key. `samples` are the first
    flows by file and line, `faults` is the number of records that were set aside because of a fault, and `damage`
    says which files could not be read, or not to their ends.
    """

    pairs: Talkers = _NOBODY
    ports: Talkers = _NOBODY
    sources: Talkers = _NOBODY
    destinations: Talkers = _NOBODY
    interfaces: Talkers = _NOBODY
    by_port: Talkers = _NOBODY
    total: Talkers = _NOBODY
    samples: tuple[Sample, ...] = ()
    faults: int = 0
    damage: frozenset[str] = frozenset()

    def __add__(self, other: Evidence) -> Evidence:
        return added([self, other])

    def __radd__(self, other: int) -> Evidence:
        return self if other == 0 else NotImplemented

    @property
    def rows(self) -> int:
        """The number of rows of all tables."""
        return sum(len(getattr(self, name)) for name in _TABLES)

    def __repr__(self) -> str:
        return f"<Evidence: {self.flows:,} flows; pairs: {len(self.pairs):,}>"

    @property
    def flows(self) -> int:
        """The number of flows that fit."""
        return int(self.total.flows.sum())

    @property
    def is_exact(self) -> bool:
        """Whether no row of any table was dropped."""
        return all(getattr(self, name).is_exact for name in _TABLES)

    @cached_property
    def targets(self) -> Talkers:
        """By source, the number of distinct destinations, as `flows`."""
        return _distinct(self.pairs)

    @cached_property
    def source_ports(self) -> Talkers:
        """By source, the number of distinct ports with protocols, as `flows`."""
        return _distinct(self.ports)


_TABLES: Final = ("pairs", "ports", "sources", "destinations", "interfaces", "by_port")


def _distinct(talkers: Talkers) -> Talkers:
    """Return, for each address that is the first part of a key, the number of keys that have it."""
    if not len(talkers):
        return Talkers()
    ones = np.ones(len(talkers), np.int64)
    return folded([replace(talkers, keys=talkers.keys[:2], flows=ones)])


def added(parts: Iterable[Evidence]) -> Evidence:
    """Return the sum of all parts, each table with at most MOST_ROWS rows."""
    parts = list(parts)
    tables = {name: _sum([getattr(part, name) for part in parts]) for name in _TABLES}
    samples = sorted(sample for part in parts for sample in part.samples)
    return Evidence(
        **tables,
        total=_sum([part.total for part in parts]),
        samples=tuple(samples[:MOST_SAMPLES]),
        faults=sum(part.faults for part in parts),
        damage=frozenset(damage for part in parts for damage in part.damage),
    )


def _sum(tables: Sequence[Talkers]) -> Talkers:
    """Return the sum of tables in which each key occurs once."""
    there = [table for table in tables if len(table)]
    if len(there) == 1:
        return replace(there[0], lacking=_lacking_of(tables))
    return pruned(folded(tables))
