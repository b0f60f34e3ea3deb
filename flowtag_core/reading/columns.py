"""A Parquet file -> records: only the columns that are counted are read, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.reading.fields import MESSAGE_KEYS, MISSING, WANTED, are_flows, fields_of, word
from flowtag_core.reading.layout import Layout
from flowtag_core.reading.records import Kind, Records

_ROWS_AT_ONCE: Final = 1 << 16
_IN_A_LIST: Final = ".list.element"
"""Of such a column there are many values in a row."""


def parquet_records(name: str, file: BinaryIO) -> Iterator[Records]:
    """The rows of a Parquet file, numbered from 1, whatever the types of its columns are.

    Raises LogError where it is damaged or has no column dstport or protocol.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise LogError(
            f"{name}: is a Parquet file, for which the Python package pyarrow is needed. "
            "Install it: pip install pyarrow."
        ) from None
    try:
        table = pq.ParquetFile(pa.PythonFile(file, mode="r"))
    except (pa.ArrowException, OSError, ValueError, ArithmeticError) as error:
        raise LogError(
            f"{name}: is a Parquet file that is damaged or cut short: the description of its "
            "columns, which stands at its end, cannot be read. Fetch the file again."
        ) from error
    every = [table.schema.column(place).path for place in range(len(table.schema))]
    paths = fields_of(path for path in every if _IN_A_LIST not in path)
    if are_flows(paths, every):
        wanted = {field: paths[field] for field in WANTED if field in paths}
        kind = Kind("Parquet", Layout(tuple(wanted), "named by columns"))
    elif message := next((key for key in MESSAGE_KEYS if key in table.schema.names), None):
        wanted, kind = {"": message}, Kind(f"Parquet, records in the column {message}")
    else:
        columns = ", ".join(table.schema.names)[:200]
        raise LogError(
            f"{name}: is a Parquet file without the columns dstport and protocol of a flow; its "
            f"columns are {columns}. Export these two with it."
        )
    row = 1
    try:
        for batch in table.iter_batches(_ROWS_AT_ONCE, columns=[*wanted.values()]):
            words = [_words(batch, path, field) for field, path in wanted.items()]
            lines = [" ".join(record).encode() for record in zip(*words, strict=True)]
            if lines:
                yield Records(kind, list(enumerate(lines, row)))
            row += len(lines)
    except (pa.ArrowException, OSError, ValueError, ArithmeticError) as error:
        raise DamagedLogError(
            f"{name}: is damaged: its Parquet data cannot be read after row {row - 1:,}."
        ) from error


def _words(batch: Any, path: str, field: str) -> list[str]:
    """A column's values as words; a value that comes again is made into one once."""
    column, *within = path.split(".")
    values = batch.column(column)
    for key in within:
        values = values.field(key)
    values = values.dictionary_encode()
    distinct = values.dictionary.to_pylist()
    words = [word(value, field) if field else _text(value) for value in distinct]
    missing = MISSING if field else ""
    return [missing if place is None else words[place] for place in values.indices.to_pylist()]


def _text(value: object) -> str:
    """A record that stands whole in a column; a line end in it would be a second record's."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return " ".join(text.split("\n"))
