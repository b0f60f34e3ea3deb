"""What a notebook shows of a value: small tables of HTML, in which everything from a log is text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

MOST_ROWS: Final = 20
_LONGEST: Final = 200
_RIGHT: Final = ' style="text-align: right"'


def html_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    """A table with a title; numbers are on the right, with commas between thousands."""
    cells = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return (
        f"<table><caption>{escape(title)}</caption><thead><tr>{names}</tr></thead>"
        f"<tbody>{cells}</tbody></table>"
    )


def cut(title: str, rows: int, shown: int) -> str:
    """The title, with a note on how many rows are shown if these are not all."""
    return f"{title} (the first {shown:,} of {rows:,})" if shown < rows else title


def _cell(value: str | int) -> str:
    if isinstance(value, int):
        return f"<td{_RIGHT}>{value:,}</td>"
    text = value if len(value) <= _LONGEST else value[:_LONGEST] + "..."
    return f"<td>{escape(text)}</td>"
