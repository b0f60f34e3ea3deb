"""Counts one file: plain lines with the kernel, all others, in order, with the reference.

Several threads read blocks of text, each with the layout in force when the block arrives. The blocks are
then settled one after another: the reference gets the odd lines of a block, and if one of them is a header
that changes the layout, the lines below it and the blocks after it are read again. So the result depends
neither on the threads nor on where the file is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from flowtag_core.boundary import UNKNOWN, Inside
from flowtag_core.counting import compiled, contract, scratch
from flowtag_core.counting.contract import Kernel
from flowtag_core.counting.ledger import Plain
from flowtag_core.counting.reference import ALWAYS_INSIDE, Reference, Seen
from flowtag_core.counting.scratch import Scratch
from flowtag_core.counting.tally import Counted, RowSum
from flowtag_core.counting.threads import Queue
from flowtag_core.counts import Ints, Reason
from flowtag_core.errors import DamagedLogError
from flowtag_core.shapes.fields import MISSING
from flowtag_core.shapes.layout import ASSUMED, Layout, header_layout
from flowtag_core.shapes.records import (
    Addresses,
    Column,
    Columns,
    Numbered,
    Odd,
    Records,
    Rows,
    Spans,
)
from flowtag_core.shapes.shapes import Part

_WORTH_A_KERNEL: Final = 1 << 20
"""Bytes that the reference can count in less time than it takes to load the kernel."""
_WORTH_THREADS: Final = 1 << 24
_WORTH_A_CALL: Final = 16
"""Records that the reference can count in less time than it takes to call the kernel."""
_FLOWS_AT_ONCE: Final = 1 << 14
"""The number of flows that the reference collects before they are sorted, if there is no kernel."""

_BOM: Final = b"\xef\xbb\xbf"
_MOST_BEFORE_HEADER: Final = 4
"""The most words before a header, such as a time stamp and the name of a stream."""

_FAULTS: Final = {
    contract.BAD_PORT: Reason.BAD_PORT,
    contract.BAD_PROTOCOL: Reason.BAD_PROTOCOL,
    contract.TOO_FEW_FIELDS: Reason.TOO_FEW_FIELDS,
    contract.UNSUPPORTED_VERSION: Reason.UNSUPPORTED_VERSION,
}


class _Read(NamedTuple):
    """A block that the kernel has read, and the layout that was in force when it arrived."""

    kernel: Kernel
    text: bytes
    layout: Layout
    scratch: Scratch


class _Picked(NamedTuple):
    """Table rows that the kernel has read: the number of flows, what is to be added up, the indexes of odd ones.

    If they could not be read, `damage` says why. There are no results then, nor without a kernel.
    """

    columns: Columns
    flows: int
    results: Any
    odd: Ints
    damage: DamagedLogError | None = None


class _Lined(NamedTuple):
    """Rows of text that the kernel has read, each group with a layout.

    `spans` is None if the kernel cannot tell where the rows are.
    """

    part: Rows
    layouts: list[Layout]
    plain: list[tuple[int, Plain]]
    rows: list[Any]
    spans: Spans | None


class Reached(NamedTuple):
    """Where the count of a file stands: its layout, its last line, whether it had a header, its first misfit."""

    layout: Layout
    line: int
    has_header: bool
    misfit: str


class FileCount:
    """Counts one file, which it receives in parts and in order.

    `layout` applies to lines of text until a header names another. `size` is the known total size, in
    bytes, of all files that are counted together; `inside` says which addresses are inside the network.
    """

    def __init__(
        self,
        name: str,
        layout: Layout = ASSUMED,
        size: int = 0,
        inside: Inside = ALWAYS_INSIDE,
    ) -> None:
        self._reference = Reference(name, layout, inside, self._new_seen())
        self._inside = inside
        self._rows = RowSum()
        self._size = 0
        self._is_long = size > _WORTH_A_KERNEL
        self._queue: Queue[_Read | _Picked | _Lined] = Queue("parts")

    def resume(self, at: Reached) -> None:
        """Continue where another count of this file stopped; nothing has been counted here yet."""
        self._reference.layout = at.layout
        ledger = self._reference.ledger
        ledger.line, ledger.has_header, ledger.misfit = at.line, at.has_header, at.misfit

    @property
    def reached(self) -> Reached:
        """Where the count is now, after `take`."""
        ledger = self._reference.ledger
        return Reached(self._reference.layout, ledger.line, ledger.has_header, ledger.misfit)

    @property
    def lines(self) -> int:
        """The number of the last line (or other record) that was counted."""
        return self._reference.ledger.line

    @property
    def headers(self) -> int:
        """The number of headers since the last `take`."""
        return self._reference.ledger.headers

    @property
    def faults(self) -> int:
        """The number of records with a fault since the last `take`."""
        return self._reference.ledger.faults

    def count(self, part: Part) -> None:
        """Count the next part of the file. Only the last line of the last block may lack its line end."""
        if isinstance(part, Columns):
            self._queue.add(partial(self._picked, part))
            self._settle_full()
        elif isinstance(part, Rows):
            self._count_rows(part)
        elif isinstance(part, Records):
            self.settle()
            if part.numbered:
                self._count_extracted(part)
        elif part.too_long:
            self.set_aside_line(part.text, Reason.TOO_LONG)
        else:
            self._count_block(part.text)

    def set_aside_line(self, line: bytes, reason: Reason) -> None:
        """Set aside one line that is not available in full."""
        self.settle()
        self._reference.set_aside_line(line, reason)

    def settle(self) -> None:
        """Wait for the parts that are being read, and count them."""
        while self._queue:
            self._settle_next()

    def take(self, size: int, wrapping: str = "", damage: str | None = None) -> Counted:
        """Return what was counted since the last `take`; the results of all calls add up.

        `size` is the number of bytes read since then, the other parameters are those of `Ledger.take`.
        """
        self.settle()
        self._add_flows()
        tables, rows, _ = self._rows.take()
        file = self._reference.ledger.take(size, wrapping, damage, self._inside.ranges)
        has_tables = len(tables.requests) or len(tables.replies)  # a small file has only rows
        return Counted(tables + file if has_tables else file, rows)

    def _count_block(self, block: bytes) -> None:
        kernel = self._kernel(len(block))
        if kernel is None:
            self.settle()
            self._reference.count(block)
            self._add_odd()
            return
        is_first = self._reference.ledger.line == 0 and not self._queue
        if is_first and not block[:1].isdigit():  # perhaps a header: read it first
            end = block.find(b"\n") + 1 or len(block)
            self._settle(self._read(kernel, block[:end]))
            block = block[end:]
        if self._size < _WORTH_THREADS:
            self.settle()
            self._settle(self._read(kernel, block))
        else:
            self._queue.add(partial(_read, kernel, block, self._reference.layout, self._scratch))
        self._settle_full()

    def _read(self, kernel: Kernel, block: bytes) -> _Read:
        return _read(kernel, block, self._reference.layout, self._scratch)

    def _settle_full(self) -> None:
        while self._queue.is_full:
            self._settle_next()

    def _kernel(self, size: int) -> Kernel | None:
        self._size += size
        if kernel := compiled.loaded():
            return kernel
        is_long = self._is_long or self._size > _WORTH_A_KERNEL
        return compiled.kernel() if is_long else None

    def _settle_next(self) -> None:
        """Settle the next part; nothing is counted after damage."""
        try:
            part = self._queue.take()
            if isinstance(part, _Read):
                self._settle(part)
            elif isinstance(part, _Lined):
                self._settle_lines(part)
            else:
                self._settle_rows(part)
        except DamagedLogError:
            self._queue.clear()
            raise

    def _settle(self, read: _Read) -> None:
        """Add the results of a block, once everything before it has been added."""
        for part, its_layout in self._parts(*read):
            found = part.found
            self._reference.ledger.add_plain(its_layout, found.plain())
            self._add(part.results())
        self._add_odd()
        scratch.give_back(read.scratch)

    def _settle_rows(self, picked: _Picked) -> None:
        """Add the results of table rows, or of those before the damage; everything before them must have been added."""
        columns = picked.columns
        try:
            if picked.damage:
                raise picked.damage
            records = columns.text(picked.odd) if len(picked.odd) else []
        except DamagedLogError:
            if columns.smaller is None:
                raise
            for some in columns.smaller():
                self._settle_rows(self._picked(some))
            return
        kind = columns.kind
        if kind.layout:
            self._reference.ledger.add_plain(kind.layout, Plain(picked.flows, shape=kind.shape))
        if picked.results is not None:
            self._add(picked.results)
        if records:
            self._reference.count_records(Records(kind, records))
        self._add_odd()
        self._reference.ledger.line = columns.first + columns.size - 1

    def _count_rows(self, part: Rows) -> None:
        """Count a block of rows as text: with the kernel if it is there."""
        kernel = self._kernel(len(part.text))
        layouts = [group.layout or self._reference.layout for group in part.groups]
        # Whole records of another layout might be lines of another product's log.
        is_plain = all(
            group.layout or layout.is_default
            for group, layout in zip(part.groups, layouts, strict=True)
        )
        if kernel is None or not is_plain:
            self.settle()
            self._count_every(part, None)
            return
        self._queue.add(partial(_lined, kernel, part, layouts, self._scratch))
        self._settle_full()

    def _settle_lines(self, lined: _Lined) -> None:
        """Add the results of rows as text, once everything before them has been added."""
        part, layouts, plain, rows, spans = lined
        as_text = [n for n, group in enumerate(part.groups) if group.layout is None]
        is_current = all(layouts[n] is self._reference.layout for n in as_text)
        odd = part.odd(spans) if spans and is_current else None
        if odd is None or (as_text and _may_have_header(odd.records)):
            self._count_every(part, spans)
            return
        for group, its_plain in plain:
            kind = part.groups[group].kind
            self._reference.ledger.add_plain(
                kind.layout or layouts[group], its_plain._replace(shape=kind.shape)
            )
        for its_rows in rows:
            self._add(its_rows)
        self._count_records(odd)

    def _count_extracted(self, records: Records) -> None:
        """Count records that were extracted one by one: if there are many, the plain ones with the kernel."""
        kind, numbered = records
        text = b"\n".join([text for _, text in numbered])
        kernel = self._kernel(len(text))
        layout = kind.layout or self._reference.layout
        # Whole records of another layout might be lines of another product's log.
        is_plain = (kind.layout or layout.is_default) and layout.names_port_and_protocol
        if (
            kernel is not None
            and is_plain
            and not kind.reason
            and len(numbered) >= _WORTH_A_CALL
            and text.count(b"\n") == len(numbered) - 1
        ):
            records = self._count_plain(kernel, records, text + b"\n", layout)
        if records.numbered:
            self._reference.count_records(records)
            self._add_odd()
        self._reference.ledger.line = max(self._reference.ledger.line, numbered[-1][0])

    def _count_plain(
        self, kernel: Kernel, records: Records, text: bytes, layout: Layout
    ) -> Records:
        """Count the plain ones of these records, each of which is a line of the text; return the others."""
        own = self._scratch()
        plain: list[tuple[Plain, Any]] = []
        odd: list[Numbered] = []
        line = 0
        for found in own.read_records(kernel, text, layout):
            plain.append((found.found.plain(), found.kept()))
            odd += [records.numbered[line + each] for each in found.odd()[:, 0].tolist()]
            line += found.found.lines
        scratch.give_back(own)
        others = Records(records.kind, odd)
        if records.kind.layout is None and _may_have_header([others]):
            return records
        for its_plain, rows in plain:
            self._reference.ledger.add_plain(layout, its_plain._replace(shape=records.kind.shape))
            self._add(rows)
        return others

    def _count_every(self, part: Rows, spans: Spans | None) -> None:
        self._count_records(part.every(spans))

    def _count_records(self, odd: Odd) -> None:
        for records in odd.records:
            self._reference.count_records(records)
            self._add_odd()
        self._reference.ledger.line = odd.last

    def _count_odd(self, text: bytes, odd: Ints) -> tuple[int, int, int] | None:
        """Count the lines that the kernel passed on; keep no samples of certain faults once there are enough.

        If a header among the lines changes the layout, return its number, begin and end. Lines after it
        are not counted.
        """
        reference = self._reference
        layout, before = reference.layout, self.lines
        if not layout.is_unsaid:  # under a header the protocol may be a keyword
            odd[odd[:, 3] % contract.FITS_NONE == contract.BAD_PROTOCOL, 3] = contract.ODD
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
                reference.ledger.add_faults(_FAULTS[verdict], int(count))
        return header

    def _least_counted(self) -> int:
        """Return the lowest verdict for which it is enough to count the lines, without samples."""
        if not self._reference.has_enough_samples:
            return 2 * contract.FITS_NONE
        return contract.FITS_NONE if self._reference.tries_others else contract.ODD + 1

    def _add_odd(self) -> None:
        """Add up the flows that the reference found, once there are enough of them."""
        if compiled.loaded() or self._reference.waiting >= _FLOWS_AT_ONCE:
            self._add_flows()

    def _new_seen(self) -> list[Seen] | None:
        """Return a list for what else the reference knows of each flow, or None if that is not needed."""
        return None

    def _scratch(self) -> Scratch:
        """Return an unused scratch; called on any thread."""
        return scratch.unused(self._inside)

    def _add(self, results: Any) -> None:
        """Add up what the kernel read."""
        self._rows.add(results)

    def _add_flows(self) -> None:
        """Add up the flows that the reference found."""
        self._rows.add_flows(self._reference.take_flows())

    def _picked(self, columns: Columns) -> _Picked:
        """Read table rows with the kernel, on any thread; without a kernel, all of them are odd."""
        kernel, layout, size = compiled.kernel(), columns.kind.layout, columns.size
        if kernel is None or layout is None:
            return _Picked(columns, 0, None, np.arange(size))
        try:
            addresses, numbers = columns.addresses(), columns.numbers()
        except DamagedLogError as error:
            return _Picked(columns, 0, None, np.arange(0), error)
        own = self._scratch()
        places = _places(kernel, addresses, own) if addresses else (None, None)
        done, flows = 0, 0
        rows, odd_rows = [], []
        while done < size:
            done, some, its_rows, its_odd = own.pick(
                kernel, [*numbers, *places], done, size, layout
            )
            flows += some
            rows.append(its_rows.copy())
            odd_rows.append(its_odd)
        results, odd = self._of_columns(
            kernel, own, np.concatenate(rows), np.concatenate(odd_rows), columns, addresses
        )
        scratch.give_back(own)
        if not len(odd):  # the rows are not needed any more: free their memory
            columns = Columns(columns.kind, columns.first, size, list, lambda _: [])
        return _Picked(columns, flows, results, odd)

    def _of_columns(
        self,
        kernel: Kernel,
        own: Scratch,
        rows: Ints,
        odd: Ints,
        columns: Columns,
        addresses: Addresses | None,
    ) -> tuple[Any, Ints]:
        """Return what is to be added up of a table's rows, and the indexes of those that the reference gets.

        `rows` are those of the kernel; `odd` has the indexes that are not among them.
        """
        del kernel, own, columns, addresses  # A second look needs them.
        return rows, odd

    def _parts(
        self, kernel: Kernel, text: bytes, layout: Layout, own: Scratch
    ) -> Iterator[tuple[Scratch, Layout]]:
        """Read the text step by step with the kernel, and pass the odd lines to the reference.

        Yields the kernel's results of each step, and the layout with which it read.
        """
        reference, is_read = self._reference, True
        while text:
            if layout is not reference.layout:
                layout, is_read = reference.layout, False
            if not layout.names_port_and_protocol:
                reference.count(text)
                return
            if not is_read:
                own.read(kernel, text, layout)
            is_read = False
            odd = own.odd()
            header = self._count_odd(text, odd) if len(odd) else None
            if header:
                line, begin, end = header
                yield own.read(kernel, text[:begin], layout), layout
                reference.ledger.line += line + 1
                reference.count(text[end + 1 :])
                return
            yield own, layout
            reference.ledger.line += own.found.lines
            text = text[own.dealt_with :]
            if not own.dealt_with:
                reference.count(text)  # the last line, which lacks its line end
                return


def _read(kernel: Kernel, text: bytes, layout: Layout, unused: Callable[[], Scratch]) -> _Read:
    """Read a block with the kernel, if its layout names port and protocol."""
    own = unused()
    if layout.names_port_and_protocol:
        own.read(kernel, text, layout)
    return _Read(kernel, text, layout, own)


def _lined(
    kernel: Kernel, part: Rows, layouts: list[Layout], unused: Callable[[], Scratch]
) -> _Lined:
    """Read rows as text with the kernel."""
    own = unused()
    sifted = own.sift(kernel, part.text, part.plan, len(layouts))
    plain: list[tuple[int, Plain]] = []
    rows: list[Any] = []
    if sifted is None:
        scratch.give_back(own)
        return _Lined(part, layouts, plain, rows, None)
    odd = [sifted.odd]
    for group, lines in enumerate(sifted.groups):
        line = 0
        for found in own.read_lines(kernel, lines, layouts[group]):
            plain.append((group, found.found.plain()))
            rows.append(found.kept())
            odd.append(lines.indexes[found.odd()[:, 0] + line].astype(np.int64))
            line += found.found.lines
    scratch.give_back(own)
    every = np.concatenate(odd)
    every.sort()
    return _Lined(part, layouts, plain, rows, Spans(sifted.begins, every))


def _may_have_header(records: list[Records]) -> bool:
    """Whether one of the records may be a header, which changes the layout of those after it."""
    words = (text.replace(_BOM, b"").split() for some in records for _, text in some.numbered)
    return any(
        header_layout(b" ".join(some[first:])) is not None
        for some in words
        for first in range(min(len(some), _MOST_BEFORE_HEADER + 1))
    )


def _places(kernel: Kernel, addresses: Addresses, own: Scratch) -> tuple[Column, Column]:
    """Return two columns: whether the source and the destination of each row are INSIDE, OUTSIDE or UNKNOWN."""
    places = np.full(
        addresses.size + 1, UNKNOWN, np.int64
    )  # the last one is for rows without an address
    if addresses.offsets is not None:
        places[:-1] = own.places(kernel, addresses.text, addresses.offsets)
    odd = np.flatnonzero(places[:-1] == UNKNOWN)
    if addresses.offsets is not None:  # an empty address and `-` are unknown anyway
        odd = odd[np.diff(addresses.offsets)[odd] > len(MISSING)]
    places[odd] = [own.inside.place(word) for word in addresses.words(odd)]
    return Column(addresses.sources, places), Column(addresses.destinations, places)
