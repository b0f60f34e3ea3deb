"""The rows of a text in CSV form, each with its line; too long a row for a lookup is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from flowtag_core.errors import LookupFileError

LARGEST_FILE: Final = 1 << 26
"""Bytes; a lookup of a million rows has about a third of it."""
LONGEST_LINE: Final = 1 << 20
_MOST_LINES: Final = 10_000
"""Lines of one row, whose cells may hold line ends."""
_CHARACTERS_AT_ONCE: Final = 1 << 20
_END: Final = "\0"

# The file as a whole is bounded; csv's own limit of 131,072 characters would refuse a long remark.
csv.field_size_limit(LARGEST_FILE)


def rows_of(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """All rows of the CSV with the number of their first line; CR, LF and CRLF end a row.

    Raises LookupFileError where one is longer than any lookup's.
    """
    line = 1
    is_endless = False

    def lines() -> Iterator[str]:
        nonlocal is_endless
        for number, row_line in enumerate(lines_of(text), 1):
            if len(row_line) > LONGEST_LINE:
                raise LookupFileError(
                    f"{name}: line {number}: is longer than {LONGEST_LINE:,} characters, too long for "
                    "a lookup. Shorten it or take it out."
                )
            if number - line > _MOST_LINES:
                is_endless = True
                return
            yield row_line
        # A row of its own unless a quote that was never closed has swallowed it.
        yield _END

    reader = csv.reader(lines(), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if cells == [_END]:
                return
            if is_endless or (cells and cells[-1].endswith(_END)):
                break
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise LookupFileError(
            f"{name}: line {line}: cannot be read as CSV ({error}). Is a quote not closed there?"
        ) from error
    raise LookupFileError(f"{name}: line {line}: a quote is opened and never closed. Close it.")


def lines_of(text: str) -> Iterator[str]:
    """The lines with their ends. A part at once: Python holds a text that is read as a file fourfold."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _CHARACTERS_AT_ONCE) + 1 or len(text)
        yield from io.StringIO(text[start:end], newline="")
        start = end
