"""Read the counted columns of a Parquet file as numbers, one batch of rows at a time.

A row with anything but valid numbers becomes a record, like a line of text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np

from flowtag_core.boundary import LONGEST_ADDRESS
from flowtag_core.counts import UNKNOWN_BOUNDARY, Ints
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.shapes.fields import (
    IN_EVERY_FLOW,
    MESSAGE_KEYS,
    MISSING,
    are_flows,
    fields_of,
    listed,
    may_be_flows,
    may_be_of_others,
    word,
)
from flowtag_core.shapes.json_documents import message_records
from flowtag_core.shapes.layout import Layout
from flowtag_core.shapes.others import telling, whose, whose_by
from flowtag_core.shapes.parquet_pages import RowGroup, pages, row_groups
from flowtag_core.shapes.records import (
    NUMBERS,
    SOUND_WORDS,
    Columns,
    Kind,
    Numbered,
    Records,
    batched,
    of_others,
    sound,
)
from flowtag_core.sources.budget import Budget

_ROWS_AT_ONCE: Final = 1 << 13
_BYTES_A_VALUE: Final = 8
_TEXT_COPIES: Final = 8
"""How many copies of a text may be in memory: several batches wait to be counted, each with its words."""
_LONGEST_WORD: Final = 200
_FILE_COST: Final = 500_000
"""The cost of opening a Parquet file, in bytes of log that take as long to count."""
_MESSAGE_COST: Final = 3
"""The cost of extracting one character of a message, in bytes of log that take as long to count."""
_SHOWN: Final = 60
_MOST_OWNERS: Final = 8
"""How many owners, including AWS, are told apart in one batch of rows."""
_PARTS_OF_A_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def parquet_records(
    name: str, file: BinaryIO, wanted: tuple[str, ...], budget: Budget, *, is_known: bool = False
) -> Iterator[Columns | Records]:
    """Yield the rows of a Parquet file with the `wanted` fields, numbered from 1, whatever their types.

    Names that other products use too count only if the log `is_known` to be AWS's. Raises LogError if the
    file is damaged, lacks a dstport or protocol column, or contains only logs of other products, and
    OverBudgetError if it needs more memory than any valid one.
    """
    budget.stream(_FILE_COST)
    chosen, batches = _opened(name, file, wanted, budget, is_known=is_known)
    yield from sound(name, _parts(name, chosen, batches, wanted, budget))
    _release_memory()


def _parts(
    name: str, chosen: _Chosen, batches: Iterator[Any], wanted: tuple[str, ...], budget: Budget
) -> Iterator[Columns | Records]:
    for row, batch in _numbered(name, batches):
        if chosen.kind.layout:
            yield from _rows(name, batch, chosen, row)
        else:
            yield from batched(_in_messages(name, batch, chosen, row, wanted, budget), budget)


def _numbered(name: str, batches: Iterator[Any]) -> Iterator[tuple[int, Any]]:
    """Yield each batch that has rows, with the number of its first row."""
    row = 1
    while True:
        with _damage(name, row):
            batch = next(batches, None)
        if batch is None:
            return
        if len(batch):
            yield row, batch
        row += len(batch)


def _rows(name: str, batch: Any, chosen: _Chosen, row: int) -> Iterator[Columns | Records]:
    """Yield the rows of a batch as columns if all of them are flows, otherwise as records grouped by kind."""
    owners = _owners(name, batch, chosen, row)
    if owners is None:
        numbers = partial(_numbers, name, batch, chosen.paths, row)
        text = partial(_records, name, batch, chosen.paths, row)
        addresses = partial(_addresses, name, batch, chosen.paths, row)
        yield Columns(chosen.kind, row, len(batch), numbers, text, addresses)
        return
    for owner in sorted({*owners})[:_MOST_OWNERS]:
        places = np.flatnonzero([each == owner for each in owners])
        kind = of_others("Parquet", owner) if owner else chosen.kind
        yield Records(kind, _records(name, batch, chosen.paths, row, places))
    if rest := sorted({*owners})[_MOST_OWNERS:]:
        places = np.flatnonzero([each in rest for each in owners])
        kind = of_others("Parquet", "records from other products")
        yield Records(kind, _records(name, batch, chosen.paths, row, places))


def _owners(name: str, batch: Any, chosen: _Chosen, row: int) -> list[str] | None:
    """Return whose record each row is, with an empty string for a flow, or None if all rows are flows."""
    if not chosen.telling:
        return None
    with _damage(name, row):
        told = [_words(batch, path, meaning) for meaning, path in chosen.telling.items()]
    rows = list(zip(*told, strict=True))
    owner = {row: whose_by(dict(zip(chosen.telling, row, strict=True))) for row in {*rows}}
    return [owner[row] for row in rows] if any(owner.values()) else None


def _in_messages(
    name: str, batch: Any, chosen: _Chosen, row: int, wanted: tuple[str, ...], budget: Budget
) -> Iterator[tuple[Kind, Numbered]]:
    """Yield the records in a column of messages; a message may be several records, or JSON."""
    with _damage(name, row):
        messages = _words(batch, chosen.paths[""], "")
    # A long message may be stored in the file once and yet be the value of every row.
    budget.stream(_MESSAGE_COST * sum(map(len, messages)))
    for number, message in enumerate(messages, row):
        for kind, text in message_records(chosen.kind, message.rstrip("\r\n"), wanted, budget):
            yield kind, (number, text)


class _Chosen(NamedTuple):
    """The columns to read: one for each field, or a single one of whole records under the name "".

    `telling` has the columns that show whose record a row is, keyed by their meaning.
    """

    paths: dict[str, str]
    kind: Kind
    telling: dict[str, str]


def _opened(
    name: str, file: BinaryIO, wanted: tuple[str, ...], budget: Budget, *, is_known: bool
) -> tuple[_Chosen, Iterator[Any]]:
    """Open a file and return the columns to read, and the rows in batches."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise LogError(
            f"{name}: is a Parquet file, and the Python package pyarrow is not installed. "
            "Install it: pip install pyarrow."
        ) from None
    try:
        row_groups_there = row_groups(file, budget)
        file.seek(0)
        source = pa.PythonFile(file, mode="r")
        table = pq.ParquetFile(source)
    except (pa.ArrowException, OSError, ValueError, ArithmeticError, LookupError) as error:
        raise _undescribed(name) from error
    described = [table.schema.column(place) for place in range(len(table.schema))]
    chosen = _chosen(name, described, table.schema.names, wanted, is_known=is_known)
    paths = {*chosen.paths.values(), *chosen.telling.values()}
    read = {place: each for place, each in enumerate(described) if each.path in paths}
    for column in read.values():
        if column.physical_type == "FIXED_LEN_BYTE_ARRAY":
            budget.hold(column.length * _ROWS_AT_ONCE, f"its column {column.path[:_SHOWN]}")
    texts = {place for place, each in read.items() if each.physical_type == "BYTE_ARRAY"}
    groups, is_damaged = _within_budget(row_groups_there, file, read, texts, budget)
    # Read text as indexes into a dictionary, since the same long text may be in every row.
    with _damage(name, 1):
        table = pq.ParquetFile(
            source,
            metadata=table.metadata,
            read_dictionary=[read[place].path for place in texts],
            pre_buffer=False,
        )
        # Read on this thread only: the other threads are busy counting.
        batches = table.iter_batches(
            _ROWS_AT_ONCE, row_groups=groups, columns=[*paths], use_threads=False
        )
    return chosen, _until_damage(batches) if is_damaged else batches


def _undescribed(name: str) -> LogError:
    return LogError(
        f"{name}: is a Parquet file that is damaged or cut short: the metadata at its end cannot be read. "
        "Download the file again."
    )


def _until_damage(batches: Iterator[Any]) -> Iterator[Any]:
    yield from batches
    raise ValueError("a page whose header cannot be read")


def _within_budget(
    described: Sequence[RowGroup],
    file: BinaryIO,
    places: Collection[int],
    texts: Collection[int],
    budget: Budget,
) -> tuple[list[int], bool]:
    """Charge the budget for the unpacked columns at these places, up to the first damaged row group.

    `texts` are the places of text columns. One page and the dictionary of each column in a row group are
    in memory together. Returns the numbers of the row groups that have rows and precede the damage, and
    whether a damaged one was found.
    """
    groups: list[int] = []
    for number, group in enumerate(described):
        if group.rows <= 0:
            continue
        held = 0
        for place in places:
            dictionary = largest = 0
            try:
                # Use the column's position, since the name that the row group repeats may differ.
                for page in pages(file, group.chunks[place]):
                    budget.stream(page.size)
                    if page.is_dictionary:
                        dictionary += page.size
                    else:
                        largest = max(largest, page.size)
            except (ValueError, IndexError):
                return groups, True
            held += (_TEXT_COPIES if place in texts else 1) * (dictionary + largest)
            budget.stream(_BYTES_A_VALUE * group.rows)
        budget.hold(held, f"row group {number + 1:,}")
        groups.append(number)
    return groups, False


def _chosen(
    name: str, described: list[Any], names: list[str], wanted: tuple[str, ...], *, is_known: bool
) -> _Chosen:
    """Choose the columns to read; raise LogError if they are not those of flows."""
    every = [column.path for column in described]
    single = [column.path for column in described if not column.max_repetition_level]
    paths = fields_of(single, is_known=is_known)
    if others := whose(every):
        raise LogError(f"{name}: contains {others}. Use AWS VPC flow logs instead.")
    if paths.keys() >= IN_EVERY_FLOW if is_known else are_flows(paths, every):
        there = {field: paths[field] for field in wanted if field in paths}
        layout = Layout(tuple(there), "named by columns")
        return _Chosen(there, Kind("Parquet", layout), telling(single))
    if message := next((key for key in MESSAGE_KEYS if key in single), None):
        return _Chosen({"": message}, Kind(f"Parquet, records in the column {message}"), {})
    if may_be_flows(single):
        sentence = may_be_of_others(single, "none of its columns")
        raise LogError(f"{name}: {sentence}")
    raise LogError(
        f"{name}: is a Parquet file without the columns dstport and protocol; its "
        f"columns are {listed(names)}. Include these two in the export."
    )


def _release_memory() -> None:
    """Release the memory that Arrow keeps for reuse, since the next steps need memory too."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


@contextmanager
def _damage(name: str, row: int) -> Iterator[None]:
    """Raise DamagedLogError if reading the data from this row on fails."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, ArithmeticError, LookupError) as error:
        raise DamagedLogError(
            f"{name}: is damaged: its Parquet data cannot be read after row {row - 1:,}."
        ) from error


def _numbers(name: str, batch: Any, wanted: dict[str, str], row: int) -> Ints:
    """Return the columns as numbers, with -1 for anything that is not a valid number."""
    numbers = np.empty((len(NUMBERS), len(batch)), np.int64)
    with _damage(name, row):
        for place, field in enumerate(NUMBERS):
            found = None
            if field in wanted:
                values = _column(batch, wanted[field])
                found = _codes(values, field) if field in SOUND_WORDS else _whole(values)
            numbers[place] = -1 if found is None else found
    numbers[NUMBERS.index("boundary")] = UNKNOWN_BOUNDARY
    return numbers


def _addresses(name: str, batch: Any, wanted: dict[str, str], row: int) -> bytes | None:
    """Return a line for each row with its two addresses, as described in `Columns`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "srcaddr" not in wanted or "dstaddr" not in wanted:
        return None
    with _damage(name, row):
        ends = [_short_texts(_column(batch, wanted[field])) for field in ("srcaddr", "dstaddr")]
        if None in ends:
            words = (_words(batch, wanted[field], field) for field in ("srcaddr", "dstaddr"))
            return "".join(
                f"{one} {other} 0 0\n" for one, other in zip(*words, strict=True)
            ).encode()
        lines = pc.binary_join_element_wise(*ends, pa.scalar(b"0 0\n"), b" ")
    # An array stores its texts contiguously, so together they are the lines.
    offsets = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset :][: len(lines) + 1]
    return bytes(lines.buffers()[2][int(offsets[0]) : int(offsets[-1])])


def _short_texts(values: Any) -> Any:
    """Return a text column with `-` for nulls, or None if its values are too long or not text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_encoded = pa.types.is_dictionary(values.type)
    texts = values.dictionary if is_encoded else values
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        return None
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > LONGEST_ADDRESS:
        return None
    texts = texts.cast(pa.binary())
    return (texts.take(values.indices) if is_encoded else texts).fill_null(b"-")


def _whole(values: Any) -> Ints | None:
    """Return a column of integers or, in seconds, of timestamps, with -1 for nulls; None for other types."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_timestamp(kind):
        return _seconds(values)
    if not pa.types.is_integer(kind) or kind == pa.uint64():
        return None
    return _array(values.fill_null(-1) if values.null_count else values)


def _seconds(times: Any) -> Ints:
    """Return timestamps as seconds since 1970, with -1 for nulls."""
    import pyarrow as pa

    parts = _array(times.cast(pa.int64()).fill_null(-1))
    return parts // _PARTS_OF_A_SECOND[times.type.unit]


def _codes(values: Any, field: str) -> Ints:
    """Return words as their indexes in SOUND_WORDS, with -1 for all others."""
    values = _encoded(values)
    sound = SOUND_WORDS[field]
    words = [word(value, field) for value in _distinct(values)]
    codes = np.array([sound.index(each) if each in sound else -1 for each in words] + [-1])
    places = values.indices
    if places.null_count:
        places = places.fill_null(len(words))
    return np.asarray(codes[_array(places)])


def _array(values: Any) -> Ints:
    """Return integers without nulls as a NumPy array, without copying.

    pyarrow's own conversion would import pandas first.
    """
    return np.asarray(np.from_dlpack(values))


def _records(
    name: str, batch: Any, wanted: dict[str, str], row: int, places: Ints
) -> list[Numbered]:
    """Return the rows at these places as records; the first row of the batch has the number `row`."""
    with _damage(name, row):
        batch = batch if len(places) == len(batch) else batch.take(places)
        words = [_words(batch, path, field) for field, path in wanted.items()]
    lines = (" ".join(record).encode() for record in zip(*words, strict=True))
    return list(zip((places + row).tolist(), lines, strict=True))


def _column(batch: Any, path: str) -> Any:
    names = batch.schema.names
    if path in names:  # a name may contain dots, or appear twice
        return batch.column(names.index(path))
    column, *within = path.split(".")
    values = batch.column(names.index(column))
    for key in within:
        values = values.field(key)
    return values


def _words(batch: Any, path: str, field: str) -> list[str]:
    """Return a column's values as words; each distinct value is converted only once."""
    values = _encoded(_column(batch, path))
    words = [
        word(value, field)[:_LONGEST_WORD] if field else _text(value) for value in _distinct(values)
    ]
    missing = MISSING if field else ""
    return [missing if place is None else words[place] for place in values.indices.to_pylist()]


def _encoded(values: Any) -> Any:
    """Return the values as indexes into a dictionary that is no larger than the values.

    The dictionary of a whole column may be much larger than one batch of its rows; in that case only the
    entries that the rows use are kept.
    """
    import pyarrow.compute as pc

    values = values.dictionary_encode()
    if len(values.dictionary) <= len(values):
        return values
    named = values.indices.drop_null().unique()
    places = pc.index_in(values.indices, named)
    return type(values).from_arrays(places, values.dictionary.take(named))


def _distinct(values: Any) -> list[Any]:
    """Return the values of a dictionary, text as bytes, since it may be invalid, and times as seconds."""
    import pyarrow as pa

    distinct = values.dictionary
    if pa.types.is_date(distinct.type):
        distinct = distinct.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(distinct.type):  # Python's datetime ends with the year 9999
        return list(_seconds(distinct).tolist())
    if pa.types.is_string(distinct.type) or pa.types.is_large_string(distinct.type):
        distinct = distinct.cast(pa.large_binary())
    return list(distinct.to_pylist())


def _text(value: object) -> str:
    """Return a value from a column of messages as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
