"""Blocks of text lines -> counts: plain lines by the kernel, all others, in order, by the reference.

Blocks are read on several threads, each with the layout that holds when it comes. They are settled
one after the other: the reference gets the odd lines of a block, and if one of them is a header that
changes the layout, what stood below it, and the blocks behind, are read again. So neither the
threads nor where a file is cut can be seen in the result.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Final, NamedTuple, TypeVar

import numpy as np

from flowtag_core.counts import FlowCounts, Reason
from flowtag_core.iana import WITH_PORTS
from flowtag_core.reading import compiled
from flowtag_core.reading.compiled import MOST_ODD, MOST_ROWS, MOST_SEPARATORS, Kernel
from flowtag_core.reading.layout import KNOWN_FIELDS, Layout
from flowtag_core.reading.reference import Reference
from flowtag_core.reading.tally import Tally

T = TypeVar("T")

_WORTH_A_KERNEL: Final = 1 << 19
"""Bytes that the reference counts sooner than the kernel is loaded."""
_WORTH_THREADS: Final = 1 << 22
_MOST_THREADS: Final = 8

# In the order in which the kernel knows them.
_NUMBERS: Final = "dstport protocol srcport packets bytes start".split()
_WORDS: Final = "action log-status".split()


class Sheet:
    """What the kernel writes on while it reads a text; used again for the next one."""

    def __init__(self) -> None:
        self.rows = np.empty(3 * MOST_ROWS, np.int64)
        self.dealt_with = 0
        self._odd = np.empty(3 * MOST_ODD, np.int64)
        self._found = np.zeros(7, np.int64)
        self._tail = np.zeros(64, np.uint8)
        self._separators = np.empty(2 * MOST_SEPARATORS, np.int32)
        self._numbers = np.empty(8, np.int64)
        scratch = (
            self._tail,
            self._separators,
            self._numbers,
            self.rows,
            self._odd,
            self._found,
        )
        self._addresses = [array.ctypes.data for array in scratch]

    def read(self, kernel: Kernel, text: bytes, layout: Layout) -> Sheet:
        """Take a text apart; of one that has too much for a sheet only the first part."""
        numbers = _numbers(layout).ctypes.data
        self.dealt_with = kernel.read(text, len(text), numbers, *self._addresses)
        return self

    @property
    def found(self) -> Found:
        """How much of each there was."""
        return Found(*self._found.tolist())

    def odd(self) -> list[list[int]]:
        """The number, begin and end of each line that is not plain."""
        found: list[list[int]] = self._odd[: 3 * self._found[-1]].reshape(-1, 3).tolist()
        return found


class Found(NamedTuple):
    """What the kernel found in a text, in the order in which it says so."""

    lines: int
    flows: int
    no_data: int
    skipped_data: int
    stamped: int
    rows: int
    odd: int


class _Read(NamedTuple):
    """A block that is being read; where the reading was cancelled, the sheet has it all the same."""

    kernel: Kernel
    text: bytes
    layout: Layout
    sheet: Sheet
    reading: Future[Sheet]


class Lines:
    """Counts the lines of one file, together with its reference."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._size = 0
        self._tally: Tally | None = None
        self._read: deque[_Read] = deque()

    def count(self, block: bytes) -> None:
        """Count a block of whole lines; its last line may lack the line end."""
        kernel = self._kernel(len(block))
        if kernel is None:
            self._reference.count(block)
            return
        if self._reference.lines == 0:  # a header comes first: read it before all the others
            end = block.find(b"\n") + 1 or len(block)
            self._settle(kernel, block[:end], _sheet(), self._reference.layout)
            block = block[end:]
        if self._size < _WORTH_THREADS:
            self._settle(kernel, block, _sheet(), self._reference.layout)
            return
        layout = self._reference.layout
        if layout.names_port_and_protocol:
            sheet = _sheet()
            reading = _threads().submit(sheet.read, kernel, block, layout)
            self._read.append(_Read(kernel, block, layout, sheet, reading))
        else:
            self.settle()
            self._reference.count(block)
        while len(self._read) > _thread_count() + 2:
            self._read_last()
            self._settle_first()

    def settle(self) -> None:
        """Wait for all that is being read; whoever gives lines to the reference does this before."""
        while self._read:
            self._settle_first()

    def counts(self) -> FlowCounts:
        """The flows that are not in the reference's tables; in tables only."""
        self.settle()
        if self._tally is None:
            return FlowCounts()
        counts = self._tally.counts(_each if self._size >= _WORTH_THREADS else map)
        _TALLIES.append(self._tally)
        return counts

    def _kernel(self, size: int) -> Kernel | None:
        self._size += size
        if kernel := compiled.loaded():
            return kernel
        return compiled.kernel() if self._size > _WORTH_A_KERNEL else None

    def _settle_first(self) -> None:
        kernel, text, layout, sheet, reading = self._read.popleft()
        if not reading.cancelled():
            reading.result()
        self._settle(kernel, text, sheet, layout, is_read=True)

    def _read_last(self) -> None:
        """Read the last block here, where the first is not read yet: better than to wait for it."""
        last = self._read[-1]
        if not self._read[0].reading.done() and last.reading.cancel():
            last.sheet.read(last.kernel, last.text, last.layout)

    def _settle(
        self, kernel: Kernel, text: bytes, sheet: Sheet, layout: Layout, is_read: bool = False
    ) -> None:
        for part, its_layout in self._parts(kernel, text, sheet, layout, is_read):
            found = part.found
            plain = {Reason.NO_DATA: found.no_data, Reason.SKIPPED_DATA: found.skipped_data}
            self._reference.add_plain(its_layout, found.flows, plain, found.stamped > 0)
            if found.rows:
                self._tally = self._tally or _tally(kernel)
                self._tally.add(part.rows, found.rows)
        flows = self._reference.take_flows()
        if len(flows):
            self._tally = self._tally or _tally(kernel)
            self._tally.add_flows(flows)
        _SHEETS.append(sheet)

    def _parts(
        self, kernel: Kernel, text: bytes, sheet: Sheet, layout: Layout, is_read: bool
    ) -> Iterator[tuple[Sheet, Layout]]:
        """What the kernel found in the text, part by part; the reference gets the odd lines."""
        reference = self._reference
        while text:
            if layout is not reference.layout:
                layout, is_read = reference.layout, False
            if not layout.names_port_and_protocol:
                reference.count(text)
                return
            if not is_read:
                sheet.read(kernel, text, layout)
            is_read = False
            odd = sheet.odd()
            before = reference.lines
            numbered = [(before + line + 1, text[begin:end]) for line, begin, end in odd]
            counted = reference.count_odd(numbered)
            if layout is not reference.layout:
                line, begin, end = odd[counted - 1]
                yield sheet.read(kernel, text[:begin], layout), layout
                reference.pass_lines(line + 1)
                reference.count(text[end + 1 :])
                return
            yield sheet, layout
            found = sheet.found
            reference.pass_lines(found.lines)
            text = text[sheet.dealt_with :]
            if not sheet.dealt_with:
                reference.count(text)  # the last line, which has no end
                return


# New memory costs more time than what is done with it, so it is used again, and again.
_SHEETS: Final[deque[Sheet]] = deque()
_TALLIES: Final[deque[Tally]] = deque()


def _sheet() -> Sheet:
    """One that nobody uses."""
    try:
        return _SHEETS.pop()
    except IndexError:
        return Sheet()


def _tally(kernel: Kernel) -> Tally:
    """An empty one that nobody uses."""
    try:
        return _TALLIES.pop()
    except IndexError:
        return Tally(kernel)


@cache
def _thread_count() -> int:
    """One for each processor but that of the thread that settles."""
    return min(max((os.cpu_count() or 1) - 1, 1), _MOST_THREADS)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_thread_count(), thread_name_prefix="flowtag")


def _each(function: Callable[[int], T], items: Iterable[int]) -> list[T]:
    """Like `map`; this thread takes the last ones that no other has begun."""
    begun = [(_threads().submit(function, item), item) for item in items]
    done = [each.result() if not each.cancel() else function(item) for each, item in begun[::-1]]
    return done[::-1]


@cache
def _numbers(layout: Layout) -> np.ndarray:
    """What the kernel is told of a layout."""
    numbers = np.zeros(compiled.WITH_PORTS + 256, np.int64)
    numbers[compiled.FIELDS] = len(layout.names)
    numbers[compiled.IS_DEFAULT] = layout.is_default
    numbers[compiled.STAMPS] = _stamps(layout.names[0])
    names = [name if name in layout.names else "dstport" for name in _NUMBERS]
    places = [layout.position(name) for name in (*names, *_WORDS)]
    numbers[compiled.DSTPORT : compiled.DSTPORT + len(places)] = places
    numbers[[compiled.WITH_PORTS + protocol for protocol in WITH_PORTS]] = 1
    return numbers


def _stamps(first: str) -> int:
    """Which time stamps may stand before a record whose first field is this: 0 none, 1 dates, 2 all."""
    if first not in KNOWN_FIELDS:
        return 0
    return 1 if first in ("start", "end") else 2
