"""The sizes of a Parquet file's pages once they are unpacked, read from their headers alone.

The description at the file's end may say anything; what is allocated for a page is what its own header
says. Libraries for Parquet read these headers too, but only while they unpack. The description is read
here once more, since pyarrow ends the whole process where what it says of a column chunk is damaged.
Source: the Parquet format's FileMetaData and PageHeader, in Thrift's compact protocol.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from flowtag_core.sources.budget import Budget

_HEADER: Final = 1 << 10
"""Bytes that mostly hold a header; with long statistics it has more."""
_LONGEST_HEADER: Final = 1 << 20
_DEEPEST: Final = 16
_DICTIONARY: Final = 2
_TYPE, _UNPACKED, _PACKED = 1, 2, 3
_PAGE: Final = {_TYPE: int, _UNPACKED: int, _PACKED: int}
"""The wanted fields of a PageHeader by their ids."""
_COLUMNS, _ROWS = 1, 3
_CHUNK_SIZE, _FIRST_PAGE, _DICTIONARY_PAGE = 7, 9, 11
_META: Final = {3: {_CHUNK_SIZE: int, _FIRST_PAGE: int, _DICTIONARY_PAGE: int}}
_NAME, _CHILDREN = 4, 5
_DESCRIPTION: Final = {
    2: [{_NAME: len, _CHILDREN: int}],
    4: [{_COLUMNS: [_META], _ROWS: int}],
}
"""Those of a FileMetaData: the schema's names; each row group's rows and where its chunks lie."""
_COPIES: Final = 6
"""Times that a description is held: as its bytes, as objects here and in pyarrow."""
_FOOTER: Final = 8
"""Bytes at the end: the size of the description, and PAR1."""


_BOOLEANS: Final = (1, 2)
_INTEGERS: Final = frozenset((4, 5, 6))
_TEXT, _LIST, _SET, _MAP, _STRUCT = range(8, 13)
_SIZES: Final = {1: 0, 2: 0, 3: 1, 7: 8, 13: 16}
"""Bytes of values of fixed size by their kind: a boolean field is in the kind itself."""


class Page(NamedTuple):
    """The bytes of a page as it is unpacked, and whether it is a column's dictionary."""

    size: int
    is_dictionary: bool


class Chunk(NamedTuple):
    """The bytes of a file in which the pages of a column in a row group lie."""

    start: int
    end: int


class RowGroup(NamedTuple):
    """The rows of a row group, and its chunks in the order of the columns."""

    rows: int
    chunks: list[Chunk]


def row_groups(file: BinaryIO, budget: Budget) -> list[RowGroup]:
    """The row groups that the end of a Parquet file describes.

    Raises ValueError where the description cannot be read, OverBudgetError where it is larger than any
    sound one, or the names of columns within columns are.
    """
    end = file.seek(0, io.SEEK_END) - _FOOTER
    file.seek(max(end, 0))
    size = int.from_bytes(file.read(4), "little")
    if not 0 < size <= end:
        raise ValueError("a description of no possible size")
    budget.hold(_COPIES * size, "its description")
    file.seek(end - size)
    try:
        described = _Thrift(file.read(size)).struct(_DESCRIPTION)
        budget.hold(_COPIES * _length_of_paths(described[2]), "the list of its column names")
        return [
            RowGroup(group[_ROWS], [_chunk(*column.values()) for column in group[_COLUMNS]])
            for group in described.get(4, [])
        ]
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError("a description that is cut or lacks something") from error


def _length_of_paths(schema: list[dict[int, int]]) -> int:
    """The bytes of the paths of all columns: each has the names of all that it is within."""
    total = 0
    # What is not closed yet: the length of its path, and how many are left in it.
    above: list[tuple[int, int]] = []
    for element in schema:
        while above and not above[-1][1]:
            above.pop()
        length = element.get(_NAME, 0) + 1
        if above:
            length += above[-1][0]
            above[-1] = above[-1][0], above[-1][1] - 1
        total += length
        above.append((length, max(element.get(_CHILDREN, 0), 0)))
    return total


def _chunk(meta: dict[int, int]) -> Chunk:
    start = meta[_FIRST_PAGE]
    if dictionary := meta.get(_DICTIONARY_PAGE, 0):
        start = min(start, dictionary)
    return Chunk(start, start + meta[_CHUNK_SIZE])


def pages(file: BinaryIO, chunk: Chunk) -> Iterator[Page]:
    """The pages of a column chunk. Raises ValueError where a header cannot be read."""
    start = chunk.start
    while start < chunk.end:
        header, size = _header(file, start)
        packed, unpacked = header.get(_PACKED, -1), header.get(_UNPACKED, -1)
        if packed < 0 or unpacked < 0:
            raise ValueError("a page without a size")
        yield Page(unpacked, header.get(_TYPE) == _DICTIONARY)
        start += size + packed


def _header(file: BinaryIO, start: int) -> tuple[dict[int, int], int]:
    """The numbers in the header that begins here, and its size."""
    size = _HEADER
    while True:
        file.seek(start)
        thrift = _Thrift(file.read(size))
        try:
            return thrift.struct(_PAGE), thrift.at
        except IndexError as error:
            size *= 8
            if size > _LONGEST_HEADER:
                raise ValueError("a page without the end of its header") from error


class _Thrift:
    """A struct in Thrift's compact protocol, read from the first byte; IndexError where it is cut."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.at = 0

    def struct(self, wanted: dict[int, Any], depth: int = 0) -> dict[int, Any]:
        """The wanted fields by their ids; all else is skipped.

        A field is wanted as a number (`int`), as the length of a text (`len`), as a struct with
        wanted fields of its own (a dictionary), or as a list (a list with what is wanted of each
        item).
        """
        if depth > _DEEPEST:
            raise ValueError("a struct that is too deep")
        found: dict[int, Any] = {}
        field = 0
        while kind := self._byte():
            field = field + (kind >> 4) if kind >> 4 else self._zigzag()
            if (form := wanted.get(field)) is None:
                self._skip(kind & 15, depth)
            else:
                found[field] = self._value(kind & 15, form, depth)
        return found

    def _value(self, kind: int, form: Any, depth: int) -> Any:
        if kind in _INTEGERS and form is int:
            return self._zigzag()
        if kind == _TEXT and form is len:
            size = self._number()
            self._pass(size)
            return size
        if kind == _LIST and isinstance(form, list):
            size, kind = self._items()
            return [self._value(kind, form[0], depth) for _ in range(size)]
        if kind == _STRUCT and isinstance(form, dict):
            return self.struct(form, depth + 1)
        raise ValueError("a field of another kind")

    def _skip(self, kind: int, depth: int) -> None:
        if kind in _INTEGERS:
            self._skip_number()
        elif kind in _SIZES:
            self._pass(_SIZES[kind])
        elif kind == _TEXT:
            self._pass(self._number())
        elif kind == _STRUCT:
            self.struct({}, depth + 1)
        elif kind in (_LIST, _SET):
            size, kind = self._items()
            for _ in range(size):
                self._skip_item(kind, depth)
        elif kind == _MAP:
            if size := self._number():
                kinds = self._byte()
                for _ in range(size):
                    self._skip_item(kinds >> 4, depth)
                    self._skip_item(kinds & 15, depth)
        else:
            raise ValueError("a kind that there is not")

    def _skip_number(self) -> None:
        while self._text[self.at] > 127:
            self.at += 1
        self.at += 1

    def _skip_item(self, kind: int, depth: int) -> None:
        if kind in _BOOLEANS:  # in a list it has a byte of its own
            self._pass(1)
        else:
            self._skip(kind, depth + 1)

    def _items(self) -> tuple[int, int]:
        """How many items a list has, and of what kind."""
        byte = self._byte()
        return (byte >> 4 if byte >> 4 < 15 else self._number()), byte & 15

    def _pass(self, size: int) -> None:
        self.at += size
        if self.at > len(self._text):
            raise IndexError

    def _byte(self) -> int:
        self.at += 1
        return self._text[self.at - 1]

    def _number(self) -> int:
        byte = self._text[self.at]
        self.at += 1
        if byte < 128:  # as most are
            return byte
        number, shift = byte & 127, 7
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number
            if shift > 63:
                raise ValueError("a number that is too long")

    def _zigzag(self) -> int:
        number = self._number()
        return (number >> 1) ^ -(number & 1)
