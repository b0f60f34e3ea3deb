"""Copies that log rotation makes, recognized by the name and the first lines of a file that was followed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flowtag_core.reading.tail import HEAD, Tail

_LEAST_HEAD: Final = 200
_MOST_GONE: Final = 200


class Copies:
    """Knows which files another one may be a copy of.

    `gone` are the last files that were truncated or vanished; copies of them may still appear.
    """

    def __init__(self) -> None:
        self.gone: list[Tail] = []
        self._by_name: dict[str, list[Tail]] = {}

    def note(self, tails: Iterable[Tail]) -> None:
        """Remember the files that are followed now, before any others are found."""
        self._by_name = {}
        for tail in [*self.gone, *tails]:
            self._by_name.setdefault(tail.name, []).append(tail)

    def add_gone(self, tail: Tail) -> None:
        """Remember a file that was truncated or vanished."""
        self.gone = [*self.gone, tail][-_MOST_GONE:]

    def original(self, path: str, head: bytes, born: int) -> Tail | None:
        """Return the file whose copy is at a path, or None.

        `head` are the first bytes of the copy, unpacked. The original must have been found before the look `born`.
        """
        # The same name does not count: the next log with that name may well begin the same way.
        for end in range(len(path) - 1, 0, -1):
            for tail in self._by_name.get(path[:end], ()):
                if path != tail.path and tail.born < born and _is_same(tail.head, head):
                    return tail
        return None


def _is_same(one: bytes, other: bytes) -> bool:
    size = min(len(one), len(other), HEAD)
    # A header alone is the same in many files.
    is_enough = size >= _LEAST_HEAD or (b"\n" in other[:size] and other[:1].isdigit())
    return is_enough and one[:size] == other[:size]
