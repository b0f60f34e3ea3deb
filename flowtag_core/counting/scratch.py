"""Calls to the kernel: a layout as an array of numbers, and the memory that the kernel writes to.

A scratch is reused for the next text, since allocating memory would take longer than using it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np

from flowtag_core.boundary import INSIDE, OUTSIDE, Inside
from flowtag_core.codes import UNREADABLE
from flowtag_core.counting import contract
from flowtag_core.counting.contract import Kernel
from flowtag_core.counting.ledger import Plain
from flowtag_core.counting.reference import STAMPED
from flowtag_core.counts import Ints, Reason
from flowtag_core.iana import WITH_PORTS
from flowtag_core.shapes import other_layouts
from flowtag_core.shapes.layout import KNOWN_FIELDS, Layout
from flowtag_core.shapes.records import MOST_WANTED, Addresses, Cells, Column, Objects

# In the order of the constants in `contract`.
_NUMBERS: Final = "dstport protocol srcport packets bytes start srcaddr dstaddr".split()
_WORDS: Final = "action log-status".split()


_HALF: Final = (1 << 64) - 1
_AROUND: Final = 64
"""Bytes before and after a text that the kernel may read."""
_LF: Final = 10


_ANY: Final = Layout(("dstport", "protocol"), "any")
"""A layout for which only the addresses inside matter."""


class Scratch:
    """The memory that the kernel writes to while it reads a text; it is reused for the next text.

    `inside` says which addresses are inside the network. `rows` are the rows to be added up, `found` are
    the kernel's counts, and `dealt_with` is the number of bytes of the text that were read.
    """

    pool: ClassVar[deque[Scratch]] = deque()
    """Those that are not in use."""

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
        self._room = 0
        self._lines: list[np.ndarray] = []
        self._spans = np.empty(2 * MOST_WANTED + 2, np.int64)
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
        """Read a text, or as much of its beginning as there is room for in the results."""
        # A local variable keeps the array alive: another thread may push it out of the cache.
        numbers = _numbers(layout, self.inside)
        self._run(kernel, text, len(text), numbers)
        return self

    def has_read_all(self, kernel: Kernel, text: bytes, layout: Layout) -> bool:
        """Read a text; return whether everything in it was read and every line is plain."""
        self.read(kernel, text, layout)
        return not self.found.odd and self.dealt_with == len(text)

    def results(self) -> Any:
        """Return what was read, to be added up before anything else is read."""
        return self.rows[: 3 * self.found.rows]

    def kept(self) -> Any:
        """Return what was read, to be added up later."""
        return self.results().copy()

    def _run(self, kernel: Kernel, text: bytes | int, size: int, numbers: np.ndarray) -> None:
        """Read a text, or one at an address, with the layout that these numbers describe."""
        self.dealt_with = kernel.read(text, size, numbers.ctypes.data, *self._addresses)
        self.found = KernelCounts(*self._found.tolist())

    def sift(
        self, kernel: Kernel, text: bytes, plan: Cells | Objects, groups: int
    ) -> Sifted | None:
        """Sort the rows of a text into plain ones, by group, and odd ones; None if the kernel cannot tell where they are."""
        size = len(text)
        self._make_room(size + 1, groups)
        self._text[:size] = np.frombuffer(text, np.uint8)
        has_lines = isinstance(plan, Cells) or plan.are_lines
        if has_lines and not text.endswith(b"\n"):
            self._text[size] = _LF
            size += 1
        self._text[size : size + _AROUND] = _LF
        found = np.zeros(2 + 2 * groups, np.int64)
        outs = np.array([lines.ctypes.data + _AROUND for lines in self._lines], np.int64)
        listed = (self._begins, self._plain, self._odd_rows, found)
        results = [array.ctypes.data for array in listed]
        source = self._text.ctypes.data
        if isinstance(plan, Cells):
            wanted = plan.wanted.ctypes.data
            is_unsure = kernel.cells(
                source, size, plan.delimiter, plan.columns, wanted, int(outs[0]), *results
            )
        else:
            sift = kernel.objects_on_lines if plan.are_lines else kernel.objects_in_arrays
            given = (plan.templates, plan.segments, self._spans, outs)
            is_unsure = sift(source, size, *(array.ctypes.data for array in given), *results)
        if is_unsure:
            return None
        rows, odd = found[:2].tolist()
        begins = np.append(self._begins[:rows], len(text)).astype(np.int64)
        plain = [
            Lines(int(outs[n]), int(found[3 + 2 * n]), self._plain[n * size :][: found[2 + 2 * n]])
            for n in range(groups)
        ]
        return Sifted(begins, self._odd_rows[:odd].astype(np.int64), plain)

    def read_lines(self, kernel: Kernel, lines: Lines, layout: Layout) -> Iterator[Scratch]:
        """Read lines of plain rows, step by step; yield this scratch with the results of each step.

        Only rows that are plain in every field are counted.
        """
        yield from self._read_rows(kernel, lines.address, lines.size, layout)

    def read_records(self, kernel: Kernel, text: bytes, layout: Layout) -> Iterator[Scratch]:
        """Read records of another format, each a line of the text, in the same way as lines of plain rows."""
        padded = np.zeros(len(text) + 2 * _AROUND, np.uint8)
        padded[_AROUND : _AROUND + len(text)] = np.frombuffer(text, np.uint8)
        yield from self._read_rows(kernel, padded.ctypes.data + _AROUND, len(text), layout)

    def _read_rows(self, kernel: Kernel, at: int, left: int, layout: Layout) -> Iterator[Scratch]:
        numbers = _numbers(layout, self.inside, is_table=True)
        while left:
            self._run(kernel, at, left, numbers)
            yield self
            at, left = at + self.dealt_with, left - self.dealt_with

    def _make_room(self, size: int, groups: int) -> None:
        """Allocate the memory to sift a text; none is taken up before it is written to."""
        if self._room < size or len(self._lines) < groups:
            room = self._room = max(2 * size, self._room)
            self._text = np.empty(room + _AROUND, np.uint8)
            self._lines = [np.empty(2 * room + 2 * _AROUND, np.uint8) for _ in range(groups)]
            self._begins, self._odd_rows = np.empty(room, np.int32), np.empty(room, np.int32)
            self._plain = np.empty(groups * room, np.int32)

    def pick(
        self, kernel: Kernel, columns: Sequence[Column | None], begin: int, end: int, layout: Layout
    ) -> tuple[int, int, Ints, Ints]:
        """Read table rows from index `begin` on, as many as there is room for; `columns` are as for the kernel.

        Returns the index at which it stopped, the number of flows, their kernel rows, and the indexes of
        odd rows.
        """
        numbers = _numbers(layout, self.inside)
        described = np.array([_described(column) for column in columns], np.int64)
        given = (numbers, self.rows, self._odd, self._found)
        taken = kernel.pick(
            described.ctypes.data, begin, end, *(array.ctypes.data for array in given)
        )
        flows, rows, odd = self._found[:3].tolist()
        return taken, flows, self.rows[: 3 * rows], self._odd[:odd].copy()

    def places(self, kernel: Kernel, text: np.ndarray, offsets: np.ndarray) -> Ints:
        """Return where each address in a text is, each of which ends at an offset where the next one begins."""
        padded = np.zeros(len(text) + 2 * _AROUND, np.uint8)
        padded[_AROUND : _AROUND + len(text)] = text
        count = len(offsets) - 1
        found, numbers = np.empty(count, np.int64), _numbers(_ANY, self.inside)
        given = (numbers, self._numbers, found)
        kernel.places(
            padded.ctypes.data + _AROUND,
            offsets.ctypes.data,
            count,
            *(array.ctypes.data for array in given),
        )
        return found

    def codes(self, kernel: Kernel, addresses: Addresses) -> Ints:
        """Return the halves of each address, and after them those of a missing one, as described in `contract`."""
        found = np.full((addresses.size + 1, 2), UNREADABLE, np.int64)
        if addresses.offsets is not None:
            padded = np.zeros(len(addresses.text) + 2 * _AROUND, np.uint8)
            padded[_AROUND : _AROUND + len(addresses.text)] = addresses.text
            given = (addresses.offsets, self._numbers, found)
            offsets, numbers, out = (array.ctypes.data for array in given)
            kernel.codes(padded.ctypes.data + _AROUND, offsets, addresses.size, numbers, out)
        return found

    def odd(self) -> Ints:
        """Return the number, begin, end and verdict of each line that is not plain."""
        return self._odd[: 4 * self.found.odd].reshape(-1, 4).copy()


class Lines(NamedTuple):
    """The lines of the plain rows in a group: their address, their size in bytes, and the index of each row."""

    address: int
    size: int
    indexes: np.ndarray


class Sifted(NamedTuple):
    """Where the rows of a text begin, and after them its end; the indexes of odd ones; and the lines of each group."""

    begins: Ints
    odd: Ints
    groups: list[Lines]


class KernelCounts(NamedTuple):
    """The counts that the kernel returns for a text, in its order."""

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
        """Return these counts in the form that the ledger accepts."""
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


def _described(column: Column | None) -> tuple[int, int, int]:
    """Return the address of a column, the size of a value, and the address of what the values mean."""
    if column is None:
        return 0, 0, 0
    meanings = 0 if column.meanings is None else column.meanings.ctypes.data
    return column.values.ctypes.data, column.values.itemsize, meanings


def unused(inside: Inside) -> Scratch:
    """Return a scratch that is not in use, for logs of a network with these addresses inside."""
    try:
        own = Scratch.pool.pop()
    except IndexError:
        own = Scratch()
    own.inside = inside
    return own


def give_back(scratch: Scratch) -> None:
    """Release a scratch for reuse; its rows will be overwritten."""
    scratch.pool.append(scratch)


@lru_cache(maxsize=64)
def _numbers(layout: Layout, inside: Inside, *, is_table: bool = False) -> np.ndarray:
    """Return the array that describes a layout and the addresses inside to the kernel, as in `contract`."""
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
    numbers[contract.IS_TABLE] = is_table
    numbers[contract.STAMPS] = _stamps(layout.names[0])
    numbers[contract.INTERFACE] = layout.position("interface-id")
    names = [name if name in layout.names else "dstport" for name in _NUMBERS]
    places = [layout.position(name) for name in (*names, *_WORDS)]
    numbers[contract.DSTPORT : contract.DSTPORT + len(places)] = places
    numbers[[contract.HAS_PORTS + protocol for protocol in WITH_PORTS]] = 1
    return numbers


def _spans(inside: Inside) -> Ints:
    """Return the spans of addresses inside; halves of IPv6 addresses are signed, like all numbers here."""
    of_4, of_6 = inside.spans
    halves = [half for span in of_6 for each in span for half in (each >> 64, each & _HALF)]
    flat = [len(of_4), *(each for span in of_4 for each in span), len(of_6), *halves]
    return np.array(flat, np.uint64).view(np.int64)


def _octets(inside: Inside, begin: int) -> tuple[list[int], Ints]:
    """Return for each first octet of an IPv4 address where the address is; and the tables of second octets.

    If that depends on the second octet, the first list contains the index of a table instead. The tables
    begin at index `begin` of the kernel's array.
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
    """Return where `size` IPv4 addresses from `low` on are: all INSIDE, all OUTSIDE, or it depends.

    If it depends, the result is SEE_MORE plus the number of the first span that contains some of them.
    """
    for number, (first, last) in enumerate(inside.spans[0]):
        if first <= low and low + size - 1 <= last:
            return INSIDE
        if first < low + size and low <= last:
            return contract.SEE_MORE + number
    return OUTSIDE


def _stamps(first: str) -> int:
    """Return which time stamps may come before a record with this first field: 0 none, 1 dates, 2 all."""
    if first not in KNOWN_FIELDS:
        return 0
    return 1 if first in ("start", "end") else 2
