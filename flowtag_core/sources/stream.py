"""A path, standard input or an open binary file -> the files in it -> blocks of whole lines.

Memory is bounded by the block, whatever the file's size.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final, cast

from flowtag_core.errors import DamagedLogError, LogError, reason_of
from flowtag_core.sources.pieces import READ_SIZE, File
from flowtag_core.sources.places import LogFile, open_log, size_of, source_name
from flowtag_core.sources.unpacking import unpacked

_LAST: Final = 1 << 11  # bytes of a piece in which a line end is looked for


@dataclass
class Source:
    """One open log: what it is called, its size where known, and how much of it was read."""

    name: str
    stream: BinaryIO
    size: int | None
    bytes_read: int = 0
    start: int | None = None
    """Where in the stream it begins; None where the stream cannot be read from any place."""

    def files(self, on_read: Callable[[], None]) -> Iterator[File]:
        """Each file in it, unpacked, to be read in order; `on_read` is called after each read.

        Raises LogError where it cannot be read or unpacked.
        """
        file = File(self.name, self._pieces(on_read))
        start = self.start
        if start is None:
            return unpacked(file)
        whole = _Whole(self, start, on_read)

        def again(place: int) -> Iterator[bytes]:
            self.stream.seek(start + place)
            return iter(partial(self._piece, READ_SIZE), b"")

        return unpacked(file._replace(whole=cast(BinaryIO, whole), again=again))

    def read(self, size: int) -> bytes:
        """The next bytes of the file as it is; raises LogError where there are none to be had."""
        piece = self._piece(size)
        self.bytes_read += len(piece)
        return piece

    def _piece(self, size: int) -> bytes:
        try:
            piece = self.stream.read(size)
        except (OSError, ValueError, EOFError) as error:
            raise LogError(f"{self.name}: cannot be read: {reason_of(error)}.") from error
        if not isinstance(piece, bytes):  # text, or None from a pipe that does not wait
            raise LogError(f"{self.name}: gives no bytes; open it in binary mode ('rb').")
        return piece

    def _pieces(self, on_read: Callable[[], None]) -> Iterator[bytes]:
        while piece := self.read(self._enough()):
            on_read()
            yield piece
        promised = (self.size or 0) - (self.start or 0)
        if self.bytes_read < promised:
            raise DamagedLogError(
                f"{self.name}: ends at byte {self.bytes_read:,} of {promised:,}: it became shorter "
                "while it was read."
            )

    def _enough(self) -> int:
        """How much to read: up to a line end, where one is soon found, so that nothing need be cut."""
        if self.start is None or self.size is None or self.size - self.bytes_read < READ_SIZE:
            return READ_SIZE
        place = self.stream.tell()
        self.stream.seek(place + READ_SIZE - _LAST)
        end = self._piece(_LAST).rfind(b"\n") + 1
        self.stream.seek(place)
        return READ_SIZE - _LAST + end if end else READ_SIZE


class _Whole(io.RawIOBase):
    """A source as a file that is read from any place, each read being noticed."""

    def __init__(self, source: Source, start: int, on_read: Callable[[], None]) -> None:
        self._source, self._start, self._on_read = source, start, on_read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            place += self._start
        return self._source.stream.seek(place, whence) - self._start

    def tell(self) -> int:
        return self._source.stream.tell() - self._start

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(size)
        self._on_read()
        return piece


def _start(stream: BinaryIO) -> int | None:
    """Where a stream stands that can be read from any place."""
    try:
        return stream.tell() if stream.seekable() else None
    except (AttributeError, ValueError):
        return None


@contextmanager
def open_source(file: LogFile, name: str | None = None, known: int = 0) -> Iterator[Source]:
    """The source for a path, `-` or an open binary file; only what was opened here is closed.

    `known` is the size of a path's file when it was looked at before. Raises LogError where the file is missing, a folder or not to be read.
    """
    if isinstance(file, (str, os.PathLike)):
        if os.fspath(file) == "-":
            if sys.stdin is None:
                raise LogError("stdin: is closed. Name a file instead of -.")
            stream = sys.stdin.buffer
            yield Source(name or "stdin", stream, _regular_size(stream), start=_start(stream))
            return
        with open_log(file) as stream:
            status = os.fstat(stream.fileno())
            is_regular = stat.S_ISREG(status.st_mode)
            size = max(status.st_size, known) if is_regular else None
            start = 0 if is_regular else _start(stream)
            yield Source(name or source_name(file), stream, size, start=start)
    elif hasattr(file, "read"):
        size = size_of(file) or _regular_size(file)
        yield Source(name or source_name(file), file, size, start=_start(file))
    else:
        raise LogError(f"{file!r:.60} is neither a path nor an open file.")


def _regular_size(stream: BinaryIO) -> int | None:
    """The size in bytes of an open regular file; None for any other stream, such as one that unpacks."""
    raw = getattr(stream, "raw", stream)
    if not isinstance(raw, io.FileIO):
        return None
    status = os.fstat(raw.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None
