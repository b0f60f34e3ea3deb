"""Small HTML tables that show a value in a notebook; text from logs is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

MOST_ROWS: Final = 20
_LONGEST: Final = 200
_RIGHT: Final = ' style="text-align: right"'


def html_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    """Return an HTML table with a title; numbers are right-aligned, with thousands separators."""
    cells = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    table = (
        f"<table><caption>{escape(title)}</caption><thead><tr>{names}</tr></thead>"
        f"<tbody>{cells}</tbody></table>"
    )
    return table.encode(
        errors="replace"
    ).decode()  # A file name may contain bytes that are not UTF-8.


def cut(title: str, rows: int, shown: int) -> str:
    """Return the title, with a note on how many rows are shown if some are left out."""
    return f"{title} (the first {shown:,} of {rows:,})" if shown < rows else title


def _cell(value: str | int) -> str:
    if isinstance(value, int):
        return f"<td{_RIGHT}>{value:,}</td>"
    text = value if len(value) <= _LONGEST else value[:_LONGEST] + "..."
    return f"<td>{escape(text)}</td>"
