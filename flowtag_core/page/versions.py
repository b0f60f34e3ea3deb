"""The lookup, its earlier versions, and what is not yet saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from flowtag_core.tagging.lookup import Lookup, changes
from flowtag_core.tagging.lookup_file import read_lookup

MOST_KEPT: Final = 1 << 26
"""The most bytes of earlier lookups that are kept for undo: hundreds of ordinary ones."""

EMPTY_LOOKUP: Final = read_lookup(b"dstport,protocol,tag\n", name="lookup.csv")
"""The lookup if none was given; the first rule is added to it."""


class _Version(NamedTuple):
    """A version of the lookup: the name and the bytes of its file."""

    name: str
    content: bytes


@dataclass
class Versions:
    """The lookup (None if there is none), its undo and redo history, and the version last saved.

    An earlier lookup is kept as its file and read again when it comes back, so that undo restores the
    exact bytes. `unsaved` counts the rules that differ from the file that the user has.
    """

    current: Lookup | None = None
    unsaved: int = 0
    _saved: Lookup = EMPTY_LOOKUP
    _past: list[_Version | None] = field(default_factory=list)
    _future: list[_Version | None] = field(default_factory=list)

    @property
    def lookup(self) -> Lookup:
        """The lookup; an empty one if there is none."""
        return EMPTY_LOOKUP if self.current is None else self.current

    @property
    def can_undo(self) -> bool:
        """Whether there is a version before this one."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone version."""
        return bool(self._future)

    @property
    def is_saved(self) -> bool:
        """Whether the user's own file is this one, byte for byte."""
        return self.lookup.content == self._saved.content

    def take(self, lookup: Lookup | None) -> None:
        """Replace the lookup with another file, which the user already has."""
        self._saved = EMPTY_LOOKUP if lookup is None else lookup
        if self.current is None:
            self._show(lookup)
        else:
            self.change(lookup)

    def change(self, lookup: Lookup | None) -> None:
        """Set a changed lookup; what was undone before can no longer be redone."""
        self._past.append(_version(self.current))
        self._future.clear()
        while sum(len(file.content) for file in self._past if file) > MOST_KEPT:
            del self._past[0]
        self._show(lookup)

    def undo(self) -> None:
        """Go back by one version, if there is one."""
        if self._past:
            self._future.append(_version(self.current))
            self._show(_read(self._past.pop()))

    def redo(self) -> None:
        """Reverse the last undo, if there was one."""
        if self._future:
            self._past.append(_version(self.current))
            self._show(_read(self._future.pop()))

    def saved(self, lookup: Lookup) -> None:
        """Note that the user now has this version as a file."""
        self._saved = lookup
        self._show(self.current)

    def _show(self, lookup: Lookup | None) -> None:
        self.current = lookup
        self.unsaved = changes(self._saved, self.lookup)


def _version(lookup: Lookup | None) -> _Version | None:
    return None if lookup is None else _Version(lookup.name, lookup.content)


def _read(file: _Version | None) -> Lookup | None:
    return None if file is None else read_lookup(file.content, file.name)
