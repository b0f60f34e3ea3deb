"""A table in text (CSV) -> records: a column that holds them whole, or their fields in columns."""

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
"""Lines of a row, whose cells may hold line ends; a quote that is open for longer is a stray one."""
_FARTHEST: Final = 1 << 20
"""Characters of such a row behind its first line."""
_LINE_COST: Final = 64
"""Characters that are looked at in the time that a line takes by itself."""
_READ_AGAIN: Final = 8
"""Times that the text as a whole may be looked at for the ends of quotes that have none."""
_ROWS_LOOKED_AT: Final = 8
"""Rows at a table's beginning in which a mark of AWS is looked for."""
_BESIDE: Final = Kind("lines beside a table")
COLUMN_COST: Final = 1_000
"""The work to look at a column's name, in bytes of log to count."""


class CsvTable(NamedTuple):
    """A table in text: its delimiter, the names of its columns, and where the wanted ones are.

    `message` is the place of the column that holds whole records, None where there is none; `fields`
    are the places of the columns that hold a flow's. It `is_known` where somebody or something says that
    its rows are AWS's. A table without a header has the names of `layout`.
    """

    delimiter: str
    columns: list[str]
    message: int | None
    fields: dict[str, int]
    is_known: bool = False
    layout: Layout | None = None

    @property
    def has_flows(self) -> bool:
        """Whether its rows are flows."""
        if self.is_known:
            return self.fields.keys() >= IN_EVERY_FLOW
        return are_flows(self.fields, self.columns)


def table_of(head: bytes, layout: Layout = ASSUMED) -> CsvTable | None:
    """The table that the head of a file begins, if its first row names columns that we know.

    If it is no header, it may be the first row of a table that has the fields of the `layout`.
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
    """Whether these rows would be flows by their columns, and a value in one is a mark of AWS's."""
    if not are_flows(fields_of(columns, is_known=True), columns):
        return False
    try:
        return any(
            is_mark(name, cell) for row in rows for name, cell in zip(columns, row, strict=False)
        )
    except csv.Error:
        return False


def _is_row(cells: list[str], layout: Layout) -> bool:
    """Whether cells are a record of a layout that no header names."""
    if len(cells) < len(layout.names) or (layout is ASSUMED and len(cells) > len(layout.names)):
        return False
    if layout.is_default and cells[0] != "2":
        return False
    port, protocol = (word(cells[layout.position(name)], name) for name in ("dstport", "protocol"))
    return port == protocol == MISSING or (port.isdigit() and protocol.isdigit())


def _first_row(lines: Iterable[str], delimiter: str) -> list[str]:
    """The cells of the first row, none where it cannot be read."""
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
    """The records of a table with the `wanted` fields, each numbered by the line its row begins on.

    Raises LogError where its rows are no flows, DamagedLogError as the pieces do, OverBudgetError where
    it has more rows than a sound file of its size.
    """
    if table.message is None and (refusal := _refusal(table)):
        raise LogError(f"{name}: {refusal}")
    return batched(sound(name, _numbered(table, pieces, wanted, budget)), budget)


def _refusal(table: CsvTable) -> str:
    """Why a table is no flow log; nothing where it may be one."""
    if others := whose(table.columns):
        return f"holds {others}. Give AWS VPC flow logs."
    if is_summary(table.columns):
        return summary_refusal(table.columns)
    if table.fields.keys() <= IN_EVERY_FLOW and "tag" in map(str.lower, table.columns):
        return "is a lookup, not a flow log. Give it as the lookup."
    return "" if table.has_flows else _lack(table)


def _lack(table: CsvTable) -> str:
    """What the columns of a table lack that are no flow's."""
    if may_be_flows(table.columns):
        return may_be_of_others(table.columns)
    columns = listed(table.columns)
    if not fields_of(table.columns, is_known=True).keys() >= IN_EVERY_FLOW:
        return (
            f"is a table without a column dstport or protocol; its columns are {columns}. "
            "Flows need both, and a lookup needs a column tag as well."
        )
    return (
        f"is a table without what each flow has its own of, such as start or bytes; its "
        f"columns are {columns}. If it is a lookup, name its third column tag; if it sums up, "
        "query the records themselves."
    )


def _numbered(
    table: CsvTable, pieces: Pieces, wanted: tuple[str, ...], budget: Budget
) -> Iterator[tuple[Kind, Numbered]]:
    """The records, and the rows that are none; a header between them may change the columns."""
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
    """The table that a row begins if it is a header; one cell that is a name by chance makes it none."""
    names = _names(row)
    if any(name[:1].isdigit() or name == MISSING for name in names):
        return None
    header = _known_table(table.delimiter, names, is_known=table.is_known)
    if header is None or names == table.columns or header.fields.keys() >= IN_EVERY_FLOW:
        return header
    known = sum(name in MESSAGE_KEYS or name[:1] == "@" for name in names) + len(header.fields)
    return header if 2 * known >= len(names) and header.message is not None else None


class _Reading:
    """Takes the records out of the rows below one header."""

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
        if table.layout:  # which has no more fields than its rows must have
            self._reach = len(table.columns) - 1
        column = table.columns[table.message] if table.message is not None else ""
        self._as_text = Kind(f"a table, records in the column {column}")
        self._telling = {
            name: table.columns.index(column) for name, column in telling(table.columns).items()
        }
        # A time without a zone, in the order of days that a column's unit tells.
        self._utc = {at for _, at in self._places if "[UTC]" in table.columns[at]}

    def is_header(self, row: list[str]) -> bool:
        """Whether a row may be a header, also another one's: where a value is expected stands a name."""
        for place in (self.table.message, self.table.fields.get("dstport")):
            if place is not None and place < len(row):
                cell = row[place].strip()
                return cell[:1].isalpha() or (cell[:1] in ("@", "_") and " " not in cell)
        return False

    def records(self, row: list[str]) -> Iterator[tuple[Kind, bytes]]:
        """The record of a row, or the several that stand in its message, parted by line ends.

        A row that does not reach so far is none of this table's: it may be a record by itself.
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
        """Whether it is no row of AWS's default layout, which says 2."""
        layout = self.table.layout
        return layout is not None and layout.is_default and row[0].strip() != "2"

    def _flow(self, row: list[str]) -> tuple[Kind, bytes]:
        """The record of a row whose cells are a flow's fields."""
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
        if not cell.startswith("2 "):  # as most begin, which are nothing but records
            from flowtag_core.shapes.json_documents import message_records

            yield from message_records(
                self._as_text, cell, self._wanted, self._budget, is_known=self.table.is_known
            )
            return
        for text in cell.split("\n"):
            yield self._as_text, _encoded(text)


def _kind(table: CsvTable, there: list[str]) -> Kind:
    """The kind of the records of rows whose cells are fields."""
    if table.layout:
        shape = f"a table without a header, {table.layout.shape}"
        return Kind(shape, Layout(tuple(there), "by their order"))
    return Kind("a table, fields in columns", Layout(tuple(there), "named by a table's columns"))


def _is_whole(cell: str) -> bool:
    """Whether a cell beside the fields of a flow may be the record itself."""
    words = cell.split(None, FEWEST_WORDS)
    return (len(words) >= FEWEST_WORDS and words[0].isdigit()) or cell.lstrip()[:1] in ("{", "[")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


class _Rows:
    """The rows of a table in text, what stands above its header left out.

    After each `line` is the number of the line that it began on, `kind` says why it is no record if it
    is none, and `is_first` whether none came before. After the last, `damage` is what the pieces raised. `width` is the number of columns.
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
        self._may_read = _FARTHEST  # characters that a search for the end of a quote may take

    def __iter__(self) -> Iterator[list[str]]:
        # A message may be as long as a line: csv's own limit of 131,072 characters is for less.
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
        """The cells of the row that begins with this line, which has quotes in it.

        A quote that is never closed, or only behind what are rows themselves, is a stray one.
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
    """Whether a row is none of the table's: empty, a remark, or what Excel says of the delimiter."""
    first = row[0].strip(f"{_BOM} \t") if row else ""
    return not any(cell.strip() for cell in row) or first[:1] == "#" or first[:4].lower() == "sep="
