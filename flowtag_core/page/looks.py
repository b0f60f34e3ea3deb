"""Second looks at a tab's logs, in a thread; results are kept, so that the same question is not read twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

from flowtag_core import evidence
from flowtag_core.errors import Cancelled, FlowtagError
from flowtag_core.evidence import Evidence, Wanted
from flowtag_core.page.intake import CountedLog
from flowtag_core.reading.evidence import look
from flowtag_core.reading.flow_log import Progress
from flowtag_core.showing import words
from flowtag_core.sources.places import Log

_MOST_KEPT: Final = 1 << 21
"""The most rows of all kept results, about 200 MB; the latest result is kept whatever its size."""


@dataclass
class _Job:
    """A look in progress, or one that ended without a result: what was found so far, and why it ended."""

    key: Hashable
    size: int
    started: float = field(default_factory=time.monotonic)
    read: dict[tuple[int, str], int] = field(default_factory=dict)
    so_far: Evidence | None = None
    error: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class Looks:
    """Takes one look at a time; a request for another one stops it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # With the logs, so that the counts which identify them are not freed.
        self._found: dict[Hashable, tuple[Evidence, Sequence[CountedLog]]] = {}
        self._job: _Job | None = None

    def ask(self, wanted: Wanted, logs: Sequence[CountedLog]) -> None:
        """Start a look at these logs, unless its result is known or it is in progress; stop any other look."""
        key = _key(wanted, logs)
        with self._lock:
            if self._job is not None and self._job.key == key and not self._job.error:
                return
            self._stop()
            if key in self._found:
                return
            places = [place for log in logs for place in log.again]
            job = self._job = _Job(key, sum(place.size or 0 for place in places))
            job.thread = threading.Thread(
                target=self._run, args=(job, wanted, logs), name="look", daemon=True
            )
            job.thread.start()

    def found(self, wanted: Wanted, logs: Sequence[CountedLog]) -> Evidence | None:
        """Return what a look found, or has found so far; None if there is nothing yet."""
        key = _key(wanted, logs)
        with self._lock:
            if key in self._found:
                return self._found[key][0]
            return self._job.so_far if self._job and self._job.key == key else None

    def error(self, wanted: Wanted, logs: Sequence[CountedLog]) -> str:
        """Return why a look ended without a result; empty if it did not."""
        with self._lock:
            is_this = self._job and self._job.key == _key(wanted, logs)
            return self._job.error if self._job and is_this else ""

    def standing(self) -> tuple[float, str] | None:
        """Return the share that was read, and the progress in words; None if no look is in progress."""
        with self._lock:
            job = self._job
            if job is None or job.error:
                return None
            read = sum(job.read.values())
            share = min(read / job.size, 1.0) if job.size else 0.0
            return share, f"Reading again: {words.size(read)} of {words.size(job.size)}"

    def cancel(self) -> None:
        """Stop the look in progress, and keep what it has found so far."""
        with self._lock:
            if self._job and not self._job.error:
                self._job.error = "Stopped. The numbers cover only what was read before."
                self._job.cancelled.set()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._stop()
            self._found = {}

    def wait(self, seconds: float) -> None:
        """Wait at most this many seconds for the look to end."""
        job = self._job
        if job and job.thread:
            job.thread.join(seconds)

    def _rows(self) -> int:
        return sum(found.rows for found, _ in self._found.values())

    def _stop(self) -> None:
        if self._job:
            self._job.cancelled.set()
            self._job = None

    def _run(self, job: _Job, wanted: Wanted, logs: Sequence[CountedLog]) -> None:
        error = "Something went wrong; see the terminal."  # Python prints what nobody catches.
        try:
            found = self._taken(job, wanted, logs)
            error = ""
        except Cancelled:
            error = ""
            return
        except FlowtagError as failure:
            error = str(failure)
            return
        finally:
            job.error = job.error or error
        with self._lock:
            if self._job is not job:
                return
            self._job = None
            self._found[job.key] = found, logs
            while len(self._found) > 1 and self._rows() > _MOST_KEPT:
                del self._found[next(iter(self._found))]

    def _taken(self, job: _Job, wanted: Wanted, logs: Sequence[CountedLog]) -> Evidence:
        """Return the evidence of all logs, and show it in the job as it grows."""
        before = Evidence()
        for number, log in enumerate(logs):

            def tell(progress: Progress, number: int = number) -> None:
                job.read[number, progress.file] = progress.bytes_read

            def show(found: Evidence, before: Evidence = before) -> None:
                job.so_far = evidence.added([before, found])

            before = evidence.added([before, self._look(job, wanted, log, tell, show)])
            job.so_far = before
        return before

    def _look(
        self,
        job: _Job,
        wanted: Wanted,
        log: CountedLog,
        tell: Callable[[Progress], None],
        show: Callable[[Evidence], None],
    ) -> Evidence:
        """Return the evidence of one log; name what has changed or can no longer be read."""
        if not log.again:
            return Evidence()
        changed = [
            f"{place.name}: has changed since it was counted."
            for place in log.again
            if place.has_changed()
        ]
        try:
            found = look(
                Log(log.name, log.again, is_folder=True),
                wanted=wanted,
                format=log.format,
                internal=log.counts.internal or (),
                progress=tell,
                cancel=job.cancelled.is_set,
                so_far=show,
            )
        except Cancelled:
            raise
        except FlowtagError as error:
            found, changed = Evidence(), [*changed, str(error)]
        return evidence.added([found, Evidence(damage=frozenset(changed))])


def _key(wanted: Wanted, logs: Sequence[CountedLog]) -> Hashable:
    return wanted, tuple((log.name, id(log.counts)) for log in logs)
