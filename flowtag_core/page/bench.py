"""The state of the workbench, and the meaning of a click on its list, whose rows move."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from flowtag_core.showing.lookup_notes import effect
from flowtag_core.showing.words import number
from flowtag_core.showing.workbench import UntaggedPair
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import Report

A_DOUBLE_CLICK: Final = 0.5
"""Seconds in which a second click on the same row is part of a double click."""
AT_ONCE: Final = 0.35
"""Seconds in which a second click on any row is part of a double click: the list may have been sorted."""
ON_ITS_WAY: Final = 3.0
"""Seconds for which the browser may still show the previous list."""


class Numbered(Protocol):
    """Something numbered in the order in which it was typed."""

    @property
    def number(self) -> int:
        """The number, counted from 1."""


N = TypeVar("N", bound=Numbered)


@dataclass
class Bench:
    """The untagged pairs on offer, which of them are ticked, and the effect of the last change.

    `said` is the sentence on that effect, `wrong` says why a change failed. `untagged` is the share
    (0 to 1) that was Untagged when the page was last drawn, `pending` the last change since then, and
    `view` identifies the flows that were counted then. `aimed` has the ports that were chosen elsewhere
    on the page for the next tag, `aims` counts such choices.

    `taken` is the number of the last typed entry that was processed, `refused` that of the last one that
    failed, and `told` is what the browser knows of both. `name` is unique, so that entries are processed
    only by the bench that they were typed for. `epoch` changes when a tagged pair may be on offer again,
    `left` is the lookup after the last entry.
    """

    pairs: tuple[UntaggedPair, ...] = ()
    ticked: set[tuple[int, int]] = field(default_factory=set)
    said: str = ""
    wrong: str = ""
    untagged: float = 0.0
    pending: str = ""
    view: Hashable = None
    aims: int = 0
    aimed: str = ""
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    taken: int = 0
    refused: int = 0
    epoch: int = 0
    left: Lookup | None = None
    told: dict[str, int] = field(default_factory=lambda: {"taken": 0, "epoch": 0, "refused": 0})
    _others: int = 0
    _pairs_before: tuple[UntaggedPair, ...] = ()
    _moved: float = 0.0
    _taken: tuple[int, float] = (-1, 0.0)

    def show(self, pairs: Sequence[UntaggedPair]) -> list[int]:
        """Offer these pairs and return the ticked rows; pairs that are gone are unticked."""
        if tuple(pairs) != self.pairs:
            self._pairs_before, self._moved = self.pairs, time.monotonic()
            self.pairs = tuple(pairs)
        rows = [row for row, pair in enumerate(pairs) if pair.numbers in self.ticked]
        self.ticked = {pairs[row].numbers for row in rows}
        return rows

    def tick(self, rows: Collection[int]) -> None:
        """Tick these rows of the list and no others."""
        self.wrong = ""
        self.ticked = {self.pairs[row].numbers for row in rows if row < len(self.pairs)}

    def clicked(self, row: int, label: str) -> UntaggedPair | None:
        """Return the pair that the user clicked, None if that is uncertain.

        Each new rule moves the rows up, so the click may have been meant for the list that was shown a
        moment ago. The second half of a double click is ignored.
        """
        now = time.monotonic()
        row_before, then = self._taken
        lists = {self.pairs, self._pairs_before if now - self._moved < ON_ITS_WAY else ()}
        shown = {pairs[row] for pairs in lists if row < len(pairs)}
        meant = [pair for pair in shown if pair.label == label]
        if now - then < (A_DOUBLE_CLICK if row == row_before else AT_ONCE) or len(meant) != 1:
            return None
        self._taken = row, now
        return meant[0] if meant[0] in self.pairs else None

    @property
    def offered(self) -> list[UntaggedPair]:
        """The pairs that a tag applies to if no port is typed: the ticked ones, else the first."""
        ticked = [pair for pair in self.pairs if pair.numbers in self.ticked]
        return ticked or list(self.pairs[:1])

    def new(self, log: Iterable[N]) -> list[N]:
        """Return the entries that are new, in order and each only once."""
        by_number = {entry.number: entry for entry in log if entry.number > self.taken}
        return [by_number[number] for number in sorted(by_number)]

    def give_back(self, number: int) -> None:
        """Note that the entry with this number failed, and offer its pairs again."""
        self.refused = number
        self.epoch += 1

    def see(self, lookup: Lookup) -> None:
        """Start a new epoch if anything but a typed entry has changed the lookup."""
        if lookup is not self.left:
            self.left = lookup
            self.epoch += 1

    def drawn(self, report: Report, view: Hashable) -> None:
        """Note that the page is drawn, and describe the effect of the changes since the last time.

        Another view counts other flows, so it clears the old sentence.
        """
        if view != self.view:
            self.said, self.view = "", view
        elif self.pending:
            others = f" and {number(self._others, 'more change')}" if self._others else ""
            self.said = effect(self.pending + others, self.untagged, report)
        self.pending, self._others = "", 0
        self.untagged = report.untagged / report.total if report.total else 0.0

    def did(self, what: str) -> None:
        """Note a change; its effect is known once the page is drawn."""
        self._others += bool(self.pending)
        self.pending, self.wrong = what, ""

    def aim(self, ports: str) -> None:
        """Set the ports for the next tag, as if they had been typed."""
        self.aims, self.aimed = self.aims + 1, ports

    def refuse(self, sentence: str) -> None:
        """Set the sentence that says why a change failed; an empty one clears it."""
        self.wrong = sentence
