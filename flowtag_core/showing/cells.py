"""Tables for a document: headings, and cells that keep the exact number behind a rounded text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flowtag_core.counts import Measure
from flowtag_core.showing.words import number, share, size


class Head(NamedTuple):
    """The heading of a column, and whether it has numbers."""

    name: str
    is_number: bool = False


class Cell(NamedTuple):
    """The text of a cell, the number behind a rounded text, the length of a bar in percent, a color."""

    text: str
    value: int | None = None
    bar: float | None = None
    colour: str = ""


class Listing(NamedTuple):
    """A table: the rows that are shown at once, the rows to unfold, and a note on rows that are left out."""

    title: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    rest: Sequence[Sequence[Cell]] = ()
    more: str = ""
    note: str = ""


def cut(table: Listing, shown: int, noun: str, total: int | None = None) -> Listing:
    """Return the table with only its first rows shown, and the others to unfold.

    `noun` is the word for one row. `total` is the number of rows, if the table does not contain all of them.
    """
    rows = table.rows
    missing = (len(rows) if total is None else total) - len(rows)
    return table._replace(
        rows=rows[:shown],
        rest=rows[shown:],
        more=number(max(len(rows) - shown, 0), f"more {noun}"),
        note=f"Not listed: {number(missing, f'more {noun}')}." if missing else "",
    )


def quantity_of(amount: int, measure: Measure) -> Cell:
    """Return the cell for an amount of a measure; bytes are rounded, in a unit that suits them."""
    return Cell(size(amount), amount) if measure == "bytes" else Cell(f"{amount:,}")


def percent(part: int, whole: int) -> Cell:
    """Return the cell for a share in percent."""
    return Cell(share(part, whole))


def bar(part: int, whole: int) -> Cell:
    """Return the cell for a share in percent, with a bar."""
    return percent(part, whole)._replace(bar=100 * part / max(whole, 1))
