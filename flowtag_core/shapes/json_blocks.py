"""Cut JSON into blocks, but only where a block can safely end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from flowtag_core.errors import DamagedLogError
from flowtag_core.sources.pieces import MEMBER_END, Pieces

_BLOCK: Final = 1 << 18
_LONGEST: Final = 1 << 20
"""If this many bytes have no safe place to cut, reading by blocks ends."""


class JsonBlocks:
    """The blocks of a JSON file, in order, up to its end, to damage, or to where there is nowhere safe to cut for long.

    `end_of` returns the index of the last place in a text at which a block may end, or 0.
    """

    def __init__(self, pieces: Pieces, end_of: Callable[[bytes], int]) -> None:
        self._pieces = pieces
        self._end_of = end_of
        self._held: list[bytes] = []
        self.damage: DamagedLogError | None = None

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        while (piece := self._next()) is not None:
            if piece == MEMBER_END:
                continue
            self._held.append(piece)
            size += len(piece)
            if size < _BLOCK:
                continue
            if text := self._cut():
                yield text
            size = sum(map(len, self._held))
            if size > _LONGEST:
                return
        if text := self._cut():
            yield text

    def rest(self) -> Iterator[bytes]:
        """Yield what is left, and raise the damage, if any."""
        held, self._held = b"".join(self._held), []
        if held:
            yield held
        while (piece := self._next()) is not None:
            yield piece
        if self.damage:
            raise self.damage

    def _cut(self) -> bytes:
        """Return the text so far up to where a block may end; hold what is after it."""
        last = self._held[-1] if self._held else b""
        end = self._end_of(last)
        if not end:  # perhaps it is in another piece, or across two
            last = b"".join(self._held)
            self._held, end = [last], self._end_of(last)
        text = b"".join([*self._held[:-1], memoryview(last)[:end]]) if end else b""
        self._held = [last[end:]]
        return text

    def _next(self) -> bytes | None:
        if self.damage:
            return None
        try:
            return next(self._pieces, None)
        except DamagedLogError as error:
            self.damage = error
            return None
