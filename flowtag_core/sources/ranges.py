"""A part of a file: the lines that begin in a range of its bytes, or some ranges of a seekable file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import BinaryIO, Final, cast

from flowtag_core.sources.addresses import Address, object_of, opened_file, store_of
from flowtag_core.sources.ahead import Ahead
from flowtag_core.sources.objects import in_pieces, ranges_between
from flowtag_core.sources.pieces import Pieces
from flowtag_core.sources.stream import Stream
from flowtag_core.sources.uris import is_uri

Span = tuple[int, int]
"""A range of bytes: the first one, and the one after the last."""
_WORTH_A_REQUEST: Final = 1 << 20
"""The bytes that are fetched in less time than another request takes."""
_BEHIND: Final = 1 << 16
"""The bytes after a range that are searched first for the end of its last line."""
_FOOTER: Final = 8
"""The bytes at the end of a Parquet file after its metadata: the size of the metadata, and PAR1."""


def lines_between(pieces: Pieces, first: int, behind: int) -> Pieces:
    """Yield the lines that begin in a range, whole; a line that began before the range is left out.

    `pieces` are the bytes of the file from the one before `first` on: that byte shows whether a line begins there.
    """
    at = max(first - 1, 0)
    is_begun = first == 0
    for piece in pieces:
        if not is_begun:
            begin = piece.find(b"\n") + 1
            at += begin or len(piece)
            if at >= behind:
                return
            if not begin:
                continue
            is_begun, piece = True, piece[begin:]
        if at + len(piece) >= behind and (end := piece.find(b"\n", max(behind - 1 - at, 0)) + 1):
            yield piece[:end]
            return
        at += len(piece)
        if piece:
            yield piece


def lines_at(address: Address, first: int, behind: int) -> Pieces:
    """Yield the lines that begin in a range of a file that is not packed. Raises LogError like `Source.pieces`."""
    at = max(first - 1, 0)
    if is_uri(address.where):
        contents = chain(_of_object(address, at, behind), _beyond(address, behind))
        yield from lines_between(in_pieces(contents), first, behind)
        return
    with closing(opened_file(address)) as file:
        pieces = Stream(address.name, file, address.size, at).pieces()
        yield from lines_between(pieces, first, behind)


def head_at(address: Address, size: int) -> bytes:
    """Return the first bytes of a file. Raises LogError."""
    return b"".join(_bytes_at(address, (0, min(size, address.size))))


@contextmanager
def spans_at(address: Address, spans: Iterable[Span]) -> Iterator[BinaryIO]:
    """Open a file of which only some ranges of bytes are needed, as a seekable one.

    An object is copied to a temporary file, in which all its other bytes are zeros. Raises LogError.
    """
    if not is_uri(address.where):
        with closing(opened_file(address)) as file:
            yield file
        return
    with tempfile.TemporaryFile() as stored:
        stored.truncate(address.size)
        for first, behind in spans:
            stored.seek(first)
            stored.writelines(_bytes_at(address, (first, min(behind, address.size))))
        stored.seek(0)
        yield cast(BinaryIO, stored)


def footer_of(address: Address) -> Span:
    """Return where the metadata of a Parquet file is, up to the end of the file. Raises LogError."""
    tail = b"".join(_bytes_at(address, (max(address.size - _FOOTER, 0), address.size)))
    size = int.from_bytes(tail[:4], "little") + _FOOTER
    return max(address.size - size, 0), address.size


def _bytes_at(address: Address, span: Span) -> Iterator[bytes | memoryview]:
    if is_uri(address.where):
        yield from _of_object(address, *span)
        return
    with closing(opened_file(address)) as file:
        file.seek(span[0])
        while (at := file.tell()) < span[1] and (piece := file.read(span[1] - at)):
            yield piece


def _of_object(address: Address, at: int, behind: int) -> Iterator[memoryview]:
    """Yield the bytes of an object from `at` to `behind`, asked for ahead."""
    store, each = store_of(address), object_of(address)
    ranges = ranges_between(at, behind)
    ahead = Ahead(ranges, lambda one: store.read(each, one.first, one.behind))
    for one in ranges:
        yield ahead.take(0, one.first)


def _beyond(address: Address, behind: int) -> Iterator[memoryview]:
    """Yield the bytes of an object from `behind` on, twice as many each time, until the caller has enough."""
    size = _BEHIND
    while behind < address.size:
        end = min(behind + size, address.size)
        yield from _of_object(address, behind, end)
        behind, size = end, 2 * size


def joined_spans(spans: Sequence[Span]) -> list[Span]:
    """Return spans in order, and join those that are close: one request for more bytes is faster than two."""
    joined: list[Span] = []
    for first, behind in sorted(spans):
        if joined and first <= joined[-1][1] + _WORTH_A_REQUEST:
            joined[-1] = joined[-1][0], max(joined[-1][1], behind)
        else:
            joined.append((first, behind))
    return joined
