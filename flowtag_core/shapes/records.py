"""Records with their numbers and texts, one by one or as columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

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


NUMBERS: Final = "dstport protocol srcport packets bytes start action log-status boundary".split()
"""The columns that are needed to count a table without writing its rows as text."""
ADDRESSES: Final = Layout(("srcaddr", "dstaddr", "dstport", "protocol"), "named by columns")
SOUND_WORDS: Final = {"action": ("ACCEPT", "REJECT"), "log-status": ("OK",)}
"""The valid words of each column of words; the index of a word here is its number."""


class Columns(NamedTuple):
    """A batch of a table's rows; `first` is the number of the first one.

    `numbers` returns an array with a row for each name in NUMBERS, with -1 for invalid values and every
    boundary unknown. `addresses` returns a line for each row, "source destination 0 0", which is a flow in
    the layout ADDRESSES, or None if the table has no addresses. `text` returns the rows with the given
    indexes as records. All three are thread-safe.
    """

    kind: Kind
    first: int
    size: int
    numbers: Callable[[], Ints]
    text: Callable[[Ints], list[Numbered]]
    addresses: Callable[[], bytes | None] = lambda: None


class Cells(NamedTuple):
    """Where the cells of a table's rows are: the delimiter as a byte, the number of columns, and which are wanted.

    `wanted` has a 1 for each column that is wanted, otherwise a 0.
    """

    delimiter: int
    columns: int
    wanted: Ints


class Members(NamedTuple):
    """Where the values of JSON objects are that have the same members, in the same order, each object on a line.

    `segments` are the bytes around the values, one after another, and room for eight more; `ends` is where each
    of them ends. `kinds` is 0 for a string and 1 for a whole number, and 2 more if the value is wanted.
    """

    segments: NDArray[np.uint8]
    ends: Ints
    kinds: Ints


class Rows(NamedTuple):
    """A block of rows as text, one on each line; `first` is the number of the first line.

    The wanted values of a row, in order, are a record of `kind` and of `layout`, None for that of the file.
    `records` returns the records in the lines with the given indexes, or None if all lines must be read again.
    For None, it returns the records in all lines.
    """

    kind: Kind
    layout: Layout | None
    first: int
    size: int
    text: bytes
    plan: Cells | Members
    records: Callable[[Ints | None], list[Records] | None]


class Records(NamedTuple):
    """Records of one kind that were extracted from another format, such as JSON."""

    kind: Kind
    numbered: list[Numbered]


def sound(name: str, found: Iterable[tuple[Kind, Numbered]]) -> Iterator[tuple[Kind, Numbered]]:
    """Pass on the records of a file, then raise LogError if all of them belong to another product's log."""
    is_sound, refusal = False, ""
    for kind, numbered in found:
        is_sound = is_sound or kind.reason is None
        refusal = refusal or kind.refusal
        yield kind, numbered
    if refusal and not is_sound:
        raise LogError(f"{name}: {refusal}")


@lru_cache(maxsize=32)
def of_others(shape: str, whose: str) -> Kind:
    """Return the kind of records that belong to another product's log."""
    refusal = f"contains {whose}. Use AWS VPC flow logs instead."
    return Kind(f"{shape}, {whose} set aside", reason=Reason.NOT_A_FLOW, refusal=refusal)


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
