"""The session of one browser tab: its logs, its lookup, its files, its messages."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import flowtag_core
from flowtag_core.errors import FormatError
from flowtag_core.page.brush import Brush
from flowtag_core.page.desk import Desk
from flowtag_core.page.intake import Arrival, CountedLog, Intake, Offered, Outcome
from flowtag_core.page.logs import Logs, repetitions
from flowtag_core.page.messages import Messages
from flowtag_core.reading.flow_log import distinct_names, parse_flow_log
from flowtag_core.shapes.layout import format_layout
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table

A_MOMENT: Final = 0.3
"""Seconds to wait for a thread: small files are there at once, without a sign of work."""
SAMPLE: Final = Path(flowtag_core.__file__).parent / "sample"


@dataclass
class CustomFormat:
    """The layout of logs without a header, as it was written, and why it cannot be if it cannot.

    `layout` has the bare names of the fields; None means the default layout.
    """

    layout: str | None = None
    text: str = ""
    wrong: str = ""

    @classmethod
    def of(cls, text: str) -> CustomFormat:
        """Read a format as it was typed; an empty one means the default layout."""
        if not text.strip():
            return cls(text=text)
        try:
            return cls(" ".join(format_layout(text).names), text)
        except FormatError as error:
            return cls(text=text, wrong=str(error))


@dataclass
class Session:
    """One tab's data and the thread that adds to it.

    `offers` are the files, by log and name, that may be read again in a layout that they do not
    name. `brush` is what is marked on the timeline, `asked` the port and protocol number whose rule is
    asked for.
    `is_started` says whether what the page was started with is taken in, `starting` is held while it is,
    `has_start` says whether it was started with anything. `drops` counts the drop zones that were used
    up, `taken` names the uploads that were read from them.
    """

    logs: Logs = field(default_factory=Logs)
    desk: Desk = field(default_factory=Desk)
    intake: Intake = field(default_factory=Intake)
    messages: Messages = field(default_factory=Messages)
    offers: dict[tuple[str, str], Offered] = field(default_factory=dict)
    format: CustomFormat = field(default_factory=CustomFormat)
    brush: Brush = field(default_factory=Brush)
    asked: tuple[int, int] | None = None
    is_started: bool = False
    starting: threading.Lock = field(default_factory=threading.Lock)
    has_start: bool = False
    drops: int = 0
    taken: set[str] = field(default_factory=set)

    @property
    def is_busy(self) -> bool:
        """Whether files are being read."""
        return self.intake.standing() is not None

    def take(self, arrivals: Iterable[Arrival]) -> None:
        """Start reading these files, each under a unique name, and wait a moment for them."""
        if not self.is_busy:
            # The browser may already have named files of this drop that it did not send.
            self.messages.clear(unsent_from=self.drops - 1)
        arrivals = list(arrivals)
        logs = () if self.desk.sample else self.logs.by_name
        offered = [offer.again.name for offer in self.offers.values()]
        known = [*logs, *offered, *self.intake.pending()]
        names = distinct_names([*known, *(arrival.name for arrival in arrivals)])[len(known) :]
        # What is counted in a log of several files never takes the place of one that is there.
        in_log = {each.log: distinct_names([*known, each.log])[-1] for each in arrivals if each.log}
        self.intake.take(
            replace(
                arrival if arrival.log else arrival.renamed(name),
                format=arrival.format or self.format.layout,
                log=in_log.get(arrival.log, ""),
            )
            for arrival, name in zip(arrivals, names, strict=True)
        )
        self.intake.wait(A_MOMENT)

    def collect(self) -> None:
        """Take in what a batch of files gave, once it is at its end."""
        self.take_in(self.intake.collect())

    def take_in(self, outcomes: Iterable[Outcome]) -> None:
        """Take in what files gave; of several lookups the last counts."""
        outcomes = list(outcomes)
        logs = [outcome for outcome in outcomes if isinstance(outcome, CountedLog)]
        if logs:
            self._leave_sample()
            for name, sentence in repetitions(self.logs, logs):
                # What paths tell is surer than counts.
                self.messages.repeated.setdefault(name, sentence)
            self.logs = self.logs.plus(logs)
        for outcome in outcomes:
            if isinstance(outcome, Lookup):
                self.messages.told += filter(None, [self.desk.take(outcome)])
            elif isinstance(outcome, Offered):
                self.offers[outcome.key] = outcome
            elif not isinstance(outcome, CountedLog):
                told = self.messages.told if outcome.cancelled else self.messages.refused
                told.append(outcome.sentence)

    def offers_by_layout(self) -> dict[str, list[Offered]]:
        """The offers, with the files of one layout together."""
        by_layout: dict[str, list[Offered]] = {}
        for offered in self.offers.values():
            by_layout.setdefault(offered.layouts, []).append(offered)
        return by_layout

    def take_offer(self, layout: str) -> None:
        """Read the logs again that fit this layout, in place of what they gave before."""
        taken = self.offers_by_layout().get(layout, [])
        for offered in taken:
            del self.offers[offered.key]
            if not offered.again.log:
                self.logs = self.logs.without(offered.again.name)
        self.take(offered.again for offered in taken)

    def decline_offer(self, layout: str) -> None:
        """Leave the logs as they are, and let go of them."""
        for offered in self.offers_by_layout().get(layout, []):
            self.offers.pop(offered.key).again.forget()

    def use_format(self, text: str) -> None:
        """Read logs without a header in this layout from now on; in the default one if it is empty."""
        self.format = CustomFormat.of(text)

    def remove_log(self, name: str) -> None:
        """Take one log out again; with that of the sample its lookup goes."""
        self.messages.clear()
        self._leave_sample()
        self.logs = self.logs.without(name)
        if offered := self.offers.pop((name, name), None):
            offered.again.forget()

    def remove_repeated(self) -> None:
        """Remove the logs that repeat earlier ones."""
        for name in list(self.messages.repeated):
            self.remove_log(name)

    def remove_lookup(self) -> None:
        """Take the lookup out again: everything is Untagged then. It can be undone."""
        self.messages.clear()
        self.desk.remove()

    def show_sample(self) -> None:
        """Replace everything with the sample."""
        self._empty()
        self.is_started = True
        counts = parse_flow_log(SAMPLE / "flow.log", names=["flow.log"])
        self.logs = Logs().plus([CountedLog("flow.log", counts, 0.0)])
        self.desk.show_sample(load_lookup_table(SAMPLE / "lookup.csv", name="lookup.csv"))

    def cancel(self) -> None:
        """Stop reading, and give the thread the moment that it needs."""
        self.intake.cancel()
        self.intake.wait(A_MOMENT)

    def start_over(self) -> None:
        """Let go of everything, also of the files that are being read."""
        self._empty()
        self.desk.start_over()

    def _empty(self) -> None:
        """Let go of everything but the lookup."""
        self.intake.cancel()
        self.intake, self.logs, self.offers, self.is_started = Intake(), Logs(), {}, False
        self.messages.clear()

    def _leave_sample(self) -> None:
        """If the sample is shown, remove its log; `Desk.leave_sample` decides on its lookup."""
        if self.desk.sample is not None:
            self.logs = Logs()
            self.desk.leave_sample()
