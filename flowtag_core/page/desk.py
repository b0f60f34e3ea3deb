"""The lookup of a tab: its versions, every change of it, and the local file that it came from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from flowtag_core.errors import LookupFileError, RuleError
from flowtag_core.page.bench import Bench
from flowtag_core.page.edits import Edits
from flowtag_core.page.versions import Versions
from flowtag_core.showing import lookup_notes, words
from flowtag_core.tagging.editing import with_rules
from flowtag_core.tagging.lookup import Lookup, Rule

P = ParamSpec("P")
T = TypeVar("T")


def locked(change: Callable[Concatenate[Desk, P], T]) -> Callable[Concatenate[Desk, P], T]:
    """Make a change of the lookup wait until no other one is in progress."""

    @wraps(change)
    def alone(desk: Desk, /, *arguments: P.args, **named: P.kwargs) -> T:
        with desk.lock:
            return change(desk, *arguments, **named)

    return alone


@dataclass
class Desk:
    """A lookup and everything that changes it.

    `versions` has the lookup and what it was before. While the sample is shown, `sample` is the lookup
    that belongs to it and `before_sample` what was there before. `bench` is what stands on the workbench,
    `edits` the table in which the rows are edited. `home` is the file of this machine that the lookup came
    from, `home_content` what was in it then. Every change holds `lock`: the script of a tab may run on two
    threads for a moment.
    """

    versions: Versions = field(default_factory=Versions)
    sample: Lookup | None = None
    before_sample: Versions | None = None
    bench: Bench = field(default_factory=Bench)
    edits: Edits = field(default_factory=Edits)
    home: str | None = None
    home_content: bytes | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def given(self) -> Lookup | None:
        """The lookup; None as long as none was given and no rule was added."""
        return self.versions.current

    @property
    def lookup(self) -> Lookup:
        """The lookup; one without a rule where there is none."""
        return self.versions.lookup

    @property
    def has_lookup_to_save(self) -> bool:
        """Whether there is a lookup of the user's own, and one was read from `home` at first."""
        is_own = self.given is not None and not self._is_sample
        return is_own and self.home_content is not None

    @property
    def _is_sample(self) -> bool:
        """Whether the lookup is the sample's, unchanged."""
        return self.sample is not None and self.lookup.content == self.sample.content

    @locked
    def take(self, lookup: Lookup) -> str:
        """Use a lookup that was given; return a sentence on the one it replaced, if any."""
        told = ""
        if self.given is not None and self.given.content != lookup.content:
            told = f"{lookup.name} replaced {self.given.name}."
        if self.home_content is None and lookup.name == words.unicode(self.home or ""):
            # Only what was read from that file as it is may once be written over it.
            self.home_content = None if lookup.form else lookup.content
        self.versions.take(lookup)
        self.before_sample = None
        return told

    @locked
    def remove(self) -> None:
        """Take the lookup out again: everything is Untagged then. It can be undone."""
        self.versions.take(None)

    @locked
    def tag(self, rules: Sequence[Rule]) -> None:
        """Add rules to the lookup, or say why that cannot be."""
        try:
            self._change(with_rules(self.lookup, rules), lookup_notes.named(rules))
        except (RuleError, LookupFileError) as error:
            self.bench.refuse(str(error))

    @locked
    def edit(self, done: Mapping[str, Any]) -> None:
        """Apply the edits made in the table of rows, or say why they are not possible."""
        self.edits.wrong = ""
        if self.edits.content != self.lookup.content:
            self.edits.wrong = lookup_notes.CHANGED_MEANWHILE
            return
        try:
            lookup = self.edits.edited(done)
            self._change(lookup, lookup_notes.edited(self.lookup, lookup))
        except (RuleError, LookupFileError) as error:
            self.edits.wrong = str(error)

    def _change(self, lookup: Lookup, what: str) -> None:
        if lookup.content != self.lookup.content:
            self.versions.change(lookup)
            self.bench.did(what)

    @locked
    def undo(self) -> None:
        """Go back to the lookup before the last change."""
        self.versions.undo()
        self.bench.did("Undone")

    @locked
    def redo(self) -> None:
        """Take the last undo back."""
        self.versions.redo()
        self.bench.did("Redone")

    @locked
    def downloaded(self, lookup: Lookup) -> None:
        """Note that the user has downloaded this version."""
        self.versions.saved(lookup)

    @locked
    def saved(self) -> str:
        """Note that the lookup was saved to its file; return a sentence that says so."""
        self.home_content = self.lookup.content
        self.versions.saved(self.lookup)
        return f"Saved {words.number(len(self.lookup), 'rule')} to {self.home}."

    @locked
    def show_sample(self, sample: Lookup) -> None:
        """Replace the lookup with the sample's."""
        before = self.versions
        self.start_over()
        self.before_sample, self.sample = before, sample
        self.versions = Versions(sample)
        self.versions.saved(sample)

    @locked
    def leave_sample(self) -> None:
        """Restore the lookup from before the sample; if there was none, keep a changed sample."""
        before = self.before_sample or Versions()
        if self._is_sample or before.current is not None:
            self.versions = before
        self.sample = self.before_sample = None

    @locked
    def start_over(self) -> None:
        """Let go of the lookup and of everything that was done to it."""
        self.versions, self.bench, self.edits = Versions(), Bench(), Edits()
        self.sample = self.before_sample = None
