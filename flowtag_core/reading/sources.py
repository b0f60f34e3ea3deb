"""A path, standard input or an open binary file -> the files in it -> blocks of whole lines.

Memory is bounded by the block, whatever the file's size.
"""

from __future__ import annotations

import glob
import io
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final, NamedTuple, TextIO, cast

from flowtag_core.errors import DamagedLogError, LogError, reason_of
from flowtag_core.reading.unpacking import HEAD_SIZE, MEMBER_END, READ_SIZE, File, unpacked

LogFile = str | os.PathLike[str] | BinaryIO
"""What counts as a log: a path, `-` for standard input, or a file opened in binary mode."""

_BLOCK_SIZE: Final = 1 << 18
_LAST: Final = 1 << 11  # bytes of a piece in which a line end is looked for
LONGEST_LINE: Final = 1 << 24
"""Bytes; a longer line is set aside, since it would have to be held in memory whole."""


class Block(NamedTuple):
    """Whole lines; or, `too_long`, the beginning of a single line that is not held whole."""

    text: bytes
    too_long: bool = False


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


def size_of(file: LogFile) -> int | None:
    """The size in bytes of a regular file, or of an open one that says it."""
    if isinstance(file, (str, os.PathLike)):
        if os.fspath(file) == "-":  # standard input, though there may be a file of this name
            return None
        with suppress(OSError, ValueError):  # whoever opens it says what is wrong
            status = os.stat(file)
            return status.st_size if stat.S_ISREG(status.st_mode) else None
        return None
    size = getattr(file, "size", None)
    return size if isinstance(size, int) else None


def _regular_size(stream: BinaryIO) -> int | None:
    """The size in bytes of an open regular file; None for any other stream, such as one that unpacks."""
    raw = getattr(stream, "raw", stream)
    if not isinstance(raw, io.FileIO):
        return None
    status = os.fstat(raw.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def source_name(file: LogFile) -> str:
    """What a log is called in results and messages."""
    if isinstance(file, (str, os.PathLike)):
        return "stdin" if os.fspath(file) == "-" else os.fspath(file)
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else "stream"


def check_readable(path: str | os.PathLike[str]) -> None:
    """Raise LogError at once where reading would surely fail later; nothing is read."""
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError) as error:
        raise _not_opened(path, error) from error
    if is_folder:
        raise _not_opened(path, IsADirectoryError())


def expanded(path: str) -> list[str]:
    """The paths that are meant: itself, or what a pattern such as `logs/**/*.gz` matches, by name.

    A shell has mostly matched it before. Raises LogError at once where reading would surely fail
    later; nothing is read.
    """
    if path == "-" or os.path.isdir(path):
        return [path]
    if not os.path.lexists(path):
        found = sorted(glob.glob(path, recursive=True))
        # A folder that ** finds is read already, file by file.
        files = [each for each in found if "**" not in path or not os.path.isdir(each)]
        if files:
            return files
    check_readable(path)
    return [path]


def files_in(path: str) -> tuple[list[str], list[LogError]]:
    """The path itself, or for a folder every file in it and below, by name; hidden ones are not.

    Beside them what is wrong with folders that cannot be looked into. Raises LogError where there
    is no such path or nothing in it.
    """
    if not os.path.isdir(path):
        check_readable(path)
        return [path], []
    files: list[str] = []
    unreadable: list[LogError] = []

    def note(error: OSError) -> None:
        unreadable.append(_not_opened(error.filename, error))

    for folder, folders, names in os.walk(path, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [os.path.join(folder, name) for name in sorted(names) if name[0] != "."]
    if not files and not unreadable:
        raise LogError(f"{path}: is a folder without files. Give the folder that has the logs.")
    return files, unreadable


def file_identity(file: str | TextIO | None) -> tuple[int, int] | None:
    """The device and inode of a regular file, the same for every path and link to it; else None.

    `-` stands for standard input; an open text stream is the file that it reads or writes.
    """
    if file == "-":
        file = sys.stdin
    try:
        status = os.stat(file) if isinstance(file, str) else os.fstat(cast(TextIO, file).fileno())
    except (OSError, ValueError, AttributeError):  # a stream that is closed is None
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def same_files(paths: Iterable[str]) -> list[list[str]]:
    """The paths that lead to one file, where there are several; each list in the order given."""
    by_identity: dict[tuple[int, int], list[str]] = {}
    for path in paths:
        if (identity := file_identity(path)) is not None:
            by_identity.setdefault(identity, []).append(path)
    return [paths for paths in by_identity.values() if len(paths) > 1]


def open_log(path: str | os.PathLike[str]) -> BinaryIO:
    """The file at a path, opened for reading its bytes; raises LogError where that fails."""
    try:
        return open(path, "rb", buffering=0)
    except (OSError, ValueError) as error:
        raise _not_opened(path, error) from error


def _not_opened(path: str | os.PathLike[str], error: Exception) -> LogError:
    if isinstance(error, FileNotFoundError):
        return LogError(f"{path}: there is no such file. Check the path.")
    if isinstance(error, IsADirectoryError):
        return LogError(f"{path}: is a folder. Give the log files in it.")
    return LogError(f"{path}: cannot be opened: {reason_of(error)}.")


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
