"""What one browser tab holds: the logs that were counted, the lookup, what to say of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import flowtag_core
from flowtag_core.counts import FlowCounts, Tower
from flowtag_core.errors import FormatError, LookupFileError, RuleError
from flowtag_core.page.bench import Bench
from flowtag_core.page.brush import Brush
from flowtag_core.page.edits import Edits
from flowtag_core.page.intake import Arrival, CountedLog, Intake, Offered, Outcome
from flowtag_core.page.versions import Versions
from flowtag_core.reading.flow_log import distinct, parse_flow_log
from flowtag_core.shapes.layout import format_layout
from flowtag_core.showing import lookup_notes, words
from flowtag_core.showing.words import number
from flowtag_core.tagging.editing import with_rules
from flowtag_core.tagging.lookup import Lookup, Rule
from flowtag_core.tagging.lookup_file import load_lookup_table

LOGS_A_PAGE: Final = 8
A_MOMENT: Final = 0.3
"""Seconds to wait for a thread: small files are there at once, without a sign of work."""
SAMPLE: Final = Path(flowtag_core.__file__).parent / "sample"


@dataclass(frozen=True)
class Logs:
    """The counted logs by name, and their sum."""

    by_name: Mapping[str, CountedLog] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_name)

    @cached_property
    def counts(self) -> FlowCounts:
        """The counts of all logs, added once: no click adds them again."""
        sums = Tower(FlowCounts())
        for log in self.by_name.values():
            sums.add(log.counts)
        return sums.total()

    @property
    def seconds(self) -> float:
        """How long all of them took to read."""
        return sum(log.seconds for log in self.by_name.values())

    @property
    def pages(self) -> int:
        """How many portions that fit beside the page they make."""
        return -(-len(self.by_name) // LOGS_A_PAGE)

    def page(self, number: int) -> list[CountedLog]:
        """One portion of them, the first is 1."""
        return list(self.by_name.values())[(number - 1) * LOGS_A_PAGE : number * LOGS_A_PAGE]

    def plus(self, logs: Iterable[CountedLog]) -> Logs:
        """These and more."""
        return Logs({**self.by_name, **{log.name: log for log in logs}})

    def without(self, name: str) -> Logs:
        """All but one; the others are added again, not read again."""
        return Logs({other: log for other, log in self.by_name.items() if other != name})


def repetitions(before: Logs, logs: Iterable[CountedLog]) -> Iterator[tuple[str, str]]:
    """Each log, by its name, that looks as if another one had come a second time, and a sentence."""
    sized = {log.counts.total.size: log for log in before.by_name.values()}
    for log in logs:
        size = log.counts.total.size
        other = sized.get(size)
        if other is not None and _is_same(log, other):
            same = f"{log.name} has the same size and counts as {other.name}"
            yield log.name, f"{same}. Is it the same file? Both are counted."
        sized[size] = log


def _is_same(one: CountedLog, other: CountedLog) -> bool:
    tables = [(log.counts.requests, log.counts.replies) for log in (one, other)]
    return one.name != other.name and one.counts.total.flows > 0 and tables[0] == tables[1]


@dataclass
class Session:
    """One tab's data and the thread that adds to it.

    `versions` has the lookup and what it was before; while the sample is shown, `sample_lookup` is
    the one that belongs to it and `versions_before` what was there before. `refused` and `told` are
    sentences on the files that came last. `unsent` holds, for each file that the browser did not send,
    the number of the drop and a sentence; `repeated`, by name, a sentence on each log that seems to be
    there twice. `offers` are the logs, by name, that may be read again in a layout that they do not name, `format` is the layout
    of logs without a header, `format_wrong` why the one that was asked for cannot be. `bench` is what stands on the workbench, `brush` what is marked on the timeline,
    `edits` the table in which the lookup's rows are edited,
    `asked` the port and protocol number of which the rule is asked for.
    `is_started` says whether what the page was started with is taken in, `starting` is held while it
    is, `has_start` says whether it was started with anything. `drops` counts the drop zones that were used up, `taken` names the
    uploads that were read from them. `home` is the file of this machine that the lookup came from,
    `home_content` what was in it then.
    """

    logs: Logs = field(default_factory=Logs)
    versions: Versions = field(default_factory=Versions)
    sample_lookup: Lookup | None = None
    versions_before: Versions | None = None
    bench: Bench = field(default_factory=Bench)
    brush: Brush = field(default_factory=Brush)
    edits: Edits = field(default_factory=Edits)
    asked: tuple[int, int] | None = None
    intake: Intake = field(default_factory=Intake)
    refused: list[str] = field(default_factory=list)
    unsent: list[tuple[int, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    repeated: dict[str, str] = field(default_factory=dict)
    offers: dict[str, Offered] = field(default_factory=dict)
    format: str | None = None
    format_text: str = ""
    format_wrong: str = ""
    is_started: bool = False
    starting: threading.Lock = field(default_factory=threading.Lock)
    has_start: bool = False
    drops: int = 0
    taken: set[str] = field(default_factory=set)
    home: str | None = None
    home_content: bytes | None = None

    @property
    def given_lookup(self) -> Lookup | None:
        """The lookup; None as long as none was given and no rule was added."""
        return self.versions.current

    @property
    def lookup(self) -> Lookup:
        """The lookup; one without a rule where there is none."""
        return self.versions.lookup

    @property
    def refusals(self) -> list[str]:
        """Sentences on what cannot be used of the files that came last."""
        return [*self.refused, *(sentence for _, sentence in self.unsent)]

    @property
    def is_busy(self) -> bool:
        """Whether files are being read."""
        return self.intake.standing() is not None

    def take(self, arrivals: Iterable[Arrival]) -> None:
        """Have the files read, each under a name that no other log has; waits a moment for them."""
        if not self.is_busy:
            # The browser may already have named files of this drop that it did not send.
            unsent = [told for told in self.unsent if told[0] >= self.drops - 1]
            self._say_no_more()
            self.unsent = unsent
        arrivals = list(arrivals)
        logs = () if self.sample_lookup else self.logs.by_name
        known = [*logs, *self.offers, *self.intake.pending()]
        names = distinct([*known, *(arrival.name for arrival in arrivals)])[len(known) :]
        self.intake.take(
            replace(arrival.renamed(name), format=arrival.format or self.format)
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
                self.repeated.setdefault(name, sentence)  # what paths tell is surer than counts
            self.logs = self.logs.plus(logs)
        for outcome in outcomes:
            if isinstance(outcome, Lookup):
                self._take_lookup(outcome)
            elif isinstance(outcome, Offered):
                self.offers[outcome.again.name] = outcome
            elif not isinstance(outcome, CountedLog):
                (self.told if outcome.cancelled else self.refused).append(outcome.sentence)

    def offers_by_layout(self) -> dict[str, list[Offered]]:
        """What is offered, the files of one layout together."""
        by_layout: dict[str, list[Offered]] = {}
        for offered in self.offers.values():
            by_layout.setdefault(offered.layouts, []).append(offered)
        return by_layout

    def take_offer(self, layout: str) -> None:
        """Read the logs again that fit this layout, in place of what they gave before."""
        taken = [offered.again for offered in self.offers_by_layout().get(layout, [])]
        for arrival in taken:
            del self.offers[arrival.name]
            self.logs = self.logs.without(arrival.name)
        self.take(taken)

    def decline_offer(self, layout: str) -> None:
        """Leave the logs as they are, and let go of them."""
        for offered in self.offers_by_layout().get(layout, []):
            self.offers.pop(offered.again.name).again.forget()

    def use_format(self, text: str) -> None:
        """Read logs without a header in this layout from now on; in the default one if it is empty."""
        self.format_text, self.format_wrong, self.format = text, "", None
        if text.strip():
            try:
                self.format = " ".join(format_layout(text).names)
            except FormatError as error:
                self.format_wrong = str(error)

    @property
    def has_lookup_to_save(self) -> bool:
        """Whether there is a lookup of the user's own, and one was read from `home` at first."""
        is_own = self.given_lookup is not None and not self._is_sample
        return is_own and self.home_content is not None

    @property
    def _is_sample(self) -> bool:
        """Whether the lookup is the sample's, unchanged."""
        sample = self.sample_lookup
        return sample is not None and self.lookup.content == sample.content

    def remove_log(self, name: str) -> None:
        """Take one log out again; with that of the sample its lookup goes."""
        self._say_no_more()
        self._leave_sample()
        self.logs = self.logs.without(name)
        if offered := self.offers.pop(name, None):
            offered.again.forget()

    def remove_repeated(self) -> None:
        """Remove the logs that repeat earlier ones."""
        for name in list(self.repeated):
            self.remove_log(name)

    def remove_lookup(self) -> None:
        """Take the lookup out again: everything is Untagged then. It can be undone."""
        self._say_no_more()
        self.versions.take(None)

    def tag(self, rules: Sequence[Rule]) -> None:
        """Add rules to the lookup, or say why that cannot be."""
        try:
            self._change_lookup(with_rules(self.lookup, rules), lookup_notes.named(rules))
        except (RuleError, LookupFileError) as error:
            self.bench.refuse(str(error))

    def edit(self, done: Mapping[str, Any]) -> None:
        """Have the lookup as its rows were edited in their table, or say why that cannot be."""
        self.edits.wrong = ""
        if self.edits.content != self.lookup.content:
            self.edits.wrong = lookup_notes.CHANGED_MEANWHILE
            return
        try:
            lookup = self.edits.edited(done)
            self._change_lookup(lookup, lookup_notes.edited(self.lookup, lookup))
        except (RuleError, LookupFileError) as error:
            self.edits.wrong = str(error)

    def _change_lookup(self, lookup: Lookup, what: str) -> None:
        if lookup.content != self.lookup.content:
            self.versions.change(lookup)
            if self.logs:
                self.bench.did(what)

    def undo(self) -> None:
        """Go back to the lookup before the last change."""
        self.versions.undo()
        self.bench.did("Undone")

    def redo(self) -> None:
        """Take the last undo back."""
        self.versions.redo()
        self.bench.did("Done again")

    def saved(self) -> None:
        """The lookup is in its file now."""
        self._say_no_more()
        self.home_content = self.lookup.content
        self.versions.saved(self.lookup)
        self.told.append(f"Saved {number(len(self.lookup), 'rule')} to {self.home}.")

    def show_sample(self) -> None:
        """Have the sample in place of everything."""
        before = self.versions
        self.start_over()
        self.is_started, self.versions_before = True, before
        counts = parse_flow_log(SAMPLE / "flow.log", names=["flow.log"])
        self.logs = Logs().plus([CountedLog("flow.log", counts, 0.0)])
        self.sample_lookup = load_lookup_table(SAMPLE / "lookup.csv", name="lookup.csv")
        self.versions = Versions(self.sample_lookup)
        self.versions.saved(self.sample_lookup)

    def cancel(self) -> None:
        """Stop reading, and give the thread the moment that it needs."""
        self.intake.cancel()
        self.intake.wait(A_MOMENT)

    def start_over(self) -> None:
        """Let go of everything, also of the files that are being read."""
        self.intake.cancel()
        self.intake, self.logs, self.is_started = Intake(), Logs(), False
        self.versions, self.bench, self.edits, self.offers = Versions(), Bench(), Edits(), {}
        self.sample_lookup = self.versions_before = None
        self._say_no_more()

    def _take_lookup(self, lookup: Lookup) -> None:
        if self.given_lookup is not None and self.given_lookup.content != lookup.content:
            self.told.append(f"{lookup.name} takes the place of {self.given_lookup.name}.")
        if self.home_content is None and lookup.name == words.unicode(self.home or ""):
            # Only what was read from that file as it is may once be written over it.
            self.home_content = None if lookup.form else lookup.content
        self.versions.take(lookup)
        self.versions_before = None

    def _leave_sample(self) -> None:
        """One's own log takes the sample's place; the sample's lookup goes, unless it was changed."""
        if self.sample_lookup is None:
            return
        self.logs = Logs()
        before = self.versions_before or Versions()
        if self._is_sample or before.current is not None:
            self.versions = before
        self.sample_lookup = self.versions_before = None

    def _say_no_more(self) -> None:
        self.refused, self.unsent, self.told, self.repeated = [], [], [], {}
