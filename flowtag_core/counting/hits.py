"""Hits: the flows that a second look finds, with their addresses -> Evidence.

The kernel writes hits as rows of integers (see `contract`). The flows that the reference finds, and those in the
columns of a table, become such rows here.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowtag_core import evidence
from flowtag_core.codes import UNREADABLE, Code, address_code, interface_code, is_readable
from flowtag_core.counting import contract
from flowtag_core.counting.compiled import loaded
from flowtag_core.counting.contract import (
    DESTINATION,
    HIT_BYTES,
    HIT_INTERFACE,
    HIT_LINE,
    HIT_PACKETS,
    HIT_SIZE,
    KEY,
    LAST,
    PORT_PLACE,
    SOURCE,
    UNKNOWN_MINUTE,
    Kernel,
)
from flowtag_core.counting.reference import Seen, is_reply
from flowtag_core.counting.threads import each
from flowtag_core.counts import (
    ACCEPT,
    ACTIONS,
    BOUNDARIES,
    BOUNDARY_SHIFT,
    NEVER,
    PORT_SHIFT,
    REJECT,
    UNKNOWN_TIME,
    WINDOW_SHIFT,
    Ints,
    key_of,
)
from flowtag_core.evidence import MOST_ROWS, Evidence, Lacking, Talkers, Wanted, talkers_of

_PORT_BITS: Final = 24
"""The bits of a protocol and a port in a key."""
_MOST_FEW: Final = 1 << 16
"""The number of hits that need not be added up yet (6 MB)."""
_FEWEST_BITS, _MOST_BITS = 12, 18
"""The sizes of a hash table, as powers of 2; three quarters of the largest are MOST_ROWS."""
_MOST_PARTS: Final = 256
_MEASURES: Final = (
    contract.GATHERED_FLOWS,
    contract.GATHERED_PACKETS,
    contract.GATHERED_BYTES,
)
_KEYS: Final = {
    "pairs": (SOURCE, SOURCE + 1, DESTINATION, DESTINATION + 1),
    "ports": (SOURCE, SOURCE + 1, PORT_PLACE),
    "sources": (SOURCE, SOURCE + 1),
    "destinations": (DESTINATION, DESTINATION + 1),
    "interfaces": (HIT_INTERFACE, HIT_INTERFACE + 1),
    "by_port": (PORT_PLACE,),
    "total": (),
}
"""The numbers of a hit that are the key in each table of evidence."""


@lru_cache(maxsize=8)
def told(wanted: Wanted) -> Ints:
    """Return the array that tells the kernel which flows are wanted, as in `contract`."""
    numbers = np.zeros(contract.PORTS_WANTED + (1 << _PORT_BITS - 6), np.int64)
    every = range(len(ACTIONS)), range(len(BOUNDARIES))
    actions, boundaries = (
        sum(1 << number for number in (every_ if chosen is None else chosen))
        for every_, chosen in zip(every, (wanted.actions, wanted.boundaries), strict=True)
    )
    first, last = wanted.minutes or (0, UNKNOWN_MINUTE)
    numbers[contract.BY_SERVICE] = wanted.by_service
    numbers[contract.ACTIONS_WANTED], numbers[contract.BOUNDARIES_WANTED] = actions, boundaries
    numbers[contract.FIRST_MINUTE] = first
    numbers[contract.LAST_MINUTE] = (
        last if wanted.minutes is None else min(last, UNKNOWN_MINUTE - 1)
    )
    numbers[contract.EVERY_PORT] = wanted.ports is None
    if wanted.ports is not None:
        numbers[contract.PORTS_WANTED :] = np.frombuffer(wanted.ports, "<i8")
    return numbers


def evidence_of(hits: Ints) -> Evidence:
    """Return the evidence in hits, one in each row."""
    if not len(hits):
        return Evidence()
    key = hits[:, KEY]
    minute, action = key >> WINDOW_SHIFT, key & 3
    is_timed = minute != UNKNOWN_MINUTE
    values = (
        np.ones(len(hits), np.int64),
        hits[:, HIT_PACKETS],
        hits[:, HIT_BYTES],
        (action == ACCEPT).astype(np.int64),
        (action == REJECT).astype(np.int64),
        np.where(is_timed, minute, NEVER),
        np.where(is_timed, minute, UNKNOWN_TIME),
    )
    source = hits[:, SOURCE], hits[:, SOURCE + 1]
    destination = hits[:, DESTINATION], hits[:, DESTINATION + 1]
    interfaces = Talkers((hits[:, HIT_INTERFACE], hits[:, HIT_INTERFACE + 1]), *values)
    port = (key >> PORT_SHIFT) & ((1 << _PORT_BITS) - 1)
    pairs = evidence.folded([Talkers((*source, *destination), *values)])
    ports = evidence.folded([Talkers((*source, port), *values)])
    return Evidence(
        pairs=pairs,
        ports=ports,
        by_port=ports.by(2),
        sources=pairs.by(0, 1),
        destinations=pairs.by(2, 3),
        interfaces=_readable(evidence.folded([interfaces])),
        total=pairs.by(),
    )


def _readable(interfaces: Talkers) -> Talkers:
    """Return the table without the row for flows whose interface is unknown."""
    if not len(interfaces):
        return interfaces
    return interfaces.at(np.flatnonzero(interfaces.keys[0] != UNREADABLE))


def _has_end(hits: Ints, code: Code) -> NDArray[np.bool_]:
    high, low = code
    is_source = (hits[:, SOURCE] == high) & (hits[:, SOURCE + 1] == low)
    is_destination = (hits[:, DESTINATION] == high) & (hits[:, DESTINATION + 1] == low)
    found: NDArray[np.bool_] = is_source | is_destination
    return found


class HitSum:
    """Adds up hits: in hash tables of the kernel if there are many and a kernel, else as Evidence."""

    def __init__(self) -> None:
        self._few: list[Ints] = []
        self._few_size = 0
        self._tables: dict[str, _HashTable] = {}
        self._parts: list[Evidence] = []
        self._rows = 0

    def add(self, hits: Ints) -> None:
        """Add hits, which must not change afterwards."""
        self._few.append(hits)
        self._few_size += len(hits)
        if self._few_size > _MOST_FEW:
            self._add_few()

    def add_evidence(self, part: Evidence) -> None:
        """Add what was found elsewhere."""
        self._parts.append(part)
        self._rows += part.rows
        if self._rows > MOST_ROWS or len(self._parts) > _MOST_PARTS:
            self._parts, self._rows = [evidence.added(self._parts)], 0

    def take_few(self) -> list[Ints]:
        """Return the hits that are not added up yet, if there are only few; the caller must add them up."""
        few, self._few, self._few_size = self._few, [], 0
        return few

    def evidence(self) -> Evidence:
        """Return the sum of everything added so far."""
        self._add_few()
        return self._sum({name: table.talkers() for name, table in self._tables.items()})

    def take(self) -> Evidence:
        """Return the sum of everything added; nothing can be added afterwards. This needs less memory."""
        self._add_few()
        return self._sum({name: self._tables.pop(name).talkers() for name in [*self._tables]})

    def _sum(self, tables: dict[str, Talkers]) -> Evidence:
        if not tables:
            return evidence.added(self._parts)
        tables["interfaces"] = _readable(tables["interfaces"])
        found = Evidence(**tables, samples=(), faults=0, damage=frozenset())
        return evidence.added([*self._parts, found])

    def _add_few(self) -> None:
        hits = self.take_few()
        kernel = loaded()
        if not hits:
            return
        if kernel is None:
            for some in hits:
                self.add_evidence(evidence_of(some))
            return
        if not self._tables:
            self._tables = {name: _HashTable(kernel, places) for name, places in _KEYS.items()}
        tables = list(self._tables.values())

        def add_to(number: int) -> None:
            for some in hits:
                tables[number].add(some)

        each(add_to, range(len(tables)))


class _HashTable:
    """A hash table of the kernel that adds up hits by some of their numbers, as described in `contract`.

    It grows; once it cannot grow any more, the smallest rows are dropped.
    """

    def __init__(self, kernel: Kernel, places: Sequence[int]) -> None:
        self._kernel = kernel
        self._keys = len(places)
        none = [contract.NO_PLACE] * (contract.KEY_NUMBERS - len(places))
        self._told = np.array([*places, *none, *_secrets()], np.int64)
        self._used = np.zeros(1, np.int64)
        self._lacking: Lacking = (0, 0, 0)
        self._bits = _FEWEST_BITS
        self._table = np.zeros((1 << self._bits, contract.ENTRY_SIZE), np.int64)

    def add(self, hits: Ints) -> None:
        """Add hits, one in each row."""
        at, done = hits.ctypes.data, 0
        told, used = self._told.ctypes.data, self._used.ctypes.data
        while True:
            table = self._table.ctypes.data
            done = self._kernel.gather(at, done, len(hits), told, table, self._bits, used)
            if done == len(hits):
                return
            self._make_room()

    def talkers(self) -> Talkers:
        """Return the sums."""
        slots = self._slots()
        keys = tuple(self._table[slots, place] for place in range(self._keys))
        columns = [self._table[slots, place] for place in range(contract.KEY_NUMBERS, LAST + 1)]
        return talkers_of(keys, columns, self._lacking)

    def _slots(self) -> Ints:
        return np.flatnonzero(self._table[:, contract.GATHERED_FLOWS])

    def _make_room(self) -> None:
        """Make the table larger, or drop its smallest rows."""
        slots = self._slots()
        if self._bits < _MOST_BITS:
            entries = self._table
            self._bits = min(self._bits + 2, _MOST_BITS)
            self._table = np.zeros((1 << self._bits, contract.ENTRY_SIZE), np.int64)
        else:
            measures = [self._table[slots, place] for place in _MEASURES]
            rows, self._lacking = evidence.largest(measures, self._lacking)
            entries = self._table[slots[rows]]
            slots = np.arange(len(rows))
            self._table.fill(0)
        # Rows that are kept were next to each other; with other numbers they are not.
        self._told[-contract.SECRETS :] = _secrets()
        self._kernel.rehash(
            entries.ctypes.data,
            slots.ctypes.data,
            len(slots),
            self._told.ctypes.data,
            self._table.ctypes.data,
            self._bits,
        )
        self._used[0] = len(slots)


def _secrets() -> list[int]:
    return [secrets.randbits(64) - (1 << 63) for _ in range(contract.SECRETS)]


def hits_of(flows: Ints, seen: Sequence[Seen], wanted: Wanted) -> Ints:
    """Return the wanted ones of the reference's flows as hits, in order; `seen` has the same flows in the same order.

    The line number of a hit is the index of its flow.
    """
    minute, protocol, dstport, srcport, action, packets, volume, boundary = flows.T
    port = dstport
    if wanted.by_service:
        port = np.where(is_reply(protocol, srcport, dstport), srcport, dstport)
    window = np.where(minute < 0, UNKNOWN_MINUTE, minute)
    rows = np.stack([key_of(window, protocol, port, action, boundary), packets, volume], axis=1)
    hits = hits_in(rows, wanted)
    found = [seen[index] for index in hits[:, HIT_LINE].tolist()]
    codes = [
        (
            *address_code(each.source),
            *address_code(each.destination),
            *interface_code(each.interface),
        )
        for each in found
    ]
    hits[:, SOURCE : HIT_INTERFACE + 2] = np.array(codes, np.int64).reshape(-1, 6)
    return hits


def hits_in(rows: Ints, wanted: Wanted) -> Ints:
    """Return the wanted ones of some flows as hits without addresses, in order; each row is key, packets, bytes.

    The line number of a hit is the index of its row.
    """
    indexes = np.flatnonzero(_are_wanted(rows[:, 0], told(wanted)))
    hits = np.full((len(indexes), HIT_SIZE), UNREADABLE, np.int64)
    hits[:, KEY : HIT_BYTES + 1] = rows[indexes]
    hits[:, HIT_LINE] = indexes
    return hits


def fitting(hits: Ints, wanted: Wanted) -> Ints:
    """Return the hits that have the wanted address, if one is wanted."""
    if wanted.address is None:
        return hits
    code = address_code(wanted.address.encode())
    return hits[_has_end(hits, code)] if is_readable(code) else hits[:0]


def _are_wanted(key: Ints, numbers: Ints) -> NDArray[np.bool_]:
    """Do for many keys what the kernel does for one."""
    minute, bit = key >> WINDOW_SHIFT, (key >> PORT_SHIFT) & ((1 << _PORT_BITS) - 1)
    fits = (minute >= numbers[contract.FIRST_MINUTE]) & (minute <= numbers[contract.LAST_MINUTE])
    for chosen, number in (
        (numbers[contract.ACTIONS_WANTED], key & 3),
        (numbers[contract.BOUNDARIES_WANTED], (key >> BOUNDARY_SHIFT) & 7),
    ):
        fits &= (chosen >> number) & 1 == 1
    if not numbers[contract.EVERY_PORT]:
        fits &= (numbers[contract.PORTS_WANTED + (bit >> 6)] >> (bit & 63)) & 1 == 1
    found: NDArray[np.bool_] = fits.astype(np.bool_)
    return found
