"""An open local file, an upload or standard input as a source."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO, Final, cast

from flowtag_core.errors import DamagedLogError, LogError, reason_of
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import READ_SIZE, Pieces, Source

_LAST: Final = 1 << 11
"""The number of bytes at the end of a piece that are searched for a line end."""


class Stream:
    """A binary file, read from the position `start`, which is None if the file is not seekable.

    `size` is in bytes, or None if it is not known.
    """

    def __init__(
        self,
        name: str,
        file: BinaryIO,
        size: int | None,
        start: int | None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.size = size
        self.close = close
        self.budget = Budget(name, lambda: size or 0)
        self._file = file
        self._start = start

    def pieces(self) -> Pieces:
        """Yield the file's bytes from `start`; raises DamagedLogError if the file ends before `size`."""
        if self._start is not None:
            self._seek(self._start)
        done = 0
        while piece := self._read(self._enough(done)):
            done += len(piece)
            yield piece
        promised = (self.size or 0) - (self._start or 0)
        if done < promised:
            raise DamagedLogError(
                f"{self.name}: ends at byte {done:,} of {promised:,}: it became shorter while it "
                "was being read."
            )

    def again(self, place: int) -> Pieces | None:
        """Reread the file from position `place` after `start`, or return None if it is not seekable."""
        return None if self._start is None else self._from(self._start + place)

    def whole(self) -> BinaryIO | None:
        """Return a seekable file that begins at `start`, or None if the file is not seekable."""
        if self._start is None:
            return None
        self._seek(self._start)
        return cast(BinaryIO, _Whole(self._file, self._start, self._read))

    def _from(self, place: int) -> Pieces:
        self._seek(place)
        yield from iter(partial(self._read, READ_SIZE), b"")

    def _seek(self, place: int) -> None:
        try:
            self._file.seek(place)
        except (OSError, ValueError) as error:
            raise LogError(f"{self.name}: cannot be read: {reason_of(error)}.") from error

    def _read(self, size: int) -> bytes:
        try:
            piece = self._file.read(size)
        except (OSError, ValueError, EOFError) as error:
            raise LogError(f"{self.name}: cannot be read: {reason_of(error)}.") from error
        if not isinstance(piece, bytes):  # text, or None from a non-blocking pipe
            raise LogError(f"{self.name}: does not return bytes. Open it in binary mode ('rb').")
        return piece

    def _enough(self, done: int) -> int:
        """Return how many bytes to read: up to a line end if one is near, so that no line is split."""
        if self._start is None or self.size is None or self.size - done < READ_SIZE:
            return READ_SIZE
        place = self._file.tell()
        self._seek(place + READ_SIZE - _LAST)
        end = self._read(_LAST).rfind(b"\n") + 1
        self._seek(place)
        return READ_SIZE - _LAST + end if end else READ_SIZE


class Watched:
    """A source that adds each read to `bytes_read` and then calls `on_read`.

    Charges to its budget call `on_read` too.
    """

    def __init__(self, source: Source, on_read: Callable[[], None] = lambda: None) -> None:
        self.name = source.name
        self.size = source.size
        self.again = source.again
        self.close = source.close
        self.bytes_read = 0
        self._reached = 0
        self.budget = Budget(source.name, lambda: self.came, lambda: self.on_read())  # noqa: PLW0108 (it may change)
        self._source = source
        self.on_read = on_read

    @property
    def came(self) -> int:
        """The number of bytes read. Bytes that are read repeatedly count once."""
        return self._reached if self.size is None else min(self.bytes_read, self.size)

    def pieces(self) -> Pieces:
        """Yield the source's bytes."""
        place = 0
        for piece in self._source.pieces():
            place += len(piece)
            self._noticed(piece, place)
            yield piece

    def whole(self) -> BinaryIO | None:
        """Return the source as a seekable file, or None if it is not seekable."""
        whole = self._source.whole()
        if whole is None:
            return None

        def read(size: int) -> bytes:
            piece = whole.read(size)
            self._noticed(piece, whole.tell())
            return piece

        return cast(BinaryIO, _Whole(whole, 0, read))

    def _noticed(self, piece: bytes, place: int) -> None:
        """Record a piece that ends at this place, and call `on_read`."""
        self.bytes_read += len(piece)
        self._reached = max(self._reached, place)
        self.on_read()


class _Whole(io.RawIOBase):
    """A view of a seekable file from the position `start` on. All reads go through the function `read`."""

    def __init__(self, file: BinaryIO, start: int, read: Callable[[int], bytes]) -> None:
        self._file, self._start, self._read = file, start, read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            place += self._start
        return self._file.seek(place, whence) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start

    def read(self, size: int = -1) -> bytes:
        return self._read(size)


def regular_size(file: BinaryIO) -> int | None:
    """Return the size in bytes of an open regular file, or None for any other stream, such as a GzipFile."""
    status = status_of(file)
    return status.st_size if status and stat.S_ISREG(status.st_mode) else None


def status_of(file: Any) -> os.stat_result | None:
    """Return the `os.stat_result` of an open file, or None for any other kind of stream."""
    raw = getattr(file, "raw", file)
    if not isinstance(raw, io.FileIO):
        return None
    with suppress(OSError, ValueError):  # A closed file is reported when it is read.
        return os.fstat(raw.fileno())
    return None


def start_of(file: BinaryIO) -> int | None:
    """Return the current position in a file, or None if it is not seekable."""
    with suppress(OSError, ValueError, AttributeError):
        if file.seekable():
            place = file.tell()
            file.seek(place)  # Some files only claim to be seekable.
            return place
    return None
