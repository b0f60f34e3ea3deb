"""The state of the workbench, and the meaning of a click on a list that moves."""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

from flowtag_core.showing.lookup_notes import effect
from flowtag_core.showing.words import pair_name
from flowtag_core.showing.workbench import UntaggedPair
from flowtag_core.tagging.editing import parse_rules
from flowtag_core.tagging.lookup import Rule
from flowtag_core.tagging.report import Report

A_DOUBLE_CLICK: Final = 0.5
"""Seconds in which a second click on the same row is no decision of its own."""
AT_ONCE: Final = 0.35
"""Seconds in which no second click is: in a sorted list its row may have another number."""
ON_ITS_WAY: Final = 3.0
"""Seconds in which the browser may still show the list before this one."""


@dataclass
class Bench:
    """The untagged pairs on offer, which of them are ticked, and what the last deed came to.

    `said` is the sentence on that deed, `wrong` the one on what could not be done. `untagged` is
    the share (0 to 1) that was Untagged when the page was drawn last, `pending` what was done since,
    `view` what was counted then.
    """

    pairs: tuple[UntaggedPair, ...] = ()
    ticked: set[tuple[int, int]] = field(default_factory=set)
    said: str = ""
    wrong: str = ""
    untagged: float = 0.0
    pending: str = ""
    view: Hashable = None
    _pairs_before: tuple[UntaggedPair, ...] = ()
    _moved: float = 0.0
    _taken: tuple[int, float] = (-1, 0.0)

    def show(self, pairs: Sequence[UntaggedPair]) -> list[int]:
        """Put these on offer; gives the rows that are ticked, those that are gone being let go."""
        if tuple(pairs) != self.pairs:
            self._pairs_before, self._moved = self.pairs, time.monotonic()
            self.pairs = tuple(pairs)
        rows = [row for row, pair in enumerate(pairs) if pair.numbers in self.ticked]
        self.ticked = {pairs[row].numbers for row in rows}
        return rows

    def tick(self, rows: Collection[int]) -> None:
        """Have these rows of the list ticked and no others."""
        self.wrong = ""
        self.ticked = {self.pairs[row].numbers for row in rows if row < len(self.pairs)}

    def clicked(self, row: int, label: str) -> UntaggedPair | None:
        """The pair that the browser showed where it was clicked, None where that is not sure.

        The rows move up after each rule. The click may have been meant for the list before this one
        if that was here a moment ago; and the second half of a double click is meant for nothing.
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

    def rules(self, ports: str, tag: str) -> list[Rule]:
        """The rules for a tag: for the ports that are written, else the ticked rows, else the first.

        Raises RuleError where what is written means nothing.
        """
        if ports.strip():
            return parse_rules(ports, tag)
        return [pair.rule(tag) for pair in self._targets]

    def names(self) -> list[str]:
        """The names of the pairs that a tag is for if no port is written."""
        return [pair_name(*pair.numbers) for pair in self._targets]

    @property
    def first_suggestion(self) -> str:
        """The tag that is suggested for the first of them."""
        return self._targets[0].suggestion

    @property
    def _targets(self) -> list[UntaggedPair]:
        """The ticked pairs, else the first."""
        ticked = [pair for pair in self.pairs if pair.numbers in self.ticked]
        return ticked or list(self.pairs[:1])

    def drawn(self, report: Report, view: Hashable) -> None:
        """The page is drawn: what was done since the last time has come to something.

        With another view, so that other flows are counted, what was said before holds no more.
        """
        if view != self.view:
            self.said, self.view = "", view
        elif self.pending:
            self.said = effect(self.pending, self.untagged, report)
        self.pending = ""
        self.untagged = report.untagged / report.total if report.total else 0.0

    def did(self, what: str) -> None:
        """Something was done; what it came to is known when the page is drawn."""
        self.pending, self.wrong = what, ""

    def refuse(self, sentence: str) -> None:
        """Something could not be done; an empty sentence takes that back."""
        self.wrong = sentence
