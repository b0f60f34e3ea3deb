"""Read the unpacked sizes of a Parquet file's pages from the page headers, without unpacking them.

The metadata at the file's end may claim anything, but the memory for a page is allocated according to the
page's own header. Parquet libraries read these headers too, but only while they unpack. The metadata is also
parsed here, since pyarrow aborts the whole process if the entry of a column chunk is damaged.
Source: the Parquet format's FileMetaData and PageHeader, in Thrift's compact protocol.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from flowtag_core.sources.budget import Budget

_HEADER: Final = 1 << 10
"""A size in bytes that is enough for most headers; those with long statistics are larger."""
_LONGEST_HEADER: Final = 1 << 20
_DEEPEST: Final = 16
_DICTIONARY: Final = 2
_TYPE, _UNPACKED, _PACKED = 1, 2, 3
_PAGE: Final = {_TYPE: int, _UNPACKED: int, _PACKED: int}
"""The wanted fields of a PageHeader by their IDs."""
_COLUMNS, _ROWS = 1, 3
_CHUNK_SIZE, _FIRST_PAGE, _DICTIONARY_PAGE = 7, 9, 11
_META: Final = {3: {_CHUNK_SIZE: int, _FIRST_PAGE: int, _DICTIONARY_PAGE: int}}
_NAME, _CHILDREN = 4, 5
_DESCRIPTION: Final = {
    2: [{_NAME: len, _CHILDREN: int}],
    4: [{_COLUMNS: [_META], _ROWS: int}],
}
"""The wanted fields of a FileMetaData: the schema's names, and each row group's rows and chunk positions."""
_COPIES: Final = 6
"""How many copies of the metadata are in memory: its bytes, and the objects here and in pyarrow."""
_FOOTER: Final = 8
"""The bytes at the end of a file after its metadata: the size of the metadata, and PAR1."""


_BOOLEANS: Final = (1, 2)
_INTEGERS: Final = frozenset((4, 5, 6))
_TEXT, _LIST, _SET, _MAP, _STRUCT = range(8, 13)
_SIZES: Final = {1: 0, 2: 0, 3: 1, 7: 8, 13: 16}
"""The sizes in bytes of fixed-size values, by type; the value of a boolean field is in the type itself."""


class Page(NamedTuple):
    """The size of a page in bytes once it is unpacked, and whether it is a column's dictionary."""

    size: int
    is_dictionary: bool


class Chunk(NamedTuple):
    """The range of bytes in a file that contains the pages of one column in one row group."""

    start: int
    end: int


class RowGroup(NamedTuple):
    """The number of rows in a row group, and its chunks in the order of the columns."""

    rows: int
    chunks: list[Chunk]


class Ranges(io.RawIOBase):
    """A file of which only some ranges of bytes can be read; they are held in memory. Only one thread may use it."""

    def __init__(self, file: BinaryIO, ranges: Iterable[tuple[int, int]]) -> None:
        super().__init__()
        self._ranges: dict[int, bytes] = {}
        self._size = file.seek(0, io.SEEK_END)
        self._at = 0
        for begin, end in ranges:
            file.seek(begin)
            self._ranges[begin] = file.read(end - begin)

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position in the file."""
        self._at = place + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seekable(self) -> bool:
        """Whether it has positions: always."""
        return True

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes from the position on; fewer at the end of a range, and none outside all ranges."""
        begin = max((each for each in self._ranges if each <= self._at), default=self._at)
        text = self._ranges.get(begin, b"")[self._at - begin :]
        text = text if size < 0 else text[:size]
        self._at += len(text)
        return text


def row_groups(file: BinaryIO, budget: Budget) -> list[RowGroup]:
    """Return the row groups that the metadata at the end of a Parquet file describes.

    Raises ValueError if the metadata cannot be read, and OverBudgetError if the metadata or the paths of
    nested columns are larger than in any valid file.
    """
    end = file.seek(0, io.SEEK_END) - _FOOTER
    file.seek(max(end, 0))
    size = int.from_bytes(file.read(4), "little")
    if not 0 < size <= end:
        raise ValueError("metadata of an impossible size")
    budget.hold(_COPIES * size, "its metadata")
    file.seek(end - size)
    try:
        described = _Thrift(file.read(size)).struct(_DESCRIPTION)
        budget.hold(_COPIES * _length_of_paths(described[2]), "the list of its column names")
        return [
            RowGroup(group[_ROWS], [_chunk(*column.values()) for column in group[_COLUMNS]])
            for group in described.get(4, [])
        ]
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError("metadata that is truncated or incomplete") from error


def _length_of_paths(schema: list[dict[int, int]]) -> int:
    """Return the total length of all column paths in bytes; each path includes the names of its parents."""
    total = 0
    # The parents of the current element: the length of each one's path, and how many children it still has.
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
    """Yield the pages of a column chunk. Raises ValueError if a header cannot be read."""
    start = chunk.start
    while start < chunk.end:
        header, size = _header(file, start)
        packed, unpacked = header.get(_PACKED, -1), header.get(_UNPACKED, -1)
        if packed < 0 or unpacked < 0:
            raise ValueError("a page without a size")
        yield Page(unpacked, header.get(_TYPE) == _DICTIONARY)
        start += size + packed


def _header(file: BinaryIO, start: int) -> tuple[dict[int, int], int]:
    """Return the numbers in the page header at `start`, and the size of the header."""
    size = _HEADER
    while True:
        file.seek(start)
        thrift = _Thrift(file.read(size))
        try:
            return thrift.struct(_PAGE), thrift.at
        except IndexError as error:
            size *= 8
            if size > _LONGEST_HEADER:
                raise ValueError("a page with an incomplete header") from error


class _Thrift:
    """A parser for a struct in Thrift's compact protocol. Raises IndexError if the struct is truncated."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.at = 0

    def struct(self, wanted: dict[int, Any], depth: int = 0) -> dict[int, Any]:
        """Return the wanted fields by their IDs; all others are skipped.

        `wanted` says how to return each field: as a number (`int`), as the length of a text (`len`), as a
        struct (a dictionary of its wanted fields), or as a list (a list with the form of each item).
        """
        if depth > _DEEPEST:
            raise ValueError("a struct that is nested too deeply")
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
        raise ValueError("a field of the wrong type")

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
            raise ValueError("an unknown type")

    def _skip_number(self) -> None:
        while self._text[self.at] > 127:
            self.at += 1
        self.at += 1

    def _skip_item(self, kind: int, depth: int) -> None:
        if kind in _BOOLEANS:  # in a list, a boolean takes up a byte
            self._pass(1)
        else:
            self._skip(kind, depth + 1)

    def _items(self) -> tuple[int, int]:
        """Return the number of items in a list, and their type."""
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
        if byte < 128:  # the common case
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
