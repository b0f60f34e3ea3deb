"""Files -> counts and lookups, read one after another in a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Final

from flowtag_core.boundary import Inside
from flowtag_core.counting.reference import ALWAYS_INSIDE
from flowtag_core.counting.tally import Counted
from flowtag_core.counting.total import Total
from flowtag_core.counts import FlowCounts, Offer
from flowtag_core.errors import LOGGER, Cancelled, ClusterError, FlowtagError, as_log_error
from flowtag_core.reading.flow_log import (
    COUNT,
    MOST_TOLD,
    EachPlace,
    Format,
    Progress,
    each_place,
)
from flowtag_core.showing import log_notes, words
from flowtag_core.sources.addresses import address_of
from flowtag_core.sources.pieces import seekable
from flowtag_core.sources.places import Place
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table, looks_like_csv, looks_like_lookup

_HEAD_SIZE: Final = 1 << 16
_CANCELLED: Final = "cancelled before it was read"
# An unexpected error is reported in a sentence on the page, with its traceback in the terminal.
logging.getLogger(LOGGER).addHandler(logging.StreamHandler())


@dataclass(frozen=True)
class Arrival:
    """A file, or a folder of files, that waits to be read.

    A file is opened once, and again if another layout is offered for it; `forget` frees its bytes. Its
    content decides whether it is a log or a lookup, unless the user says that it `is_lookup`. Its counts
    are added to the log named `log`, or to one with its own name if that is empty. `identity` identifies
    a local file or folder until it changes. `inside` has the addresses inside the network. `cluster` is the address
    of the cluster that counts it, or None.
    """

    name: str
    places: tuple[Place, ...]
    is_lookup: bool = False
    log: str = ""
    identity: Hashable = None
    format: Format = None
    inside: Inside = ALWAYS_INSIDE
    forget: Callable[[], None] = lambda: None
    cluster: str | None = None

    def renamed(self, name: str) -> Arrival:
        """Return a copy under another name; the files in a folder keep theirs."""
        places = self.places
        if [place.name for place in places] == [self.name]:
            places = (replace(places[0], name=name),)
        return replace(self, name=name, places=places)

    @property
    def size(self) -> int:
        """The total size of the files in bytes; a file of unknown size adds nothing."""
        return sum(place.size or 0 for place in self.places)

    @property
    def counted_as(self) -> str:
        """The name of the log that its counts are added to."""
        return self.log or self.name


@dataclass(frozen=True)
class CountedLog:
    """A log, or a folder of logs, that was read: its counts, and how many seconds that took.

    If it has an `identity`, all its files were counted, so it need not be read again. `again` has the files that
    can be opened for a second look, and `format` the layouts with which they were read.
    """

    name: str
    counts: FlowCounts
    seconds: float
    identity: Hashable = None
    again: tuple[Place, ...] = ()
    format: Format = None


@dataclass(frozen=True)
class Refused:
    """A sentence on a file that was not used; `cancelled` means that the user stopped it."""

    sentence: str
    cancelled: bool = False


@dataclass(frozen=True)
class Told:
    """A message about a file that was counted."""

    sentence: str


@dataclass(frozen=True)
class Offered:
    """Logs without a header whose lines fit known layouts: how to read them again, and what that gives.

    `offers` has the offer for each file by name; an archive may have several.
    """

    again: Arrival
    offers: Mapping[str, Offer]

    @property
    def key(self) -> tuple[str, str]:
        """The log that it would be counted in, and the file's name; unique for each offer."""
        return self.again.counted_as, self.again.name

    @property
    def layouts(self) -> str:
        """The layouts, one per line."""
        return "\n".join(sorted({offer.fields for offer in self.offers.values()}))


Outcome = CountedLog | Lookup | Refused | Offered | Told


@dataclass(frozen=True)
class Standing:
    """The progress of a batch of files; `bytes_read` and `size` cover all its files."""

    name: str
    place: int
    files: int
    bytes_read: int
    size: int
    seconds: float

    @property
    def part(self) -> float:
        """The share of the bytes that has been read, from 0 to 1."""
        return min(self.bytes_read / self.size, 1.0) if self.size else 0.0

    def __str__(self) -> str:
        rate = self.bytes_read / self.seconds if self.seconds else 0.0
        which = f"{self.name} ({self.place:,} of {self.files:,})" if self.files > 1 else self.name
        done = f"{words.size(self.bytes_read)} of {words.size(self.size)}"
        if self.seconds < 1 or not rate:
            return f"{which}: {done}"
        left = max(self.size - self.bytes_read, 0) / rate
        return f"{which}: {done}, {words.size(int(rate))}/s, {words.duration(left)} left"


@dataclass
class _Batch:
    """The files that have come in since the intake was last idle, and how many of them are done."""

    started: float = field(default_factory=time.monotonic)
    files: int = 0
    size: int = 0
    files_done: int = 0
    size_done: int = 0


class _LogSum:
    """The running total of one log."""

    def __init__(self, identity: Hashable) -> None:
        self.identity = identity
        self.total = Total()
        self.files = 0
        self.seconds = 0.0
        self.again: list[Place] = []
        self.format: Format = None


class Intake:
    """Reads arrivals in a thread; its owner collects the outcomes once a batch has ended.

    `keep` turns a place that cannot be opened later into one that can; otherwise it returns why not, or None.
    Its methods are thread-safe, and only `wait` waits for files to be read.
    """

    def __init__(self, keep: Callable[[Place], Place | str | None] = lambda _: None) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._waiting: deque[Arrival] = deque()
        self._reading: Arrival | None = None
        self._left: deque[Place] = deque()  # of the current arrival; the first is being read
        self._progress: Progress | None = None
        self._logs: dict[str, _LogSum] = {}
        self._outcomes: list[Lookup | Refused | Offered | Told] = []
        self._batch = _Batch()
        self._cancelled = threading.Event()
        self._is_paused = False
        self._thread: threading.Thread | None = None

    def take(self, arrivals: Iterable[Arrival]) -> None:
        """Read these files, after those that are already waiting."""
        with self._lock:
            is_idle = self._thread is None
            if is_idle:
                self._batch = _Batch()
                self._is_paused = False
                self._cancelled.clear()
            for arrival in arrivals:
                self._waiting.append(arrival)
                self._batch.files += len(arrival.places)
                self._batch.size += arrival.size
            if is_idle:
                self._start()

    def _start(self) -> None:
        if self._waiting:
            # A daemon thread, so that the server can stop without waiting for it.
            thread = threading.Thread(target=self._run, name="intake", daemon=True)
            thread.start()  # It first waits for the lock.
            self._thread = thread

    def cancel(self) -> None:
        """Stop at the next block; each file that is not finished gets a sentence."""
        with self._lock:
            self._is_paused = False
            self._cancelled.set()
            if self._thread is None:
                self._give_up(_CANCELLED)

    def pause(self) -> None:
        """Stop at the next block; `resume` continues with the files that are not finished."""
        with self._lock:
            if self._thread is not None and not self._cancelled.is_set():
                self._is_paused = True
                self._cancelled.set()

    def resume(self) -> None:
        """Continue after a pause; a file that was not finished is read from its start."""
        with self._lock:
            if self._is_paused:
                self._is_paused = False
                self._cancelled.clear()
                if self._thread is None:
                    self._start()

    def wait(self, seconds: float) -> None:
        """Wait at most this many seconds for the batch to end."""
        if thread := self._thread:
            thread.join(seconds)

    def standing(self) -> Standing | None:
        """Return the progress, None if nothing is left to read."""
        with self._lock:
            batch, progress = self._batch, self._progress
            if self._thread is None:
                return None
            return Standing(
                name=self._left[0].name if self._left else "",
                place=min(batch.files_done + 1, batch.files),
                files=batch.files,
                bytes_read=batch.size_done + (progress.bytes_read if progress else 0),
                size=batch.size,
                seconds=time.monotonic() - batch.started,
            )

    @property
    def is_busy(self) -> bool:
        """Whether something is being read, or has been read and waits to be collected."""
        with self._lock:
            return self._thread is not None or bool(self._outcomes or self._logs)

    def pending(self) -> list[str]:
        """Return the names of the arrivals that are not finished."""
        with self._lock:
            return [arrival.name for arrival in (self._reading, *self._waiting) if arrival]

    def collect(self) -> list[Outcome]:
        """Return the outcomes of a batch that has ended, in order and only once; before that, nothing."""
        with self._lock:
            if self._thread is not None or self._is_paused:
                return []
            outcomes, logs = self._outcomes, self._logs
            self._outcomes, self._logs = [], {}
        counted = [
            CountedLog(
                name, log.total.counts(), log.seconds, log.identity, tuple(log.again), log.format
            )
            for name, log in logs.items()
            if log.files
        ]
        return [*counted, *outcomes]

    def _run(self) -> None:
        is_done = False
        try:
            while arrival := self._next():
                self._take_in(arrival)
            is_done = True
        finally:
            if not is_done:  # After an unexpected exception, which Python prints.
                with self._lock:
                    self._give_up("something went wrong; see the terminal")

    def _next(self) -> Arrival | None:
        """Take the next arrival; None ends the thread, and a new file starts another."""
        with self._lock:
            self._reading = None
            if self._waiting and not self._cancelled.is_set():
                self._reading = self._waiting.popleft()
                self._left.extend(self._reading.places)
            elif self._is_paused:
                self._thread = None
            else:
                self._give_up(_CANCELLED)
            return self._reading

    def _give_up(self, reason: str) -> None:
        """End the thread, with a sentence for each file that is left."""
        if self._reading:
            self._refuse_left(self._reading, reason)
        for arrival in self._waiting:
            self._left.extend(arrival.places)
            self._refuse_left(arrival, reason)
            arrival.forget()
        self._waiting.clear()
        self._reading = self._thread = None

    def _refuse_left(self, arrival: Arrival, reason: str) -> None:
        """Refuse the files of an arrival that are not done."""
        while self._left:
            self._refuse(arrival, f"{self._left.popleft().name}: {reason}.")

    def _refuse(self, arrival: Arrival, sentence: str) -> None:
        """Refuse a file; its log is no longer complete, so it loses its identity."""
        self._log(arrival).identity = None
        self._outcomes.append(Refused(words.unicode(sentence), self._cancelled.is_set()))

    def _log(self, arrival: Arrival) -> _LogSum:
        return self._logs.setdefault(arrival.counted_as, _LogSum(arrival.identity))

    def _take_in(self, arrival: Arrival) -> None:
        started = time.monotonic()
        is_needed = False
        try:
            logs = [place for place in arrival.places if not self._is_lookup(arrival, place)]
            self._left = deque(logs)
            results = _way_to_count(arrival)(
                logs,
                format=arrival.format,
                inside=arrival.inside,
                progress=self._tell,
                cancel=self._cancelled.is_set,
                read=COUNT,
            )
            for place in logs:
                is_needed |= self._count(arrival, place, results)
                self._done(place)
        except Cancelled:
            with self._lock:
                is_needed |= self._is_put_back(arrival)
        except ClusterError as error:
            with self._lock:
                self._refuse(arrival, f"{arrival.name}: {error}")
                self._left.clear()
        finally:
            if log := self._logs.get(arrival.counted_as):
                log.seconds += time.monotonic() - started
            if not is_needed:
                arrival.forget()

    def _is_put_back(self, arrival: Arrival) -> bool:
        """Put the rest of an arrival back after a pause, or refuse it; return whether it was put back."""
        if self._is_paused or not self._cancelled.is_set():
            self._waiting.appendleft(replace(arrival, places=tuple(self._left)))
            self._left.clear()
            return True
        now = self._left.popleft().name
        self._refuse(arrival, f"{now}: cancelled before it was read completely.")
        self._refuse_left(arrival, _CANCELLED)
        return False

    def _is_lookup(self, arrival: Arrival, place: Place) -> bool:
        """Whether a file is a lookup, which is then loaded or refused."""
        if arrival.cluster is not None and place.path is None and not arrival.is_lookup:
            return False  # Only the workers read objects; there may be thousands.
        try:
            with (
                as_log_error(place.name),
                closing(place.open()) as source,
                seekable(source) as file,
            ):
                if not (arrival.is_lookup or looks_like_lookup(file.read(_HEAD_SIZE))):
                    return False
                file.seek(0)
                lookup = load_lookup_table(file, place.name, self._cancelled.is_set)
        except Cancelled:
            raise
        except FlowtagError as error:
            self._refuse(arrival, str(error))
        else:
            self._log(arrival).identity = None
            self._outcomes.append(lookup)
        self._done(place)
        return True

    def _done(self, place: Place) -> None:
        with self._lock:
            self._batch.files_done += 1
            self._batch.size_done += place.size or 0
            self._progress = None
            if self._left and self._left[0] is place:
                self._left.popleft()

    def _count(self, arrival: Arrival, place: Place, results: Iterator[Iterator[Counted]]) -> bool:
        """Count a file; return whether it is needed again because a layout is offered for it."""
        try:
            with as_log_error(place.name):
                counted = _together(next(results))
                counts = counted.counts
                is_of_no_use = log_notes.is_of_no_use(counts)
                # The counts of one file cannot be taken out of its folder's total again.
                is_alone = arrival.counted_as == place.name
                is_offered = bool(counts.offers) and (is_of_no_use or is_alone)
                if is_of_no_use and not is_offered:
                    self._refuse_as_lookup(place)
        except Cancelled:
            raise
        except FlowtagError as error:
            self._refuse(arrival, str(error))
            return False
        if is_offered:
            self._offer(arrival, place, counts.offers)
        elif is_of_no_use:
            cautions = words.few(list(log_notes.cautions(counts)), MOST_TOLD)
            self._refuse(arrival, " ".join(cautions))
        if not is_of_no_use:
            log = self._log(arrival)
            log.total.add_counted(counted)
            log.files += 1
            log.format = arrival.format
            self._keep_for_later(log, place)
        return is_offered

    def _keep_for_later(self, log: _LogSum, place: Place) -> None:
        """Keep a place for a second look; if that fails, say why."""
        later = place if address_of(place) is not None else self._keep(place)
        if isinstance(later, str):
            self._outcomes.append(Told(words.unicode(later)))
        elif later is not None:
            log.again.append(later)

    def _offer(self, arrival: Arrival, place: Place, offers: Mapping[str, Offer]) -> None:
        """Offer to read a file again in another layout; until then its folder is not complete."""
        self._log(arrival).identity = None
        others = arrival.format if isinstance(arrival.format, Mapping) else {}
        layouts = {**others, **{name: offer.fields for name, offer in offers.items()}}
        again = replace(arrival, name=place.name, places=(place,), format=layouts, identity=None)
        if arrival.counted_as != place.name:
            again = replace(again, log=f"{arrival.counted_as} (custom format)")
        self._outcomes.append(Offered(again, offers))

    def _refuse_as_lookup(self, place: Place) -> None:
        """Raise LookupFileError if a file without flows looks like a lookup that cannot be loaded."""
        with closing(place.open()) as source, seekable(source) as file:
            if looks_like_csv(file.read(_HEAD_SIZE)):
                file.seek(0)
                name = f"{place.name} (if meant as a lookup)"
                load_lookup_table(file, name, self._cancelled.is_set)

    def _tell(self, progress: Progress) -> None:
        self._progress = progress


def _way_to_count(arrival: Arrival) -> EachPlace:
    """Return what counts the files of an arrival: this process, or a cluster. Raises ClusterError."""
    if arrival.cluster is None:
        return each_place
    from flowtag_core.page import cluster  # imported lazily: few pages have a cluster
    from flowtag_core.reading.cluster import each_place_on

    return partial(each_place_on, cluster.client(arrival.cluster))


def _together(results: Iterator[Counted]) -> Counted:
    """Add up the counts of all files at one place, such as an archive."""
    found = list(islice(results, 2))
    if len(found) == 1:
        return found[0]
    total = Total()
    for counted in chain(found, results):
        total.add_counted(counted)
    return Counted(total.counts(), [])
