"""Parse CSV text into rows with line numbers; rows too long for a lookup are refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from flowtag_core.errors import LookupFileError

LARGEST_FILE: Final = 1 << 26
"""In bytes; a lookup with a million rows takes about a third of this."""
LONGEST_LINE: Final = 1 << 20
_MOST_LINES: Final = 10_000
"""The most lines that one row may span; cells may contain line ends."""
_CHARACTERS_AT_ONCE: Final = 1 << 20
_END: Final = "\0"

# The file size is limited already; csv's own limit of 131,072 characters would reject a cell with a
# long note.
csv.field_size_limit(LARGEST_FILE)


def rows_of(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of the CSV with the number of its first line; CR, LF and CRLF end a row.

    Raises LookupFileError if a line is too long for a lookup or a quote is never closed.
    """
    line = 1
    is_endless = False

    def lines() -> Iterator[str]:
        nonlocal is_endless
        for number, row_line in enumerate(lines_of(text), 1):
            if len(row_line) > LONGEST_LINE:
                raise LookupFileError(
                    f"{name}: line {number} is longer than {LONGEST_LINE:,} characters, too long for "
                    "a lookup. Shorten or remove it."
                )
            if number - line > _MOST_LINES:
                is_endless = True
                return
            yield row_line
        # This mark is a row of its own, unless an unclosed quote has swallowed it.
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
            f"{name}: line {line}: cannot be read as CSV ({error}). Is a closing quote missing there?"
        ) from error
    raise LookupFileError(f"{name}: line {line}: a quote is opened but never closed. Close it.")


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines of a text with their line ends.

    Works through the text in parts, because a StringIO takes four times the memory of its text.
    """
    start = 0
    while start < len(text):
        end = text.find("\n", start + _CHARACTERS_AT_ONCE) + 1 or len(text)
        yield from io.StringIO(text[start:end], newline="")
        start = end
