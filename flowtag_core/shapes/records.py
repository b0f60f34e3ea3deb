"""Records with their numbers and texts, one by one or as columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import Ints, Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.shapes.layout import Layout
from flowtag_core.sources.budget import Budget

_AT_ONCE: Final = 1 << 10
_BYTES_AT_ONCE: Final = 1 << 22
_RECORD_COST: Final = 2_000
"""The cost of extracting one record from another format, in bytes of log that take as long to count."""

Numbered = tuple[int, bytes]
"""The line number of a record, or its position if there are no lines, and its text."""


class Kind(NamedTuple):
    """Where records come from, described for the user, and the layout of their fields.

    Records without a `layout` are read like the lines of a file, which may have a header. Records with a
    `reason` are not flows and are set aside. If a file has no others and there is a `refusal`, the file is
    refused with that sentence.
    """

    shape: str
    layout: Layout | None = None
    reason: Reason | None = None
    refusal: str = ""


NUMBERS: Final = "dstport protocol srcport packets bytes start action log-status".split()
"""The columns that are needed to count a table without writing its rows as text."""
SOUND_WORDS: Final = {"action": ("ACCEPT", "REJECT"), "log-status": ("OK",)}
"""The valid words of each column of words; the index of a word here is its number."""


class Column(NamedTuple):
    """A column of 32 or 64 bit integers; if it has `meanings`, its values are indexes of the numbers there.

    An invalid value is negative.
    """

    values: NDArray[np.int32] | Ints
    meanings: Ints | None = None


class Addresses(NamedTuple):
    """The addresses of a table's rows: the distinct sources, then the distinct destinations.

    They follow one another in `text`; `offsets` says where each begins and where the last one ends, or is None if
    some are too long or not text. `words` returns those with the given indexes. `sources` and `destinations` have
    for each row the indexes of its two addresses, or `size` if there is none.
    """

    size: int
    text: NDArray[np.uint8]
    offsets: NDArray[np.int32] | None
    words: Callable[[Ints], list[bytes]]
    sources: NDArray[np.int32]
    destinations: NDArray[np.int32]


class Words(NamedTuple):
    """A column of words: the distinct ones, and for each row the index of its word, or their number if it has none."""

    distinct: list[bytes]
    indexes: NDArray[np.int32]


class Columns(NamedTuple):
    """A batch of a table's rows; `first` is the number of the first one.

    `numbers` returns a column for each name in NUMBERS, or None in its place if the table has no such column of
    numbers. `addresses` returns the addresses and `interfaces` the interfaces, or None if the table has none. `text`
    returns the rows with the given indexes as records. All four are thread-safe. If one of them raises
    DamagedLogError, `smaller` yields the same rows in smaller batches, up to the damage.
    """

    kind: Kind
    first: int
    size: int
    numbers: Callable[[], list[Column | None]]
    text: Callable[[Ints], list[Numbered]]
    addresses: Callable[[], Addresses | None] = lambda: None
    smaller: Callable[[], Iterator[Columns]] | None = None
    interfaces: Callable[[], Words | None] = lambda: None


class Group(NamedTuple):
    """Records that are counted alike: their kind, and their layout, None for that of the file."""

    kind: Kind
    layout: Layout | None


class Cells(NamedTuple):
    """Where the cells of a table's rows are: the delimiter as a byte, the number of columns, and which are wanted.

    `wanted` has a 1 for each column that is wanted, otherwise a 0.
    """

    delimiter: int
    columns: int
    wanted: Ints


MOST_WANTED: Final = 32
"""The most wanted values that an object may have; the kernel has no room for more."""


class Objects(NamedTuple):
    """Where the values of JSON objects are: on lines, or in arrays.

    `templates` and `segments` are what the kernel compares the objects with.
    """

    are_lines: bool
    templates: Ints
    segments: NDArray[np.uint8]


class Spans(NamedTuple):
    """Where the rows of a text begin, and after them its end; and the indexes of the odd ones."""

    begins: Ints
    odd: Ints

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.begins) - 1

    @property
    def all_odd(self) -> Spans:
        """The same rows, all of them as odd ones."""
        return Spans(self.begins, np.arange(self.rows))

    def texts(self, text: bytes) -> list[bytes]:
        """Return the odd rows of the text, each with what is between it and the next row."""
        begins, ends = self.begins[self.odd].tolist(), self.begins[self.odd + 1].tolist()
        return [text[begin:end] for begin, end in zip(begins, ends, strict=True)]


class Records(NamedTuple):
    """Records of one kind that were extracted from another format, such as JSON."""

    kind: Kind
    numbered: list[Numbered]


def barrier(kind: Kind) -> Records:
    """Return an empty part; whoever counts it has counted all rows before."""
    return Records(kind, [])


class Odd(NamedTuple):
    """The records in some rows of a text, and the number of the last record in the whole text."""

    records: list[Records]
    last: int


class Rows(NamedTuple):
    """A block of rows as text: CSV rows, JSON objects, or messages, one on each line.

    The wanted values of a plain row, in order, are a record of one of the `groups`. `odd` returns the records in
    the odd rows, or None if all must be read again. `every` does that; it gets the spans only if they are known.
    Both are called once everything before has been counted.
    """

    groups: tuple[Group, ...]
    text: bytes
    plan: Cells | Objects
    odd: Callable[[Spans], Odd | None]
    every: Callable[[Spans | None], Odd]


@lru_cache(maxsize=32)
def of_others(shape: str, whose: str) -> Kind:
    """Return the kind of records that belong to another product's log."""
    refusal = f"contains {whose}. Use AWS VPC flow logs instead."
    return Kind(f"{shape}, {whose} set aside", reason=Reason.NOT_A_FLOW, refusal=refusal)


P = TypeVar("P", Rows | Records, Columns | Rows | Records)


def sound(name: str, parts: Iterable[P]) -> Iterator[P]:
    """Pass on the parts of a file, then raise LogError if all records belong to another product's log."""
    whose = _Whose()
    for part in parts:
        yield whose.watched(part)
    if whose.waiting and not whose.is_sound:
        yield barrier(whose.waiting)
    if whose.refusal and not whose.is_sound:
        raise LogError(f"{name}: {whose.refusal}")


class _Whose:
    """Whether some records of a file are AWS's (`is_sound`), and the refusal of those that are not.

    `waiting` is the kind of rows that may not have been counted yet.
    """

    def __init__(self) -> None:
        self.is_sound, self.refusal = False, ""
        self.waiting: Kind | None = None

    def watched(self, part: P) -> P:
        """Return a part that tells whose its records are, at once or when it is counted."""
        if isinstance(part, Rows):
            self.waiting = part.groups[0].kind
            return part._replace(odd=partial(self._odd, part), every=partial(self._every, part))
        if isinstance(part, Columns) or part.numbered:
            self._note(part.kind)
        return part

    def _odd(self, part: Rows, spans: Spans) -> Odd | None:
        found = part.odd(spans)
        self.is_sound = self.is_sound or (found is not None and spans.rows > len(spans.odd))
        return self._noted(found) if found else None

    def _every(self, part: Rows, spans: Spans | None) -> Odd:
        return self._noted(part.every(spans))

    def _noted(self, found: Odd) -> Odd:
        for some in found.records:
            self._note(some.kind)
        return found

    def _note(self, kind: Kind) -> None:
        self.is_sound = self.is_sound or not kind.reason
        self.refusal = self.refusal or kind.refusal


def batched(found: Iterable[tuple[Kind, Numbered]], budget: Budget) -> Iterator[Records]:
    """Batch consecutive records of one kind; before raising DamagedLogError, yield what came before it.

    Each record is charged to the budget by its size plus a fixed cost.
    """
    kind: Kind | None = None
    batch: list[Numbered] = []
    size = 0

    def charged() -> Iterator[Records]:
        budget.stream(size + _RECORD_COST * len(batch))
        if kind is not None:
            yield Records(kind, batch)

    try:
        for its_kind, numbered in found:
            if kind is not its_kind or len(batch) == _AT_ONCE or size > _BYTES_AT_ONCE:
                yield from charged()
                kind, batch, size = its_kind, [], 0
            batch.append(numbered)
            size += len(numbered[1])
    except DamagedLogError:
        yield from charged()
        raise
    yield from charged()
