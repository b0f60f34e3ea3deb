"""Read a CSV table as records: either one column contains whole records, or each field has a column."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.shapes.fields import (
    FEWEST_WORDS,
    IN_EVERY_FLOW,
    MESSAGE_KEYS,
    MISSING,
    are_flows,
    fields_of,
    is_mark,
    is_summary,
    listed,
    may_be_flows,
    may_be_of_others,
    summary_refusal,
    utc_time,
    with_port_0,
    word,
)
from flowtag_core.shapes.layout import ASSUMED, Layout
from flowtag_core.shapes.others import FIREWALL, telling, whose, whose_by
from flowtag_core.shapes.records import Kind, Numbered, Records, batched, of_others, sound
from flowtag_core.shapes.text import LONGEST_LINE, whole_lines
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import Pieces

_DELIMITERS: Final = ",;\t"
_SEP_LINE: Final = re.compile(r'"?sep=(.)"?\s*?\r?\n', re.IGNORECASE)
_BOM: Final = "\ufeff"
_LONGEST_HEADER: Final = 1 << 16
_MOST_LINES: Final = 100
"""The most lines that a row may span, if its cells contain newlines; a quote left open longer is stray."""
_FARTHEST: Final = 1 << 20
"""The most characters that such a row may have after its first line."""
_LINE_COST: Final = 64
"""The fixed cost of reading a line, in characters that take as long to read."""
_READ_AGAIN: Final = 8
"""How many times the whole text may be searched for closing quotes that do not exist."""
_ROWS_LOOKED_AT: Final = 8
"""How many rows at the start of a table are searched for an AWS marker."""
_BESIDE: Final = Kind("lines outside a table")
COLUMN_COST: Final = 1_000
"""The cost of looking at a column's name, in bytes of log that take as long to count."""


class CsvTable(NamedTuple):
    """A CSV table: its delimiter, the names of its columns, and the positions of the ones that matter.

    `message` is the index of the column that contains whole records, or None; `fields` maps each field of
    a flow to the index of its column. `is_known` is true if the user or a marker in the data says that the
    rows are AWS's. A table without a header takes its column names from `layout`.
    """

    delimiter: str
    columns: list[str]
    message: int | None
    fields: dict[str, int]
    is_known: bool = False
    layout: Layout | None = None

    @property
    def has_flows(self) -> bool:
        """Whether the rows of the table are flows."""
        if self.is_known:
            return self.fields.keys() >= IN_EVERY_FLOW
        return are_flows(self.fields, self.columns)


def table_of(head: bytes, layout: Layout = ASSUMED) -> CsvTable | None:
    """Return the CSV table that a file with this head contains, or None if it is not a table.

    The first row of a table either names columns that we know or is a record with the fields of `layout`.
    """
    text = head.decode("utf-8", "replace").removeprefix(_BOM)
    sep = _SEP_LINE.match(text)
    if sep:
        text = text[sep.end() :]
    lines = [line for line in text.split("\n") if line.strip() and line[0] != "#"]
    first = [line[:_LONGEST_HEADER] for line in lines[:1]]
    delimiters = sep[1] if sep else _DELIMITERS
    for delimiter in delimiters:
        columns = _names(_first_row(first, delimiter))
        if len(columns) > 1:
            rows = csv.reader(lines[1:_ROWS_LOOKED_AT], delimiter=delimiter)
            is_known = layout.is_given or _has_mark(columns, rows)
            if (table := _known_table(delimiter, columns, is_known=is_known)) is not None:
                return table
    beginning = [line[:_LONGEST_HEADER] for line in lines[:_ROWS_LOOKED_AT]]
    for delimiter in delimiters:
        cells = (_names(_first_row([line], delimiter)) for line in beginning)
        if delimiter != "\t" and any(_is_row(row, layout) for row in cells):
            fields = {name: place for place, name in reversed([*enumerate(layout.names)])}
            names = [*layout.names]
            return CsvTable(delimiter, names, None, fields, layout.is_given, layout)
    return None


def _has_mark(columns: list[str], rows: Iterator[list[str]]) -> bool:
    """Whether the columns could be those of flows, and a value in these rows is an AWS marker."""
    if not are_flows(fields_of(columns, is_known=True), columns):
        return False
    try:
        return any(
            is_mark(name, cell) for row in rows for name, cell in zip(columns, row, strict=False)
        )
    except csv.Error:
        return False


def _is_row(cells: list[str], layout: Layout) -> bool:
    """Whether these cells can be a record in this layout, in a table without a header."""
    if len(cells) < len(layout.names) or (layout is ASSUMED and len(cells) > len(layout.names)):
        return False
    if layout.is_default and cells[0] != "2":
        return False
    port, protocol = (word(cells[layout.position(name)], name) for name in ("dstport", "protocol"))
    return port == protocol == MISSING or (port.isdigit() and protocol.isdigit())


def _first_row(lines: Iterable[str], delimiter: str) -> list[str]:
    """Return the cells of the first row, or an empty list if it cannot be parsed."""
    try:
        return next(csv.reader(lines, delimiter=delimiter), [])
    except csv.Error:
        return []


def _names(row: list[str]) -> list[str]:
    return [name.strip(f"{_BOM} \r\n\t") for name in row]


def _known_table(delimiter: str, columns: list[str], *, is_known: bool = False) -> CsvTable | None:
    paths = fields_of(columns, is_known=is_known)
    fields = {field: columns.index(path) for field, path in paths.items()}
    message = next((columns.index(key) for key in MESSAGE_KEYS if key in columns), None)
    is_flow = not IN_EVERY_FLOW.isdisjoint(fields) or may_be_flows(columns)
    is_other = is_summary(columns) or whose(columns) != ""
    if len(fields_of(columns, is_known=True)) > 2 or is_flow or message is not None or is_other:
        return CsvTable(delimiter, columns, message, fields, is_known)
    return None


def csv_records(
    name: str, table: CsvTable, pieces: Pieces, wanted: tuple[str, ...], budget: Budget
) -> Iterator[Records]:
    """Yield the records of a table with the `wanted` fields, each numbered by the line its row begins on.

    Raises LogError if the rows are not flows, DamagedLogError if reading the pieces raises it, and
    OverBudgetError if the table has more rows than any valid file of its size.
    """
    if table.message is None and (refusal := _refusal(table)):
        raise LogError(f"{name}: {refusal}")
    return batched(sound(name, _numbered(table, pieces, wanted, budget)), budget)


def _refusal(table: CsvTable) -> str:
    """Return why a table is not a flow log, or an empty string if it may be one."""
    if others := whose(table.columns):
        return f"contains {others}. Use AWS VPC flow logs instead."
    if is_summary(table.columns):
        return summary_refusal(table.columns)
    if table.fields.keys() <= IN_EVERY_FLOW and "tag" in map(str.lower, table.columns):
        return "is a lookup, not a flow log. Use it as the lookup."
    return "" if table.has_flows else _lack(table)


def _lack(table: CsvTable) -> str:
    """Return what is missing from a table whose rows are not flows, and the remedy."""
    if may_be_flows(table.columns):
        return may_be_of_others(table.columns)
    columns = listed(table.columns)
    if not fields_of(table.columns, is_known=True).keys() >= IN_EVERY_FLOW:
        return (
            f"is a table without a dstport or protocol column; its columns are {columns}. "
            "Flows need both, and a lookup needs a tag column as well."
        )
    return (
        f"is a table without a column that describes a single flow, such as start or bytes; its "
        f"columns are {columns}. If it is a lookup, name its third column tag; if it is a summary, "
        "query the records themselves."
    )


def _numbered(
    table: CsvTable, pieces: Pieces, wanted: tuple[str, ...], budget: Budget
) -> Iterator[tuple[Kind, Numbered]]:
    """Yield the records and the rows that are not records; a header between them may change the columns."""
    rows = _Rows(table, pieces)
    reading = _Reading(table, wanted, budget)
    for row in rows:
        if table.layout and rows.is_first and reading.is_header(row):
            yield _BESIDE, (rows.line, _encoded(" ".join(table.layout.names)))
            continue
        is_header = reading.is_header(row)
        if is_header:
            budget.stream(COLUMN_COST * len(row))
        if is_header and (header := _header(table, row)):
            reading = _Reading(header, wanted, budget)
            rows.width = len(row)
        else:
            for kind, text in reading.records(row):
                yield rows.kind or kind, (rows.line, text)
    if rows.damage:
        raise rows.damage


def _header(table: CsvTable, row: list[str]) -> CsvTable | None:
    """Return the table that begins with this row, or None if the row is not a header.

    A row is not a header just because one of its cells happens to be a column name.
    """
    names = _names(row)
    if any(name[:1].isdigit() or name == MISSING for name in names):
        return None
    header = _known_table(table.delimiter, names, is_known=table.is_known)
    if header is None or names == table.columns or header.fields.keys() >= IN_EVERY_FLOW:
        return header
    known = sum(name in MESSAGE_KEYS or name[:1] == "@" for name in names) + len(header.fields)
    return header if 2 * known >= len(names) and header.message is not None else None


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
    (None if it may be one), and `is_first` whether it is the first row. After the last row, `damage` is the
    error that reading the pieces raised, if any. `width` is the number of columns.
    """

    def __init__(self, table: CsvTable, pieces: Pieces) -> None:
        self.line = 0
        self.kind: Kind | None = None
        self.is_first = True
        self.damage: DamagedLogError | None = None
        self.width = len(table.columns)
        self._delimiter = table.delimiter
        self._next_line = 1
        self._lines = self._all_lines(pieces)
        self._waiting: deque[str] = deque()
        self._may_read = _FARTHEST  # characters that may still be searched for closing quotes

    def __iter__(self) -> Iterator[list[str]]:
        # A message may be as long as a line, but the csv module's default limit is 131,072 characters.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
        is_above = self.is_first = True
        while (text := self._line()) is not None:
            self.line, self.kind = self._next_line, None
            self._next_line += 1
            row = self._quoted(text) if '"' in text else text.rstrip("\r").split(self._delimiter)
            is_above = is_above and _stands_above(row)
            if not is_above:
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

        row = _first_row(lines(), self._delimiter)
        is_last = is_over and not taken and left > 0
        inner = taken[:-1]
        if row and not is_over and all(t.count(self._delimiter) < self.width - 1 for t in inner):
            self._next_line += len(taken)
            return row
        self._waiting.extendleft(reversed(taken))
        self._may_read -= sum(map(len, taken)) + _LINE_COST * len(taken)
        if is_last:
            self.kind = Kind("a table", reason=Reason.CUT_SHORT)
        return first.replace('"', "").rstrip("\r").split(self._delimiter)

    def _line(self) -> str | None:
        if self._waiting:
            return self._waiting.popleft()
        line = next(self._lines, None)
        self._may_read += _READ_AGAIN * (len(line) + 1 if line is not None else 0)
        return line

    def _all_lines(self, pieces: Pieces) -> Iterator[str]:
        try:
            for block in whole_lines(pieces):
                text = block.text.decode("utf-8", "replace").removeprefix(_BOM)
                yield from text.removesuffix("\n").split("\n")
        except DamagedLogError as error:
            self.damage = error


def _stands_above(row: list[str]) -> bool:
    """Whether a row is not part of the table: it is blank, a comment, or Excel's delimiter line (sep=;)."""
    first = row[0].strip(f"{_BOM} \t") if row else ""
    return not any(cell.strip() for cell in row) or first[:1] == "#" or first[:4].lower() == "sep="
