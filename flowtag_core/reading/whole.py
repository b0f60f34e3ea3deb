"""A file that is followed and counted as a whole, because it cannot be read line by line as it grows."""

from __future__ import annotations

import math
import os
from contextlib import closing, suppress
from dataclasses import dataclass

from flowtag_core.errors import LogError
from flowtag_core.reading.tail import HEAD
from flowtag_core.sources.places import log_at
from flowtag_core.sources.unpacking import unpacked


@dataclass
class Whole:
    """A file that is counted as a whole, or a copy, which is not counted at all.

    `head` are its first bytes, `text` is the beginning of its text, unpacked. `seen` is its size and time at the last look, `since` when they were
    first seen, and `born` the look in which it was found. `is_tried` says that it was incomplete when it was
    last tried.
    """

    path: str
    head: bytes = b""
    text: bytes = b""
    seen: tuple[int, int] | None = None
    since: float = -math.inf
    born: int = -1
    is_tried: bool = False
    is_counted: bool = False
    is_copy: bool = False
    saved: object = None

    def is_at(self, path: str, status: os.stat_result) -> bool:
        """Whether the file at a path, which has the same inode number, is still this file.

        If not, this file is gone and its number was reused.
        """
        is_unchanged = self.seen in (None, (status.st_size, status.st_mtime_ns))
        if is_unchanged and path == self.path:
            return True
        with suppress(OSError), open(path, "rb") as file:
            return file.read(len(self.head)) == self.head
        return True

    def contains_all(self, path: str, status: os.stat_result) -> bool:
        """Whether the file at a path is like this one: it came back, or has a new number."""
        if self.seen is None or status.st_size != self.seen[0]:
            return False
        with suppress(OSError), open(path, "rb") as file:
            return file.read(len(self.head)) == self.head
        return False


def unpacked_head(path: str) -> bytes:
    """Return the first bytes of a file, unpacked; none if it cannot be unpacked yet."""
    with suppress(LogError), closing(log_at(path).places[0].open()) as source:
        for file in unpacked(source):
            return next(iter(file.pieces()), b"")[:HEAD]
    return b""
