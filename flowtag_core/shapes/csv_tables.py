"""Find the table in a CSV file: either one column contains whole records, or each field has a column."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from flowtag_core.shapes.fields import (
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
    word,
)
from flowtag_core.shapes.layout import ASSUMED, Layout
from flowtag_core.shapes.others import whose

_DELIMITERS: Final = ",;\t"
_SEP_LINE: Final = re.compile(r'"?sep=(.)"?\s*?\r?\n', re.IGNORECASE)
BOM: Final = "\ufeff"
_LONGEST_HEADER: Final = 1 << 16
_ROWS_LOOKED_AT: Final = 8
"""How many rows at the start of a table are searched for an AWS marker."""
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
    text = head.decode("utf-8", "replace").removeprefix(BOM)
    sep = _SEP_LINE.match(text)
    if sep:
        text = text[sep.end() :]
    lines = [line for line in text.split("\n") if line.strip() and line[0] != "#"]
    first = [line[:_LONGEST_HEADER] for line in lines[:1]]
    delimiters = sep[1] if sep else _DELIMITERS
    for delimiter in delimiters:
        columns = _names(first_row(first, delimiter))
        if len(columns) > 1:
            rows = csv.reader(lines[1:_ROWS_LOOKED_AT], delimiter=delimiter)
            is_known = layout.is_given or _has_mark(columns, rows)
            if (table := _known_table(delimiter, columns, is_known=is_known)) is not None:
                return table
    beginning = [line[:_LONGEST_HEADER] for line in lines[:_ROWS_LOOKED_AT]]
    for delimiter in delimiters:
        cells = (_names(first_row([line], delimiter)) for line in beginning)
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


def first_row(lines: Iterable[str], delimiter: str) -> list[str]:
    """Return the cells of the first row, or an empty list if it cannot be parsed."""
    try:
        return next(csv.reader(lines, delimiter=delimiter), [])
    except csv.Error:
        return []


def _names(row: list[str]) -> list[str]:
    return [name.strip(f"{BOM} \r\n\t") for name in row]


def _known_table(delimiter: str, columns: list[str], *, is_known: bool = False) -> CsvTable | None:
    paths = fields_of(columns, is_known=is_known)
    fields = {field: columns.index(path) for field, path in paths.items()}
    message = next((columns.index(key) for key in MESSAGE_KEYS if key in columns), None)
    is_flow = not IN_EVERY_FLOW.isdisjoint(fields) or may_be_flows(columns)
    is_other = is_summary(columns) or whose(columns) != ""
    if len(fields_of(columns, is_known=True)) > 2 or is_flow or message is not None or is_other:
        return CsvTable(delimiter, columns, message, fields, is_known)
    return None


def refusal_of(table: CsvTable) -> str:
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


def header_of(table: CsvTable, row: list[str]) -> CsvTable | None:
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
