"""Split JSON text of any size into documents, or into the values in their arrays, one at a time.

The standard library does the parsing; this module finds where the next value begins and ends. A file may
have one document, many back to back, one per line, or any of these with something broken in between.
Existing libraries either load a whole document into memory or stop at the first invalid byte.
Source: RFC 8259.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any, Final, NamedTuple, cast

from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError
from flowtag_core.shapes.fields import FEWEST_WORDS
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import Pieces

LARGEST_VALUE: Final = 1 << 21
"""In characters; a longer value is set aside, since all of it would have to be in memory."""
_LARGEST_DOCUMENT: Final = 1 << 20
"""In characters; a longer document is not parsed whole: the values in its arrays are read one by one."""
_LONGEST_TOLD: Final = 400
_VALUE: Final = rb'(?:\{\s*+["}]|\[\s*+(?:["{\[\]\d-]|true|false|null))'
_BEGINS: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*+" + _VALUE + rb"|[^\n]*\n" + _VALUE)
_STRING: Final = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*+("(?:[^"\\\r\n]++|\\.)*+")[ \t]*+,?[ \t\r]*+(?:\n|\Z)'
)
_STRING_LINE: Final = re.compile(r'"(?:[^"\\\n]++|\\.)*+"[ \t]*+,?[ \t\r]*+(?:\n|\Z)')
_FEWEST_NUMBERS: Final = 3
_SPACE: Final = re.compile(r"[\s\ufeff]*")
_LINE_END: Final = re.compile(r"[ \t\r]*\n\s*\S")
_LINE_BREAK: Final = re.compile(r"[ \t\r]*,?[ \t\r]*\n")
_SIGN: Final = re.compile(r'["\[\]{},\n]')
_STRING_REST: Final = re.compile(r'(?:[^"\\\n]++|\\.)*+', re.DOTALL)
_STRING_SIGN: Final = re.compile(r'["\\\n]')
_NEAR_THE_END: Final = 16  # characters; what the parser leaves of a truncated value is shorter
_SIGNS_AT_ONCE: Final = 1 << 10
_SIGN_COST: Final = 300
"""The cost of finding the next bracket, quote or comma, in bytes of log that take as long to count."""
_VALUE_COST: Final = 1_000
_CHARACTER_COST: Final = 2
_BROKEN_COST: Final = 20_000
"""The costs of parsing a value, each of its characters, and a broken value, in bytes of log that take as long
to count."""
_FIRST_SIGNS: Final = frozenset('{["-0123456789tfnNI')
_OBJECT: Final = re.compile(r'\{\s*+["}]')
_MOST_TRIED: Final = 8
_NEXT_WITHIN: Final = 1 << 12
"""How many characters after a broken value are searched for the next object; the limit bounds the cost."""
_LINE: Final = re.compile(r"\n")
_LINE_OR_OBJECT: Final = re.compile(r'\n|\{\s*+"')
_PARTIAL: Final = re.compile(
    r"\s*(?:-|[.eE][+-]?|t(?:ru?)?|f(?:a(?:ls?)?)?|n(?:ul?)?|Na?|-?I(?:n(?:f(?:i(?:n(?:it?)?)?)?)?)?)?"
)
_PARTIAL_ESCAPE: Final = re.compile(r"\\?u?[0-9a-fA-F]{0,4}")
"""The text at the parser's error position if an escape, a number or a word is truncated there."""

Documents = Iterator[tuple[int, Any]]


class Unread(NamedTuple):
    """A value that could not be read: how it begins, and the reason."""

    text: str
    reason: Reason


class _OpenError(Exception):
    """A value is still incomplete at the end of the text, or when it is already too long."""


class _BrokenError(Exception):
    """The text at this position is not valid JSON."""


class _DeepError(_BrokenError):
    """A value is nested too deeply for the parser."""


def is_json(head: bytes) -> bool:
    """Whether a file that begins with this head is JSON, possibly after one line of other text.

    Text that merely begins with a bracket or a quote is not JSON.
    """
    if _BEGINS.match(head) is not None:
        return True
    # A string may also follow another line, such as the header of a table with a single column. Quoted
    # text that cannot be a record is not taken for JSON.
    lines = head, head.partition(b"\n")[2]
    return any(string and _is_record(string[1]) for string in map(_STRING.match, lines))


def _is_record(string: bytes) -> bool:
    """Whether a JSON string may be a record: it has several words and numbers, or contains JSON."""
    words = string.strip(b'"').replace(b"\\t", b" ").split()
    has_numbers = sum(map(bytes.isdigit, words)) >= _FEWEST_NUMBERS
    return (len(words) >= FEWEST_WORDS and has_numbers) or string.startswith((b'"{', b'"['))


class JsonText:
    """The JSON text of a file, of which only the part around the current position is in memory.

    `containers` are the paths of arrays, such as `hits.hits`, that are read value by value in a large
    document. `line` is the line number of the current position. Once `documents` is exhausted, `damage` is
    the error that reading the pieces raised, if any, and `is_cut` whether a document was incomplete.
    """

    def __init__(self, pieces: Pieces, containers: Sequence[str], budget: Budget) -> None:
        self._pieces = pieces
        self._budget = budget
        self._containers = frozenset(containers)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decode = self._decoder.decode
        self._parse = json.JSONDecoder().raw_decode
        self._held = ""
        self._at = 0
        self._size = 0  # of the last value
        self._is_over = False
        self._is_inside = False  # a document whose values are read one by one
        self.line = 1
        self.damage: DamagedLogError | None = None
        self.is_cut = False

    @property
    def is_line_ending(self) -> bool:
        """Whether a line ends at the current position and another one follows."""
        if self._at == len(self._held):
            self._more()
        return _LINE_END.match(self._held, self._at) is not None

    def has_ended(self, line: int) -> bool:
        """Whether a document ends at the current position, and with it a line that is `line` or a later one."""
        is_ending = _LINE_BREAK.match(self._held, self._at) is not None
        return is_ending and self.line >= line and not self._is_inside

    def next_lines(self) -> Pieces:
        """Return all text after the line end at the current position; nothing can be read here any more.

        `line` is then the number of the first of these lines.
        """
        self._move(self._held.index("\n", self._at) + 1)
        return self._rest()

    def _rest(self) -> Pieces:
        pending, _ = self._decoder.getstate()
        yield self._held[self._at :].encode() + pending
        if self.damage:
            raise self.damage
        yield from self._pieces

    def documents(self) -> Documents:
        """Yield each document, or each value in its containers, with its line, and other text as strings."""
        while sign := self._next_sign():
            if sign == ",":  # for example after a document on a line of its own
                self._move(self._at + 1)
                continue
            if sign not in '{["' or (sign == '"' and not self._is_string_line()):
                yield self.line, self._rest_of_line()
                continue
            try:
                document = self.line, self._value(_LARGEST_DOCUMENT)
            except (_OpenError, _BrokenError):
                self._is_inside = sign != '"'
                yield from self._in_large(sign) if self._is_inside else self._text_line()
                self._is_inside = False
            else:
                yield document

    def _is_string_line(self) -> bool:
        """Whether the rest of the line is a JSON string and nothing else."""
        while self._held.find("\n", self._at) < 0 and self._more():
            if len(self._held) - self._at > LARGEST_VALUE:
                return False
        return _STRING_LINE.match(self._held, self._at) is not None

    def _text_line(self) -> Documents:
        yield self.line, self._rest_of_line()

    def _in_large(self, sign: str) -> Documents:
        """Yield the values in a large or broken document until it cannot be read any further."""
        line, beginning, is_bare = self.line, self._beginning(), True
        try:
            for found in self._in_array() if sign == "[" else self._in_object():
                is_bare = False
                yield found
        except _OpenError:
            self.is_cut = True
            self._move(len(self._held))
            if is_bare:
                yield line, Unread(beginning, Reason.CUT_SHORT)
        except _BrokenError as error:
            if isinstance(error, _DeepError):
                self._rest_of_line(_LINE)
            elif self._next_sign() != "{":  # a brace may begin the next document
                self._rest_of_line()
            yield line, Unread(beginning, Reason.NO_RECORD_IN_JSON)

    def _in_array(self) -> Documents:
        """Yield the values of an array, each broken one as an `Unread`."""
        self._move(self._at + 1)
        while (sign := self._next_sign()) != "]":
            if not sign:
                raise _OpenError
            line = self.line
            if sign == ",":
                self._move(self._at + 1)
                continue
            try:
                yield line, self._value(LARGEST_VALUE)
            except _OpenError:
                yield line, self._skipped(Reason.TOO_LONG)
            except _BrokenError:
                yield line, self._skipped(Reason.NO_RECORD_IN_JSON)
        self._move(self._at + 1)

    def _in_object(self, above: str = "") -> Documents:
        """Yield each value in the containers of an object, or the object itself if it has none."""
        line, beginning, is_container = self.line, self._beginning(), bool(above)
        others: dict[str, Any] = {}
        left, unread = LARGEST_VALUE, None
        self._move(self._at + 1)
        while (sign := self._next_sign()) != "}":
            if sign == ",":
                self._move(self._at + 1)
                continue
            key = self._key()
            place, sign = above + key, self._next_sign()
            if not sign:
                raise _OpenError
            if sign == "[" and place in self._containers:
                is_container = True
                yield from self._in_array()
            elif sign == "{" and any(name.startswith(f"{place}.") for name in self._containers):
                is_container = True
                yield from self._in_object(f"{place}.")
            else:
                try:
                    others[key] = self._value(left)
                    left -= self._size
                except _OpenError:
                    unread = self._skipped(Reason.TOO_LONG)
        self._move(self._at + 1)
        if not is_container:
            yield line, Unread(beginning, unread.reason) if unread else others

    def _key(self) -> str:
        sign = self._next_sign()
        if sign != '"':
            raise _BrokenError if sign else _OpenError
        try:
            key = str(self._value(LARGEST_VALUE))
        except _OpenError as error:
            raise (_OpenError if self._is_over else _BrokenError) from error
        if self._next_sign() != ":":
            raise _OpenError if self._is_over and self._at == len(self._held) else _BrokenError
        self._move(self._at + 1)
        return key

    def _value(self, most: int) -> Any:
        """Return the value that begins here; raise _OpenError if it is longer than `most` characters."""
        if self._held[self._at] not in _FIRST_SIGNS:
            raise _BrokenError
        while True:
            try:
                value, end = self._parse(self._held, self._at)
            except json.JSONDecodeError as error:
                if not self._may_go_on(error):
                    self._budget.stream(_BROKEN_COST + 10 * (error.pos - self._at))
                    self._let_go()
                    raise _BrokenError from error
                if len(self._held) - self._at > most or not self._more():
                    raise _OpenError from error
            except RecursionError as error:
                self._budget.stream(2 * _BROKEN_COST)
                raise _DeepError from error
            except ValueError as error:  # a number with thousands of digits
                raise _BrokenError from error
            else:
                if end == len(self._held) and self._more():
                    continue  # a number may have more digits
                self._size = end - self._at
                self._budget.stream(_VALUE_COST + _CHARACTER_COST * self._size)
                self._move(end)
                return value

    def _next_object(self) -> int:
        """Return the position of the next object after something broken, or 0 if none is near.

        Such an object must follow another value or begin a line.
        """
        while len(self._held) - self._at < _NEXT_WITHIN and self._more():
            pass
        objects = _OBJECT.finditer(self._held, self._at + 1, self._at + _NEXT_WITHIN)
        for found in islice(objects, _MOST_TRIED):
            before = self._held[self._at : found.start()].rstrip(" \t\r\n,")
            if before[-1:] in ("}", "]") or self._held[found.start() - 1] == "\n":
                return found.start()
        return 0

    def _let_go(self) -> None:
        """Drop the text before the current position, since the parser counts its lines for each error."""
        if self._at > max(_NEXT_WITHIN, (len(self._held) - self._at) >> 4):
            self._held, self._at = self._held[self._at :], 0

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        """Whether the parser failed only because the text in memory ends too early."""
        if error.msg.startswith("Unterminated"):
            return True
        is_near = error.pos >= len(self._held) - _NEAR_THE_END
        partial = _PARTIAL_ESCAPE if error.msg.startswith("Invalid \\u") else _PARTIAL
        return is_near and partial.fullmatch(self._held, error.pos) is not None

    def _skipped(self, reason: Reason) -> Unread:
        """Skip a value that cannot be read, up to where it seems to end, and return it as an `Unread`."""
        beginning, depth, is_string = self._beginning(), 0, False
        if self._held[self._at] in ",:]}":  # no value begins with one of these
            self._move(self._at + 1)
            return Unread(beginning, reason)
        if reason == Reason.NO_RECORD_IN_JSON and (place := self._next_object()):
            self._move(place)
            return Unread(beginning, reason)
        for signs in count():
            if signs and not signs % _SIGNS_AT_ONCE:
                self._budget.stream(_SIGN_COST * _SIGNS_AT_ONCE)
            sign = self._sign_in_string() if is_string else _SIGN.search(self._held, self._at)
            if sign is None or (sign[0] == "\\" and sign.end() == len(self._held)):
                self._move(len(self._held) if sign is None else sign.start())
                if not self._more():
                    return Unread(beginning, Reason.CUT_SHORT)
                continue
            is_end = ",]}\n" if reason == Reason.NO_RECORD_IN_JSON else ",]}"
            if not is_string and not depth and sign[0] in is_end:
                self._move(sign.start())
                break
            self._move(sign.end() + (sign[0] == "\\"))
            if is_string:
                is_string = sign[0] == "\\"
                if sign[0] == "\n":
                    break  # No string contains a raw newline, so the closing quote is missing.
            else:
                is_string = sign[0] == '"'
                depth += (sign[0] in "[{") - (sign[0] in "]}")
        return Unread(beginning, reason)

    def _sign_in_string(self) -> re.Match[str] | None:
        """Return the next character that may end a string; everything before it is skipped in one step."""
        rest = cast(re.Match[str], _STRING_REST.match(self._held, self._at))
        return _STRING_SIGN.search(self._held, rest.end())

    def _beginning(self) -> str:
        """Return the first characters of the text at the current position."""
        while len(self._held) - self._at < _LONGEST_TOLD and self._more():
            pass
        return self._held[self._at : self._at + _LONGEST_TOLD]

    def _rest_of_line(self, end_sign: re.Pattern[str] = _LINE_OR_OBJECT) -> str:
        """Skip and return the text up to the next newline or object, or only its beginning if it is long."""
        start = ""
        while (found := end_sign.search(self._held, self._at + 1)) is None:
            if len(self._held) - self._at > LARGEST_VALUE:
                start = start or self._beginning()
                self._move(len(self._held) - _NEAR_THE_END)
            if not self._more():
                break
        end = len(self._held) if found is None else found.start()
        text = start or self._held[self._at : end]
        self._move(end)
        return text

    def _next_sign(self) -> str:
        """Skip whitespace and return the next character, or an empty string at the end of the text."""
        while True:
            self._move(cast(re.Match[str], _SPACE.match(self._held, self._at)).end())
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more():
                return ""

    def _move(self, place: int) -> None:
        self.line += self._held.count("\n", self._at, place)
        self._at = place

    def _more(self) -> bool:
        """Read until the unread text in memory has more than doubled; return False at the end of the text."""
        parts = [self._held[self._at :]]
        size = before = len(parts[0])
        while not self._is_over and size <= 2 * before:
            parts.append(self._decoded())
            size += len(parts[-1])
        self._held, self._at = "".join(parts), 0
        return size > before

    def _decoded(self) -> str:
        try:
            return self._decode(next(self._pieces))
        except StopIteration:
            self._is_over = True
        except DamagedLogError as damage:
            self._is_over, self.damage = True, damage
        return self._decode(b"", True)
