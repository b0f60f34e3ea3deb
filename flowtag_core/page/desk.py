"""The lookup of a tab: its versions, every change to it, and the local file that it came from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from flowtag_core.errors import LookupFileError, RuleError
from flowtag_core.page.bench import Bench
from flowtag_core.page.edits import Edits, Told
from flowtag_core.page.versions import Versions
from flowtag_core.showing import lookup_notes, words
from flowtag_core.showing.sheet import Part
from flowtag_core.tagging.editing import with_rules
from flowtag_core.tagging.lookup import Lookup, Rule

P = ParamSpec("P")
T = TypeVar("T")


def locked(change: Callable[Concatenate[Desk, P], T]) -> Callable[Concatenate[Desk, P], T]:
    """Decorate a change to the lookup so that it waits until no other one is in progress."""

    @wraps(change)
    def alone(desk: Desk, /, *arguments: P.args, **named: P.kwargs) -> T:
        with desk.lock:
            return change(desk, *arguments, **named)

    return alone


@dataclass
class Desk:
    """A lookup and everything that changes it.

    `versions` has the lookup and its earlier versions. While the sample is shown, `sample` is its lookup
    and `before_sample` what was there before. `bench` is the state of the workbench, `edits` that of the
    table in which the rows are edited. `home` is the local file that the lookup came from, `home_content`
    its content at that time. Every change holds `lock`, because the script of a tab may briefly run on
    two threads.
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
        """The lookup; None until one is given or a rule is added."""
        return self.versions.current

    @property
    def lookup(self) -> Lookup:
        """The lookup; an empty one if there is none."""
        return self.versions.lookup

    @property
    def has_lookup_to_save(self) -> bool:
        """Whether the user has their own lookup, and a lookup was once read from `home`."""
        is_own = self.given is not None and not self._is_sample
        return is_own and self.home_content is not None

    @property
    def _is_sample(self) -> bool:
        """Whether the lookup is the sample's, unchanged."""
        return self.sample is not None and self.lookup.content == self.sample.content

    @locked
    def take(self, lookup: Lookup) -> str:
        """Use a new lookup; return a sentence that names the one it replaced, empty if there was none."""
        told = ""
        if self.given is not None and self.given.content != lookup.content:
            told = f"{lookup.name} replaced {self.given.name}."
        if self.home_content is None and lookup.name == words.unicode(self.home or ""):
            # The file may later be overwritten only if it was read unconverted.
            self.home_content = None if lookup.form else lookup.content
        self.versions.take(lookup)
        self.before_sample = None
        return told

    @locked
    def remove(self) -> None:
        """Remove the lookup, so that everything is Untagged. This can be undone."""
        self.versions.take(None)

    @locked
    def tag(self, rules: Sequence[Rule]) -> None:
        """Add rules to the lookup, or say why that failed."""
        try:
            self._change(with_rules(self.lookup, rules), lookup_notes.named(rules))
        except (RuleError, LookupFileError) as error:
            self.bench.refuse(str(error))

    @locked
    def table(self) -> Edits:
        """Return the table of the lookup's rows to send to the browser.

        It includes the pending edits, so call `stage` first to collect those in the last table.
        """
        self.edits.show(self.lookup)
        return self.edits

    @locked
    def look_at(self, part: Part, line: int | None = None) -> None:
        """Choose the rows to show, and the line to show them around; None keeps the previous line."""
        self.edits.part = part
        self.edits.line = self.edits.line if line is None else line

    @locked
    def stage(self, told_of: Callable[[int], Told | None]) -> Edits:
        """Collect the edits in the table, which stay pending until they are applied.

        `told_of` takes a table's number and returns the edits that the browser reports for it, None if
        the browser does not have that table.
        """
        self.edits.stage(told_of(self.edits.number))
        return self.edits

    @locked
    def discard(self) -> None:
        """Discard the pending edits."""
        self.edits.discard()

    @locked
    def apply(self) -> None:
        """Apply all pending edits as one change, or say why that failed.

        If one of them would make a row unusable, none is applied.
        """
        edits = self.edits
        if edits.follow(self.lookup) and not edits.staged.is_refused(edits.sheet):
            self._make(edits)

    def _make(self, edits: Edits) -> None:
        try:
            lookup = edits.staged.made(edits.sheet)
        except (RuleError, LookupFileError) as error:
            edits.wrong = str(error)
        else:
            self._change(lookup, lookup_notes.edited(self.lookup, lookup))
            edits.made(self.lookup)

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
        """Reverse the last undo."""
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
        """Forget the lookup and its history."""
        # A table's number is never reused: the browser may still report on the previous table.
        self.versions, self.bench, self.edits = Versions(), Bench(), Edits(self.edits.number)
        self.sample = self.before_sample = None
