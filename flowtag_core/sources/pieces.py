"""Sources: open logs that yield their bytes in pieces.

A local file, an upload, standard input and a file in an archive are all read through `Source`. Only
`whole` needs a seekable file; a source without it can still be counted.
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
"""The number of bytes per read."""
HEAD_SIZE: Final = 1 << 16
"""The number of bytes at the beginning of a file from which its type is detected."""
MEMBER_END: Final = b""
"""The piece that marks the end of a gzip member: a line ends there, even without a line end."""

Pieces = Iterator[bytes]


class Source(Protocol):
    """An open log, packed or not."""

    @property
    def name(self) -> str:
        """The source's name in results and messages."""

    @property
    def size(self) -> int | None:
        """The source's size in bytes, or None if it is not known."""

    @property
    def budget(self) -> Budget:
        """The budget to which work on the source is charged."""

    def pieces(self) -> Pieces:
        """Yield the source's bytes from the beginning, in order.

        Raises LogError if they cannot be read. If they end too early, raises DamagedLogError after
        yielding everything there is.
        """

    def again(self, place: int) -> Pieces | None:
        """Reread the source from position `place`, or return None if it can be read only once."""

    def whole(self) -> BinaryIO | None:
        """Return the source as a seekable file, or None if it is not seekable."""

    def close(self) -> None:
        """Close whatever was opened for this source."""


@dataclass(frozen=True)
class File:
    """A file after unpacking: a source whose pieces can be read only once.

    `wrapping` names the packings around it, such as `zip, gzip`. A file that cannot be unpacked has no
    pieces; `refusal` says why. If the file was not packed at all, `source` is the original source.
    `budget` belongs to the source that the file came from.
    """

    name: str
    content: Pieces
    wrapping: str = ""
    refusal: str = ""
    source: Source | None = None
    size: int | None = None
    budget: Budget = field(default_factory=lambda: Budget("the file"))

    def with_content(self, content: Pieces) -> File:
        """Return this file with its bytes in other pieces; `dataclasses.replace` takes ten times as long."""
        return File(
            self.name, content, self.wrapping, self.refusal, self.source, self.size, self.budget
        )

    def pieces(self) -> Pieces:
        """Return the file's bytes; they can be read only once."""
        return self.content

    def again(self, place: int) -> Pieces | None:
        """Reread the file from position `place`, or return None if it was packed."""
        return self.source.again(place) if self.source else None

    def whole(self) -> BinaryIO | None:
        """Return the file as a seekable one, or None if it was packed or is not seekable."""
        return self.source.whole() if self.source else None

    def close(self) -> None:
        """Do nothing: whoever opened the source closes it."""


def peeked(pieces: Pieces) -> tuple[bytes, Pieces]:
    """Return the first HEAD_SIZE bytes, and all pieces including those, with any damage in its place."""
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
    """Open a source as a seekable file, copying it to a temporary file if it is not seekable itself.

    Raises LogError if its pieces are damaged or cannot be stored.
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
                f"{damage} Its contents cannot be read without its end. Download the file again."
            ) from damage
        except OSError as error:
            raise LogError(f"{source.name}: cannot be unpacked: {reason_of(error)}.") from error
        stored.seek(0)
        yield stored
