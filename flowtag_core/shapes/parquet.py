"""Read the counted columns of a Parquet file as numbers, one batch of rows at a time.

A row with anything but valid numbers becomes a record, like a line of text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, NamedTuple, TypeVar

import numpy as np

from flowtag_core.counts import Ints
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.shapes.fields import (
    IN_EVERY_FLOW,
    MESSAGE_KEYS,
    are_flows,
    fields_of,
    listed,
    may_be_flows,
    may_be_of_others,
)
from flowtag_core.shapes.json_documents import message_records
from flowtag_core.shapes.layout import Layout
from flowtag_core.shapes.others import telling, whose, whose_by
from flowtag_core.shapes.parquet_columns import addresses, interfaces, messages, numbers, words
from flowtag_core.shapes.parquet_pages import Ranges, RowGroup, pages, row_groups
from flowtag_core.shapes.records import (
    Cells,
    Columns,
    Group,
    Kind,
    Numbered,
    Odd,
    Records,
    Rows,
    batched,
    of_others,
    sound,
)
from flowtag_core.sources.budget import Budget

T = TypeVar("T")

_ROWS_AT_ONCE: Final = 1 << 17
_FEWEST_ROWS: Final = 1 << 13
"""How many rows are read at once, and how many if they are long, damaged or messages."""
_MOST_HELD: Final = 1 << 24
"""A row group or a batch of messages that is larger than this, in bytes, is read in smaller parts."""
_WORTH_RELEASING: Final = 1 << 25
"""Releasing memory takes a few milliseconds, so it is done only after reading more bytes than this."""
_POOL: Final = "ARROW_DEFAULT_MEMORY_POOL"
_PADDING: Final = 128
"""pyarrow reads up to so many bytes after a column, since some programs write its size wrong."""
_BYTES_A_VALUE: Final = 8
_TEXT_COPIES: Final = 8
"""How many copies of a text may be in memory: several batches wait to be counted, each with its words."""
_FILE_COST: Final = 500_000
"""The cost of opening a Parquet file, in bytes of log that take as long to count."""
_MESSAGE_COST: Final = 3
"""The cost of extracting one character of a message, in bytes of log that take as long to count."""
_ONE_CELL: Final = Cells(0, 1, np.ones(1, np.int64))
"""A line that is one message. The delimiter is NUL, so a message that contains one is odd."""
_SHOWN: Final = 60
_MOST_OWNERS: Final = 8
"""How many owners, including AWS, are told apart in one batch of rows."""


class Apart(NamedTuple):
    """A row group that can be counted separately: its number, and the ranges of bytes that are read of it."""

    number: int
    spans: list[tuple[int, int]]


def parquet_records(
    name: str,
    file: BinaryIO,
    wanted: tuple[str, ...],
    budget: Budget,
    *,
    is_known: bool = False,
    groups: range | None = None,
) -> Iterator[Columns | Rows | Records]:
    """Yield the rows of a Parquet file with the `wanted` fields, numbered from 1, whatever their types.

    Names that other products use too count only if the log `is_known` to be AWS's. If there are `groups`, only
    these row groups are read. Raises LogError if the file is damaged, lacks a dstport or protocol column, or contains
    only logs of other products, and OverBudgetError if it needs more memory than any valid one.
    """
    budget.stream(_FILE_COST)
    log = _opened(name, file, wanted, budget, is_known=is_known, only=groups)
    yield from sound(name, _parts(log, wanted, budget))
    if sum(log.groups.values()) > _WORTH_RELEASING:
        _release_memory()


def groups_apart(
    name: str, file: BinaryIO, wanted: tuple[str, ...], budget: Budget, *, is_known: bool = False
) -> list[Apart]:
    """Return the row groups of a Parquet file, if each can be counted separately; none if only the whole file can be.

    Only the metadata at the end of the file is read. Raises LogError like `parquet_records`.
    """
    log = _opened(name, file, wanted, budget, is_known=is_known, only=range(0))
    # Messages may contain headers for those after them, and who wrote a file is only known at its end.
    if log.chosen.kind.layout is None or log.chosen.telling:
        return []
    return [
        Apart(
            number,
            [
                (chunk.start, chunk.end + _PADDING)
                for chunk in map(group.chunks.__getitem__, log.places)
            ],
        )
        for number, group in enumerate(log.described)
    ]


def _parts(
    log: _Log, wanted: tuple[str, ...], budget: Budget
) -> Iterator[Columns | Rows | Records]:
    row = 1 + log.rows_before
    for group in log.groups:
        if log.is_unpacked_by_counter(group):
            # The file is read here, in order, and unpacked by whoever counts.
            yield log.later(group, row)
            row += log.rows_of(group)
            continue
        for batch in _readable(log.name, log.batches(group), row):
            if log.chosen.kind.layout:
                yield from _rows(log.name, batch, log.chosen, row)
            else:
                yield from _in_messages(log.name, batch, log.chosen, row, wanted, budget)
            row += len(batch)
    if log.is_damaged:
        with _damage(log.name, row):
            raise ValueError("a page whose header cannot be read")


def _readable(name: str, batches: Iterator[Any], row: int) -> Iterator[Any]:
    """Yield the batches that have rows; raise DamagedLogError at the first that cannot be read.

    `row` is the number of the first row.
    """
    while True:
        with _damage(name, row):
            batch = next(batches, None)
        if batch is None:
            return
        if len(batch):
            yield batch
        row += len(batch)


def _columns(
    name: str,
    chosen: _Chosen,
    rows: range,
    batch: Callable[[], Any],
    parts: Callable[[], Iterator[Any]] | None,
) -> Columns:
    """Return the rows with these numbers as columns; `batch` returns them, and `parts` yields them in small batches."""

    def smaller() -> Iterator[Columns]:
        row = rows.start
        for part in parts() if parts else ():
            yield _whole_columns(name, chosen, row, part)
            row += len(part)

    def read(what: Callable[[Any, dict[str, str]], T]) -> T:
        given = batch()
        with _damage(name, rows.start):
            return what(given, chosen.paths)

    return Columns(
        chosen.kind,
        rows.start,
        len(rows),
        lambda: read(numbers),
        lambda places: _records(name, batch(), chosen.paths, rows.start, places),
        lambda: read(addresses),
        smaller if parts else None,
        lambda: read(interfaces),
    )


def _whole_columns(name: str, chosen: _Chosen, row: int, batch: Any) -> Columns:
    """Return a batch that is in memory as columns."""

    def parts() -> Iterator[Any]:
        return (batch.slice(begin, _FEWEST_ROWS) for begin in range(0, len(batch), _FEWEST_ROWS))

    rows, is_large = range(row, row + len(batch)), len(batch) > _FEWEST_ROWS
    return _columns(name, chosen, rows, lambda: batch, parts if is_large else None)


def _rows(name: str, batch: Any, chosen: _Chosen, row: int) -> Iterator[Columns | Records]:
    """Yield the rows of a batch as columns if all of them are flows, otherwise as records grouped by kind."""
    owners = _owners(name, batch, chosen, row)
    if owners is None:
        yield _whole_columns(name, chosen, row, batch)
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
        told = [words(batch, path, meaning) for meaning, path in chosen.telling.items()]
    rows = list(zip(*told, strict=True))
    owner = {row: whose_by(dict(zip(chosen.telling, row, strict=True))) for row in {*rows}}
    return [owner[row] for row in rows] if any(owner.values()) else None


def _in_messages(
    name: str, batch: Any, chosen: _Chosen, row: int, wanted: tuple[str, ...], budget: Budget
) -> Iterator[Rows | Records]:
    """Yield the rows of a column of messages; a message may be several records, or JSON."""
    with _damage(name, row):
        texts = messages(batch, chosen.paths[""])
    # A long message may be stored in the file once and yet be the value of every row.
    budget.stream(_MESSAGE_COST * sum(map(len, texts)))
    last = row + len(texts) - 1

    def records(rows: Iterable[int]) -> Odd:
        found = (
            (kind, (row + number, text))
            for number in rows
            for kind, text in message_records(chosen.kind, texts[number], wanted, budget)
        )
        return Odd(list(batched(found, budget)), last)

    is_long = sum(map(len, texts)) > _MOST_HELD
    whole = "" if is_long else "\n".join(texts)
    # They may be JSON, or several records.
    if is_long or '"' in whole or whole.count("\n") >= len(texts):
        yield from records(range(len(texts))).records
        return
    yield Rows(
        (Group(chosen.kind, None),),
        whole.encode("utf-8", "replace") + b"\n",
        _ONE_CELL,
        lambda spans: records(spans.odd.tolist()),
        lambda _: records(range(len(texts))),
    )


class _Chosen(NamedTuple):
    """The columns to read: one for each field, or a single one of whole records under the name "".

    `telling` has the columns that show whose record a row is, keyed by their meaning.
    """

    paths: dict[str, str]
    kind: Kind
    telling: dict[str, str]


class _Log(NamedTuple):
    """An open Parquet log: the columns to read, and the row groups with rows, up to a damaged one if `is_damaged`.

    `groups` has for each row group the size of its columns in bytes once they are unpacked, and `rows_before` is the
    number of rows before the first of them. `places` are those of the columns, and `texts` the paths of columns of
    text.
    """

    name: str
    file: BinaryIO
    chosen: _Chosen
    metadata: Any
    described: list[RowGroup]
    groups: dict[int, int]
    places: list[int]
    texts: list[str]
    is_damaged: bool
    rows_before: int = 0

    def rows_of(self, group: int) -> int:
        """Return the number of rows in a row group."""
        return self.described[group].rows

    def is_unpacked_by_counter(self, group: int) -> bool:
        """Whether a row group is small enough to be unpacked as a whole by the thread that counts it."""
        chunks = self.described[group].chunks
        size = sum(chunks[place].end - chunks[place].start for place in self.places)
        is_small = self.rows_of(group) <= self.rows_at_once(group) and size <= _MOST_HELD
        return is_small and self.chosen.kind.layout is not None and not self.chosen.telling

    def rows_at_once(self, group: int) -> int:
        """Return how many rows of a row group are read at once; fewer if they are long."""
        if self.chosen.kind.layout is None:
            return _FEWEST_ROWS
        short = _MOST_HELD * self.rows_of(group) // max(self.groups[group], 1)
        return min(max(short, _FEWEST_ROWS), _ROWS_AT_ONCE)

    def batches(self, group: int, file: Any = None, size: int = 0) -> Iterator[Any]:
        """Yield the rows of a row group in batches, all columns at the same time; `file` may be a part of the file.

        Text is read as indexes into a dictionary, since the same long text may be in every row.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        source = pa.PythonFile(file or self.file, mode="r")
        paths = [*{*self.chosen.paths.values(), *self.chosen.telling.values()}]
        table = pq.ParquetFile(
            source, metadata=self.metadata, read_dictionary=self.texts, pre_buffer=False
        )
        yield from table.iter_batches(
            size or self.rows_at_once(group),
            row_groups=[group],
            columns=paths,
            use_threads=file is None,
        )

    def later(self, group: int, row: int) -> Columns:
        """Read the packed columns of a row group, and return its rows, which are unpacked when they are asked for."""
        chunks = [self.described[group].chunks[place] for place in self.places]
        packed = Ranges(self.file, [(each.start, each.end + _PADDING) for each in chunks])
        rows = range(row, row + self.rows_of(group))
        unpacked: list[Any] = []

        def batch() -> Any:
            with _damage(self.name, row):
                unpacked.extend([] if unpacked else self.batches(group, packed))
                if [len(each) for each in unpacked] != [len(rows)]:
                    raise ValueError("a row group with another number of rows")
            return unpacked[0]

        def parts() -> Iterator[Any]:
            return _readable(self.name, self.batches(group, packed, _FEWEST_ROWS), row)

        return _columns(self.name, self.chosen, rows, batch, parts)


def _opened(
    name: str,
    file: BinaryIO,
    wanted: tuple[str, ...],
    budget: Budget,
    *,
    is_known: bool,
    only: range | None = None,
) -> _Log:
    """Open a file, and choose what to read of it: `only` some row groups, or all."""
    try:
        with _system_memory():
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
    numbers = range(len(row_groups_there)) if only is None else only
    groups, is_damaged = _within_budget(row_groups_there, numbers, file, read, texts, budget)
    before = row_groups_there[: numbers.start]
    paths_of_texts = [read[place].path for place in texts]
    return _Log(
        name,
        file,
        chosen,
        table.metadata,
        row_groups_there,
        groups,
        [*read],
        paths_of_texts,
        is_damaged,
        sum(max(each.rows, 0) for each in before),
    )


@contextmanager
def _system_memory() -> Iterator[None]:
    """Let pyarrow, if it is imported now, use the system's memory: its own pools keep much of what is released."""
    given = os.environ.get(_POOL)
    os.environ.setdefault(_POOL, "system")
    try:
        yield
    finally:
        if given is None:
            del os.environ[_POOL]


def _undescribed(name: str) -> LogError:
    return LogError(
        f"{name}: is a Parquet file that is damaged or cut short: the metadata at its end cannot be read. "
        "Download the file again."
    )


def _within_budget(
    described: Sequence[RowGroup],
    numbers: range,
    file: BinaryIO,
    places: Collection[int],
    texts: Collection[int],
    budget: Budget,
) -> tuple[dict[int, int], bool]:
    """Charge the budget for the unpacked columns of these row groups, up to the first damaged one.

    `places` are those of the columns, and `texts` are the places of text columns. One page and the dictionary of each
    column in a row group are in memory together. Returns the row groups that have rows and precede the damage, each
    with the size of these columns in bytes, and whether a damaged one was found.
    """
    groups: dict[int, int] = {}
    for number in numbers:
        group = described[number]
        if group.rows <= 0:
            continue
        held = size = 0
        for place in places:
            dictionary = largest = 0
            try:
                # Use the column's position, since the name that the row group repeats may differ.
                for page in pages(file, group.chunks[place]):
                    budget.stream(page.size)
                    size += page.size
                    if page.is_dictionary:
                        dictionary += page.size
                    else:
                        largest = max(largest, page.size)
            except (ValueError, IndexError):
                return groups, True
            held += (_TEXT_COPIES if place in texts else 1) * (dictionary + largest)
            budget.stream(_BYTES_A_VALUE * group.rows)
        budget.hold(held, f"row group {number + 1:,}")
        groups[number] = size
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


def _records(
    name: str, batch: Any, paths: dict[str, str], row: int, places: Ints
) -> list[Numbered]:
    """Return the rows at these places as records; the first row of the batch has the number `row`."""
    with _damage(name, row):
        batch = batch if len(places) == len(batch) else batch.take(places)
        found = [words(batch, path, field) for field, path in paths.items()]
    lines = (" ".join(record).encode() for record in zip(*found, strict=True))
    return list(zip((places + row).tolist(), lines, strict=True))
