"""What one browser tab holds: the logs that were counted, the lookup, what to say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import flowtag_core
from flowtag_core.counts import FlowCounts, Tower
from flowtag_core.page.intake import Arrival, CountedLog, Intake, Outcome
from flowtag_core.reading.counting import distinct, parse_flow_log
from flowtag_core.showing.notes import number
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table, parse_lookup

LOGS_A_PAGE: Final = 8
A_MOMENT: Final = 0.3
"""Seconds to wait for a thread: small files are there at once, without a sign of work."""
SAMPLE: Final = Path(flowtag_core.__file__).parent / "sample"
NO_LOOKUP: Final = parse_lookup("dstport,protocol,tag\n", name="no lookup")


@dataclass(frozen=True)
class Loaded:
    """The counted logs by name, the lookup, and sentences on the files of the last batch.

    While the sample is shown, `sample_lookup` is the lookup that belongs to it.
    """

    logs: Mapping[str, CountedLog] = field(default_factory=dict)
    given_lookup: Lookup | None = None
    sample_lookup: Lookup | None = None
    refused: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether neither a log nor a lookup is there."""
        return not self.logs and self.given_lookup is None

    @property
    def lookup(self) -> Lookup:
        """The lookup; one without a rule where none was given."""
        return NO_LOOKUP if self.given_lookup is None else self.given_lookup

    @cached_property
    def counts(self) -> FlowCounts:
        """The counts of all logs, added once: no click adds them again."""
        sums = Tower(FlowCounts())
        for log in self.logs.values():
            sums.add(log.counts)
        return sums.total()

    @property
    def pages(self) -> int:
        """How many portions that fit beside the page the logs make."""
        return -(-len(self.logs) // LOGS_A_PAGE)

    def page(self, number: int) -> list[CountedLog]:
        """One portion of the logs, the first is 1."""
        return list(self.logs.values())[(number - 1) * LOGS_A_PAGE : number * LOGS_A_PAGE]

    @property
    def seconds(self) -> float:
        """How long all logs took to read."""
        return sum(log.seconds for log in self.logs.values())

    def with_outcomes(self, outcomes: Iterable[Outcome]) -> Loaded:
        """With a batch of files; the last lookup counts, and that it takes a place is said."""
        outcomes = list(outcomes)
        has_log = any(isinstance(outcome, CountedLog) for outcome in outcomes)
        before = self.without_sample() if has_log else self
        logs, lookup = dict(before.logs), before.given_lookup
        refused: list[str] = []
        told: list[str] = []
        for outcome in outcomes:
            if isinstance(outcome, CountedLog):
                logs[outcome.name] = outcome
            elif isinstance(outcome, Lookup):
                if lookup is not None:
                    told.append(f"{outcome.name} takes the place of {lookup.name}.")
                lookup = outcome
            else:
                refused.append(outcome.sentence)
        return Loaded(logs, lookup, before.sample_lookup, tuple(refused), tuple(told))

    def without_sample(self) -> Loaded:
        """The same but for the sample: one's own log takes its place, and its lookup goes too."""
        if self.sample_lookup is None:
            return self
        is_own = self.given_lookup is not self.sample_lookup
        return Loaded(given_lookup=self.given_lookup if is_own else None)

    def without_log(self, name: str) -> Loaded:
        """The same without one log; the others are added again, not read again."""
        logs = {other: log for other, log in self.logs.items() if other != name}
        return replace(self, logs=logs, refused=(), told=())

    def without_lookup(self) -> Loaded:
        """The same with everything Untagged."""
        return replace(self, given_lookup=None, refused=(), told=())


def sample() -> Loaded:
    """The sample as if it had been dropped."""
    counts = parse_flow_log(SAMPLE / "flow.log", names=["flow.log"])
    lookup = load_lookup_table(SAMPLE / "lookup.csv", name="lookup.csv")
    return Loaded({"flow.log": CountedLog("flow.log", counts, 0.0)}, lookup, lookup)


@dataclass
class Session:
    """One tab's data and the thread that adds to it.

    `is_started` says whether what the page was started with is taken in. `drops` counts the drop zones that were used up, `taken` names the uploads that were read from
    them. `home` is the file of this machine that the lookup came from, `home_content` what was in
    it then.
    """

    loaded: Loaded = field(default_factory=Loaded)
    intake: Intake = field(default_factory=Intake)
    is_started: bool = False
    drops: int = 0
    taken: set[str] = field(default_factory=set)
    home: str | None = None
    home_content: bytes | None = None

    def take(self, arrivals: Iterable[Arrival]) -> None:
        """Have the files read, each under a name that no other log has; waits a moment for them."""
        arrivals = list(arrivals)
        known = [*self.loaded.without_sample().logs, *self.intake.pending()]
        names = distinct([*known, *(arrival.name for arrival in arrivals)])[len(known) :]
        self.intake.take(
            replace(arrival, name=name) for arrival, name in zip(arrivals, names, strict=True)
        )
        self.intake.wait(A_MOMENT)

    @property
    def is_busy(self) -> bool:
        """Whether files are being read."""
        return self.intake.standing() is not None

    def collect(self) -> None:
        """Take in what a batch of files gave, once it is at its end."""
        self.take_in(self.intake.collect())

    def take_in(self, outcomes: Sequence[Outcome]) -> None:
        """Take in what files gave."""
        if outcomes:
            self.loaded = self.loaded.with_outcomes(outcomes)
        for outcome in outcomes:
            if isinstance(outcome, Lookup) and outcome.name == self.home:
                self.home_content = outcome.content

    def remove_log(self, name: str) -> None:
        """Take one log out again."""
        self.loaded = self.loaded.without_log(name)

    def remove_lookup(self) -> None:
        """Take the lookup out again."""
        self.loaded = self.loaded.without_lookup()

    def show_sample(self) -> None:
        """Have the sample in place of everything."""
        self.loaded = sample()

    def saved(self, lookup: Lookup) -> None:
        """The lookup is in its file now."""
        self.home_content = lookup.content
        told = f"Saved {number(len(lookup), 'rule')} to {self.home}."
        self.loaded = replace(self.loaded, refused=(), told=(told,))

    def cancel(self) -> None:
        """Stop reading, and give the thread the moment that it needs."""
        self.intake.cancel()
        self.intake.wait(A_MOMENT)

    def start_over(self) -> None:
        """Let go of everything, also of the files that are being read."""
        self.intake.cancel()
        self.intake, self.loaded, self.is_started = Intake(), Loaded(), False
