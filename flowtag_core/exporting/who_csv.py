"""Lists of evidence -> a CSV with a row for each row of each list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from flowtag_core.output import safe_cell

_HEAD: Final = (
    "list,source,source_name,destination,destination_name,port,interface,"
    "flows,packets,bytes,accepted,rejected,first,last,destinations,ports\n"
)

Line = tuple[str, dict[str, str], dict[str, int | None]]
"""The name of a list; the ends of a row by the names of their columns; its numbers by the names of theirs."""


def who_csv(lines: Iterable[Line]) -> Iterator[bytes]:
    """Yield the CSV in pieces. Times are in UTC, to the minute; cells without a value are empty.

    Cells that a spreadsheet would take for a formula begin with an apostrophe.
    """
    heads = _HEAD.strip().split(",")
    yield _HEAD.encode()
    for name, ends, numbers in lines:
        cells = {"list": name, **ends, **{key: _text(key, each) for key, each in numbers.items()}}
        yield (",".join(safe_cell(cells.get(head, "")) for head in heads) + "\n").encode()


def _text(name: str, value: int | None) -> str:
    if value is None:
        return ""
    if name in ("first", "last"):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M}"
    return str(value)
