"""Records, each with its number and its text, alone or as columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from flowtag_core.counts import Ints, Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.shapes.layout import Layout
from flowtag_core.sources.budget import Budget

_AT_ONCE: Final = 1 << 10
_BYTES_AT_ONCE: Final = 1 << 22
_RECORD_COST: Final = 2_000
"""Bytes that are counted as plain text while one record is taken out of something else."""

Numbered = tuple[int, bytes]
"""A record's line, or its place where there are no lines, and its text."""


class Kind(NamedTuple):
    """The origin of records, in words for people, and the layout that says which word is which field.

    Without a `layout` they name their own, like lines of a file. With a `reason` they are not flows
    and are set aside; a file of nothing else is refused if there is a `refusal`, which says what it is.
    """

    shape: str
    layout: Layout | None = None
    reason: Reason | None = None
    refusal: str = ""


NUMBERS: Final = "dstport protocol srcport packets bytes start action log-status boundary".split()
"""The columns of a table that is counted without its rows being written as text."""
ADDRESSES: Final = Layout(("srcaddr", "dstaddr", "dstport", "protocol"), "named by columns")
SOUND_WORDS: Final = {"action": ("ACCEPT", "REJECT"), "log-status": ("OK",)}
"""The sound words of a column; its numbers are their indexes here."""


class Columns(NamedTuple):
    """Some rows of a table; `first` is the number of the first one.

    `numbers` gives an array with a row for each of NUMBERS, -1 where invalid, all boundaries unknown.
    `addresses` gives a line for each row with its source and destination address, `0` and `0` (which makes
    it a flow of the layout ADDRESSES), None where they are not there. `text` gives the rows with these indexes as records. All may be called on any thread.
    """

    kind: Kind
    first: int
    size: int
    numbers: Callable[[], Ints]
    text: Callable[[Ints], list[Numbered]]
    addresses: Callable[[], bytes | None] = lambda: None


class Records(NamedTuple):
    """Records of one kind that were taken out of something else."""

    kind: Kind
    numbered: list[Numbered]


def sound(name: str, found: Iterable[tuple[Kind, Numbered]]) -> Iterator[tuple[Kind, Numbered]]:
    """Give the records of a file on; raise LogError behind them where they are all another log's."""
    is_sound, refusal = False, ""
    for kind, numbered in found:
        is_sound = is_sound or kind.reason is None
        refusal = refusal or kind.refusal
        yield kind, numbered
    if refusal and not is_sound:
        raise LogError(f"{name}: {refusal}")


@lru_cache(maxsize=32)
def of_others(shape: str, whose: str) -> Kind:
    """The kind of records that are somebody else's."""
    refusal = f"holds {whose}. Give AWS VPC flow logs."
    return Kind(f"{shape}, {whose} set aside", reason=Reason.NOT_A_FLOW, refusal=refusal)


def batched(found: Iterable[tuple[Kind, Numbered]], budget: Budget) -> Iterator[Records]:
    """Batch consecutive records of one kind; at damage, give what came before it first.

    Each record is charged to the budget, with a cost of its own however short it is.
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
