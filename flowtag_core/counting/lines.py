"""Blocks of text lines -> counts: plain lines by the kernel, all others, in order, by the reference.

Blocks are read on several threads, each with the layout that holds when it comes. They are settled
one after the other: the reference gets the odd lines of a block, and if one of them is a header that
changes the layout, what stood below it, and the blocks behind, are read again. So neither the
threads nor where a file is cut can be seen in the result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache, partial
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.counting import compiled, contract
from flowtag_core.counting.contract import MOST_ODD, MOST_ROWS, MOST_SEPARATORS, Kernel
from flowtag_core.counting.reference import STAMPED, Plain, Reference
from flowtag_core.counting.tally import Tally, empty_tally, rows_of, taken
from flowtag_core.counting.threads import Queue
from flowtag_core.counts import FlowCounts, Ints, Reason
from flowtag_core.errors import DamagedLogError
from flowtag_core.iana import WITH_PORTS
from flowtag_core.shapes import fitting
from flowtag_core.shapes.layout import KNOWN_FIELDS, Layout
from flowtag_core.shapes.records import Columns, Records

_WORTH_A_KERNEL: Final = 1 << 20
"""Bytes that the reference counts sooner than the kernel is loaded."""
_WORTH_THREADS: Final = 1 << 24
_MOST_HELD: Final = 1 << 16  # numbers: 512 KB

# In the order in which the kernel knows them.
_NUMBERS: Final = "dstport protocol srcport packets bytes start".split()
_WORDS: Final = "action log-status".split()
_FAULTS: Final = {
    contract.BAD_PORT: Reason.BAD_PORT,
    contract.BAD_PROTOCOL: Reason.BAD_PROTOCOL,
    contract.TOO_FEW_FIELDS: Reason.TOO_FEW_FIELDS,
    contract.UNSUPPORTED_VERSION: Reason.UNSUPPORTED_VERSION,
}


class Sheet:
    """What the kernel writes on while it reads a text; used again for the next one.

    `rows` are the rows to be added up, `found` is how much of each there was, and `dealt_with` how many
    bytes of the text were read.
    """

    def __init__(self) -> None:
        self.rows = np.empty(3 * MOST_ROWS, np.int64)
        self.dealt_with = 0
        self.found = Found(*[0] * len(Found._fields))
        self._odd = np.empty(4 * MOST_ODD, np.int64)
        self._found = np.zeros(len(self.found), np.int64)
        self._tail = np.zeros(80 + contract.MOST_TIDIED + 8, np.uint8)
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
        numbers = _numbers(layout)  # held: another thread may put its own in the cache meanwhile
        self.dealt_with = kernel.read(text, len(text), numbers.ctypes.data, *self._addresses)
        self.found = Found(*self._found.tolist())
        return self

    def pick(
        self, kernel: Kernel, columns: Ints, begin: int, layout: Layout
    ) -> tuple[int, int, Ints, Ints]:
        """Take rows of a table apart, from `begin` on, as many as there is room for.

        Gives where it ended, how many flows there are, their rows, and the places of what is odd.
        """
        rest, numbers = columns[:, begin:], _numbers(layout)
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


class Found(NamedTuple):
    """What the kernel found in a text, in the order in which it says so."""

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
        """What of this the reference takes in."""
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


class _Read(NamedTuple):
    """A block that was read with the layout that held when it came."""

    kernel: Kernel
    text: bytes
    layout: Layout
    sheet: Sheet


class _Picked(NamedTuple):
    """Of rows of a table: how many are flows, what is to be added up of them, and where others are."""

    columns: Columns
    flows: int
    rows: list[Ints]
    odd: Ints


class Lines:
    """Counts the lines of one file, together with its reference.

    `size` is that of all files that are counted together, as far as it is known.
    """

    def __init__(self, reference: Reference, size: int = 0) -> None:
        self._reference = reference
        self._size = 0
        self._is_long = size > _WORTH_A_KERNEL
        self._tally: Tally | None = None
        self._held: list[Ints] = []
        self._queue: Queue[_Read | _Picked] = Queue("parts")

    def count(self, block: bytes) -> None:
        """Count a block of whole lines; its last line may lack the line end."""
        kernel = self._kernel(len(block))
        if kernel is None:
            self._reference.count(block)
            return
        is_first = self._reference.lines == 0 and not self._queue
        if is_first and not block[:1].isdigit():  # a header, perhaps: it is read before all others
            end = block.find(b"\n") + 1 or len(block)
            self._settle(_read(kernel, block[:end], self._reference.layout))
            block = block[end:]
        if self._size < _WORTH_THREADS:
            self._settle(_read(kernel, block, self._reference.layout))
        else:
            self._queue.add(partial(_read, kernel, block, self._reference.layout))
        while self._queue.is_full:
            self._settle_next()

    def count_columns(self, columns: Columns) -> None:
        """Count rows of a table."""
        self._queue.add(partial(_picked, compiled.kernel(), columns))
        while self._queue.is_full:
            self._settle_next()

    def settle(self) -> None:
        """Wait for all that is being read; whoever gives lines to the reference does this before."""
        while self._queue:
            self._settle_next()

    def counts(self) -> FlowCounts:
        """The flows that are not in the reference's tables; in tables only."""
        self.settle()
        return taken(self._tally) if self._tally else FlowCounts()

    def rows(self) -> list[Ints]:
        """The rows of a small file, which are nowhere else."""
        return self._held

    def _kernel(self, size: int) -> Kernel | None:
        self._size += size
        if kernel := compiled.loaded():
            return kernel
        is_long = self._is_long or self._size > _WORTH_A_KERNEL
        return compiled.kernel() if is_long else None

    def _settle_next(self) -> None:
        """Take in what comes next; behind damage nothing is counted."""
        try:
            part = self._queue.take()
            if isinstance(part, _Read):
                self._settle(part)
            else:
                self._settle_rows(part)
        except DamagedLogError:
            self._queue.clear()
            raise

    def _settle(self, read: _Read) -> None:
        """Take in what was found in a block, once all before it is."""
        for part, its_layout in self._parts(*read):
            found = part.found
            self._reference.add_plain(its_layout, found.plain())
            self._add(part.rows[: 3 * found.rows])
        self._add_odd()
        _SHEETS.append(read.sheet)

    def _settle_rows(self, picked: _Picked) -> None:
        """Take in what was found in rows of a table."""
        columns, flows, rows, odd = picked
        records = columns.text(odd) if len(odd) else []
        kind = columns.kind
        if kind.layout:
            self._reference.add_plain(kind.layout, Plain(flows, shape=kind.shape))
        for some in rows:
            self._add(some)
        if records:
            self._reference.count_records(Records(kind, records))
        self._add_odd()
        self._reference.reach(columns.first + columns.size - 1)

    def _count_odd(self, text: bytes, odd: Ints) -> tuple[int, int, int] | None:
        """Count the lines that the kernel handed on; of sure faults the number may be enough.

        Where a header among them changes the layout gives its number, begin and end; what is behind
        it is not counted.
        """
        reference = self._reference
        layout, before = reference.layout, reference.lines
        is_enough = odd[:, 3] >= self._least_counted()
        looked_at = odd[~is_enough].tolist()
        numbered = [
            (before + line + 1, text[begin:end], _FAULTS.get(verdict % contract.FITS_NONE))
            for line, begin, end, verdict in looked_at
        ]
        counted = reference.count_odd(numbered)
        is_changed = reference.layout is not layout
        header = looked_at[counted - 1][:3] if is_changed else None
        if header:
            is_enough &= odd[:, 0] < header[0]
        for verdict, count in enumerate(np.bincount(odd[is_enough, 3] % contract.FITS_NONE)):
            if count:
                reference.add_faults(_FAULTS[verdict], int(count))
        return header

    def _least_counted(self) -> int:
        """From which verdict of the kernel on only the number of lines is of interest."""
        if not self._reference.has_samples:
            return 2 * contract.FITS_NONE
        return contract.FITS_NONE if self._reference.tries_others else contract.ODD + 1

    def _add_odd(self) -> None:
        """Add up what the reference found; without a kernel its own tables do."""
        if compiled.loaded():
            flows = self._reference.take_flows()
            if len(flows):
                self._add(rows_of(flows))

    def _add(self, rows: Ints) -> None:
        """Add rows up, or keep them: for small files many are added up at once."""
        if self._tally is None and len(rows):
            self._held.append(rows.copy())
            if sum(map(len, self._held)) < _MOST_HELD:
                return
            self._tally = empty_tally()
            while self._held:
                self._tally.add(self._held.pop())
        elif self._tally is not None:
            self._tally.add(rows)

    def _parts(
        self, kernel: Kernel, text: bytes, layout: Layout, sheet: Sheet
    ) -> Iterator[tuple[Sheet, Layout]]:
        """What the kernel found in the text, part by part; the reference gets the odd lines."""
        reference, is_read = self._reference, True
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
            header = self._count_odd(text, odd) if len(odd) else None
            if header:
                line, begin, end = header
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


# New memory costs more time than what is done with it, so it is used again.
_SHEETS: Final[deque[Sheet]] = deque()


def _sheet() -> Sheet:
    """One that nobody uses."""
    try:
        return _SHEETS.pop()
    except IndexError:
        return Sheet()


def _read(kernel: Kernel, text: bytes, layout: Layout) -> _Read:
    """Read a block, where its layout says what a flow is."""
    sheet = _sheet()
    if layout.names_port_and_protocol:
        sheet.read(kernel, text, layout)
    return _Read(kernel, text, layout, sheet)


def _picked(kernel: Kernel | None, columns: Columns) -> _Picked:
    """Take rows of a table apart."""
    layout, count = columns.kind.layout, columns.size
    if kernel is None or layout is None:
        return _Picked(columns, 0, [], np.arange(count))
    numbers, sheet = columns.numbers(), _sheet()
    done, flows = 0, 0
    rows, odd = [], []
    while done < count:
        done, some, its_rows, its_odd = sheet.pick(kernel, numbers, done, layout)
        flows += some
        rows.append(its_rows.copy())
        odd.append(its_odd)
    _SHEETS.append(sheet)
    return _Picked(columns, flows, rows, np.concatenate(odd))


@cache
def _numbers(layout: Layout) -> np.ndarray:
    """What the kernel is told of a layout."""
    others = fitting.places(layout.names)
    by_words = [others.get(words, []) for words in range(contract.MOST_WORDS + 1)]
    ends = np.cumsum([0, *map(len, by_words)])
    pairs = [place for places in by_words for pair in places for place in pair]
    known = {name.encode()[:3] for name in KNOWN_FIELDS}
    known |= {name.replace(b"-", b"_") for name in known}
    starts = [int.from_bytes(name, "little") for name in known]
    numbers = np.zeros(contract.OTHER_PLACES + len(pairs), np.int64)
    numbers[contract.NAME_STARTS :][: len(starts)] = starts
    numbers[contract.OTHERS : contract.OTHER_PLACES] = ends
    numbers[contract.OTHER_PLACES :] = pairs
    numbers[contract.FIELDS] = len(layout.names)
    numbers[contract.IS_DEFAULT] = layout.is_default
    numbers[contract.STAMPS] = _stamps(layout.names[0])
    names = [name if name in layout.names else "dstport" for name in _NUMBERS]
    places = [layout.position(name) for name in (*names, *_WORDS)]
    numbers[contract.DSTPORT : contract.DSTPORT + len(places)] = places
    numbers[[contract.WITH_PORTS + protocol for protocol in WITH_PORTS]] = 1
    return numbers


def _stamps(first: str) -> int:
    """Which time stamps may stand before a record whose first field is this: 0 none, 1 dates, 2 all."""
    if first not in KNOWN_FIELDS:
        return 0
    return 1 if first in ("start", "end") else 2
