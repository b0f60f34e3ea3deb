"""Read JSON with an object on each line: blocks of like objects for the kernel, and all others as documents.

Most lines of a log differ only in their values. What stands around the values of one line shows the kernel where
those of the others are. If a line is not JSON by itself, it is not certain where the next document begins: then
the rest of the file is read as one text.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np

from flowtag_core.counts import Ints
from flowtag_core.errors import DamagedLogError
from flowtag_core.shapes.layout import Layout
from flowtag_core.shapes.records import Kind, Members, Records, Rows
from flowtag_core.sources.pieces import MEMBER_END, Pieces

_LINES_FIRST: Final = 64
"""How many lines are read one by one before blocks of lines."""
_BLOCK: Final = 1 << 18
_LONGEST: Final = 1 << 20
"""Bytes of a line; a longer one ends the reading by lines."""
_MEMBER: Final = re.compile(
    rb'(\s*[{,]\s*"([^"\\\x00-\x1f]*)"\s*:\s*)(?:"([^"\\\x00-\x1f\x7f-\xff]*)"|(0|[1-9]\d*)(?=\s*[,}]))'
)
_END: Final = re.compile(rb"\s*\}\s*")

Documents = Callable[[Iterator[tuple[int, Any]]], Iterator[Records]]
"""Yields the records in documents, each with the number of its line."""


class Plan(NamedTuple):
    """How to read objects with the same members: their kind, the layout of their wanted values, and where they are."""

    kind: Kind
    layout: Layout | None
    members: Members


class Values(NamedTuple):
    """The kind of some objects, the field of each wanted key, and whether the value is a whole record as text."""

    kind: Kind
    fields: dict[str, str]
    is_text: bool


def plan_of(line: bytes, values_of: Callable[[dict[str, Any]], Values | None]) -> Plan | None:
    """Return how to read objects like the one on a line, or None if it has other values than short plain ones."""
    line = line.rstrip(b"\r\n")
    segments: list[bytes] = []
    keys: list[str] = []
    numbers: list[bool] = []
    place, before = 0, b""
    while member := _MEMBER.match(line, place):
        is_number = member[4] is not None
        segments.append(before + member[1] + (b"" if is_number else b'"'))
        keys.append(member[2].decode("utf-8", "replace"))
        numbers.append(is_number)
        before, place = b"" if is_number else b'"', member.end()
    if not keys or not _END.fullmatch(line, place) or len({*keys}) < len(keys):
        return None
    wanted = values_of(json.loads(line))
    if wanted is None:
        return None
    segments.append(before + line[place:])
    ends = np.cumsum([len(segment) for segment in segments]).astype(np.int64)
    kinds = [number + 2 * (key in wanted.fields) for key, number in zip(keys, numbers, strict=True)]
    members = Members(
        np.frombuffer(b"".join([*segments, bytes(8)]), np.uint8), ends, np.array(kinds, np.int64)
    )
    names = tuple(wanted.fields[key] for key in keys if key in wanted.fields)
    return Plan(wanted.kind, None if wanted.is_text else Layout(names, "named by keys"), members)


class JsonLines:
    """Reads lines, each a document, as long as each line is a document by itself.

    `documents` returns the records of one. `is_broken` says that a line was not a document; `rest` is then the
    text from there on, with its first line number in `line`.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
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

    def block(self, text: bytes, first: int) -> list[Records]:
        """Return the records in a block of lines, or nothing if it has to be read with the rest of the file."""
        if not self.is_broken:
            lines = _lines_of(text)
            found = self.records(lines, range(first, first + len(lines)))
            if found is not None:
                return found
            self.is_broken, self.line = True, first
        self.rest.append(text)
        return []

    def rows(self, plan: Plan, text: bytes, first: int) -> Rows:
        """Return a block of lines, which are not read yet."""
        size = text.count(b"\n")

        def records(odd: Ints | None) -> list[Records] | None:
            if odd is None:
                return self.block(text, first)
            if self.is_broken:
                return None
            if not len(odd):
                return []
            lines = _lines_of(text)
            numbers = odd.tolist()
            return self.records([lines[n] for n in numbers], [first + n for n in numbers])

        return Rows(plan.kind, plan.layout, first, size, text, plan.members, records)


def _lines_of(text: bytes) -> list[bytes]:
    return text.removesuffix(b"\n").split(b"\n")


def line_parts(
    pieces: Pieces,
    reader: JsonLines,
    values_of: Callable[[dict[str, Any]], Values | None],
    slowly: Callable[[Iterator[bytes], int], Iterator[Records]],
) -> Iterator[Rows | Records]:
    """Yield the parts of a file that begins with a document on each of its first lines.

    `slowly` reads a text whose first line has a number, to the end of the file.
    """
    blocks = _Blocks(pieces)
    line, plan, kind = 1, None, None
    left: list[bytes] = []
    for text in blocks:
        if plan is None:
            lines = _lines_of(text)[:_LINES_FIRST]
            first, text = _cut(text, len(lines))
            for some in reader.block(first, line):
                kind = some.kind
                yield some
            line += len(lines)
            plan = _usual_plan(lines, values_of)
        if plan is None or reader.is_broken:
            left = [text]
            break
        if text:
            rows = reader.rows(plan, text, line)
            line += rows.size
            yield rows
    if kind is not None:
        yield Records(kind, [])  # Whoever counts now counts all rows before.
    if reader.is_broken:
        line = reader.line
    yield from slowly(chain(reader.rest, left, blocks.rest()), line)


def _usual_plan(
    lines: Sequence[bytes], values_of: Callable[[dict[str, Any]], Values | None]
) -> Plan | None:
    """Return how to read most of the lines that have a plan, or None if there is none."""
    plans = [plan for plan in (plan_of(line, values_of) for line in lines) if plan]
    alike = Counter(plan.members.segments.tobytes() for plan in plans)
    return max(plans, key=lambda plan: alike[plan.members.segments.tobytes()], default=None)


def begins_with_lines(head: bytes) -> bool:
    """Whether each of the first lines of a file is an object."""
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


class _Blocks:
    """Blocks of whole lines; iterating ends before a line that is too long, a last one without end, or damage."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._held: list[bytes] = []
        self.damage: DamagedLogError | None = None

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        while (piece := self._next()) is not None:
            if piece == MEMBER_END:
                continue
            self._held.append(piece)
            size += len(piece)
            if size < _BLOCK:
                continue
            text = b"".join(self._held)
            end = text.rfind(b"\n") + 1
            self._held = [text[end:]]
            size = len(text) - end
            if end:
                yield text[:end]
            if size > _LONGEST:
                return
        text = b"".join(self._held)
        end = text.rfind(b"\n") + 1
        self._held = [text[end:]]
        if end:
            yield text[:end]

    def rest(self) -> Iterator[bytes]:
        """Yield what is left, and raise the damage, if any."""
        held, self._held = b"".join(self._held), []
        if held:
            yield held
        while (piece := self._next()) is not None:
            yield piece
        if self.damage:
            raise self.damage

    def _next(self) -> bytes | None:
        if self.damage:
            return None
        try:
            return next(self._pieces, None)
        except DamagedLogError as error:
            self.damage = error
            return None
