"""Read the rows of a CSV table: blocks of plain rows for the kernel, and all others as records, one by one.

A row that is not plain gets the same result as if the whole table were read row by row. If it is not certain
where such a row ends, or if the columns change, all rows of its block are read one by one.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

import numpy as np

from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.shapes.csv_tables import (
    BOM,
    COLUMN_COST,
    CsvTable,
    first_row,
    header_of,
    refusal_of,
)
from flowtag_core.shapes.fields import FEWEST_WORDS, IN_EVERY_FLOW, utc_time, with_port_0, word
from flowtag_core.shapes.layout import Layout
from flowtag_core.shapes.others import FIREWALL, telling, whose_by
from flowtag_core.shapes.records import (
    Cells,
    Group,
    Kind,
    Numbered,
    Odd,
    Records,
    Rows,
    Spans,
    barrier,
    batched,
    of_others,
)
from flowtag_core.shapes.text import LONGEST_LINE, Block, whole_lines
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import Pieces

_MOST_LINES: Final = 100
"""The most lines that a row may span, if its cells contain newlines; a quote left open longer is stray."""
_FARTHEST: Final = 1 << 20
"""The most characters that such a row may have after its first line."""
_LINE_COST: Final = 64
"""The fixed cost of reading a line, in characters that take as long to read."""
_READ_AGAIN: Final = 8
"""How many times the whole text may be searched for closing quotes that do not exist."""
_BESIDE: Final = Kind("lines outside a table")
_CUT_SHORT: Final = Kind("a table", reason=Reason.CUT_SHORT)
_READ_FIRST: Final = 64
"""How many lines are read one by one before blocks of rows."""
_CLOSED: Final = re.compile(rb'"(?:[^"]|"")*"|[^"]*')
"""A cell without a stray quote."""


def csv_records(
    name: str, table: CsvTable, pieces: Pieces, wanted: tuple[str, ...], budget: Budget
) -> Iterator[Rows | Records]:
    """Yield the records of a table with the `wanted` fields, each numbered by the line its row begins on.

    Raises LogError if the rows are not flows, DamagedLogError if reading the pieces raises it, and
    OverBudgetError if the table has more rows than any valid file of its size.
    """
    if table.message is None and (refusal := refusal_of(table)):
        raise LogError(f"{name}: {refusal}")
    return _parts(name, _Reader(table, wanted, budget), pieces, budget)


def _parts(name: str, reader: _Reader, pieces: Pieces, budget: Budget) -> Iterator[Rows | Records]:
    """Yield the first rows one by one, since they may have a header, and then blocks of rows if they are plain."""
    is_first = True
    blocks = _with_sure_ends(whole_lines(pieces), reader)
    for text, is_sure, is_last in blocks:
        rest = text
        if is_first or reader.cells is None or not is_sure:
            is_cut = is_first and is_sure
            first, rest = _cut(text, _READ_FIRST, reader) if is_cut else (text, b"")
            yield from reader.counted()
            yield from reader.records(name, first, is_last=is_last and not rest)
            is_first = False
        cells = reader.cells
        if rest and cells is None:
            yield from reader.records(name, rest, is_last=is_last)
        elif rest and cells is not None:
            budget.stream(len(rest))
            yield reader.rows(name, rest, cells, is_last=is_last)
    yield from reader.counted()
    reader.check(name)


def _with_sure_ends(blocks: Iterator[Block], reader: _Reader) -> Iterator[tuple[bytes, bool, bool]]:
    """Yield blocks of whole lines; say of each whether certainly no row goes on beyond it, and whether it is the last.

    Blocks are joined until that is certain, up to a limit.
    """
    before: tuple[bytes, bool] | None = None
    damage: DamagedLogError | None = None
    try:
        for block in blocks:
            is_sure = not block.too_long
            text = block.text if is_sure else block.text + b"\n"
            if before is not None and not before[1] and len(before[0]) < _FARTHEST:
                text, before = before[0] + text, None
            if before is not None:
                yield (*before, False)
            before = text, is_sure and reader.ends_row(text)
    except DamagedLogError as error:
        damage = error
    if before is not None:
        yield (*before, True)
    if damage:
        raise damage


def _cut(text: bytes, lines: int, reader: _Reader) -> tuple[bytes, bytes]:
    """Return the first lines of a text, at least so many, up to the end of a row, and the rest."""
    end = 0
    for number in range(text.count(b"\n")):
        end = text.find(b"\n", end) + 1
        if number >= lines - 1 and reader.ends_row(text[:end]):
            return text[:end], text[end:]
    return text, b""


class _Reader:
    """Reads the rows of a table one after another; a header between them may change the columns.

    `cells` says where the wanted cells of a plain row are, None if rows are to be read one by one.
    """

    def __init__(self, table: CsvTable, wanted: tuple[str, ...], budget: Budget) -> None:
        self._reading = _Reading(table, wanted, budget)
        self._wanted, self._budget = wanted, budget
        self._is_above = self._is_first = True
        self._is_sound, self._refusal = False, ""
        self._is_unsure = False
        self._line = 1  # the number of the first one that has not been read
        self._is_waiting = False

    def counted(self) -> Iterator[Records]:
        """Yield a part before which all rows so far must be counted: they may change how the next ones are read."""
        if self._is_waiting:
            self._is_waiting = False
            yield barrier(_BESIDE)

    @property
    def cells(self) -> Cells | None:
        """Where the cells of a plain row are; None before there was a record of AWS's."""
        return self._reading.cells if self._is_sound else None

    def ends_row(self, text: bytes) -> bool:
        """Whether certainly no row goes on beyond a text: its last line is a whole row, with all quotes closed.

        A row that began before that line and goes on would have another row inside.
        """
        table = self._reading.table
        last = text[text.rfind(b"\n", 0, len(text) - 1) + 1 :].rstrip(b"\r\n")
        delimiter = table.delimiter.encode()
        if last.count(delimiter) < max(len(table.columns) - 1, 1):
            return False
        return b'"' not in last or all(_CLOSED.fullmatch(cell) for cell in last.split(delimiter))

    def rows(self, name: str, text: bytes, cells: Cells, *, is_last: bool) -> Rows:
        """Return a block of rows, which are not read yet; it is counted after all rows before it."""
        reading, first = self._reading, 0
        self._is_waiting = True

        def odd(spans: Spans) -> Odd | None:
            nonlocal first
            first = self._line
            found = self._odd(reading, text, spans, is_last=is_last)
            if found is None:
                return None
            self._line += spans.rows
            return Odd(found, self._line - 1)

        def every(_: Spans | None) -> Odd:
            # The odd rows may have been counted already: start again.
            self._line = first or self._line
            found = list(self.records(name, text, is_last=is_last))
            return Odd(found, self._line - text.endswith(b"\n"))

        return Rows((reading.plain,), text, cells, odd, every)

    def records(self, name: str, text: bytes, *, is_last: bool) -> Iterator[Records]:
        """Yield the records in the next lines."""
        lines = range(self._line, self._line + text.count(b"\n") + 1)
        try:
            yield from batched(self._numbered(text, lines, is_last=is_last), self._budget)
        finally:
            self._line = lines[-1]
            if is_last:
                self.check(name)

    def check(self, name: str) -> None:
        """Raise LogError if all records so far belong to another product's log."""
        if self._refusal and not self._is_sound:
            raise LogError(f"{name}: {self._refusal}")

    def _odd(
        self, reading: _Reading, text: bytes, spans: Spans, *, is_last: bool
    ) -> list[Records] | None:
        """Return the records in the odd lines of a text; None if all rows of the text must be read again.

        That is so if the columns have changed, or if it is not certain where a row ends.
        """
        if reading is not self._reading:
            return None
        if not len(spans.odd):
            return []
        odd = b"".join(spans.texts(text))
        is_end = is_last and int(spans.odd[-1]) == spans.rows - 1
        numbers = (spans.odd + self._line).tolist()
        found = list(batched(self._numbered(odd, numbers, is_last=is_end), self._budget))
        if reading is not self._reading or self._is_unsure:
            self._reading = reading
            return None
        return found

    def _numbered(
        self, text: bytes, numbers: Sequence[int], *, is_last: bool
    ) -> Iterator[tuple[Kind, Numbered]]:
        """Yield the records and the rows that are not records; `numbers` are those of the lines."""
        table = self._reading.table
        rows = _Rows(table, _lines_of(text), numbers, is_last=is_last)
        rows.is_above, rows.is_first = self._is_above, self._is_first
        for row in rows:
            if table.layout and rows.is_first and self._reading.is_header(row):
                found = iter([(_BESIDE, _encoded(" ".join(table.layout.names)))])
            elif (header := self._header(row)) is not None:
                if header.columns != self._reading.table.columns:
                    self._reading = _Reading(header, self._wanted, self._budget)
                    rows.width = len(row)
                continue
            else:
                found = self._reading.records(row)
            for kind, record in found:
                kind = rows.kind or kind
                self._is_sound = self._is_sound or kind.reason is None
                self._refusal = self._refusal or kind.refusal
                yield kind, (rows.line, record)
        self._is_above, self._is_first = rows.is_above, rows.is_first
        self._is_unsure = rows.is_unsure

    def _header(self, row: list[str]) -> CsvTable | None:
        """Return the table that begins with this row, or None if the row is not a header."""
        if not self._reading.is_header(row):
            return None
        self._budget.stream(COLUMN_COST * len(row))
        return header_of(self._reading.table, row)


def _lines_of(text: bytes) -> Iterator[str]:
    lines = text.decode("utf-8", "replace").removesuffix("\n").split("\n")
    return (line.removeprefix(BOM) for line in lines)  # files may have been joined


class _Reading:
    """Extracts the records from the rows below one header."""

    def __init__(self, table: CsvTable, wanted: tuple[str, ...], budget: Budget) -> None:
        self.table = table
        self._wanted, self._budget = wanted, budget
        there = [field for field in wanted if field in table.fields] if table.has_flows else []
        self._places = [(field, table.fields[field]) for field in there]
        self._as_fields = _kind(table, there)
        needed = [place for field, place in self._places if field in IN_EVERY_FLOW]
        self._reach = max(needed, default=-1) if table.message is None else table.message
        if self._places and table.message is not None:
            self._reach = min(self._reach, max(needed))
        if table.layout:  # every row of a table without a header must have all fields of its layout
            self._reach = len(table.columns) - 1
        column = table.columns[table.message] if table.message is not None else ""
        self._as_text = Kind(f"a table, records in the column {column}")
        self._telling = {
            name: table.columns.index(column) for name, column in telling(table.columns).items()
        }
        # Columns named "... [UTC]" may contain American times, which do not name their time zone.
        self._utc = {at for _, at in self._places if "[UTC]" in table.columns[at]}

    @cached_property
    def cells(self) -> Cells | None:
        """Where the cells of a plain row are; None if a plain row cannot be told by its cells alone."""
        table = self.table
        places = [place for _, place in self._places] if table.message is None else [table.message]
        is_simple = table.layout is None and not self._telling and not self._utc
        has_one_reading = (table.message is None) == bool(self._places)
        is_simple = is_simple and table.delimiter.isascii()
        if not (is_simple and has_one_reading and len({*places}) == len(places)):
            return None
        wanted = np.zeros(len(table.columns), np.int64)
        wanted[places] = 1
        return Cells(ord(table.delimiter), len(table.columns), wanted)

    @cached_property
    def plain(self) -> Group:
        """The kind of a plain row, and the layout of its wanted cells in order."""
        if self.table.message is not None:
            return Group(self._as_text, None)
        names = [field for field, _ in sorted(self._places, key=lambda each: each[1])]
        return Group(self._as_fields, Layout(tuple(names), "named by a table's columns"))

    def is_header(self, row: list[str]) -> bool:
        """Whether a row may be a header, even one of other columns: a value in it looks like a name."""
        for place in (self.table.message, self.table.fields.get("dstport")):
            if place is not None and place < len(row):
                cell = row[place].strip()
                return cell[:1].isalpha() or (cell[:1] in ("@", "_") and " " not in cell)
        return False

    def records(self, row: list[str]) -> Iterator[tuple[Kind, bytes]]:
        """Yield the record in a row, or each of the records in its message, which are separated by newlines.

        A row that is too short does not belong to this table, but it may be a record by itself.
        """
        message = self.table.message
        cell = row[message] if message is not None and message < len(row) else ""
        if not any(row):
            yield _BESIDE, b""
        elif len(row) <= self._reach:
            yield _BESIDE, _encoded(self.table.delimiter.join(row))
        elif self._is_other_version(row):
            yield _BESIDE, _encoded(" ".join(row))
        elif message is None or (self._places and not _is_whole(cell)):
            yield self._flow(row)
        else:
            yield from self._in_message(cell)

    def _is_other_version(self, row: list[str]) -> bool:
        """Whether the table has AWS's default layout, but the version in this row is not 2."""
        layout = self.table.layout
        return layout is not None and layout.is_default and row[0].strip() != "2"

    def _flow(self, row: list[str]) -> tuple[Kind, bytes]:
        """Return the record in a row whose cells are the fields of a flow."""
        told = {name: row[at] for name, at in self._telling.items() if at < len(row)}
        if told and (others := whose_by(told)):
            return of_others("a table", others), _encoded(self.table.delimiter.join(row))
        words = {field: self._word(row, field, at) for field, at in self._places}
        if FIREWALL in told:
            words = with_port_0(words)
        return self._as_fields, _encoded(" ".join(words.values()))

    def _word(self, row: list[str], field: str, at: int) -> str:
        cell = row[at] if at < len(row) else ""
        return word(utc_time(cell) if at in self._utc else cell, field)

    def _in_message(self, cell: str) -> Iterator[tuple[Kind, bytes]]:
        cell = cell.rstrip("\r\n")
        if not cell.startswith("2 "):  # most cells do, and those contain only plain records
            from flowtag_core.shapes.json_documents import message_records

            yield from message_records(
                self._as_text, cell, self._wanted, self._budget, is_known=self.table.is_known
            )
            return
        for text in cell.split("\n"):
            yield self._as_text, _encoded(text)


def _kind(table: CsvTable, there: list[str]) -> Kind:
    """Return the kind of records that come from rows whose cells are fields."""
    if table.layout:
        shape = f"a table without a header, {table.layout.shape}"
        return Kind(shape, Layout(tuple(there), "by their order"))
    return Kind("a table, fields in columns", Layout(tuple(there), "named by a table's columns"))


def _is_whole(cell: str) -> bool:
    """Whether the message cell of a row that also has a flow's fields may be a whole record."""
    words = cell.split(None, FEWEST_WORDS)
    return (len(words) >= FEWEST_WORDS and words[0].isdigit()) or cell.lstrip()[:1] in ("{", "[")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


class _Rows:
    """The rows of a CSV table, without the lines above its header.

    For the current row, `line` is the number of the line it began on, `kind` says why it is not a record
    (None if it may be one), and `is_first` whether it is the first row. `is_unsure` says that a row may go on in
    lines that are missing. `width` is the number of columns.
    The lines have these `numbers`. With `is_last`, they are the last ones of the file.
    """

    def __init__(
        self, table: CsvTable, lines: Iterator[str], numbers: Sequence[int], *, is_last: bool
    ) -> None:
        self.line = 0
        self.kind: Kind | None = None
        self.is_above = self.is_first = True
        self.is_unsure = False
        self.width = len(table.columns)
        self._delimiter = table.delimiter
        self._numbers, self._next = numbers, 0
        self._lines, self._is_last = lines, is_last
        self._waiting: deque[str] = deque()
        self._may_read = _FARTHEST  # characters that may still be searched for closing quotes

    def __iter__(self) -> Iterator[list[str]]:
        # A message may be as long as a line, but the csv module's default limit is 131,072 characters.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
        while (text := self._line()) is not None:
            self.line, self.kind = self._numbers[self._next], None
            self._next += 1
            row = self._quoted(text) if '"' in text else text.rstrip("\r").split(self._delimiter)
            self.is_above = self.is_above and _stands_above(row)
            if not self.is_above:
                yield row
                self.is_first = False

    def _quoted(self, first: str) -> list[str]:
        """Return the cells of the row that begins with this line, which contains quotes.

        A quote is stray if it is never closed, or if there are lines before its end that are rows themselves.
        """
        taken: list[str] = []
        is_over = False
        left = min(_FARTHEST, self._may_read)

        def lines() -> Iterator[str]:
            nonlocal is_over, left
            yield first + "\n"
            while len(taken) < _MOST_LINES and left > 0 and (line := self._line()) is not None:
                taken.append(line)
                left -= len(line) + _LINE_COST
                yield line + "\n"
            is_over = True

        row = first_row(lines(), self._delimiter)
        of_these = self._numbers[self._next - 1 : self._next + len(taken)]
        is_whole = of_these[-1] - of_these[0] == len(taken)
        self.is_unsure |= not is_whole or (is_over and not self._is_last)
        is_last = is_over and not taken and left > 0
        inner = taken[:-1]
        if row and not is_over and all(t.count(self._delimiter) < self.width - 1 for t in inner):
            self._next += len(taken)
            return row
        self._waiting.extendleft(reversed(taken))
        self._may_read -= sum(map(len, taken)) + _LINE_COST * len(taken)
        if is_last and self._is_last:
            self.kind = _CUT_SHORT
        return first.replace('"', "").rstrip("\r").split(self._delimiter)

    def _line(self) -> str | None:
        if self._waiting:
            return self._waiting.popleft()
        line = next(self._lines, None)
        self._may_read += _READ_AGAIN * (len(line) + 1 if line is not None else 0)
        return line


def _stands_above(row: list[str]) -> bool:
    """Whether a row is not part of the table: it is blank, a comment, or Excel's delimiter line (sep=;)."""
    first = row[0].strip(f"{BOM} \t") if row else ""
    return not any(cell.strip() for cell in row) or first[:1] == "#" or first[:4].lower() == "sep="
