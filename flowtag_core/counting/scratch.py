"""Calls of the kernel: a layout in its numbers, and the memory that it writes to.

A scratch is reused for the next text: to allocate memory would take longer than to use it.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.boundary import INSIDE, OUTSIDE, Inside
from flowtag_core.counting import contract
from flowtag_core.counting.contract import Kernel
from flowtag_core.counting.ledger import Plain
from flowtag_core.counting.reference import STAMPED
from flowtag_core.counts import Ints, Reason
from flowtag_core.iana import WITH_PORTS
from flowtag_core.shapes import other_layouts
from flowtag_core.shapes.layout import KNOWN_FIELDS, Layout

# In the order in which the kernel knows them.
_NUMBERS: Final = "dstport protocol srcport packets bytes start srcaddr dstaddr".split()
_WORDS: Final = "action log-status".split()


_HALF: Final = (1 << 64) - 1


class Scratch:
    """The memory that the kernel writes to while it reads a text; it is used again for the next one.

    `inside` are the addresses inside the network. `rows` are the rows to be added up, `found` is how
    much of each there was, and `dealt_with` how many bytes of the text were read.
    """

    def __init__(self) -> None:
        self.inside = Inside()
        self.rows = np.empty(3 * contract.ROWS_TOLD, np.int64)
        self.dealt_with = 0
        self.found = KernelCounts(*[0] * len(KernelCounts._fields))
        self._odd = np.empty(4 * contract.ODD_TOLD, np.int64)
        self._found = np.zeros(len(self.found), np.int64)
        self._tail = np.zeros(80 + contract.MOST_TIDIED + 8, np.uint8)
        self._separators = np.empty(2 * contract.MOST_SEPARATORS, np.int32)
        self._numbers = np.empty(9, np.int64)
        scratch = (
            self._tail,
            self._separators,
            self._numbers,
            self.rows,
            self._odd,
            self._found,
        )
        self._addresses = [array.ctypes.data for array in scratch]

    def read(self, kernel: Kernel, text: bytes, layout: Layout) -> Scratch:
        """Read a text, or as much of its beginning as there is room for the results."""
        numbers = _numbers(
            layout, self.inside
        )  # held: another thread may put its own in the cache meanwhile
        self.dealt_with = kernel.read(text, len(text), numbers.ctypes.data, *self._addresses)
        self.found = KernelCounts(*self._found.tolist())
        return self

    def pick(
        self, kernel: Kernel, columns: Ints, begin: int, layout: Layout
    ) -> tuple[int, int, Ints, Ints]:
        """Read rows of a table, from `begin` on, as many as there is room for.

        Returns where it stopped, how many flows there are, their rows, and the indexes of odd rows.
        """
        rest, numbers = columns[:, begin:], _numbers(layout, self.inside)
        taken = kernel.pick(
            rest.ctypes.data,
            columns.shape[1],
            rest.shape[1],
            numbers.ctypes.data,
            self.rows.ctypes.data,
            self._odd.ctypes.data,
            self._found.ctypes.data,
        )
        flows, rows, odd = self._found[:3].tolist()
        return begin + taken, flows, self.rows[: 3 * rows], self._odd[:odd] + begin

    def odd(self) -> Ints:
        """The number, begin and end of each line that is not plain, and what the kernel says of it."""
        return self._odd[: 4 * self.found.odd].reshape(-1, 4).copy()


class KernelCounts(NamedTuple):
    """The counts that the kernel reports of a text, in its order."""

    lines: int
    flows: int
    no_data: int
    skipped_data: int
    stamped: int
    rows: int
    odd: int
    blank: int
    odd_status: int
    no_srcport: int
    no_start: int
    no_packets: int
    no_bytes: int
    odd_action: int

    def plain(self) -> Plain:
        """These counts as the ledger takes them."""
        return Plain(
            self.flows,
            self.blank,
            {Reason.NO_DATA: self.no_data, Reason.SKIPPED_DATA: self.skipped_data},
            {
                "srcport": self.no_srcport,
                "start": self.no_start,
                "packets": self.no_packets,
                "bytes": self.no_bytes,
            },
            {"action": self.odd_action, "log-status": self.odd_status},
            STAMPED if self.stamped else "",
        )


_UNUSED: Final[deque[Scratch]] = deque()


def unused(inside: Inside) -> Scratch:
    """A scratch that nobody uses, for logs of a network with these addresses inside."""
    try:
        own = _UNUSED.pop()
    except IndexError:
        own = Scratch()
    own.inside = inside
    return own


def give_back(scratch: Scratch) -> None:
    """Let somebody else use a scratch; its rows are overwritten then."""
    _UNUSED.append(scratch)


@lru_cache(maxsize=64)
def _numbers(layout: Layout, inside: Inside) -> np.ndarray:
    """A layout, and what is inside, as the kernel is told of it; `contract` says what the numbers mean."""
    others = other_layouts.places(layout.names)
    by_words = [others.get(words, []) for words in range(contract.WORDS_TOLD + 1)]
    ends = np.cumsum([0, *map(len, by_words)])
    pairs = [place for places in by_words for pair in places for place in pair]
    known = {name.encode()[:3] for name in KNOWN_FIELDS}
    known |= {name.replace(b"-", b"_") for name in known}
    starts = [int.from_bytes(name, "little") for name in known]
    spans = _spans(inside)
    end = contract.OTHER_PLACES + len(pairs)
    first_octets, second_octets = _octets(inside, end + len(spans))
    told = np.concatenate([spans, second_octets])
    numbers = np.zeros(end + len(told), np.int64)
    numbers[contract.SPANS], numbers[end:] = end, told
    numbers[contract.FIRST_OCTETS :][:256] = first_octets
    numbers[contract.NAME_STARTS :][: len(starts)] = starts
    numbers[contract.OTHERS : contract.OTHER_PLACES] = ends
    numbers[contract.OTHER_PLACES : end] = pairs
    numbers[contract.FIELDS] = len(layout.names)
    numbers[contract.IS_DEFAULT] = layout.is_default
    numbers[contract.STAMPS] = _stamps(layout.names[0])
    names = [name if name in layout.names else "dstport" for name in _NUMBERS]
    places = [layout.position(name) for name in (*names, *_WORDS)]
    numbers[contract.DSTPORT : contract.DSTPORT + len(places)] = places
    numbers[[contract.HAS_PORTS + protocol for protocol in WITH_PORTS]] = 1
    return numbers


def _spans(inside: Inside) -> Ints:
    """The spans of addresses that are inside; halves of IPv6 addresses are signed, as all numbers here."""
    of_4, of_6 = inside.spans
    halves = [half for span in of_6 for each in span for half in (each >> 64, each & _HALF)]
    flat = [len(of_4), *(each for span in of_4 for each in span), len(of_6), *halves]
    return np.array(flat, np.uint64).view(np.int64)


def _octets(inside: Inside, begin: int) -> tuple[list[int], Ints]:
    """For each first octet of an IPv4 address where the address is, or where its second octets are told.

    These begin at `begin` in all that the kernel is told.
    """
    first: list[int] = []
    second: list[int] = []
    for octet in range(256):
        place = _place(inside, octet << 24, 1 << 24)
        if place >= contract.SEE_MORE:
            place = begin + len(second)
            prefixes = (octet << 8 | next_octet for next_octet in range(256))
            second += [_place(inside, prefix << 16, 1 << 16) for prefix in prefixes]
        first.append(place)
    return first, np.array(second, np.int64)


def _place(inside: Inside, low: int, size: int) -> int:
    """Where all of so many IPv4 addresses from `low` on are, or from SEE_MORE up the first span of some."""
    for number, (first, last) in enumerate(inside.spans[0]):
        if first <= low and low + size - 1 <= last:
            return INSIDE
        if first < low + size and low <= last:
            return contract.SEE_MORE + number
    return OUTSIDE


def _stamps(first: str) -> int:
    """The time stamps allowed before a record with this first field: 0 none, 1 dates, 2 all."""
    if first not in KNOWN_FIELDS:
        return 0
    return 1 if first in ("start", "end") else 2
