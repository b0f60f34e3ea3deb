"""Pieces of text -> whole lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from flowtag_core.errors import DamagedLogError
from flowtag_core.sources.pieces import HEAD_SIZE, MEMBER_END

_BLOCK_SIZE: Final = 1 << 18
LONGEST_LINE: Final = 1 << 24
"""Bytes; a longer line is set aside, since it would have to be held in memory whole."""


class Block(NamedTuple):
    """Whole lines; or, `too_long`, the beginning of a single line that is not held whole."""

    text: bytes
    too_long: bool = False


def whole_lines(pieces: Iterator[bytes]) -> Iterator[Block]:
    """The same bytes in blocks that end at a line end; the last line may lack its own.

    Raises DamagedLogError, after all that came before it, with what followed the last line end.
    """
    held: list[bytes] = []
    size, enough = 0, _BLOCK_SIZE
    too_long = b""
    damage: list[DamagedLogError] = []
    for chunk in _up_to_damage(_members_as_lines(pieces), damage):
        if too_long:
            end = chunk.find(b"\n") + 1
            if not end:
                continue
            yield Block(too_long, too_long=True)
            too_long, chunk = b"", chunk[end:]
        held.append(chunk)
        size += len(chunk)
        if size < enough:
            continue
        lines, rest = _cut(held)
        yield from _blocks(lines)
        if len(rest) > LONGEST_LINE:
            too_long, rest = rest[:HEAD_SIZE], b""
        # Twice what is left, so that a long line is not joined again for each chunk.
        held = [rest] if rest else []
        size, enough = len(rest), max(_BLOCK_SIZE, 2 * len(rest))
    lines, rest = _cut(held)
    yield from _blocks(lines)
    for error in damage:
        error.tail = too_long or rest
        raise error
    yield from [Block(too_long, too_long=True)] if too_long else _blocks(rest)


def _members_as_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The text, with a line end where a member ends without: files that were put together.

    Only text has lines, so this is not done to what is unpacked once more.
    """
    last = b"\n"
    for piece in pieces:
        if piece != MEMBER_END:
            last = piece[-1:]
            yield piece
        elif last != b"\n":
            last = b"\n"
            yield last


def _blocks(lines: bytes) -> Iterator[Block]:
    """The lines in one block, or one by one where a line may be too long."""
    if len(lines) <= LONGEST_LINE:
        if lines:
            yield Block(lines)
        return
    start = 0
    while start < len(lines):
        end = lines.find(b"\n", start)
        end = len(lines) if end < 0 else end
        is_long = end - start > LONGEST_LINE
        yield Block(lines[start : start + HEAD_SIZE if is_long else end + 1], too_long=is_long)
        start = end + 1


def _up_to_damage(chunks: Iterator[bytes], damage: list[DamagedLogError]) -> Iterator[bytes]:
    """The chunks before the damage, which is put into the list once they are all taken."""
    try:
        yield from chunks
    except DamagedLogError as error:
        damage.append(error)


def _cut(held: list[bytes]) -> tuple[bytes, bytes]:
    """The whole lines, and what follows the last line end."""
    if end := held[-1].rfind(b"\n") + 1 if held else 0:
        if len(held) == 1 and end == len(held[0]):  # a small file, which need not be copied
            return held[0], b""
        return b"".join([*held[:-1], memoryview(held[-1])[:end]]), held[-1][end:]
    text = b"".join(held)
    end = text.rfind(b"\n") + 1
    return text[:end], text[end:]
