"""The logs that the page follows: one follower for all tabs, on a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple

from flowtag_core.boundary import Inside
from flowtag_core.counting.recent import DAY, HOUR
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import FlowtagError, LookupFileError
from flowtag_core.page.versions import EMPTY_LOOKUP
from flowtag_core.reading.follow import Follower
from flowtag_core.reading.live import Live, version_of
from flowtag_core.shapes.layout import ASSUMED, format_layout
from flowtag_core.sources.places import Place, logs_at, readable
from flowtag_core.sources.uris import Days
from flowtag_core.tagging.alerts import Alert, Watch
from flowtag_core.tagging.lookup_file import load_lookup_table

Window = Literal["hour", "day", "all"]
WINDOWS: Final[tuple[Window, ...]] = ("hour", "day", "all")

_POLL: Final = 0.25
"""Seconds between two looks at the files that are known."""
_LOOK: Final = 2.0
"""Seconds between two looks for new files."""
_AT_ONCE: Final = 0.5
"""Seconds after which a look at much that is new is interrupted, so that tabs see how far it is."""
_PUBLISHED: Final = 0.5
_SAVED: Final = 5.0
_RATE_OVER: Final = 10.0
"""Seconds over which the rate is averaged."""
_MOST_TOLD: Final = 100


class Job(NamedTuple):
    """The paths to follow and how to read them, as the arguments of the page say."""

    paths: tuple[str, ...]
    lookup: str | None = None
    format: str | None = None
    internal: tuple[str, ...] = ()
    keep: int | None = None
    state: str | None = None
    others: tuple[str, ...] = ()
    is_kept_on: bool = False
    since: date | None = None


class Standing(NamedTuple):
    """How far the follower is: flows a second, when the last lines arrived, seconds behind the clock.

    `rate` is None until it is known, `arrived` and `lag` are None before the first flow. `is_behind` says
    whether there is more to count.
    """

    number: int
    rate: float | None
    arrived: int | None
    lag: int | None
    is_behind: bool
    error: str = ""


class Told(NamedTuple):
    """A message or an alert, with its number."""

    number: int
    what: str | Alert


@dataclass(frozen=True)
class Paused:
    """The moment of a pause: the counts of each window, and how far the follower was."""

    counts: dict[Window, FlowCounts]
    standing: Standing


class Following:
    """Follows logs until its last tab has left, and publishes each step under a number.

    Raises FlowtagError if the logs cannot be followed.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.number = 0
        """Grows whenever there is something new for the tabs."""
        self.lookup = None if job.lookup is None else load_lookup_table(readable(job.lookup))
        layout = ASSUMED if job.format is None else format_layout(job.format)
        others = [path for path in (job.lookup, job.state, *job.others) if path is not None]
        follower = Follower(job.paths, layout, Inside(job.internal), others, job.since)
        self._live = Live(follower, job.keep or DAY)
        self._watch = Watch()
        self._lookup_seen = None if job.lookup is None else version_of(job.lookup)
        self._newest = 0
        self._error = self._unsaved = ""
        self._is_pending, self._was_busy = True, False
        self._published = -_PUBLISHED
        self._looked_at = -1
        self._saved = -1
        self._told: deque[Told] = deque(maxlen=_MOST_TOLD)
        self._telling = 0
        self._arrivals: deque[tuple[float, int]] = deque()
        self._arrived: int | None = None
        self._counts: dict[Window, tuple[int, FlowCounts]] = {}
        self._tabs: set[int] = set()
        self._lock = threading.RLock()
        self._ended = threading.Event()
        if job.state is not None and os.path.exists(job.state):
            self._watch.last_true.update(self._live.resume(job.state).last_true)
            self._newest = self._live.recent.newest
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)
        self._thread.start()

    @property
    def is_ended(self) -> bool:
        """Whether it has ended, because its last tab has left or because it failed."""
        return self._ended.is_set()

    def join(self, tab: object) -> None:
        """Note that a tab shows the logs."""
        with self._lock:
            self._tabs.add(id(tab))

    def leave(self, tab: object) -> None:
        """Note that a tab shows the logs no longer; the last one ends the follower, unless it is kept on."""
        with self._lock:
            self._tabs.discard(id(tab))
            if not self._tabs and not self.job.is_kept_on:
                self._ended.set()

    def wait(self, seconds: float) -> None:
        """Wait for the end of the thread, at most so many seconds."""
        self._thread.join(seconds)

    def counts(self, window: Window) -> FlowCounts:
        """Return the counts of a window as they are now; the same object as long as nothing is new."""
        with self._lock:
            number, counts = self._counts.get(window, (-1, FlowCounts()))
            if number != self.number:
                counts = self._counted(window)
                self._counts[window] = self.number, counts
            return counts

    def _counted(self, window: Window) -> FlowCounts:
        live, keep = self._live, self.job.keep
        if window == "all":
            return live.sum if keep is None else live.last(keep)
        minutes = HOUR if window == "hour" else DAY
        return live.last(minutes if keep is None else min(minutes, keep))

    def pause(self) -> Paused:
        """Return everything as it is now."""
        with self._lock:
            return Paused({window: self.counts(window) for window in WINDOWS}, self.standing())

    def standing(self) -> Standing:
        """Return how far the follower is."""
        with self._lock:
            is_behind = self._live.follower.is_behind
            return Standing(
                self.number, self._rate(), self._arrived, self._live.lag, is_behind, self._error
            )

    def told(self, since: int) -> list[Told]:
        """Return the messages and alerts with a larger number."""
        with self._lock:
            return [each for each in self._told if each.number > since]

    def places(self) -> tuple[Place, ...]:
        """Return the files as they are now, for a second look, without those that are gone."""
        found: list[Place] = []
        for path in self.job.paths:
            try:
                logs = logs_at(path, days=Days(self.job.since))
                found += [place for log in logs for place in log.places]
            except FlowtagError:
                continue
        return tuple(found)

    def _run(self) -> None:
        """Look, poll, publish, save, until the last tab has left."""
        looked = saved = 0.0
        try:
            while not self._ended.is_set():
                now = time.monotonic()
                with self._lock:
                    is_behind = self._live.follower.is_behind
                    is_look = is_behind or now - looked >= _LOOK
                    is_new = self._live.look(_AT_ONCE) if is_look else self._live.poll()
                    looked = time.monotonic() if is_look else looked
                    if is_new:
                        self._arrived = int(time.time())
                    self._publish(is_new=is_new)
                    if self.job.state is not None and now - saved >= _SAVED:
                        self._save(self.job.state)
                        saved = time.monotonic()
                self._ended.wait(0 if self._live.follower.is_behind else _POLL)
            with self._lock:
                self._live.add_up()
                if self.job.state is not None:
                    self._save(self.job.state)
        except FlowtagError as error:
            self._error = str(error)
            self.number += 1
        except BaseException:
            self._error = "Something went wrong; see the terminal."
            self.number += 1
            raise
        finally:
            self._ended.set()
            self._live.follower.close()

    def _publish(self, *, is_new: bool) -> None:
        """Give what is new a number, unless the last one was given just now."""
        self._is_pending |= is_new
        now = time.monotonic()
        if self._arrivals and self._was_busy and now - self._arrivals[-1][0] > _RATE_OVER:
            self._is_pending, self._was_busy = True, False  # The rate is 0 now.
        self._was_busy |= is_new
        if self._has_new_lookup() or self._take_messages():
            self._is_pending = True
        if not self._is_pending or now - self._published < _PUBLISHED:
            return
        self._live.add_up()
        self._arrivals.append((now, self._live.sum.total.flows))
        while len(self._arrivals) > 2 and now - self._arrivals[1][0] > _RATE_OVER:
            self._arrivals.popleft()
        self._find_alerts()
        self._is_pending, self._published = False, now
        self.number += 1

    def _rate(self) -> float | None:
        """Return the flows a second over the last seconds; a backlog at the beginning does not count."""
        if len(self._arrivals) < 2:
            return None
        (begun, before), (_, flows) = self._arrivals[0], self._arrivals[-1]
        since = time.monotonic() - begun
        if time.monotonic() - self._arrivals[-1][0] > _RATE_OVER:
            return 0.0
        return (flows - before) / since

    def _take_messages(self) -> bool:
        messages = self._live.follower.take_messages()
        known = self._live.sum.total.damage  # The page shows these beside the files.
        for message in messages:
            if message not in known:
                self._tell(message)
        return bool(messages)

    def _tell(self, what: str | Alert) -> None:
        self._telling += 1
        self._told.append(Told(self._telling, what))

    def _find_alerts(self) -> None:
        recent = self._live.recent
        minute = int(time.monotonic()) // 60
        if recent.newest == self._newest and minute == self._looked_at:
            return
        self._looked_at = minute
        lookup = EMPTY_LOOKUP if self.lookup is None else self.lookup
        spans = recent.spans().items()
        for alert in self._watch.since(
            self._newest, recent.newest, recent.keep, spans, self._live.sum, lookup
        ):
            if not alert.others:
                self._tell(alert)
        self._newest = recent.newest

    def _has_new_lookup(self) -> bool:
        """Load the lookup again if its file has changed; a broken one changes nothing."""
        path = self.job.lookup
        if path is None or version_of(path) == self._lookup_seen:
            return False
        self._lookup_seen = version_of(path)
        try:
            # Opening a pipe would wait for a writer.
            if os.path.exists(path) and not os.path.isfile(path):
                raise LookupFileError(f"{path}: is not a file any more.")
            self.lookup = load_lookup_table(path)
        except LookupFileError as error:
            self._tell(f"{error} The previous lookup is still used.")
        return True

    def _save(self, path: str) -> None:
        """Save the state. If that fails, say so once, and try again."""
        if self._saved == self._live.sum.total.records:
            return
        try:
            self._live.save(path, self._watch.last_true)
            self._saved, self._unsaved = self._live.sum.total.records, ""
        except FlowtagError as error:
            if str(error) != self._unsaved:
                self._unsaved = str(error)
                self._tell(f"{error} flowtag will try again.")
                self.number += 1


_SHARED: Final[dict[Job, Following]] = {}
_SHARED_LOCK: Final = threading.Lock()


def shared(job: Job) -> Following:
    """Return the follower that all tabs share; start it if there is none. Raises FlowtagError."""
    with _SHARED_LOCK:
        following = _SHARED.get(job)
        if following is None or following.is_ended:
            if following is not None:
                following.wait(5)  # It still saves its state.
            following = _SHARED[job] = Following(job)
        return following


def newest() -> int:
    """Return the number of the newest step of any follower, 0 if there is none."""
    return sum(following.number for following in _SHARED.values())
