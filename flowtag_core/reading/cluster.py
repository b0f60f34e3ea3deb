"""Logs -> FlowCounts on a Dask cluster: the same counts as in one process.

Tables add up, so a cluster only has to count pieces and add up. It gets addresses, never the bytes of a log, and each
worker uses its own credentials.
"""

from __future__ import annotations

import os
import queue
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, cast

from flowtag_core.boundary import Inside, ranges_of
from flowtag_core.counting.file_count import Reached
from flowtag_core.counting.tally import Counted
from flowtag_core.counting.total import Total
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import Cancelled, ClusterError
from flowtag_core.reading import planned, scheduler, work
from flowtag_core.reading.fates import Fate, unpacked
from flowtag_core.reading.flow_log import (
    COUNT,
    Format,
    Progress,
    Reading,
    each_file,
    each_place,
    layouts,
)
from flowtag_core.reading.joined import Joining, Ranged
from flowtag_core.reading.planned import (
    Batch,
    Heads,
    InFile,
    Job,
    Lines,
    Numbered,
    Piece,
    Seen,
    batches,
    cut,
    heads,
    is_large,
    size_read,
)
from flowtag_core.sources.addresses import Address, address_of
from flowtag_core.sources.places import Log, LogFile, Place
from flowtag_core.version import VERSION

_WORTH_A_KERNEL: Final = 1 << 20
"""Bytes that workers count in less time than it takes to send them the kernel."""
_ADDED_AT_ONCE: Final = 8
"""How many sums are added in one task."""
_OUT: Final = 512
"""The most pieces that the scheduler has at the same time, or four for each thread if that is more."""
_PAUSE: Final = 0.1
"""Seconds between two checks whether the count was cancelled, while no piece is done."""


def count_on_cluster(
    logs: LogFile | Log | Sequence[LogFile | Log],
    client: Any,
    *,
    format: Format = None,
    internal: str | Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> FlowCounts:
    """Count every flow in one or more logs on the cluster of a `distributed.Client`, as `parse_flow_log` does.

    Workers get URIs and absolute paths, which they must be able to open; what has neither (standard input, an open
    file) is counted here. `progress` is called after each piece, with the bytes of all pieces that are done. Raises
    ClusterError if the cluster cannot be used or loses a piece, and otherwise what `parse_flow_log` raises.
    """
    is_one = isinstance(logs, (str, os.PathLike, Log)) or hasattr(logs, "read")
    given = cast("Sequence[LogFile | Log]", [logs] if is_one else logs)
    inside = Inside(ranges_of(internal))
    total = Total()
    total.add(FlowCounts(internal=inside.ranges))
    count = partial(each_place_on, client)
    for counted in each_file(given, None, format, inside, progress, cancel, count=count):
        total.add_counted(counted)
    return total.counts()


def each_place_on(
    client: Any,
    places: Sequence[Place],
    *,
    format: Format,
    inside: Inside,
    progress: Callable[[Progress], None],
    cancel: Callable[[], bool],
    read: Reading = COUNT,
) -> Iterator[Iterator[Counted]]:
    """Count places on a cluster, and return an iterator over the counts of each place, like `each_place`.

    Everything on the cluster is counted before this returns. The counts of all places add up to the right tables;
    those of one place may contain the tables of others. Raises ClusterError and Cancelled.
    """
    del read  # A cluster only counts flows.
    addresses = [address_of(place) for place in places]
    away = [(number, each) for number, each in enumerate(addresses) if each is not None]
    here = [place for place, each in zip(places, addresses, strict=True) if each is None]
    tables, fates = FlowCounts(), dict[int, Fate]()
    if away:
        scheduler.check_versions(client)
        is_much = sum(each.size for _, each in away) > _WORTH_A_KERNEL
        with scheduler.made_ready(client, has_kernel=is_much):
            job = Job(format, inside.ranges, VERSION)
            tables, fates = _Run(client, job, away, progress, cancel).result()
    others = each_place(here, format=format, inside=inside, progress=progress, cancel=cancel)
    return _in_order(len(places), tables, fates, others)


def _in_order(
    count: int, tables: FlowCounts, fates: Mapping[int, Fate], others: Iterator[Iterator[Counted]]
) -> Iterator[Iterator[Counted]]:
    """Yield the counts of each place; the first one with flows gets the tables of all."""
    has_tables = False
    for number in range(count):
        fate = fates.get(number)
        if fate is None:
            yield next(others)
            continue
        has_flows = not fate.error and any(each.total.flows for each in fate.counts)
        if has_flows and not has_tables:
            has_tables = True
            first, *more = fate.counts
            first = replace(tables, files=first.files, faults=first.faults)
            fate = Fate((first, *more))
        yield _counted(fate)


def _counted(fate: Fate) -> Iterator[Counted]:
    for counts in fate.counts:
        yield Counted(counts, [])
    if fate.error:
        raise fate.error


class _Sums:
    """Sums on the cluster, which are added up in a tree as they arrive."""

    def __init__(self, submit: Callable[..., Any]) -> None:
        self._submit = submit
        self._levels: list[list[Any]] = []

    def add(self, future: Any, level: int = 0) -> None:
        """Add the sum that a future will have."""
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(future)
        if len(self._levels[level]) == _ADDED_AT_ONCE:
            parts, self._levels[level] = self._levels[level], []
            self.add(self._submit(work.added, parts), level + 1)

    def total(self) -> Any:
        """Return a future of the sum of everything; there must be at least one sum."""
        left = [future for level in self._levels for future in level]
        self._levels = []
        return left[0] if len(left) == 1 else self._submit(work.added, left)


@dataclass(eq=False)
class _Parts:
    """A large file in parts: what became of them, and where their sums are.

    If it `is_guessed_wrong`, some of its lines have another layout than the first ones.
    """

    number: int
    address: Address
    seen: Seen
    pieces: list[InFile]
    joining: Joining
    sums: _Sums
    futures: dict[int, Any] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    is_guessed_wrong: bool = False


@dataclass(frozen=True, eq=False)
class _Task:
    """A piece that the scheduler has, and the file that it is a part of, if any.

    `sum` is the future of its sum, and `told` the future of what the client needs to know about it.
    """

    piece: Piece
    file: _Parts | None
    sum: Any
    told: Any


class _Run:
    """One count on a cluster, from the plan to the sum."""

    def __init__(
        self,
        client: Any,
        job: Job,
        files: Sequence[Numbered],
        progress: Callable[[Progress], None],
        cancel: Callable[[], bool],
    ) -> None:
        self._client, self._job, self._files = client, job, files
        self._progress, self._cancel = progress, cancel
        self._name = f"flowtag-{uuid.uuid4().hex[:12]}"
        self._address = client.scheduler.address
        self._size = sum(address.size for _, address in files)
        self._threads = max(sum(client.nthreads().values()), 1)
        self._waiting: deque[tuple[Piece, _Parts | None]] = deque()
        self._out: dict[str, _Task] = {}
        self._arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._sums = _Sums(partial(self._submit, priority=10))
        self._fates: dict[int, Fate] = {}
        self._read = self._tasks = 0

    def result(self) -> tuple[FlowCounts, dict[int, Fate]]:
        """Count everything; return the tables of all files, and the fate of each by its number."""
        self._plan()
        try:
            while self._waiting or self._out:
                self._hand_out()
                if (future := self._next()) is not None:
                    self._take(future)
            return self._gathered()
        finally:
            if self._client.status == "running":
                self._client.cancel([task.sum for task in self._out.values()], force=True)

    def _plan(self) -> None:
        large = [each for each in self._files if is_large(each[1], planned.SIZES)]
        small = [each for each in self._files if not is_large(each[1], planned.SIZES)]
        pieces: tuple[Piece, ...] = (
            *heads(self._job, large),
            *batches(self._job, small, planned.SIZES),
        )
        self._waiting.extend((piece, None) for piece in pieces)

    def _submit(self, function: Callable[..., Any], *given: Any, priority: int = 0) -> Any:
        self._tasks += 1
        key = f"{self._name}-{function.__name__}-{self._tasks}"
        return self._client.submit(function, *given, key=key, pure=False, priority=priority)

    def _hand_out(self) -> None:
        """Give the scheduler more pieces, but never so many that it would need much memory."""
        while self._waiting and len(self._out) < max(_OUT, 4 * self._threads):
            piece, file = self._waiting.popleft()
            if file is not None and file.is_guessed_wrong and isinstance(piece, Lines):
                piece = replace(piece, at=file.joining.at)
            future = told = self._submit(work.done, piece)
            if file is not None:
                told = self._submit(work.ranged_of, future, priority=10)
            self._out[told.key] = _Task(piece, file, future, told)
            told.add_done_callback(self._arrived.put)

    def _next(self) -> Any:
        """Return the next future that is done, or None if none is done yet. Raises Cancelled and ClusterError."""
        if self._cancel():
            raise Cancelled("The count on the cluster was cancelled.")
        if self._client.status != "running":
            raise ClusterError(
                f"{self._address}: the connection to the scheduler was lost. Count the logs again."
            )
        try:
            return self._arrived.get(timeout=_PAUSE)
        except queue.Empty:
            return None

    def _take(self, future: Any) -> None:
        """Take a piece that is done, unless its file was given up."""
        task = self._out.pop(future.key, None)
        if task is None:
            return
        self._check_done(future, str(task.piece))
        if isinstance(task.piece, Heads):
            self._cut(task.piece, future.result())
        elif task.file is not None:
            self._take_part(task.file, task, future.result())
        else:
            self._sums.add(task.sum)
            self._tell(task.piece.size)

    def _check_done(self, future: Any, what: str) -> None:
        """Raise ClusterError, with the piece, if a future has failed."""
        from distributed import KilledWorker

        if future.status == "finished":
            return
        if future.status != "error":
            raise ClusterError(f"{what}: was cancelled on the cluster. Count the logs again.")
        error = future.exception()
        if isinstance(error, ClusterError):
            raise error
        if isinstance(error, KilledWorker):
            raise ClusterError(
                f"{what}: several workers died while they counted this. They may have too little "
                "memory: give each thread of a worker at least 2 GB."
            ) from error
        raise ClusterError(
            f"{what}: a worker failed ({type(error).__name__}: {str(error)[:200]}). See its log."
        ) from error

    def _cut(self, looked: Heads, found: Sequence[Seen]) -> None:
        """Cut large files into pieces, now that it is known what they are."""
        ready: list[tuple[Piece, _Parts | None]] = []
        for (number, address), seen in zip(looked.files, found, strict=True):
            start = Reached(layouts(self._job.format)(address.name), 0, False, "")
            pieces = cut(self._job, address, seen, start, self._threads, planned.SIZES)
            if len(pieces) < 2:
                ready.append((Batch(self._job, ((number, address),)), None))
                continue
            joining = Joining(address.name, len(pieces), start)
            sums = _Sums(partial(self._submit, priority=10))
            file = _Parts(number, address, seen, pieces, joining, sums)
            ready += [(piece, file) for piece in pieces]
        self._waiting.extendleft(reversed(ready))

    def _take_part(self, file: _Parts, task: _Task, part: Ranged) -> None:
        """Take a part of a file; the part or the whole file may have to be counted again."""
        piece = cast("InFile", task.piece)
        if piece.place not in file.sizes:
            file.sizes[piece.place] = piece.size
            self._tell(piece.size)
        if part.trouble:
            self._give_up(file)
            return
        file.futures[piece.place] = task.sum
        file.joining.put(piece.place, part)
        for place in file.joining.certain():
            file.sums.add(file.futures.pop(place))
        if file.joining.is_complete:
            counts = file.joining.counts()
            self._tell(file.address.size - sum(file.sizes.values()))
            self._fates[file.number] = Fate((_sized(counts, file),))
            self._sums.add(file.sums.total())
        elif wrong := file.joining.misread():
            file.is_guessed_wrong = True
            self._waiting.extendleft((file.pieces[place], file) for place in reversed(wrong))

    def _give_up(self, file: _Parts) -> None:
        """Count a file as a whole: only this shows for certain what one process would have counted."""
        self._tell(-sum(file.sizes.values()))
        self._waiting = deque(each for each in self._waiting if each[1] is not file)
        others = [task for task in self._out.values() if task.file is file]
        for task in others:
            del self._out[task.told.key]
        self._client.cancel([task.sum for task in others], force=True)
        self._waiting.appendleft((Batch(self._job, ((file.number, file.address),)), None))

    def _tell(self, size: int) -> None:
        self._read += size
        self._progress(Progress(self._address, self._read, self._size, 0))

    def _gathered(self) -> tuple[FlowCounts, dict[int, Fate]]:
        future = self._sums.total()
        future.add_done_callback(self._arrived.put)
        while self._next() is not future:
            pass
        self._check_done(future, "the sum of all pieces")
        found = self._client.gather(future, direct=True)
        names = {number: address.name for number, address in self._files}
        fates = dict(unpacked(found.fates, names, self._job.internal))
        return found.tables, {**fates, **self._fates}


def _sized(counts: FlowCounts, file: _Parts) -> FlowCounts:
    """Return the counts of a file in parts with the size that one process would have read."""
    ((name, found),) = counts.files.items()
    size = size_read(file.address, file.seen, found.size, len(file.pieces))
    return replace(counts, files={name: replace(found, size=size)})
