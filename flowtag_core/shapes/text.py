"""Bytes in pieces -> blocks of whole lines.

Memory is bounded by the block, whatever the file's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

from flowtag_core.errors import DamagedLogError
from flowtag_core.sources.pieces import HEAD_SIZE, MEMBER_END, Pieces

_BLOCK_SIZE: Final = 1 << 18
LONGEST_LINE: Final = 1 << 20
"""Bytes; a longer line is set aside, since it would have to be held in memory whole."""


class Block(NamedTuple):
    """Whole lines; or, `too_long`, the beginning of a single line that is not held whole."""

    text: bytes
    too_long: bool = False


Blocks = Iterator[Block]


class LineReader:
    """Turns bytes into whole lines; keeps a partial line at the end until its rest comes."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._enough = _BLOCK_SIZE
        self._too_long = b""
        self._last = b"\n"

    @property
    def pending(self) -> bytes:
        """The bytes fed since the last line end; only the beginning of a line that is too long."""
        return self._too_long or _cut(self._held)[1]

    def feed(self, piece: bytes) -> Blocks:
        """Take more bytes, or MEMBER_END, and give the whole lines once they make a block."""
        if piece == MEMBER_END:  # a line ends where files were put together
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
        """Give all whole lines that are held, however few."""
        lines, rest = _cut(self._held)
        if len(rest) > LONGEST_LINE:
            self._too_long, rest = rest[:HEAD_SIZE], b""
        # Twice what is left, so that a long line is not joined again for each piece.
        self._held = [rest] if rest else []
        self._size, self._enough = len(rest), max(_BLOCK_SIZE, 2 * len(rest))
        return _blocks(lines)

    def end(self) -> Blocks:
        """Give all that is held; the last line may lack its line end."""
        lines, rest = self.lines(), self.pending
        last = iter([Block(rest, too_long=True)]) if self._too_long else _blocks(rest)
        self._held, self._size, self._too_long, self._last = [], 0, b"", b"\n"
        return chain(lines, last)


def whole_lines(pieces: Pieces) -> Blocks:
    """The pieces in blocks that end at a line end; the last line may lack its own.

    Raises DamagedLogError, after all that came before it, with what followed the last line end.
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
    """The lines in blocks of as many as may be one long line; one that is too long by itself."""
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
    """The whole lines, and what follows the last line end."""
    if end := held[-1].rfind(b"\n") + 1 if held else 0:
        if len(held) == 1 and end == len(held[0]):  # a small file, which need not be copied
            return held[0], b""
        return b"".join([*held[:-1], memoryview(held[-1])[:end]]), held[-1][end:]
    text = b"".join(held)
    end = text.rfind(b"\n") + 1
    return text[:end], text[end:]
