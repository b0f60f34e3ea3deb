"""Templates of JSON objects: the text around their values, with which the kernel finds the values of similar objects.

Most objects of a log differ only in their strings and whole numbers. All else in an object is part of its template,
as are the values that decide whose record it is. Source: RFC 8259.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from flowtag_core.shapes.records import MOST_WANTED, Group, Objects

_SPACE: Final = rb"[ \t\r\n]*"
_TOKEN: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?" + _SPACE + rb'(?:([{}\[\],:])|"((?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+)"'
    rb"|((?:0|[1-9][0-9]*)(?:\.0)?(?![-+.0-9eE]))|(-?[0-9][-+.0-9eE]*|true|false|null))"
)
_DEEPEST: Final = 16
_LONGEST_PATH: Final = 200
_MOST_TOKENS: Final = 4_000
"""How many brackets, keys and values are walked through in search of an object; more of them are no envelope."""
_MOST_VALUES: Final = 100
_MOST_GROUPS: Final = 4
_MOST_TEMPLATES: Final = 24
_LONGEST_TEXTS: Final = 1 << 12
"""Bytes of all that is fixed in a template."""
_LONGEST: Final = 100
_MOST_BEGINNINGS: Final = 24
"""How many beginnings of objects are searched for, and how long they may be: a search takes time for each byte of both."""
_MOST_TRIED: Final = 100
"""How many objects may be looked at for a new template."""
_AFTER: Final = 8
"""The bytes after the segments that the kernel may read."""


class Values(NamedTuple):
    """The wanted values of objects with the same keys: the group of their records, and the path of each, in order.

    The values at `fixed` paths decide whose record an object is.
    """

    group: Group
    paths: tuple[str, ...]
    fixed: frozenset[str] = frozenset()


class Value(NamedTuple):
    """A value in a text: where it is, without quotes, and the path of keys to it, None inside an array.

    `kind` is 0 for a string, 1 for a whole number, `443.0` too, and -1 for any other value.
    """

    path: str | None
    begin: int
    end: int
    kind: int

    def within(self, begin: int) -> Value:
        """Return this value in the text from an index on."""
        return self._replace(begin=self.begin - begin, end=self.end - begin)


class Walk:
    """Walks through JSON text, value by value.

    `above` has, for each array or object around the current place, whether it is an object, and its path. `keys`
    are the keys of the outermost object, `arrays` the paths of all arrays.
    """

    def __init__(self) -> None:
        self.above: list[tuple[bool, str | None]] = []
        self.place = 0
        self._path: str | None = ""
        self._is_key = False
        self._keys: list[set[bytes]] = []
        self.keys: set[str] = set()
        self.arrays: list[str | None] = []

    @property
    def is_in_array(self) -> bool:
        """Whether the bracket before the current place begins an object in an array."""
        return len(self.above) > 1 and not self.above[-2][0]

    def is_in_container(self, containers: Collection[str]) -> bool:
        """Whether that array has one of these paths, or is the outermost one."""
        return len(self.above) == 2 or self.above[-2][1] in containers

    def leave(self, place: int) -> None:
        """Go on after the innermost object, which ends before an index."""
        self.above.pop()
        self._keys.pop()
        self._is_key, self.place = False, place

    def values(self, text: bytes, until: Callable[[bytes], bool]) -> Iterator[Value]:
        """Yield the values up to a bracket for which `until` is true, or the end of the outermost one.

        `place` is then after that bracket. Raises ValueError if the text ends early, has something that is no part of
        JSON, is long or nested too deeply, or has a key twice in one object or one with an escape sequence.
        Commas and colons are not checked.
        """
        for _ in range(_MOST_TOKENS):
            token = _TOKEN.match(text, self.place)
            if token is None:
                raise ValueError("no more JSON")
            self.place = token.end()
            if (sign := token[1]) is None:
                if not self.above:
                    raise ValueError("a value by itself")
                if self._is_key:
                    self._take_key(token[2])
                else:
                    yield Value(self._path, *self._span(token))
                continue
            self._take(sign)
            if until(sign) or not self.above:
                return
        raise ValueError("too much JSON")

    @staticmethod
    def _span(token: re.Match[bytes]) -> tuple[int, int, int]:
        group = next(n for n in (2, 3, 4) if token[n] is not None)
        return *token.span(group), {2: 0, 3: 1}.get(group, -1)

    def _take_key(self, key: bytes | None) -> None:
        if not key or b"\\" in key or key in self._keys[-1]:
            raise ValueError("no plain key")
        self._keys[-1].add(key)
        above = self.above[-1][1]
        name = key.decode("utf-8", "replace")
        if len(self._keys) == 1:
            self.keys.add(name)
        self._path = None if above is None else f"{above}.{name}" if above else name
        if len(name) > _LONGEST_PATH or len(self._path or "") > _LONGEST_PATH:
            raise ValueError("a long path")
        self._is_key = False

    def _take(self, sign: bytes) -> None:
        if sign in (b"{", b"["):
            if len(self.above) == _DEEPEST:
                raise ValueError("nested too deeply")
            is_object = sign == b"{"
            if not self.above:
                self._path, self.keys = "", set()
            in_array = bool(self.above) and not self.above[-1][0]
            self.above.append((is_object, None if in_array else self._path))
            self._keys.append(set())
            self._is_key = is_object
            if not is_object:
                self.arrays.append(self.above[-1][1])
                self._path = None
        elif sign in (b"}", b"]"):
            if not self.above or self.above.pop()[0] != (sign == b"}"):
                raise ValueError("no such bracket is open")
            self._keys.pop()
            self._is_key = False
        elif sign == b",":
            self._is_key = bool(self.above) and self.above[-1][0]
            if not self._is_key:
                self._path = None


class _Template(NamedTuple):
    """The group of a template, the texts around its values, the kind of each value, and how many are wanted."""

    group: int
    texts: tuple[bytes, ...]
    kinds: tuple[int, ...]
    wanted: int


class Templates:
    """The templates of the objects of one file.

    `values_of` returns what to read of an object, or None if it must be read by itself.
    """

    def __init__(self, values_of: Callable[[dict[str, Any]], Values | None]) -> None:
        self._values_of = values_of
        self.groups: list[Group] = []
        self._objects: list[_Template] = []
        self._between: list[_Template] = []
        self._tried = 0
        self._packed: dict[bool, Objects] = {}

    def __bool__(self) -> bool:
        """Whether there is a template for an object."""
        return bool(self._objects)

    def learn(self, text: bytes) -> None:
        """Add a template of the object that a text is, if it is valid and there is none yet."""
        if self._tried == _MOST_TRIED or len(self._objects) == _MOST_TEMPLATES:
            return
        self._tried += 1
        text = text.rstrip(b"\r\n")
        walk = Walk()
        try:
            document = json.loads(text.decode())
            values = self._values_of(document) if isinstance(document, dict) else None
            if values is not None:
                found = list(walk.values(text, lambda _: False))
                every = [path for path in (*(each.path for each in found), *walk.arrays) if path]
                if len({*every}) == len(every):  # a path may be a name with dots, or several names
                    self._add(text, found, values)
        except (ValueError, RecursionError):
            return

    def _add(self, text: bytes, found: list[Value], values: Values) -> None:
        varied = [each for each in found if each.kind >= 0 and each.path not in values.fixed]
        paths = {each.path for each in varied}
        groups = [*self.groups, *([] if values.group in self.groups else [values.group])]
        if (
            not paths.issuperset(values.paths)
            or len(varied) > _MOST_VALUES
            or len(values.paths) > MOST_WANTED
            or len(groups) > _MOST_GROUPS
        ):
            return
        places = {path: 2 * n for n, path in enumerate(values.paths, 1)}
        kinds = tuple(places.get(each.path or "", 0) + each.kind for each in varied)
        group = groups.index(values.group)
        template = _Template(group, _around(text, varied), kinds, len(places))
        is_short = sum(map(len, template.texts)) <= _LONGEST_TEXTS
        if is_short and template not in self._objects:
            self.groups = groups
            self._objects.append(template)
            self._packed.clear()

    def learn_between(self, text: bytes, found: list[Value]) -> None:
        """Add a template of the text between two objects, which has these values."""
        if len(self._between) == _MOST_TEMPLATES:
            return
        varied = [each for each in found if each.kind >= 0]
        template = _Template(-1, _around(text, varied), tuple(each.kind for each in varied), 0)
        is_short = sum(map(len, template.texts)) <= _LONGEST_TEXTS
        if is_short and template not in self._between:
            self._between.append(template)
            self._packed.clear()

    def beginnings(self) -> list[tuple[bytes, bytes]]:
        """Return what may stand before an object, after other values, and what the object may begin with."""
        ends = dict.fromkeys(each.texts[-1] for each in self._between)
        starts = dict.fromkeys(each.texts[0] for each in self._objects)
        short = [(end, start) for end in ends for start in starts if len(end + start) <= _LONGEST]
        return short[:_MOST_BEGINNINGS]

    def packed(self, *, are_lines: bool) -> Objects:
        """Return the templates for the kernel, as it describes them."""
        if are_lines not in self._packed:
            self._packed[are_lines] = self._pack(are_lines=are_lines)
        return self._packed[are_lines]

    def _pack(self, *, are_lines: bool) -> Objects:
        every = [*self._objects, *self._between]
        offsets: list[int] = []
        numbers: list[int] = []
        size = 0
        for template in every:
            offsets.append(2 + len(every) + len(numbers))
            ends = size + np.cumsum([len(text) for text in template.texts])
            numbers += [template.group, len(template.kinds), template.wanted, size]
            numbers += [*ends.tolist(), *template.kinds]
            size = int(ends[-1])
        packed = np.array([len(every), len(self._objects), *offsets, *numbers], np.int64)
        texts = b"".join(text for template in every for text in template.texts)
        return Objects(are_lines, packed, np.frombuffer(texts + bytes(_AFTER), np.uint8))


def _around(text: bytes, values: list[Value]) -> tuple[bytes, ...]:
    """Return the texts around some values."""
    begins = [0, *(value.end for value in values)]
    ends = [*(value.begin for value in values), len(text)]
    return tuple(text[begin:end] for begin, end in zip(begins, ends, strict=True))
