"""A path, standard input or an open binary file -> blocks of whole lines, unpacked.

What a file is, its first bytes say; its name is only for messages. Memory is bounded by the block,
whatever the file's size.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, Final, NamedTuple

from flowtag_core.errors import DamagedLogError, LogError, reason_of

LogFile = str | os.PathLike[str] | BinaryIO
"""What counts as a log: a path, `-` for standard input, or a file opened in binary mode."""

READ_SIZE: Final = 1 << 18
_BLOCK_SIZE: Final = 1 << 17
_PACKED_SIZE: Final = 1 << 14
LONGEST_LINE: Final = 1 << 24
"""Bytes; a longer line is set aside, since it would have to be held in memory whole."""

_HEAD_SIZE: Final = 1 << 12
_MOST_LAYERS: Final = 3
_GZIP: Final = b"\x1f\x8b"
_MEMBER_END: Final = b""
_BOMB_SIZE: Final = 1 << 30
_BOMB_RATIO: Final = 1000

_NO_LOGS: Final = (
    (b"PK\x03\x04", "a zip archive", "Unpack it and give the files in it"),
    (b"PAR1", "a Parquet file", "Give the log as text or gzipped text"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it or compress it with gzip"),
    (b"BZh91AY&SY", "compressed with bzip2", "Unpack it or compress it with gzip"),
    (b"\xfd7zXZ\x00", "compressed with xz", "Unpack it or compress it with gzip"),
    (b"\xff\xfe", "UTF-16 text", "Save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "Save it as UTF-8"),
    (b"\x89PNG", "a PNG picture", "Give a VPC flow log"),
    (b"\xff\xd8\xff", "a JPEG picture", "Give a VPC flow log"),
    (b"GIF89a", "a GIF picture", "Give a VPC flow log"),
    (b"%PDF-", "a PDF document", "Give a VPC flow log as text"),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "Save the log as text"),
    (b"\x7fELF", "a program", "Give a VPC flow log"),
    (b"SQLite format 3\x00", "a SQLite database", "Give a VPC flow log as text"),
    (b"Obj\x01", "an Avro file", "Give the log as text or gzipped text"),
    (b"version https://git-lfs", "a Git LFS pointer", "Fetch the file with git lfs pull"),
)
_MARKUP: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml|error)\b", re.IGNORECASE)


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
    wrapping: str = ""

    def blocks(self, on_read: Callable[[], None]) -> Iterator[Block]:
        """Blocks of whole lines, in order; `on_read` is called after each read from the file.

        Raises LogError where this is no text log, and DamagedLogError, after everything that came
        out before the damage, where packed data ends early or does not hold together.
        """
        return _whole_lines(self._text(self._chunks(on_read), 0))

    def _chunks(self, on_read: Callable[[], None]) -> Iterator[bytes]:
        while True:
            try:
                chunk = self.stream.read(READ_SIZE)
            except (OSError, ValueError, EOFError) as error:
                raise LogError(f"{self.name}: cannot be read: {reason_of(error)}.") from error
            if not isinstance(chunk, bytes):  # text, or None from a pipe that does not wait
                raise LogError(f"{self.name}: gives no bytes; open it in binary mode ('rb').")
            if not chunk:
                return
            self.bytes_read += len(chunk)
            on_read()
            yield chunk

    def _text(self, chunks: Iterator[bytes], layer: int) -> Iterator[bytes]:
        head, chunks = _peeked(chunks)
        if not head.startswith(_GZIP):
            self._refuse_no_logs(head)
            return _members_as_lines(chunks)
        if layer == _MOST_LAYERS:
            raise LogError(
                f"{self.name}: is gzip within gzip more than {_MOST_LAYERS} deep. Unpack it first."
            )
        self.wrapping += "gzip, "
        return self._text(_gunzip(chunks, self.name), layer + 1)

    def _refuse_no_logs(self, head: bytes) -> None:
        for magic, what, remedy in _NO_LOGS:
            if head.startswith(magic):
                if b"[Content_Types].xml" in head:
                    what, remedy = "an Office document", "Save the log as text"
                raise LogError(f"{self.name}: is {what}, not a flow log. {remedy}.")
        if _MARKUP.match(head):
            raise LogError(f"{self.name}: is a web page or XML, not a flow log. Download it again.")
        if b"\0" in head.partition(b"\n")[0]:
            raise LogError(
                f"{self.name}: is binary (its first line holds a NUL byte), not a flow log. "
                "Give a VPC flow log as text or gzipped text."
            )


@contextmanager
def open_source(file: LogFile, name: str | None = None) -> Iterator[Source]:
    """The source for a path, `-` or an open binary file; only what was opened here is closed.

    Raises LogError where the file is missing, a folder or not to be read.
    """
    if isinstance(file, (str, os.PathLike)):
        if os.fspath(file) == "-":
            if sys.stdin is None:
                raise LogError("stdin: is closed. Name a file instead of -.")
            yield Source(name or "stdin", sys.stdin.buffer, None)
            return
        with open_log(file) as stream:
            status = os.fstat(stream.fileno())
            size = status.st_size if stat.S_ISREG(status.st_mode) else None
            yield Source(name or source_name(file), stream, size)
    elif hasattr(file, "read"):
        yield Source(name or source_name(file), file, getattr(file, "size", None))
    else:
        raise LogError(f"{file!r:.60} is neither a path nor an open file.")


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


def _peeked(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and all chunks still to come, with the damage in its place behind them."""
    first: list[bytes] = []
    size = 0
    try:
        for chunk in chunks:
            first.append(chunk)
            size += len(chunk)
            if size >= _HEAD_SIZE:
                break
    except DamagedLogError as damage:
        return b"".join(first), _damaged(first, damage)
    return b"".join(first), chain(first, chunks)


def _damaged(chunks: list[bytes], damage: DamagedLogError) -> Iterator[bytes]:
    yield from chunks
    raise damage


def _members_as_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The text, with a line end where a member ends without: files that were put together.

    Only text has lines, so this is not done to what is unpacked once more.
    """
    last = b"\n"
    for chunk in chunks:
        if chunk != _MEMBER_END:
            last = chunk[-1:]
            yield chunk
        elif last != b"\n":
            last = b"\n"
            yield last


def _gunzip(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The content of all gzip members, _MEMBER_END behind each.

    Raises DamagedLogError, after all that came out, where a member is cut short, does not hold
    together or is followed by something else than zero padding. Source: RFC 1952.
    """
    packed = unpacked = 0
    member = None
    for chunk in _sliced(chunks):
        packed += len(chunk)
        while chunk:
            if member is None:
                chunk = chunk.lstrip(b"\0")
                member = zlib.decompressobj(wbits=31) if chunk else None
                continue
            try:
                for text in _inflate(member, chunk):
                    unpacked += len(text)
                    yield text
            except zlib.error as error:
                raise DamagedLogError(
                    f"{name}: is damaged: the gzip data does not hold together at or before byte "
                    f"{packed:,}."
                ) from error
            if unpacked > _BOMB_SIZE and unpacked > _BOMB_RATIO * packed:
                raise LogError(
                    f"{name}: unpacks to over {_BOMB_RATIO:,} times its size ({unpacked:,} bytes "
                    f"from {packed:,}), which no flow log does. Unpack it by hand if you trust it."
                )
            chunk = member.unused_data
            if member.eof:
                yield _MEMBER_END
                member = None
    if member is not None:
        if text := member.flush():
            yield text
        raise DamagedLogError(
            f"{name}: is cut short: the gzip data stops at byte {packed:,} without its end."
        )


def _sliced(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Small pieces: what follows a member's end is copied, thousands of times for tiny members."""
    for chunk in chunks:
        for start in range(0, len(chunk), _PACKED_SIZE):
            yield chunk[start : start + _PACKED_SIZE]


def _inflate(member: zlib._Decompress, packed: bytes) -> Iterator[bytes]:
    """What one member makes of these bytes, in bounded pieces, up to its end or the damage."""
    text = b""
    while not member.eof and (packed or len(text) == READ_SIZE):
        before = member.copy()
        try:
            text = member.decompress(packed, READ_SIZE)
        except zlib.error:
            # zlib keeps to itself what it unpacked in a call that fails: go up to the bad byte.
            texts = (before.decompress(packed[i : i + 1]) for i in range(len(packed)))
            yield from filter(None, texts)
            raise
        if text:
            yield text
        packed = member.unconsumed_tail


def _whole_lines(chunks: Iterator[bytes]) -> Iterator[Block]:
    """The same bytes in blocks that end at a line end; the last line may lack its own."""
    held: list[bytes] = []
    size, enough = 0, _BLOCK_SIZE
    too_long = b""
    damage: list[DamagedLogError] = []
    for chunk in _up_to_damage(chunks, damage):
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
            too_long, rest = rest[:_HEAD_SIZE], b""
        # Twice what is left, so that a long line is not joined again for each chunk.
        held, size, enough = [rest], len(rest), max(_BLOCK_SIZE, 2 * len(rest))
    lines, rest = _cut(held)
    yield from _blocks(lines)
    for error in damage:
        error.tail = too_long or rest
        raise error
    yield from [Block(too_long, too_long=True)] if too_long else _blocks(rest)


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
        yield Block(lines[start : start + _HEAD_SIZE if is_long else end + 1], too_long=is_long)
        start = end + 1


def _up_to_damage(chunks: Iterator[bytes], damage: list[DamagedLogError]) -> Iterator[bytes]:
    """The chunks before the damage, which is put into the list once they are all taken."""
    try:
        yield from chunks
    except DamagedLogError as error:
        damage.append(error)


def _cut(held: list[bytes]) -> tuple[bytes, bytes]:
    """The whole lines, and what follows the last line end."""
    text = b"".join(held)
    end = text.rfind(b"\n") + 1
    return text[:end], text[end:]
