"""The session of one browser tab: its logs, its lookup, its files, its messages."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import flowtag_core
from flowtag_core.boundary import Inside, ranges_of
from flowtag_core.counting.reference import ALWAYS_INSIDE
from flowtag_core.errors import FormatError, RangesError
from flowtag_core.page.brush import Brush
from flowtag_core.page.desk import Desk
from flowtag_core.page.following import Following
from flowtag_core.page.intake import Arrival, CountedLog, Intake, Offered, Outcome, Told
from flowtag_core.page.kept import Kept
from flowtag_core.page.logs import Logs, repetitions
from flowtag_core.page.looks import Looks
from flowtag_core.page.messages import Messages
from flowtag_core.page.picks import Picks
from flowtag_core.page.result import Result
from flowtag_core.page.seat import NAME as LIVE
from flowtag_core.page.seat import Seat
from flowtag_core.page.views import Views
from flowtag_core.reading.flow_log import distinct_names, parse_flow_log
from flowtag_core.shapes.layout import format_layout
from flowtag_core.showing import log_notes
from flowtag_core.showing.legend import Colours
from flowtag_core.sources.places import Place, log_at
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table
from flowtag_core.tagging.names import Names
from flowtag_core.tagging.questions import List

A_MOMENT: Final = 0.3
"""Seconds to wait for a thread, so that small files appear at once, without progress."""
SAMPLE: Final = Path(flowtag_core.__file__).parent / "sample"


@dataclass
class CustomFormat:
    """The layout of logs without a header as it was typed, or why it is invalid.

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
class InternalRanges:
    """The user's own ranges inside the network as they were typed, or why they are invalid.

    `inside` has those in use, in addition to the private ranges.
    """

    inside: Inside = ALWAYS_INSIDE
    text: str = ""
    wrong: str = ""

    def typed(self, text: str) -> InternalRanges:
        """Read ranges as they were typed; if they are invalid, those in use stay in use."""
        try:
            return InternalRanges(Inside(ranges_of(text)), text)
        except RangesError as error:
            return replace(self, text=text, wrong=str(error))


@dataclass(frozen=True)
class Who:
    """A second look: at a port and protocol number or at the whole view, and perhaps only at one address.

    `question` is the name of a ready question. `list` is the list that is shown; None means the one that answers.
    """

    port: tuple[int, int] | None = None
    question: str | None = None
    address: str | None = None
    list: List | None = None


@dataclass
class Session:
    """One tab's data and the thread that adds to it.

    `offers` are the files, by log and name, that could be read again in another layout. `brush` is the
    time marked on the timeline, `asked` the port and protocol number whose details are shown, `colours`
    are the tags' colors, `picks` the bars that were clicked, `result` is the CSV.
    `is_started` says whether the files that the page was started with have been taken, `has_start` whether
    there are any; `starting` is held while they are taken. `starts` counts how often the user started
    over. `seat` is the tab's seat at the follower, if logs are followed, `left` the one before: what was
    dismissed stays so. `kept` has the uploads for second looks, `looks` takes these looks, `who` is the one that is shown,
    `names` are the names of addresses. `drops` counts the drop zones used so far, `taken` has the names of the
    drops and uploads that were read. `lock` is held while files are taken, since Streamlit starts a run of the
    script before the last one has stopped.
    """

    logs: Logs = field(default_factory=Logs)
    desk: Desk = field(default_factory=Desk)
    kept: Kept = field(default_factory=Kept)
    looks: Looks = field(default_factory=Looks)
    intake: Intake = field(init=False)
    messages: Messages = field(default_factory=Messages)
    offers: dict[tuple[str, str], Offered] = field(default_factory=dict)
    format: CustomFormat = field(default_factory=CustomFormat)
    internal: InternalRanges = field(default_factory=InternalRanges)
    brush: Brush = field(default_factory=Brush)
    asked: tuple[int, int] | None = None
    who: Who | None = None
    seat: Seat | None = None
    left: Seat | None = None
    names: Names = field(default_factory=Names)
    colours: Colours = field(default_factory=Colours)
    picks: Picks = field(default_factory=Picks)
    result: Result = field(default_factory=Result)
    views: Views = field(default_factory=Views)
    is_started: bool = False
    starting: threading.Lock = field(default_factory=threading.Lock)
    has_start: bool = False
    starts: int = 0
    drops: int = 0
    taken: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.intake = Intake(self._keep)

    def _keep(self, place: Place) -> Place | str | None:
        """Keep an upload for a second look, unless the user has turned that off."""
        return self.kept.keep(place) if self.kept.is_on else None

    @property
    def is_busy(self) -> bool:
        """Whether files are being read, or have been read and wait for `collect`."""
        return self.intake.is_busy

    @property
    def logs_to_look_at(self) -> list[CountedLog]:
        """The logs for a second look; of logs that are followed, what was there when it was asked for."""
        return [
            self.seat.frozen(self.who, log) if self.seat and log.name == LIVE else log
            for log in self.logs.by_name.values()
        ]

    def claim(self, names: Iterable[str]) -> set[str]:
        """Claim these drops or uploads, and return those that were not claimed before."""
        with self.lock:
            new = {*names} - self.taken
            self.taken |= new
        return new

    def take(self, arrivals: Iterable[Arrival]) -> None:
        """Start reading these files, each under a unique name, and wait a moment for them."""
        with self.lock:
            self._take(list(arrivals))
        self.intake.wait(A_MOMENT)

    def _take(self, arrivals: list[Arrival]) -> None:
        if not self.is_busy:
            self.messages.clear()
        logs = () if self.desk.sample else self.logs.by_name
        offered = [offer.again.name for offer in self.offers.values()]
        known = [*logs, *offered, *self.intake.pending()]
        names = distinct_names([*known, *(arrival.name for arrival in arrivals)])[len(known) :]
        # A file counted in a log of several files never replaces a log.
        in_log = {each.log: distinct_names([*known, each.log])[-1] for each in arrivals if each.log}
        self.intake.take(
            replace(
                arrival if arrival.log else arrival.renamed(name),
                format=arrival.format or self.format.layout,
                inside=self.internal.inside,
                log=in_log.get(arrival.log, ""),
            )
            for arrival, name in zip(arrivals, names, strict=True)
        )

    def collect(self) -> None:
        """Take the results of a batch of files once it is finished."""
        with self.lock:
            self.take_in(self.intake.collect())

    def take_in(self, outcomes: Iterable[Outcome]) -> None:
        """Take the results of files; the last of several lookups is used."""
        outcomes = list(outcomes)
        logs = [outcome for outcome in outcomes if isinstance(outcome, CountedLog)]
        if logs:
            self._leave_sample()
            for name, sentence in repetitions(self.logs, logs):
                # A repeat found by its path is more certain than one found by its counts.
                self.messages.repeated.setdefault(name, sentence)
            self.logs = self.logs.plus(logs)
        for outcome in outcomes:
            if isinstance(outcome, Lookup):
                self.messages.told += filter(None, [self.desk.take(outcome)])
            elif isinstance(outcome, Offered):
                self.offers[outcome.key] = outcome
            elif isinstance(outcome, Told):
                self.messages.told.append(outcome.sentence)
            elif not isinstance(outcome, CountedLog):
                told = self.messages.told if outcome.cancelled else self.messages.refused
                told.append(outcome.sentence)

    def offers_by_layout(self) -> dict[str, list[Offered]]:
        """The offers, grouped by layout."""
        by_layout: dict[str, list[Offered]] = {}
        for offered in self.offers.values():
            by_layout.setdefault(offered.layouts, []).append(offered)
        return by_layout

    def take_offer(self, layout: str) -> None:
        """Read again the logs that fit this layout, and replace what they gave before."""
        taken = self.offers_by_layout().get(layout, [])
        for offered in taken:
            del self.offers[offered.key]
            if not offered.again.log:
                self.logs = self.logs.without(offered.again.name)
        self.take(offered.again for offered in taken)

    def decline_offer(self, layout: str) -> None:
        """Keep the logs as they are, and forget their bytes."""
        for offered in self.offers_by_layout().get(layout, []):
            self.offers.pop(offered.key).again.forget()

    def use_format(self, text: str) -> None:
        """Read logs without a header in this layout from now on; if empty, in the default one."""
        self.format = CustomFormat.of(text)

    def use_internal(self, text: str) -> None:
        """Treat these ranges as inside the network, and count the logs again if they have changed.

        Uploads must be added again; a message says so.
        """
        before, self.internal = self.internal.inside, self.internal.typed(text)
        if self.internal.inside == before:
            return
        with self.lock:
            uploads = [name for name, log in self.logs.by_name.items() if log.identity is None]
            waiting = list(self.intake.pending())
            is_sample = self.desk.sample is not None
            self._empty()
            if is_sample:
                self._take_sample()
            else:
                self.is_started = (
                    not self.has_start
                )  # The files of the command line are read again.
                self.messages.told += [
                    log_notes.add_again(names) for names in [uploads + waiting] if names
                ]

    def remove_log(self, name: str) -> None:
        """Remove one log; if it is the sample's, the sample's lookup goes too."""
        self.messages.clear()
        self.messages.repeated.pop(name, None)
        with self.lock:
            self._leave_sample()
            if log := self.logs.by_name.get(name):
                self.kept.forget(log.again)
            self.logs = self.logs.without(name)
        if offered := self.offers.pop((name, name), None):
            offered.again.forget()

    def remove_repeated(self) -> None:
        """Remove the logs that repeat earlier ones."""
        for name in list(self.messages.repeated):
            self.remove_log(name)

    def remove_lookup(self) -> None:
        """Remove the lookup, so that everything is Untagged. This can be undone."""
        self.messages.clear()
        self.desk.remove()

    def show_sample(self) -> None:
        """Replace everything with the sample."""
        self._empty()
        self._take_sample()
        self.desk.show_sample(load_lookup_table(SAMPLE / "lookup.csv", name="lookup.csv"))

    def _take_sample(self) -> None:
        self.is_started = True
        ranges = self.internal.inside.ranges
        counts = parse_flow_log(SAMPLE / "flow.log", names=["flow.log"], internal=ranges)
        again = log_at(str(SAMPLE / "flow.log"), "flow.log").places
        self.logs = Logs().plus([CountedLog("flow.log", counts, 0.0, again=again)])

    def forget_kept(self) -> None:
        """Remove the uploads that were kept; local files can still be read again."""
        logs = {
            name: replace(log, again=self.kept.others(log.again))
            for name, log in self.logs.by_name.items()
        }
        self.looks.clear()
        self.kept.clear()
        self.logs = Logs(logs)

    def cancel(self) -> None:
        """Stop reading, and wait a moment for the thread to end."""
        self.intake.cancel()
        self.intake.wait(A_MOMENT)

    def start_over(self) -> None:
        """Forget everything, including the files that are being read."""
        self._empty()
        self.desk.start_over()
        self.starts += 1

    def _empty(self) -> None:
        """Forget everything but the lookup."""
        self.intake.cancel()
        self.intake, self.logs = Intake(self._keep), Logs()
        self.offers, self.is_started = {}, False
        self.messages = Messages()
        self.looks.clear()
        self.kept.clear()
        self.stand_up()

    def sit_down(self, following: Following) -> None:
        """Show the logs that are followed, until `stand_up`."""
        self.stand_up()
        following.join(self)
        before = self.left if self.left and self.left.following is following else None
        self.seat = before or Seat(following)

    def stand_up(self) -> None:
        """Show the logs that are followed no longer."""
        if self.seat is not None:
            self.seat.following.leave(self)
            self.left, self.seat = self.seat, None

    def _leave_sample(self) -> None:
        """If the sample is shown, remove its log; `Desk.leave_sample` decides on its lookup."""
        if self.desk.sample is not None:
            self.logs = Logs()
            self.desk.leave_sample()
