"""Files -> counts and lookups, one after the other, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

from flowtag_core.counts import FlowCounts, Offer, Tower
from flowtag_core.errors import LOGGER, Cancelled, FlowtagError, as_log_error
from flowtag_core.reading.flow_log import Progress, parse_flow_log
from flowtag_core.showing import log_notes, words
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table, looks_like_csv, looks_like_lookup

_HEAD_SIZE: Final = 1 << 16
# What nobody foresaw is told in a sentence on the page, and with its traceback in the terminal.
logging.getLogger(LOGGER).addHandler(logging.StreamHandler())


@dataclass(frozen=True)
class Arrival:
    """A file that waits to be read: its name to show, how it is opened, its bytes.

    It is opened once or, where something is offered, again; `forget` lets go of what it holds.
    Its content tells whether it is a log or a lookup, unless it `is_lookup` by the user's word.
    The files of a folder are counted together under its name, `folder`. `identity` is what a file
    or folder of this machine is known by as long as nobody changes it. `format` is the layout of a
    log without a header, or of some of the logs in it by name.
    """

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    size: int
    is_lookup: bool = False
    folder: str | None = None
    identity: Hashable = None
    format: str | Mapping[str, str] | None = None
    forget: Callable[[], None] = lambda: None

    @property
    def is_alone(self) -> bool:
        """Whether its counts are not added to those of other files."""
        return self.folder in (None, self.name)


@dataclass(frozen=True)
class CountedLog:
    """A log, or a folder of logs, that was read: its counts, and how many seconds that took.

    With an `identity` every file of it was counted, so that it need not be read again.
    """

    name: str
    counts: FlowCounts
    seconds: float
    identity: Hashable = None


@dataclass(frozen=True)
class Refusal:
    """A file that gave nothing, in one sentence; that it was `cancelled` is no fault."""

    sentence: str
    cancelled: bool = False


@dataclass(frozen=True)
class Offered:
    """Logs whose lines fit layouts that they do not name: how they may be read again, and the gain.

    `offers` has the files by name, several where they came in one archive.
    """

    again: Arrival
    offers: Mapping[str, Offer]

    @property
    def layouts(self) -> str:
        """The layouts, one a line."""
        return "\n".join(sorted({offer.fields for offer in self.offers.values()}))


Outcome = CountedLog | Lookup | Refusal | Offered


@dataclass(frozen=True)
class Standing:
    """How far a batch of files has come; `bytes_read` and `size` are of all its files."""

    name: str
    place: int
    files: int
    bytes_read: int
    size: int
    seconds: float

    @property
    def part(self) -> float:
        """How much of the bytes is read, from 0 to 1."""
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
    """What came in since nothing was left to read, and how much of that is done."""

    started: float = field(default_factory=time.monotonic)
    files: int = 0
    size: int = 0
    files_done: int = 0
    size_done: int = 0


class _Folder:
    """The logs of one folder, or a single log, added as they come."""

    def __init__(self, identity: Hashable) -> None:
        self.identity = identity
        self.sums = Tower(FlowCounts())
        self.files = 0
        self.seconds = 0.0


class Intake:
    """Reads what arrives; its owner collects the outcomes once a batch is at its end.

    Every method may be called from any thread, and none but `wait` waits for a file to be read.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Arrival] = deque()
        self._reading: Arrival | None = None
        self._progress: Progress | None = None
        self._folders: dict[str, _Folder] = {}
        self._outcomes: list[Lookup | Refusal | Offered] = []
        self._batch = _Batch()
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, arrivals: Iterable[Arrival]) -> None:
        """Read these files, after those that are waiting already."""
        with self._lock:
            is_idle = self._thread is None
            if is_idle:
                self._batch = _Batch()
                self._cancelled.clear()
            for arrival in arrivals:
                self._waiting.append(arrival)
                self._batch.files += 1
                self._batch.size += arrival.size
            if is_idle and self._waiting:
                # A daemon, so that a server that is told to stop does not wait for it.
                self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
                self._thread.start()

    def cancel(self) -> None:
        """Stop at the next block; each file that is not read to its end gets a sentence."""
        self._cancelled.set()

    def wait(self, seconds: float) -> None:
        """Wait at most so long for the batch to end."""
        if thread := self._thread:
            thread.join(seconds)

    def standing(self) -> Standing | None:
        """How far it has come; None where nothing is left to read."""
        with self._lock:
            batch, progress = self._batch, self._progress
            if self._thread is None:
                return None
            return Standing(
                name=self._reading.name if self._reading else "",
                place=min(batch.files_done + 1, batch.files),
                files=batch.files,
                bytes_read=batch.size_done + (progress.bytes_read if progress else 0),
                size=batch.size,
                seconds=time.monotonic() - batch.started,
            )

    def pending(self) -> list[str]:
        """The names of the files that are not read to their end."""
        with self._lock:
            return [file.name for file in (self._reading, *self._waiting) if file]

    def collect(self) -> list[Outcome]:
        """What became of the files of a batch that is at its end, in order and only once."""
        with self._lock:
            if self._thread is not None:
                return []
            outcomes, folders = self._outcomes, self._folders
            self._outcomes, self._folders = [], {}
        logs = [
            CountedLog(name, folder.sums.total(), folder.seconds, folder.identity)
            for name, folder in folders.items()
            if folder.files
        ]
        return [*logs, *outcomes]

    def _run(self) -> None:
        try:
            while arrival := self._next():
                self._take_in(arrival)
        finally:
            with self._lock:
                # Only after an unforeseen exception, which Python prints, is there anything left.
                self._give_up("flowtag failed in reading it; its terminal says how")

    def _next(self) -> Arrival | None:
        """The file to read next; with None the thread is over, and a new file starts another."""
        with self._lock:
            if done := self._reading:
                self._batch.files_done += 1
                self._batch.size_done += done.size
            self._reading = self._progress = None
            if self._waiting and not self._cancelled.is_set():
                self._reading = self._waiting.popleft()
            else:
                self._give_up("it was not read, since you cancelled")
            return self._reading

    def _give_up(self, reason: str) -> None:
        """End the thread, with a sentence for each file that is left."""
        for file in (self._reading, *self._waiting):
            if file:
                self._refuse(file, f"{file.name}: {reason}.")
                file.forget()
        self._waiting.clear()
        self._reading = self._thread = None

    def _refuse(self, file: Arrival, sentence: str) -> None:
        """The folder of a file that was not counted is not known to be whole any more."""
        self._folder(file).identity = None
        self._outcomes.append(Refusal(words.unicode(sentence), self._cancelled.is_set()))

    def _folder(self, file: Arrival) -> _Folder:
        return self._folders.setdefault(file.folder or file.name, _Folder(file.identity))

    def _take_in(self, arrival: Arrival) -> None:
        is_offered = False
        try:
            with as_log_error(arrival.name), arrival.open() as file:
                is_offered = self._read(arrival, file)
        except Cancelled:
            self._refuse(
                arrival, f"{arrival.name}: it was not read to its end, since you cancelled."
            )
        except FlowtagError as error:
            self._refuse(arrival, str(error))
        finally:
            if not is_offered:
                arrival.forget()

    def _read(self, arrival: Arrival, file: BinaryIO) -> bool:
        """Read a file; says whether something is offered, for which it may be read again."""
        started = time.monotonic()
        head = file.read(_HEAD_SIZE)
        file.seek(0)
        if arrival.is_lookup or looks_like_lookup(head):
            self._folder(arrival).identity = None
            self._outcomes.append(load_lookup_table(file, name=arrival.name))
            return False
        counts = parse_flow_log(
            file,
            names=[arrival.name],
            format=arrival.format,
            progress=self._tell,
            cancel=self._cancelled.is_set,
        )
        is_of_no_use = log_notes.is_of_no_use(counts)
        # What counts in a folder's sum cannot be taken out of it again.
        is_offered = bool(counts.offers) and (is_of_no_use or arrival.is_alone)
        if is_offered:
            self._offer(arrival, counts.offers)
        elif is_of_no_use:
            if looks_like_csv(head):
                file.seek(0)
                load_lookup_table(file, name=f"{arrival.name}: if this should be a lookup")
            self._refuse(arrival, " ".join(log_notes.cautions(counts)))
        if not is_of_no_use:
            folder = self._folder(arrival)
            folder.sums.add(counts)
            folder.files += 1
            folder.seconds += time.monotonic() - started
        return is_offered

    def _offer(self, arrival: Arrival, offers: Mapping[str, Offer]) -> None:
        """Offer to read the file again; until then its folder is not known to be whole."""
        self._folder(arrival).identity = None
        folder = arrival.folder if arrival.is_alone else f"{arrival.folder} (custom format)"
        others = arrival.format if isinstance(arrival.format, Mapping) else {}
        layouts = {**others, **{name: offer.fields for name, offer in offers.items()}}
        again = replace(arrival, format=layouts, folder=folder, identity=None)
        self._outcomes.append(Offered(again, offers))

    def _tell(self, progress: Progress) -> None:
        self._progress = progress
