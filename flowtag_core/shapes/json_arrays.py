"""Read JSON with many objects in arrays, in one document or several: blocks of similar objects for the kernel.

A block begins where an object begins and ends where another one does. The kernel finds the objects in it if what is
between two of them is a comma or like what was between others, such as the end of one envelope and the beginning of
the next. Otherwise the block is read as JSON text, joined with the blocks after it until the text is valid. If
that takes too many bytes, the rest of the file is read as one text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, Final, NamedTuple, cast

from flowtag_core.errors import DamagedLogError
from flowtag_core.shapes.json_blocks import JsonBlocks
from flowtag_core.shapes.json_templates import Templates, Value, Walk
from flowtag_core.shapes.json_text import JsonText, Unread
from flowtag_core.shapes.records import Kind, Numbered, Odd, Records, Rows, Spans, barrier, batched
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import Pieces

_WORTH_BLOCKS: Final = 1 << 16
"""Bytes; the objects in a smaller file are read one by one."""
_LARGE: Final = 1 << 20
"""Bytes of a document that is not read as a whole."""
_LOOKED_AT: Final = 32
"""How many objects, and ends of arrays, are looked at for templates."""
_TIMES_LEARNED: Final = 16
"""From how many blocks templates are learned."""
_MOST_LEARNED: Final = 4
"""How many of the odd objects of a block are looked at for a new template."""
_DECODE: Final = json.JSONDecoder().raw_decode
_END: Final = 0
"""A value put after the text: it is found by itself only if the text ends inside an array."""
_PIECE: Final = 1 << 18
_MOST_HELD: Final = 1 << 22
"""Bytes of blocks that are joined because they could not be read alone."""
_BEFORE: Final = b"\xef\xbb\xbf \t\r\n"
"""The bytes of a byte order mark and of white space."""
_BETWEEN: Final = re.compile(rb"[ \t\r\n,]*")
_COMMA: Final = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
MESSAGE_TYPE: Final = "messageType"
CONTROL: Final = "CONTROL_MESSAGE"
"""A key of an envelope, and its value if the envelope has no records. Source: CloudWatch Logs subscriptions."""
_DATA: Final = "DATA_MESSAGE"


class Envelopes(NamedTuple):
    """How the objects of a file are found.

    `containers` are the paths of arrays of records. `is_around` says whether a document is nothing but an envelope
    around one such array, or such an array; `is_envelope` whether an object with these keys is. `records` returns the
    records in an object.
    """

    containers: Sequence[str]
    is_around: Callable[[Any], bool]
    is_envelope: Callable[[Collection[str]], bool]
    records: Callable[[Any], Iterator[tuple[Kind, bytes]]]
    budget: Budget


class Rest(NamedTuple):
    """The rest of a file that is read as one text.

    It begins in line `line`, after `place` records, which are numbered by line if `has_lines`; None means that the
    text decides that.
    """

    pieces: Pieces
    line: int = 1
    place: int = 0
    has_lines: bool | None = None


class _Opening(NamedTuple):
    """The text before the first object in an array, what is around that, and whether the records are numbered by line."""

    prefix: bytes
    above: list[tuple[bool, str | None]]
    has_lines: bool


def array_parts(
    pieces: Pieces,
    templates: Templates,
    envelopes: Envelopes,
    slowly: Callable[[Rest], Iterator[Rows | Records]],
) -> Iterator[Rows | Records]:
    """Yield the parts of a file that begins as JSON; `slowly` reads what cannot be read by blocks."""
    sample, pieces = _sampled(pieces)
    is_small = len(sample) <= _WORTH_BLOCKS
    opening = None if is_small else _opening_of(sample, templates, envelopes)
    if opening is None or not templates:
        yield from slowly(Rest(chain([sample], pieces)))
        return
    begins = range(len(opening.prefix), len(sample), _PIECE)
    objects = chain((sample[begin : begin + _PIECE] for begin in begins), pieces)
    reader = _ArrayReader(opening, templates, envelopes)
    blocks = JsonBlocks(objects, lambda text: _last_beginning(text, templates))
    left: list[bytes] = []
    for text in blocks:
        if reader.is_broken or not reader.has_sure_lines(text):
            left = [text]
            break
        yield reader.rows(text)
    yield barrier(templates.groups[0].kind)
    rest = chain([opening.prefix], reader.rest, left, blocks.rest())
    line = reader.line - opening.prefix.count(b"\n")
    yield from slowly(Rest(rest, line, reader.place, opening.has_lines))


def _sampled(pieces: Pieces) -> tuple[bytes, Pieces]:
    """Return the first bytes of a file, more than _LARGE if there are as many, and the pieces after them."""
    held: list[bytes] = []
    size = 0

    def damaged(damage: DamagedLogError) -> Pieces:
        raise damage
        yield b""

    try:
        while size <= _LARGE and (piece := next(pieces, None)) is not None:
            held.append(piece)
            size += len(piece)
    except DamagedLogError as damage:
        return b"".join(held), damaged(damage)
    return b"".join(held), pieces


def _opening_of(text: bytes, templates: Templates, envelopes: Envelopes) -> _Opening | None:
    """Return where the objects of a file begin, and learn their templates; None if they are not known to be in arrays."""
    if (walk := _at_first_object(text, envelopes)) is None:
        return None
    prefix, above = text[: walk.place - 1], [*walk.above]
    if not _is_between(b",", prefix, above):
        return None
    _learn(walk, text, templates, envelopes, _LOOKED_AT)
    characters = _characters(text)
    begin = len(text) - len(text.lstrip(_BEFORE))
    # The first document decides, or the first object if the document is large.
    end = _end_of_value(characters, begin)
    if 0 < end - begin <= _LARGE and not envelopes.is_around(_decoded(text[begin:end])):
        return None
    if 0 < end - begin <= _LARGE:
        _learn_end(text, text.rfind(b"]", 0, end), templates, envelopes)
    else:
        end = _end_of_value(characters, len(prefix))
    after = text[end:].lstrip(b" \t\r")
    is_followed = after.strip() != b""
    has_lines = is_followed and after.startswith(b"\n")
    is_sure = not has_lines or _are_lines_documents(prefix)
    is_known = end > 0 and (is_followed or len(text) <= _LARGE)
    return _Opening(prefix, above, has_lines) if is_known and is_sure else None


def _at_first_object(text: bytes, envelopes: Envelopes) -> Walk | None:
    """Return a walk that has just reached the bracket of the first object in an array, or None if there is none."""
    walk = Walk()
    try:
        _to_object(walk, text, envelopes)
    except ValueError:
        return None
    return walk


def _are_lines_documents(text: bytes) -> bool:
    """Whether every newline in a text is between `}` and `{`, as it is between documents on lines."""
    lines = text.split(b"\n")  # counting the separators would take twice as long
    ends, begins = lines[:-1], lines[1:]
    return all(end[-1:] == b"}" for end in ends) and all(line[:1] == b"{" for line in begins)


def _learn(walk: Walk, text: bytes, templates: Templates, envelopes: Envelopes, most: int) -> None:
    """Learn the templates of the first objects of a text, and of what is between two of the `most` first ones.

    `walk` has just reached an object's bracket.
    """
    characters, above = _characters(text), [*walk.above]
    begin, between = walk.place - 1, 0
    prefix = text[:begin]
    try:
        for looked_at in range(most):
            end = _end_of_value(characters, begin)
            if not end or between == _LOOKED_AT:
                return
            if looked_at < _LOOKED_AT:
                templates.learn(text[begin:end])
            values: list[Value] = []
            comma = _COMMA.match(text, end)
            if comma and text[comma.end() : comma.end() + 1] == b"{":
                begin = comma.end()
            else:
                walk.leave(end)
                values = _to_object(walk, text, envelopes)
                if walk.above != above or not _is_between(
                    text[end : walk.place - 1], prefix, above
                ):
                    return
                begin, between = walk.place - 1, between + 1
            if looked_at < _LOOKED_AT or not comma:
                templates.learn_between(text[end:begin], [value.within(end) for value in values])
    except ValueError:
        return


def _learn_end(text: bytes, place: int, templates: Templates, envelopes: Envelopes) -> None:
    """Learn what is between the last object of one array and the first of the next; the first array may end at `place`.

    If it is another array that ends there, that does no harm: what is learned then fits nowhere.
    """
    walk = _at_first_object(text, envelopes)
    if walk is None:
        return
    prefix, above = text[: walk.place - 1], [*walk.above]
    walk.leave(place)
    with suppress(ValueError):
        values = _to_object(walk, text, envelopes)
        between = text[place : walk.place - 1]
        if walk.above == above and _is_between(between, prefix, above):
            templates.learn_between(between, [value.within(place) for value in values])


def _is_between(between: bytes, prefix: bytes, above: list[tuple[bool, str | None]]) -> bool:
    """Whether a text may stand between two objects in valid JSON; `prefix` is the text before the first object.

    `above` is what is around the objects.
    """
    ends = b"".join(b"}" if is_object else b"]" for is_object, _ in reversed(above[:-1]))
    text = prefix.lstrip(_BEFORE) + b"0" + between + b"0" + ends
    return _end_of_documents(text, _characters(text)) == len(text)


def _to_object(walk: Walk, text: bytes, envelopes: Envelopes) -> list[Value]:
    """Walk to the next object that may be a record, and return the values before it.

    Objects in the envelope of a control message are not records. Raises ValueError if there is no other one, or if
    something else is before it.
    """
    values: list[Value] = []
    is_after_array, is_control = bool(walk.above), False
    while True:
        for value in walk.values(text, lambda sign: sign == b"{" and walk.is_in_array):
            is_type = value.path == MESSAGE_TYPE
            told = text[value.begin : value.end].decode("latin-1") if is_type else _DATA
            if told not in (_DATA, CONTROL) or (is_type and is_after_array):
                raise ValueError("another type, or one after the records")
            is_control = is_control or told == CONTROL
            values.append(value._replace(kind=-1) if is_type else value)
        if not envelopes.is_envelope(walk.keys):
            raise ValueError("not an envelope")
        if not walk.above:
            is_after_array = is_control = False
        elif not walk.is_in_container(envelopes.containers):
            raise ValueError("another array of objects")
        elif not is_control:
            return values


def _decoded(text: bytes) -> Any:
    return _DECODE(text.decode("utf-8", "replace"))[0]


def _characters(text: bytes) -> str:
    """Return a text with a character for each byte; those that matter in JSON are the same as in UTF-8."""
    return text.decode("latin-1")


def _end_of_value(characters: str, begin: int) -> int:
    """Return the index after the value that begins at an index, or 0 if it is not valid or not all there."""
    try:
        return int(_DECODE(characters, begin)[1])
    except (ValueError, RecursionError):
        return 0


def _end_of_documents(text: bytes, characters: str) -> int:
    """Return the index after the documents that a text begins with, and after what separates them."""
    begin = 0
    while end := _end_of_value(characters, begin):
        begin = cast(re.Match[bytes], _BETWEEN.match(text, end)).end()
    return begin


def _ends_in_array(text: bytes, above: list[tuple[bool, str | None]], envelopes: Envelopes) -> bool:
    """Whether a text ends between two objects of an array; `above` is what is around the objects of the first one."""
    characters = _characters(text)
    begin = _end_of_documents(text, characters)
    walk = _at_first_object(text[begin:], envelopes)
    if walk is None or walk.above != above:
        return False
    begin += walk.place - 1
    while end := _end_of_value(characters, begin):
        comma = _COMMA.match(text, end)
        if comma is None:
            return False
        begin = comma.end()
    return begin == len(text)


def _last_beginning(text: bytes, templates: Templates) -> int:
    """Return the index of the last object that certainly begins in the text after other values, or 0.

    A beginning is like that of another object, up to its first value. It cannot be part of a string, in which
    its quotes would be escaped. It may be part of another object; then the kernel does not find the end of that one.
    """
    found = 0
    for before, beginning in templates.beginnings():
        place = text.rfind(before + beginning, max(found - len(before), 0))
        found = max(found, place + len(before) if place >= 0 else 0)
    return found


class _ArrayReader:
    """Reads blocks of objects, each once everything before it has been counted.

    `place` is the number of records so far, `line` the line number of the next object. `rest` is the text after them
    that could not be read yet; `is_broken` says that it has become too long.
    """

    def __init__(self, opening: _Opening, templates: Templates, envelopes: Envelopes) -> None:
        self._opening, self._templates, self._envelopes = opening, templates, envelopes
        self._times_learned = 0
        self.is_broken = False
        self.rest: list[bytes] = []
        self.place = 0
        self.line = 1 + opening.prefix.count(b"\n")

    def has_sure_lines(self, text: bytes) -> bool:
        """Whether the line numbers of a block are certain, or not needed."""
        return not self._opening.has_lines or _are_lines_documents(text)

    def rows(self, text: bytes) -> Rows:
        """Return a block of objects, which are not read yet."""
        at: tuple[int, int] | None = None

        def odd(spans: Spans) -> Odd | None:
            nonlocal at
            at = self.place, self.line
            return None if self.rest else self._odd(text, spans)

        def every(spans: Spans | None) -> Odd:
            self.place, self.line = at or (self.place, self.line)  # they may have been counted once
            if spans is not None and not self.rest:
                found = self._odd(text, spans.all_odd)
                if found is not None:
                    return found
            return Odd(self._slowly(text), self._last)

        templates = self._templates
        return Rows(tuple(templates.groups), text, templates.packed(are_lines=False), odd, every)

    @property
    def _last(self) -> int:
        return self.line if self._opening.has_lines else self.place

    def _odd(self, text: bytes, spans: Spans) -> Odd | None:
        """Return the records in the odd objects of a block, or None if one of them is not valid."""
        texts = spans.texts(text)
        try:
            documents = [_decoded(each) for each in texts]
        except (ValueError, RecursionError):
            return None
        for each in texts[:_MOST_LEARNED]:
            self._templates.learn(each[: _end_of_value(_characters(each), 0)])
        places = zip(spans.odd.tolist(), documents, strict=True)
        line, newlines, counted = self.line, 0, 0
        shift = self.place + 1  # from the index of an object to the number of its first record
        found: list[tuple[Kind, Numbered]] = []
        for index, document in places:
            if self._opening.has_lines:
                begin = int(spans.begins[index])
                newlines += text.count(b"\n", counted, begin)
                counted = begin
            records = list(self._envelopes.records(document))
            for number, (kind, record) in enumerate(records, index + shift):
                number = line + newlines if self._opening.has_lines else number
                found.append((kind, (number, record)))
            shift += len(records) - 1
        self.place = shift + spans.rows - 1
        self.line += text.count(b"\n")
        return Odd(list(batched(iter(found), self._envelopes.budget)), self._last)

    def _slowly(self, text: bytes) -> list[Records]:
        """Return the records in a block that is read as JSON text, or nothing if more of it is needed."""
        self.rest.append(text)
        if self.is_broken:
            return []
        whole = b"".join(self.rest)
        found = self._documents(whole)
        if found is None:
            self.is_broken = len(whole) > _MOST_HELD
            return []
        self.rest.clear()
        self._learn_between(whole)
        records: list[tuple[Kind, Numbered]] = []
        for line, document in found:
            for kind, record in self._envelopes.records(document):
                self.place += 1
                records.append((kind, (line if self._opening.has_lines else self.place, record)))
        self.line += whole.count(b"\n")
        return list(batched(iter(records), self._envelopes.budget))

    def _documents(self, text: bytes) -> list[tuple[int, Any]] | None:
        """Return the documents and objects in a text, each with its line; None if it is not valid.

        After the text, another value follows. It is found only if the text ends between two objects, and is a
        record only if these are in an envelope.
        """
        prefix = self._opening.prefix
        if not _ends_in_array(prefix + text, self._opening.above, self._envelopes):
            return None
        whole = iter([prefix, text, b"%d," % _END])
        reader = JsonText(whole, self._envelopes.containers, self._envelopes.budget)
        reader.line = self.line - prefix.count(b"\n")
        found = list(reader.documents())
        if not found or found.pop()[1] != _END:
            return None
        return None if any(isinstance(document, Unread) for _, document in found) else found

    def _learn_between(self, text: bytes) -> None:
        if self._times_learned == _TIMES_LEARNED:
            return
        self._times_learned += 1
        whole = self._opening.prefix + text
        if walk := _at_first_object(whole, self._envelopes):
            _learn(walk, whole, self._templates, self._envelopes, len(whole))
