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
    are_flows,
    fields_of,
    is_summary,
    others,
    summary_refusal,
    word,
)
from flowtag_core.shapes.layout import Layout
from flowtag_core.shapes.records import Kind, Numbered, Records, batched
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
_MOST_SHOWN: Final = 200
_BESIDE: Final = Kind("lines beside a table")
COLUMN_COST: Final = 1_000
"""The work to look at a column's name, in bytes of log to count."""


class CsvTable(NamedTuple):
    """A table in text: its delimiter, the names of its columns, and where the wanted ones are.

    `message` is the place of the column that holds whole records, None where there is none; `fields`
    are the places of the columns that hold a flow's.
    """

    delimiter: str
    columns: list[str]
    message: int | None
    fields: dict[str, int]

    @property
    def has_flows(self) -> bool:
        """Whether its rows are flows."""
        return are_flows(self.fields, self.columns)


def table_of(head: bytes) -> CsvTable | None:
    """The table that the head of a file begins, if its first row names columns that we know."""
    text = head.decode("utf-8", "replace").removeprefix(_BOM)
    sep = _SEP_LINE.match(text)
    if sep:
        text = text[sep.end() :]
    lines = (line for line in text.split("\n") if line.strip() and line[0] != "#")
    first = next(lines, "")[:_LONGEST_HEADER]
    for delimiter in sep[1] if sep else _DELIMITERS:
        columns = _names(_first_row([first], delimiter))
        if len(columns) > 1 and (table := _known_table(delimiter, columns)) is not None:
            return table
    return None


def _first_row(lines: Iterable[str], delimiter: str) -> list[str]:
    """The cells of the first row, none where it cannot be read."""
    try:
        return next(csv.reader(lines, delimiter=delimiter), [])
    except csv.Error:
        return []


def _names(row: list[str]) -> list[str]:
    return [name.strip(f"{_BOM} \r\n\t") for name in row]


def _known_table(delimiter: str, columns: list[str]) -> CsvTable | None:
    paths = fields_of(columns)
    fields = {field: columns.index(path) for field, path in paths.items()}
    message = next((columns.index(key) for key in MESSAGE_KEYS if key in columns), None)
    is_named = len(fields) > 2 or not IN_EVERY_FLOW.isdisjoint(fields)
    if is_named or message is not None or is_summary(columns) or others(columns):
        return CsvTable(delimiter, columns, message, fields)
    return None


def csv_records(
    name: str, table: CsvTable, pieces: Pieces, wanted: tuple[str, ...], budget: Budget
) -> Iterator[Records]:
    """The records of a table with the `wanted` fields, each numbered by the line its row begins on.

    Raises LogError where its rows are no flows, DamagedLogError as the pieces do, OverBudgetError where
    it has more rows than a sound file of its size.
    """
    _refuse_other_tables(name, table)
    return batched(_numbered(table, pieces, wanted, budget), budget)


def _refuse_other_tables(name: str, table: CsvTable) -> None:
    columns = ", ".join(table.columns)[:_MOST_SHOWN]
    if table.message is not None:
        return
    if whose := others(table.columns):
        raise LogError(f"{name}: holds {whose}. Give AWS VPC flow logs.")
    if is_summary(table.columns):
        raise LogError(summary_refusal(name, table.columns))
    if table.fields.keys() <= IN_EVERY_FLOW and "tag" in map(str.lower, table.columns):
        raise LogError(f"{name}: is a lookup, not a flow log. Give it as the lookup.")
    if not table.fields.keys() >= IN_EVERY_FLOW:
        raise LogError(
            f"{name}: is a table without a column dstport or protocol; its columns are {columns}. "
            "Flows need both, and a lookup needs a column tag as well."
        )
    if not table.has_flows:
        raise LogError(
            f"{name}: is a table without what each flow has its own of, such as start or bytes; its "
            f"columns are {columns}. If it is a lookup, name its third column tag; if it sums up, "
            "query the records themselves."
        )


def _numbered(
    table: CsvTable, pieces: Pieces, wanted: tuple[str, ...], budget: Budget
) -> Iterator[tuple[Kind, Numbered]]:
    """The records, and the rows that are none; a header between them may change the columns."""
    rows = _Rows(table, pieces)
    reading = _Reading(table, wanted)
    for row in rows:
        is_header = reading.is_header(row)
        if is_header:
            budget.stream(COLUMN_COST * len(row))
        if is_header and (header := _known_table(table.delimiter, _names(row))):
            reading = _Reading(header, wanted)
            rows.width = len(row)
        else:
            for kind, text in reading.records(row):
                yield rows.kind or kind, (rows.line, text.encode("utf-8", "replace"))
    if rows.damage:
        raise rows.damage


class _Reading:
    """Takes the records out of the rows below one header."""

    def __init__(self, table: CsvTable, wanted: tuple[str, ...]) -> None:
        self.table = table
        there = [field for field in wanted if field in table.fields] if table.has_flows else []
        self._places = [(field, table.fields[field]) for field in there]
        layout = Layout(tuple(there), "named by a table's columns")
        self._as_fields = Kind("a table, fields in columns", layout)
        needed = [place for field, place in self._places if field in IN_EVERY_FLOW]
        self._reach = max(needed, default=-1) if table.message is None else table.message
        if self._places and table.message is not None:
            self._reach = min(self._reach, max(needed))
        column = table.columns[table.message] if table.message is not None else ""
        self._as_text = Kind(f"a table, records in the column {column}")

    def is_header(self, row: list[str]) -> bool:
        """Whether a row may be a header, also another one's: where a value is expected stands a name."""
        for place in (self.table.message, self.table.fields.get("dstport")):
            if place is not None and place < len(row):
                cell = row[place].strip()
                return cell[:1].isalpha() or (cell[:1] in ("@", "_") and " " not in cell)
        return False

    def records(self, row: list[str]) -> Iterator[tuple[Kind, str]]:
        """The record of a row, or the several that stand in its message, parted by line ends.

        A row that does not reach so far is none of this table's: it may be a record by itself.
        """
        message = self.table.message
        cell = row[message] if message is not None and message < len(row) else ""
        if not any(row):
            yield _BESIDE, ""
        elif len(row) <= self._reach:
            yield _BESIDE, self.table.delimiter.join(row)
        elif message is None or (self._places and len(cell.split()) < FEWEST_WORDS):
            words = (word(row[at] if at < len(row) else "", field) for field, at in self._places)
            yield self._as_fields, " ".join(words)
        else:
            for text in cell.rstrip("\r\n").split("\n"):
                yield self._as_text, text


class _Rows:
    """The rows of a table in text, what stands above its header left out.

    After each `line` is the number of the line that it began on, `kind` says why it is no record if it
    is none. After the last, `damage` is what the pieces raised. `width` is the number of columns.
    """

    def __init__(self, table: CsvTable, pieces: Pieces) -> None:
        self.line = 0
        self.kind: Kind | None = None
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
        is_above = True
        while (text := self._line()) is not None:
            self.line, self.kind = self._next_line, None
            self._next_line += 1
            row = self._quoted(text) if '"' in text else text.rstrip("\r").split(self._delimiter)
            is_above = is_above and _stands_above(row)
            if not is_above:
                yield row

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
