"""Pieces of a file's bytes, and the file that is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO, Final, NamedTuple

from flowtag_core.errors import DamagedLogError, LogError, reason_of

READ_SIZE: Final = 1 << 19
HEAD_SIZE: Final = 1 << 16
MEMBER_END: Final = b""
"""Stands among the pieces where files were put together: a line ends there, whatever it ends with."""
_BOMB_SIZE: Final = 1 << 30
_BOMB_RATIO: Final = 1000
Pieces = Iterator[bytes]
Again = Callable[[int], Pieces]
"""Gives the pieces of a file from a place on once more."""


class File(NamedTuple):
    """An unpacked file: its name, its bytes in pieces, and what was unpacked to get there.

    Where it cannot be unpacked, `refusal` says why instead. `whole` is the same file where it was not
    packed and can be read from any place, `again` gives its pieces once more.
    """

    name: str
    pieces: Pieces
    wrapping: str = ""
    refusal: str = ""
    whole: BinaryIO | None = None
    again: Again | None = None


def peeked(pieces: Pieces) -> tuple[bytes, Pieces]:
    """The first HEAD_SIZE bytes, and all pieces from the first, with the damage in its place."""
    first: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            first.append(piece)
            size += len(piece)
            if size >= HEAD_SIZE:
                break
    except DamagedLogError as damage:
        return _head(first), _damaged(first, damage)
    return _head(first), chain(first, pieces)


def _head(pieces: list[bytes]) -> bytes:
    return (pieces[0] if len(pieces) == 1 else b"".join(pieces))[:HEAD_SIZE]


def _damaged(pieces: list[bytes], damage: DamagedLogError) -> Pieces:
    yield from pieces
    raise damage


def refuse_bomb(name: str, packed: int, size: int) -> None:
    """Raise LogError where something unpacks to so much that it can be no flow log."""
    if size > _BOMB_SIZE and size > _BOMB_RATIO * packed:
        raise LogError(
            f"{name}: unpacks to over {_BOMB_RATIO:,} times its size ({size:,} bytes "
            f"from {packed:,}), which no flow log does. Unpack it by hand if you trust it."
        )


@contextmanager
def stored(name: str, pieces: Pieces) -> Iterator[BinaryIO]:
    """The pieces as a file that can be read from any place, for as long as it is needed."""
    import tempfile

    with tempfile.TemporaryFile() as whole:
        try:
            for piece in pieces:
                whole.write(piece)
        except DamagedLogError as damage:
            raise LogError(
                f"{damage} What is in it cannot be read without its end. Fetch the file again."
            ) from damage
        except OSError as error:
            raise LogError(f"{name}: cannot be unpacked: {reason_of(error)}.") from error
        whole.seek(0)
        yield whole
