"""Files that are copies of others, or come back: recognized by their names and first lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from flowtag_core.reading.rotation import stem
from flowtag_core.reading.tail import Tail
from flowtag_core.reading.whole import Whole

Known = Tail | Whole
_MOST_GONE: Final = 10_000


class Copies:
    """Knows which files another one may be a copy of.

    `followed` returns the files that are followed now. `gone` are the last files that were truncated or
    vanished; copies of them may still appear, and they may come back.
    """

    def __init__(self, followed: Callable[[], Iterable[Known]]) -> None:
        self._followed = followed
        self._gone: dict[int, Known] = {}
        self._by_path: dict[str, list[Known]] | None = None

    @property
    def gone(self) -> list[Known]:
        """The files that are gone, the oldest first."""
        return list(self._gone.values())

    def is_gone(self, known: Known) -> bool:
        """Whether a file is gone."""
        return id(known) in self._gone

    def begin_look(self) -> None:
        """Forget which files were followed: the next question is about those that are followed then."""
        self._by_path = None

    def add_gone(self, known: Known) -> None:
        """Remember a file that was truncated or vanished."""
        self._gone[id(known)] = known
        if len(self._gone) > _MOST_GONE:
            del self._gone[next(iter(self._gone))]

    def remove_gone(self, known: Known) -> None:
        """Forget a file that is there again."""
        self._gone.pop(id(known), None)

    def original(self, path: str, text: bytes, born: int) -> Known | None:
        """Return the file whose copy is at a path, or None.

        `text` is the beginning of the copy, unpacked. The original must have been found before the look `born`.
        """
        return next(
            (each for each in self._like(path, born) if _is_same(begin_of(each), text)), None
        )

    def may_have_original(self, path: str, text: bytes, born: int) -> bool:
        """Whether a file may turn out to be a copy once there is more of its text."""
        return any(begin_of(each).startswith(text) for each in self._like(path, born))

    def at(self, path: str) -> list[Known]:
        """Return the files that were last seen at a path."""
        return [each for each in self._index().get(path, ()) if each.path == path]

    def _like(self, path: str, born: int) -> list[Known]:
        """Return the files with a name from which rotation may have made the name of a path."""
        index = self._index()
        names = {stem(path), *(path[:end] for end in range(1, len(path)))}
        found = {id(each): each for name in names for each in index.get(name, ())}
        # A log's own name does not count: the next log with that name may well begin the same way.
        return [
            each
            for each in found.values()
            if path not in (each.path, _name_of(each)) and each.born < born
        ]

    def _index(self) -> dict[str, list[Known]]:
        if self._by_path is None:
            self._by_path = {}
            for known in (*self._gone.values(), *self._followed()):
                for path in {known.path, _name_of(known), stem(known.path)}:
                    self._by_path.setdefault(path, []).append(known)
        return self._by_path


def begin_of(known: Known) -> bytes:
    """Return the beginning of the text in a file, as far as it is known."""
    return known.head if isinstance(known, Tail) else known.text


def _name_of(known: Known) -> str:
    return known.name if isinstance(known, Tail) else known.path


def _is_same(one: bytes, other: bytes) -> bool:
    """Whether two texts begin with the same lines: a record at least, since many files have the same header."""
    size = min(len(one), len(other))
    lines = one[:size].count(b"\n") - (0 if one[:1].isdigit() else 1)
    return lines > 0 and one[:size] == other[:size]
