"""Read JSON with an object on each line: blocks of similar objects for the kernel, and all others as documents.

If a line is not JSON by itself, it is not certain where the next document begins: then its block is read as one text,
up to the end of a line with a document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from flowtag_core.shapes.json_blocks import JsonBlocks
from flowtag_core.shapes.json_templates import Templates
from flowtag_core.shapes.records import Odd, Records, Rows, Spans, barrier
from flowtag_core.sources.pieces import Pieces

_LINES_FIRST: Final = 64
"""How many lines are read one by one before blocks of lines."""
_MOST_LEARNED: Final = 4
"""How many of the odd lines of a block are looked at for a new template."""

Documents = Callable[[Iterator[tuple[int, Any]]], Iterator[Records]]
"""Yields the records in documents, each with the number of its line."""
Slowly = Generator[Rows | Records, None, tuple[Pieces, int] | None]
"""Yields parts, and returns what is left and the number of its first line; None at the end of the file."""


class JsonLines:
    """Reads lines, each a document, as long as each line is a document by itself.

    `documents` returns the records of one. `line` is the number of the first line that is not counted yet.
    `is_broken` says that a line was not a document; `rest` is then the text from `line` on, as far as it is known.
    """

    def __init__(self, documents: Documents, templates: Templates) -> None:
        self._documents = documents
        self._templates = templates
        self._decode = json.JSONDecoder().raw_decode
        self.is_broken = False
        self.rest: list[bytes] = []
        self.line = 1

    def records(self, lines: Sequence[bytes], numbers: Sequence[int]) -> list[Records] | None:
        """Return the records on some lines, or None if one of them is not a document."""
        documents: list[tuple[int, Any]] = []
        for line, number in zip(lines, numbers, strict=True):
            text = line.decode("utf-8", "replace").strip()
            if not text:
                continue
            try:
                document, end = self._decode(text)
            except (ValueError, RecursionError):
                return None
            if text[0] not in "{[" or text[end:].strip() not in ("", ","):
                return None
            documents.append((number, document))
        return list(self._documents(iter(documents)))

    def block(self, text: bytes) -> list[Records]:
        """Return the records in a block of lines, or nothing if it has to be read with the rest of the file."""
        if not self.is_broken:
            lines = _lines_of(text)
            found = self.records(lines, range(self.line, self.line + len(lines)))
            if found is not None:
                self.line += len(lines)
                return found
            self.is_broken = True
        self.rest.append(text)
        return []

    def rows(self, text: bytes) -> Rows:
        """Return a block of lines, which are not read yet; it is counted after all lines before it."""
        first = 0

        def odd(spans: Spans) -> Odd | None:
            nonlocal first
            first = self.line
            if self.is_broken:
                return None
            lines = spans.texts(text)
            for line in lines[:_MOST_LEARNED]:
                self._templates.learn(line)
            found = self.records(lines, (spans.odd + first).tolist())
            if found is None:
                return None
            self.line = first + spans.rows
            return Odd(found, self.line - 1)

        def every(_: Spans | None) -> Odd:
            # The odd lines may have been counted already: start again.
            self.line = first or self.line
            found = self.block(text)
            return Odd(found, self.line - 1)

        templates = self._templates
        return Rows(tuple(templates.groups), text, templates.packed(are_lines=True), odd, every)


def _lines_of(text: bytes) -> list[bytes]:
    return text.removesuffix(b"\n").split(b"\n")


def line_parts(
    pieces: Pieces,
    reader: JsonLines,
    templates: Templates,
    slowly: Callable[[Pieces, int, int | None], Slowly],
) -> Iterator[Rows | Records]:
    """Yield the parts of a file that begins with a document on each of its first lines.

    `slowly` reads a text whose first line has a number, to the end of the file, or to the end of a line at or after
    another number; it returns the rest, and its first line's number.
    """
    is_first = True
    rest: tuple[Pieces, int] | None = pieces, reader.line
    while rest is not None:
        pieces, reader.line = rest
        rest = yield from _until_broken(pieces, reader, templates, slowly, is_first=is_first)
        is_first = False


def _until_broken(
    pieces: Pieces,
    reader: JsonLines,
    templates: Templates,
    slowly: Callable[[Pieces, int, int | None], Slowly],
    *,
    is_first: bool,
) -> Slowly:
    """Yield the parts up to a broken line, and those of its block; return the rest and its first line's number."""
    blocks = JsonBlocks(pieces, lambda text: text.rfind(b"\n") + 1)
    left: list[bytes] = []
    for text in blocks:
        rest = text
        if is_first:
            is_first = False
            lines = _lines_of(text)[:_LINES_FIRST]
            for each in lines:
                templates.learn(each)
            if templates:
                first, rest = _cut(text, len(lines))
                yield from reader.block(first)
        if not templates or reader.is_broken:
            left = [rest]
            break
        if rest:
            yield reader.rows(rest)
    if templates:
        yield barrier(templates.groups[0].kind)
    broken, reader.rest, reader.is_broken = reader.rest, [], False
    behind = reader.line + broken[0].count(b"\n") if broken else None
    return (yield from slowly(chain(broken, left, blocks.rest()), reader.line, behind))


def begins_with_lines(head: bytes) -> bool:
    """Whether a file begins with at least two lines that are each an object."""
    decode = json.JSONDecoder().raw_decode
    lines = head.split(b"\n")[:-1][:3]
    try:
        for line in lines:
            text = line.decode("utf-8").strip()
            if text[:1] != "{" or decode(text)[1] != len(text):
                return False
    except (ValueError, RecursionError):
        return False
    return len(lines) > 1


def _cut(text: bytes, lines: int) -> tuple[bytes, bytes]:
    """Return the first lines of a text, and the rest."""
    end = 0
    for _ in range(lines):
        end = text.find(b"\n", end) + 1
    return text[:end], text[end:]
