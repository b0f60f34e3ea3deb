"""The sizes of a Parquet file's pages once they are unpacked, read from their headers alone.

The description at the file's end may say anything; what is allocated for a page is what its own header
says. Libraries for Parquet read these headers too, but only while they unpack.
Source: the Parquet format's PageHeader, in Thrift's compact protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

_HEADER: Final = 1 << 10
"""Bytes that mostly hold a header; with long statistics it has more."""
_LONGEST_HEADER: Final = 1 << 20
_DEEPEST: Final = 16
_DICTIONARY: Final = 2
_TYPE, _UNPACKED, _PACKED = 1, 2, 3  # the fields of a PageHeader


class Page(NamedTuple):
    """The bytes of a page as it is unpacked, and whether it is a column's dictionary."""

    size: int
    is_dictionary: bool


def pages(file: BinaryIO, chunk: Any) -> Iterator[Page]:
    """The pages of a column chunk, which pyarrow's metadata describes.

    Raises ValueError where a header cannot be read.
    """
    start = chunk.data_page_offset
    if chunk.dictionary_page_offset:
        start = min(start, chunk.dictionary_page_offset)
    end = start + chunk.total_compressed_size
    while start < end:
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
            return thrift.numbers(), thrift.at
        except IndexError as error:
            size *= 8
            if size > _LONGEST_HEADER:
                raise ValueError("a page without the end of its header") from error


class _Thrift:
    """A struct in Thrift's compact protocol, read from the first byte; IndexError where it is cut."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.at = 0

    def numbers(self, depth: int = 0) -> dict[int, int]:
        """The numbers among a struct's fields, by their ids; all else is skipped."""
        if depth > _DEEPEST:
            raise ValueError("a struct that is too deep")
        found: dict[int, int] = {}
        field = 0
        while kind := self._byte():
            field = field + (kind >> 4) if kind >> 4 else self._zigzag()
            number = self._value(kind & 15, depth)
            if number is not None:
                found[field] = number
        return found

    def _value(self, kind: int, depth: int) -> int | None:
        if kind in (1, 2):  # true and false are in the kind itself
            return None
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind == 7:
            self._skip(8)
        elif kind == 8:
            self._skip(self._number())
        elif kind == 12:
            self.numbers(depth + 1)
        else:
            raise ValueError("a kind that no page's header has")
        return None

    def _skip(self, size: int) -> None:
        self.at += size
        if self.at > len(self._text):
            raise IndexError

    def _byte(self) -> int:
        self.at += 1
        return self._text[self.at - 1]

    def _number(self) -> int:
        number = shift = 0
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
