"""A part of a file: the lines that begin in a range of its bytes, or some ranges of a seekable file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import BinaryIO, Final, cast

from flowtag_core.errors import DamagedLogError
from flowtag_core.sources.addresses import Address, object_of, opened_file, store_of
from flowtag_core.sources.ahead import Ahead, Range, on_a_thread
from flowtag_core.sources.pieces import READ_SIZE, Pieces
from flowtag_core.sources.stream import Stream
from flowtag_core.sources.uris import is_uri

Span = tuple[int, int]
"""A range of bytes: the first, and the one behind the last."""
_REQUEST: Final = 1 << 23
"""The bytes that one request asks for."""
_WORTH_A_REQUEST: Final = 1 << 20
"""The bytes that are fetched in less time than another request takes."""
_BEHIND: Final = 1 << 16
"""The bytes behind a range in which the end of its last line is looked for first."""
_LAST: Final = 1 << 11
"""The bytes at the end of a piece that are searched for the end of a line."""
_FOOTER: Final = 8
"""The bytes at the end of a Parquet file after its metadata: the size of the metadata, and PAR1."""


def lines_between(pieces: Pieces, first: int, behind: int) -> Pieces:
    """Yield the lines that begin in a range, whole; a line that began before the range is left out.

    `pieces` are the bytes of the file from the one before `first` on: that one says whether a line begins there.
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
        pieces = _in_pieces(_of_object(address, at, behind))
        yield from lines_between(pieces, first, behind)
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


def _bytes_at(address: Address, span: Span) -> Iterator[bytes]:
    if is_uri(address.where):
        yield from _of_object(address, *span, is_cut=True)
        return
    with closing(opened_file(address)) as file:
        file.seek(span[0])
        while (at := file.tell()) < span[1] and (piece := file.read(span[1] - at)):
            yield piece


def _of_object(address: Address, at: int, behind: int, *, is_cut: bool = False) -> Iterator[bytes]:
    """Yield the bytes of an object from `at` to `behind`, asked for ahead; then, unless it is cut there, the rest."""
    store, each = store_of(address), object_of(address)
    ranges = [
        Range(0, first, min(first + _REQUEST, behind)) for first in range(at, behind, _REQUEST)
    ]
    ahead = Ahead(ranges, lambda one: store.read(each, one.first, one.behind))
    for one in ranges:
        yield _whole(address, one, ahead.take(0, one.first))
    size = _BEHIND
    while behind < address.size and not is_cut:
        one = Range(0, behind, min(behind + size, address.size))
        read = partial(store.read, each, one.first, one.behind)
        yield _whole(address, one, on_a_thread(read).result())
        behind, size = one.behind, min(2 * size, _REQUEST)


def _whole(address: Address, one: Range, content: bytes) -> bytes:
    if len(content) != one.behind - one.first:
        raise DamagedLogError(
            f"{address.name}: ends at byte {one.first + len(content):,} of {address.size:,}."
        )
    return content


def _in_pieces(contents: Iterable[bytes]) -> Pieces:
    """Yield bytes in pieces that end with a line where possible, so that few of them are copied again."""
    rest = b""
    for content in contents:
        at = 0
        while len(content) - at > READ_SIZE:
            end = content.rfind(b"\n", at + READ_SIZE - _LAST, at + READ_SIZE) + 1
            end = end or at + READ_SIZE
            yield rest + content[at:end] if rest else content[at:end]
            rest, at = b"", end
        rest += content[at:]
        if len(content) < _REQUEST:  # nothing else is asked for if the last line ends here
            yield rest
            rest = b""
    if rest:
        yield rest


def joined_spans(spans: Sequence[Span]) -> list[Span]:
    """Return spans with at least the same bytes, in order; one request for more bytes is faster than two."""
    joined: list[Span] = []
    for first, behind in sorted(spans):
        if joined and first <= joined[-1][1] + _WORTH_A_REQUEST:
            joined[-1] = joined[-1][0], max(joined[-1][1], behind)
        else:
            joined.append((first, behind))
    return joined
