"""Sources: open logs, which give their bytes in pieces.

A local file, an upload, standard input, a file in an archive and (later) an object of a store are all
read through `Source`. Only `whole` needs a file that can seek; a source without it is still counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO, Final, Protocol

from flowtag_core.errors import DamagedLogError, LogError, reason_of
from flowtag_core.sources.budget import Budget

READ_SIZE: Final = 1 << 19
"""Bytes that are read at once."""
HEAD_SIZE: Final = 1 << 16
"""Bytes at the beginning of a file that tell what it is."""
MEMBER_END: Final = b""
"""Marks the end of a gzip member among the pieces: a line ends there, whatever it ends with."""

Pieces = Iterator[bytes]


class Source(Protocol):
    """An open log, packed or not."""

    @property
    def name(self) -> str:
        """Its name in results and messages."""

    @property
    def size(self) -> int | None:
        """Its bytes, None where that is not known."""

    @property
    def budget(self) -> Budget:
        """Where the work on it is charged."""

    def pieces(self) -> Pieces:
        """Its bytes from the beginning, in order.

        They raise LogError where they cannot be read, and DamagedLogError, after everything that
        came before, where they end too early.
        """

    def again(self, place: int) -> Pieces | None:
        """Its bytes from this place on, once more; None where they can be read only once."""

    def whole(self) -> BinaryIO | None:
        """Itself as a seekable file; None where it is not seekable."""

    def close(self) -> None:
        """Close what was opened for it."""


@dataclass(frozen=True)
class File:
    """A file as it was unpacked: a source whose pieces can be taken once.

    `wrapping` names what was unpacked to get there. A file that cannot be unpacked has the reason in
    `refusal` and no pieces. One that was not packed at all keeps the source that it was, `source`.
    `budget` is that of the source that it came from.
    """

    name: str
    content: Pieces
    wrapping: str = ""
    refusal: str = ""
    source: Source | None = None
    size: int | None = None
    budget: Budget = field(default_factory=lambda: Budget("the file"))

    def with_content(self, content: Pieces) -> File:
        """The same file with its bytes in other pieces; `replace` would take ten times as long."""
        return File(
            self.name, content, self.wrapping, self.refusal, self.source, self.size, self.budget
        )

    def pieces(self) -> Pieces:
        """Its bytes, the first time that they are asked for."""
        return self.content

    def again(self, place: int) -> Pieces | None:
        """Its bytes from this place on, where it was not packed."""
        return self.source.again(place) if self.source else None

    def whole(self) -> BinaryIO | None:
        """Itself as a seekable file, where it was not packed."""
        return self.source.whole() if self.source else None

    def close(self) -> None:
        """Do nothing: whoever opened what it was unpacked from closes that."""


def peeked(pieces: Pieces) -> tuple[bytes, Pieces]:
    """Return the first HEAD_SIZE bytes, and all pieces from the first, with any damage in its place."""
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


@contextmanager
def seekable(source: Source) -> Iterator[BinaryIO]:
    """Give a source as a seekable file, through a temporary file where it is not one itself.

    Raises LogError where its pieces are damaged or cannot be stored.
    """
    whole = source.whole()
    if whole is not None:
        yield whole
        return
    import tempfile

    with tempfile.TemporaryFile() as stored:
        try:
            for piece in source.pieces():
                stored.write(piece)
        except DamagedLogError as damage:
            raise LogError(
                f"{damage} What is in it cannot be read without its end. Fetch the file again."
            ) from damage
        except OSError as error:
            raise LogError(f"{source.name}: cannot be unpacked: {reason_of(error)}.") from error
        stored.seek(0)
        yield stored
