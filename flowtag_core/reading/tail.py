"""A text file that is followed, and how far it has been counted."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO, Final

from flowtag_core.counting.file_count import FileCount
from flowtag_core.errors import LogError
from flowtag_core.shapes.text import LineReader
from flowtag_core.sources.places import log_at
from flowtag_core.sources.unpacking import unpacked

_MARK: Final = 256
"""How many bytes before the position must still be the same when a file has grown."""
HEAD: Final = 1024
"""How many of its first bytes identify a copy of a file."""


@dataclass(eq=False)  # Each instance is a separate file.
class Tail:
    """A text file, and how far it has been counted.

    `offset` is the position up to which bytes were read, and `line_start` the beginning of the line there.
    `head` are the first bytes of the file, `mark` the bytes before `offset`. `seen` is the size and time at
    the last read, `since` when they were first seen, and `born` the look in which the file was found. `idle`
    is the number of looks without anything new since the file lost its path. `copies` are the paths of copies.
    `number` are the device and inode number of the file.
    """

    name: str
    path: str
    count: FileCount
    reader: LineReader = field(default_factory=LineReader)
    file: BinaryIO | None = None
    offset: int = 0
    line_start: int = 0
    head: bytes = b""
    mark: bytes = b""
    seen: tuple[int, int] | None = None
    since: float = -math.inf
    born: int = -1
    idle: int = 0
    copies: list[str] = field(default_factory=list)
    number: tuple[int, int] | None = None
    saved: object = None

    def feed(self, piece: bytes) -> None:
        """Count the whole lines among the next bytes of the file."""
        if end := piece.rfind(b"\n") + 1:
            self.line_start = self.offset + end
        self.offset += len(piece)
        self.head += piece[: HEAD - len(self.head)]
        self.mark = (self.mark + piece)[-_MARK:]
        for block in self.reader.feed(piece):
            self.count.count(block)

    def count_lines(self) -> None:
        """Count the whole lines that were fed, however few."""
        for block in self.reader.lines():
            self.count.count(block)

    def count_rest(self) -> None:
        """Count the last line, which lacks its line end."""
        for block in self.reader.end():
            self.count.count(block)
        self.line_start = self.offset

    def close(self) -> None:
        """Close the file; it can be opened again."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def is_at(self, path: str, status: os.stat_result) -> bool:
        """Whether the file at a path, which has the same inode number, is still this file.

        If not, this file is gone and its number was reused, which cannot happen while it is open.
        """
        if self.file is not None or path == self.path:
            return True
        if not self.head or status.st_size < len(self.head):
            return False
        with suppress(OSError), open(path, "rb") as file:
            return file.read(len(self.head)) == self.head
        return True

    def contains_all(self, path: str, status: os.stat_result) -> bool:
        """Whether the file at a path has at least what was read of this one: it came back, or has a new number."""
        if not self.head or status.st_size < self.offset:
            return False
        with suppress(OSError), open(path, "rb") as file:
            return file.read(len(self.head)) == self.head and self.is_in(file)
        return False

    def is_in(self, file: BinaryIO) -> bool:
        """Whether the bytes before the position are still those that were read."""
        file.seek(self.offset - len(self.mark))
        return file.read(len(self.mark)) == self.mark


def feed_from_copies(tail: Tail) -> bool:
    """Count the unread rest of a file from one of its copies; return whether that was possible."""
    for path in tail.copies:
        with suppress(LogError):
            if feed_from(path, tail):
                return True
    return False


def feed_from(path: str, tail: Tail) -> bool:
    """Count the unread rest of a file from the copy at a path, packed or not; return whether it is a copy.

    Raises LogError if the copy is incomplete, after counting what is in it.
    """
    with closing(log_at(path).places[0].open()) as source:
        rest = _beyond(tail, next(unpacked(source)).pieces())
        for piece in rest or ():
            tail.feed(piece)
        return rest is not None


def _beyond(tail: Tail, pieces: Iterator[bytes]) -> Iterator[bytes] | None:
    """Return the pieces after the position in a file, or None if the bytes before it are not the same."""
    before = b""
    done = 0
    for piece in pieces:
        end = min(len(piece), tail.offset - done)
        before = (before + piece[:end])[-_MARK:]
        done += end
        if done == tail.offset:
            is_same = before.endswith(tail.mark)
            return chain([piece[end:]], pieces) if is_same else None
    return None
