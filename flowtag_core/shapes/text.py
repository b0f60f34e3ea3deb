"""Group pieces of bytes into blocks of whole lines.

The memory needed depends on the size of a block, not of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

from flowtag_core.errors import DamagedLogError
from flowtag_core.sources.pieces import HEAD_SIZE, MEMBER_END, Pieces

_BLOCK_SIZE: Final = 1 << 18
LONGEST_LINE: Final = 1 << 20
"""In bytes; a longer line is set aside, since all of it would have to be in memory."""


class Block(NamedTuple):
    """Whole lines or, if `too_long`, the beginning of a single line that is too long to keep."""

    text: bytes
    too_long: bool = False


Blocks = Iterator[Block]


class LineReader:
    """Turns bytes into whole lines; keeps a partial last line until the rest of it arrives."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._enough = _BLOCK_SIZE
        self._too_long = b""
        self._last = b"\n"

    @property
    def pending(self) -> bytes:
        """The bytes fed since the last newline, or only their beginning if the line is too long."""
        return self._too_long or _cut(self._held)[1]

    def feed(self, piece: bytes) -> Blocks:
        """Take more bytes, or MEMBER_END, and return the whole lines once they fill a block."""
        if piece == MEMBER_END:  # in concatenated files, a line ends where a file does
            if self._last == b"\n":
                return iter(())
            piece = b"\n"
        self._last = piece[-1:]
        long_one: tuple[Block, ...] = ()
        if self._too_long:
            end = piece.find(b"\n") + 1
            if not end:
                return iter(())
            long_one = (Block(self._too_long, too_long=True),)
            self._too_long, piece = b"", piece[end:]
        self._held.append(piece)
        self._size += len(piece)
        return chain(long_one, self.lines() if self._size >= self._enough else ())

    def lines(self) -> Blocks:
        """Return all whole lines read so far, however few."""
        lines, rest = _cut(self._held)
        if len(rest) > LONGEST_LINE:
            self._too_long, rest = rest[:HEAD_SIZE], b""
        # Wait for twice what is left, so that a long line is not joined again for each piece.
        self._held = [rest] if rest else []
        self._size, self._enough = len(rest), max(_BLOCK_SIZE, 2 * len(rest))
        return _blocks(lines)

    def end(self) -> Blocks:
        """Return everything that is left; the last line may lack its newline."""
        lines, rest = self.lines(), self.pending
        last = iter([Block(rest, too_long=True)]) if self._too_long else _blocks(rest)
        self._held, self._size, self._too_long, self._last = [], 0, b"", b"\n"
        return chain(lines, last)


def whole_lines(pieces: Pieces) -> Blocks:
    """Yield the pieces as blocks of whole lines; the last line may lack its newline.

    If the pieces raise DamagedLogError, yield all whole lines first and add the rest as the error's `tail`.
    """
    reader = LineReader()
    try:
        for piece in pieces:
            yield from reader.feed(piece)
    except DamagedLogError as error:
        yield from reader.lines()
        error.tail = reader.pending
        raise
    yield from reader.end()


def _blocks(lines: bytes) -> Iterator[Block]:
    """Yield the lines in blocks of at most LONGEST_LINE bytes; a longer line gets a block of its own."""
    start = 0
    while len(lines) - start > LONGEST_LINE:
        end = lines.rfind(b"\n", start, start + LONGEST_LINE + 1) + 1
        if end:
            yield Block(lines[start:end])
        else:
            end = lines.find(b"\n", start + LONGEST_LINE) + 1 or len(lines)
            yield Block(lines[start : start + HEAD_SIZE], too_long=True)
        start = end
    if start < len(lines):
        yield Block(lines[start:] if start else lines)


def _cut(held: list[bytes]) -> tuple[bytes, bytes]:
    """Return the whole lines, and what follows the last newline."""
    if end := held[-1].rfind(b"\n") + 1 if held else 0:
        if len(held) == 1 and end == len(held[0]):  # a small file, which is not copied
            return held[0], b""
        return b"".join([*held[:-1], memoryview(held[-1])[:end]]), held[-1][end:]
    text = b"".join(held)
    end = text.rfind(b"\n") + 1
    return text[:end], text[end:]
