"""Small pieces of the page as HTML, in which text from users is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from flowtag_core.showing.words import pair_name
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import Report

MOST_PRINTED: Final = 40
"""The most rows of a printed table. The result CSV has all of them."""


def heading(text: str, about: str = "", level: int = 2) -> str:
    """Return a heading, followed by a note in a muted color if `about` is given."""
    behind = f' <span class="quiet">{escape(about)}</span>' if about else ""
    return f'<div class="heading"><h{level}>{escape(text)}</h{level}>{behind}</div>'


def quiet(text: str) -> str:
    """Return a line of text in a muted color."""
    return f'<span class="quiet">{escape(text)}</span>'


def live(text: str, *, is_live: bool) -> str:
    """Return the line that says how live the page is, with a dot that is lit while it is."""
    word = "Live" if is_live else "Paused"
    return f'<div class="live{" on" if is_live else ""}"><i></i><b>{word}</b> <span>{escape(text)}</span></div>'


def for_print(report: Report) -> str:
    """Return the largest tags and ports as HTML tables, because tables on a canvas are cut off in print."""
    measure = report.measure.capitalize()
    tags = [(escape(tag), count) for tag, count in report.tag_counts.items()]
    ports = [
        (_cells(report, row), int(report.count[row]))
        for row in (-report.count).argsort(kind="stable")[:MOST_PRINTED].tolist()
    ]
    return (
        '<div class="print"><h2>Tags</h2>'
        f"{_table(('Tag', measure, 'Share'), tags[:MOST_PRINTED], report.total)}<h2>Ports</h2>"
        f"{_table(('Port', 'Tag', measure, 'Share'), ports, report.total)}</div>"
    )


def _cells(report: Report, row: int) -> str:
    """Return the contents of two cells, a port and its tag, without the outermost `<td>` and `</td>`."""
    name = pair_name(int(report.port[row]), int(report.protocol[row]))
    return f"{name}</td><td>{escape(report.tags[report.tag[row]])}"


def _table(head: Sequence[str], rows: Sequence[tuple[str, int]], total: int) -> str:
    """Return a table. The first item of each row is already HTML, and may span several cells."""
    body = "".join(
        f"<tr><td>{name}</td><td>{count:,}</td><td>{100 * count / max(total, 1):.1f}%</td></tr>"
        for name, count in rows
    )
    return f"<table><tr>{''.join(f'<th>{each}</th>' for each in head)}</tr>{body}</table>"


def untagged_line(report: Report) -> str:
    """Return the line about Untagged: its count, and its share as a bar and as a percentage."""
    share = 100 * report.untagged / report.total if report.total else 0.0
    return (
        f'<div class="untagged"><i class="dot"></i><b>{UNTAGGED}</b>'
        f'<span class="count">{report.untagged:,}</span>'
        f'<span class="track"><s style="width:{share:.3f}%"></s></span>'
        f'<span class="share">{share:.1f}%</span></div>'
    )
