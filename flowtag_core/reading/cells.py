"""A table in text (CSV) -> records: a column that holds them whole, or their fields in columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.reading.fields import (
    MESSAGE_KEYS,
    MISSING,
    WANTED,
    fields_of,
    is_summary,
    others,
    summary_refusal,
    word,
)
from flowtag_core.reading.layout import Layout
from flowtag_core.reading.records import NumberedTexts, Records
from flowtag_core.reading.sources import LONGEST_LINE, whole_lines
from flowtag_core.reading.unpacking import Pieces

_DELIMITERS: Final = ",;\t"
_SEP_LINE: Final = re.compile(r"\ufeff?\"?sep=(.)\"?\s*?\r?\n", re.IGNORECASE)
_LONGEST_HEADER: Final = 1 << 16  # characters; csv takes no cell of more than twice that
_ROWS_AT_ONCE: Final = 1 << 10
_MOST_SHOWN: Final = 200


class CsvTable(NamedTuple):
    """How a table in text is read: what parts its columns, what they are called, which are wanted.

    `message` is the place of the column that holds whole records, None where the fields stand in
    columns, which `fields` has the places of.
    """

    delimiter: str
    columns: list[str]
    message: int | None
    fields: dict[str, int]


def table_of(head: bytes) -> CsvTable | None:
    """The table that the head of a file begins, if its first row names columns that we know."""
    text = head.decode("utf-8", "replace")
    sep = _SEP_LINE.match(text)
    if sep:
        text = text[sep.end() :]
    lines = (line for line in text.splitlines(keepends=True) if line.strip() and line[0] != "#")
    first = next(lines, "")
    for delimiter in sep[1] if sep else _DELIMITERS:
        row = next(csv.reader([first[:_LONGEST_HEADER]], delimiter=delimiter), [])
        columns = [name.strip("\ufeff \r\n\t") for name in row]
        if len(columns) > 1 and (table := _known_table(delimiter, columns)) is not None:
            return table
    return None


def _known_table(delimiter: str, columns: list[str]) -> CsvTable | None:
    paths = fields_of(columns)
    fields = {field: columns.index(path) for field, path in paths.items()}
    has_flows = {"dstport", "protocol"} <= fields.keys()
    keys = MESSAGE_KEYS[:3] if has_flows else MESSAGE_KEYS
    message = next((columns.index(key) for key in keys if key in columns), None)
    is_named = len(fields) > 2 or {"dstport", "protocol"} & fields.keys()
    if is_named or message is not None or is_summary(columns) or others(columns):
        return CsvTable(delimiter, columns, message, fields)
    return None


def csv_records(name: str, table: CsvTable, pieces: Pieces) -> Iterator[Records]:
    """The records of a table, each with the number of the line on which its row begins.

    Raises LogError where its rows are no flows, DamagedLogError as the pieces do.
    """
    _refuse_other_tables(name, table)
    names = tuple(field for field in WANTED if field in table.fields)
    if table.message is not None:
        layout, shape = None, f"a table, records in the column {table.columns[table.message]}"
    else:
        layout, shape = Layout(names, "named by a table's columns"), "a table, fields in columns"
    batch: NumberedTexts = []
    is_first = True
    rows = _rows(name, table, pieces)
    next(rows)
    try:
        for line, row in rows:
            if is_first and _names_protocol(table, row):
                raise LogError(
                    f"{name}: holds flow logs of another kind than AWS's: their protocol is a name. "
                    "Give AWS VPC flow logs."
                )
            is_first = False
            batch += _in_row(table, names, line, row)
            if len(batch) >= _ROWS_AT_ONCE:
                yield Records(batch, shape, layout)
                batch = []
    except DamagedLogError:
        yield Records(batch, shape, layout)
        raise
    yield Records(batch, shape, layout)


def _refuse_other_tables(name: str, table: CsvTable) -> None:
    columns = ", ".join(table.columns)[:_MOST_SHOWN]
    if whose := others(table.columns):
        raise LogError(f"{name}: holds {whose}. Give AWS VPC flow logs.")
    if is_summary(table.columns):
        raise LogError(summary_refusal(name, table.columns))
    if table.message is not None:
        return
    if table.fields.keys() <= {"dstport", "protocol"} and "tag" in map(str.lower, table.columns):
        raise LogError(f"{name}: is a lookup, not a flow log. Give it as the lookup.")
    if not {"dstport", "protocol"} <= table.fields.keys():
        raise LogError(
            f"{name}: is a table without a column dstport or protocol; its columns are {columns}. "
            "Flows need both, and a lookup needs a column tag as well."
        )
    if len(table.fields) == 2:
        raise LogError(
            f"{name}: is a table with no field of a flow but dstport and protocol; its columns are "
            f"{columns}. If it is a lookup, name its third column tag."
        )


def _names_protocol(table: CsvTable, row: list[str]) -> bool:
    """Whether the protocol in a row is a name such as TCP; AWS writes its number."""
    place = table.fields.get("protocol", len(row))
    cell = row[place].strip() if place < len(row) and table.message is None else ""
    return cell.isalpha() and word(cell, "protocol") != MISSING


def _in_row(
    table: CsvTable, names: tuple[str, ...], line: int, row: list[str]
) -> Iterator[tuple[int, bytes]]:
    """The records of a row: one, or the several that stand in its message, parted by line ends."""
    if table.message is not None:
        cell = row[table.message] if table.message < len(row) else ""
        for text in cell.splitlines() or [""]:
            yield line, text.encode("utf-8", "replace")
    else:
        places = ((name, table.fields[name]) for name in names)
        words = (word(row[place] if place < len(row) else "", name) for name, place in places)
        yield line, " ".join(words).encode() if any(row) else b""


def _rows(name: str, table: CsvTable, pieces: Pieces) -> Iterator[tuple[int, list[str]]]:
    """The number of the line on which each row begins, and its cells; the header is the first."""
    damage: list[DamagedLogError] = []
    # A message may be as long as a line: csv's own limit of 131,072 characters is for less.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
    reader = csv.reader(_text_lines(pieces, damage), delimiter=table.delimiter)
    line, is_above = 1, True
    try:
        for row in reader:
            is_above = is_above and _stands_above(row)
            if not is_above:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise DamagedLogError(f"{name}: is no CSV from line {line:,} on ({error}).") from error
    if damage:
        raise damage[0]


def _stands_above(row: list[str]) -> bool:
    """Whether a row is none of the table's: empty, a remark, or what Excel says of the delimiter."""
    first = row[0].strip("\ufeff \t") if row else ""
    return not any(cell.strip() for cell in row) or first[:1] == "#" or first[:4].lower() == "sep="


def _text_lines(pieces: Pieces, damage: list[DamagedLogError]) -> Iterator[str]:
    """The lines of a text one by one; the damage, once they are all taken, is in the list."""
    try:
        for block in whole_lines(pieces):
            yield from io.StringIO(block.text.decode("utf-8", "replace"), newline="")
    except DamagedLogError as error:
        damage.append(error)
