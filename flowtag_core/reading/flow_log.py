"""Logs -> FlowCounts, reading each log once."""

from __future__ import annotations

import io
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO, Final, NamedTuple, ParamSpec, Protocol, TypeVar

from flowtag_core.boundary import Inside, ranges_of
from flowtag_core.counting import compiled
from flowtag_core.counting.contract import Kernel
from flowtag_core.counting.file_count import FileCount
from flowtag_core.counting.plain_file import plain_file
from flowtag_core.counting.reference import ALWAYS_INSIDE
from flowtag_core.counting.tally import Counted
from flowtag_core.counting.threads import Queue
from flowtag_core.counting.total import Total
from flowtag_core.counts import FileCounts, FlowCounts, Reason
from flowtag_core.errors import (
    Cancelled,
    DamagedLogError,
    LogError,
    OverBudgetError,
    StoreError,
    UnforeseenError,
    as_log_error,
)
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.layout import ASSUMED, Layout, format_layout
from flowtag_core.shapes.shapes import is_plainly_text, parts_of
from flowtag_core.shapes.text import Block
from flowtag_core.sources.pieces import File, Source
from flowtag_core.sources.places import Log, LogFile, Place, Refusal, log_of, name_of
from flowtag_core.sources.stream import Stream, Watched
from flowtag_core.sources.unpacking import unpacked

P = ParamSpec("P")
T = TypeVar("T")

Format = str | Mapping[str, str] | None
"""The format of files without a header, as AWS writes it, or the formats of individual files by name."""

_TINY: Final = range(1, 1 << 14)
_SMALL: Final = range(_TINY.stop, 1 << 20)
_LINE_COST: Final = 64
_FAULT_COST: Final = 2_000
_HEADER_COST: Final = 3_000
"""The cost of a line, a fault and a header, in bytes of log that take as long to count."""
_FILES_AT_ONCE: Final = 4
_MOST_HELD: Final = 1 << 22
MOST_TOLD: Final = 3
"""The most files that an error message explains if none of the given files is a log."""


class EachPlace(Protocol):
    """A way to count places: `each_place`, or the same on a cluster."""

    def __call__(
        self,
        places: Sequence[Place],
        *,
        format: Format,
        inside: Inside,
        progress: Callable[[Progress], None],
        cancel: Callable[[], bool],
        read: Reading,
    ) -> Iterator[Iterator[Counted]]:
        """Yield, for each place in order, an iterator over the counts of the files there."""


class Reading(NamedTuple):
    """How to read each file: `new` begins a file, `at_once` reads a small one of plain lines, or returns None.

    `new` takes a name, a layout, the size of all files and what is inside, like FileCount. `fields` are the fields
    that both need.
    """

    new: Callable[[str, Layout, int, Inside], FileCount]
    fields: tuple[str, ...]
    at_once: Callable[[Kernel, str, bytes, Layout, Inside], Counted | None]


COUNT: Final = Reading(FileCount, COUNTED, plain_file)
"""Count flows."""


@dataclass(frozen=True)
class Progress:
    """The progress of counting one file. Sizes are in bytes before unpacking; `size` is None if unknown."""

    file: str
    bytes_read: int
    size: int | None
    lines: int


def parse_flow_log(
    *files: LogFile | Log,
    names: Iterable[str] | None = None,
    format: Format = None,
    internal: str | Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> FlowCounts:
    """Count every flow in one or more logs, reading each log once.

    A log is a path to a file or a folder (read recursively), `-` for standard input, a file opened in
    binary mode, or a `Log` from `sources.places`. How it is packed and what kind of file it is are
    detected from its content. `names` replaces the logs' own names in the result. `format` applies to files
    without a header: one format, or a mapping from the names of individual files (also in archives) to
    their formats. `internal` lists address ranges inside the network, as CIDRs, in addition to those that
    are built in. `progress` is called after each read. A bad line is set aside and reported. Raises
    Cancelled if `cancel()` returns true, LogError for an unreadable log, FormatError for an invalid
    `format` and RangesError for an invalid range.
    """
    inside = Inside(ranges_of(internal))
    total = Total()
    total.add(FlowCounts(internal=inside.ranges))
    for counted in each_file(files, names, format, inside, progress, cancel):
        total.add_counted(counted)
    return total.counts()


def each_file(
    files: Sequence[LogFile | Log],
    names: Iterable[str] | None,
    format: Format,
    inside: Inside,
    progress: Callable[[Progress], None] | None,
    cancel: Callable[[], bool] | None,
    read: Reading = COUNT,
    count: EachPlace | None = None,
) -> Iterator[Counted]:
    """Yield what is read of each file of one or more logs; `parse_flow_log` explains the other parameters.

    `count` counts the places, `each_place` if it is not given.
    """
    layouts(format)  # An invalid format is refused before any file is looked at.
    called = distinct_names(map(_name, files) if names is None else names)
    logs = [_log(file, name) for file, name in zip(files, called, strict=True)]
    try:
        results = (count or each_place)(
            [place for log in logs for place in log.places],
            format=format,
            inside=inside,
            progress=_callers_own(progress or (lambda _: None)),
            cancel=_callers_own(cancel or (lambda: False)),
            read=read,
        )
        for log in logs:
            yield from _in_log(log, results)
    except _CallersError as error:
        raise error.error from None


def each_place(
    places: Sequence[Place],
    *,
    format: Format = None,
    inside: Inside = ALWAYS_INSIDE,
    progress: Callable[[Progress], None] = lambda _: None,
    cancel: Callable[[], bool] = lambda: False,
    read: Reading = COUNT,
) -> Iterator[Iterator[Counted]]:
    """Yield, for each place in order, an iterator over the counts of the files there.

    Small files are counted ahead on other threads. Iterating over a place raises LogError if it cannot be
    counted; the next place can still be counted. Raises Cancelled if `cancel()` returns true. All
    the counts add up to the result of `parse_flow_log`, which explains the parameters.
    """
    sizes = [place.size or 0 for place in places]
    job = _Job(layouts(format), inside, progress, cancel, sum(sizes), read)
    ahead = _Ahead(places, job)
    for n, place in enumerate(places):
        found = ahead.take(n)
        if found is None or isinstance(found, bytes):
            yield _count_place(place, found, job)
            continue
        job.check(place.name)
        if isinstance(found, LogError):
            yield _raised(found)
        else:
            lines = sum(each.counts.total.records for each in found)
            job.progress(Progress(place.name, sizes[n], sizes[n], lines))
            yield iter(found)


def distinct_names(names: Iterable[str]) -> list[str]:
    """Return the names, each made unique: a second `a.log` becomes `a.log (2)`."""
    distinct: dict[str, None] = {}
    times: Counter[str] = Counter()
    for given in names:
        name = given
        while name in distinct:
            times[given] += 1
            name = f"{given} ({times[given] + 1})"
        distinct[name] = None
    return list(distinct)


def _name(file: LogFile | Log) -> str:
    return file.name if isinstance(file, Log) else name_of(file)


def _log(file: LogFile | Log, name: str) -> Log:
    if not isinstance(file, Log):
        with as_log_error(name):
            return log_of(file, name)
    if file.is_folder or file.name == name:
        return replace(file, name=name)
    return Log(name, tuple(replace(place, name=name) for place in file.places))


class _CallersError(BaseException):
    """Wraps an exception from `progress` or `cancel`, so that it is not taken for a problem with a file."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def _callers_own(call: Callable[P, T]) -> Callable[P, T]:
    """Wrap a callback so that its exceptions can be passed on to the caller unchanged."""

    def called(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return call(*arguments, **named)
        except Exception as error:
            raise _CallersError(error) from error

    return called


class _Job(NamedTuple):
    """The settings for all files; `size` is the total size of those whose size is known."""

    layout_of: Callable[[str], Layout]
    inside: Inside
    progress: Callable[[Progress], None]
    cancel: Callable[[], bool]
    size: int
    read: Reading

    def new_count(self, name: str, layout: Layout) -> FileCount:
        """Return an empty count of the file with this name."""
        return self.read.new(name, layout, self.size, self.inside)

    def check(self, name: str) -> None:
        """Raise Cancelled if the caller no longer wants the counts."""
        if self.cancel():
            raise Cancelled(f"{name}: the count was cancelled.")


def layouts(format: Format) -> Callable[[str], Layout]:
    """Return a function that maps a file's name to its layout if it has no header. Raises FormatError."""
    if isinstance(format, str):
        layout = format_layout(format)
        return lambda _: layout
    given = {name: format_layout(fields) for name, fields in (format or {}).items()}
    return lambda name: given.get(name, ASSUMED)


def _in_log(log: Log, results: Iterator[Iterator[Counted]]) -> Iterator[Counted]:
    """Yield the counts of each file of a log, which may be an archive or a folder.

    A file that is not a log does not stop the others: it is listed with a sentence that says why. Raises
    LogError if none of the files is a log.
    """
    is_counted = False
    errors: list[LogError] = []
    refusals = [*log.refusals]
    for place in log.places:
        try:
            for counted in next(results):
                total = counted.counts.total
                if total.damage and not total.records:
                    refusals += [
                        Refusal(name, sentence)
                        for name in counted.counts.files
                        for sentence in total.damage
                    ]
                is_counted |= bool(total.records or not total.damage)
                yield counted
        except LogError as error:
            errors.append(error)
            # The error that stopped an archive comes before the problems of the files in it.
            first = 0 if isinstance(error, OverBudgetError) else len(refusals)
            refusals.insert(first, Refusal(place.name, str(error)))
    if not is_counted and len(refusals) == len(errors) == 1:
        raise errors[0]
    if not is_counted and refusals:
        sentences = dict.fromkeys(refusal.sentence for refusal in refusals)
        raise LogError(" ".join([*sentences][:MOST_TOLD]))
    for name, sentence in refusals:
        yield Counted(FlowCounts(files={name: FileCounts(damage=frozenset([sentence]))}), [])


_Early = list[Counted] | LogError | bytes | None
"""The result of counting a small file ahead: counts, an error, or None if it must be read again alone.

If it was fetched from a store, its content stands for None, so that it is not fetched again.
"""


class _Ahead:
    """Counts small files on other threads before they are asked for, and tiny ones when they are."""

    def __init__(self, places: Sequence[Place], job: _Job) -> None:
        self._places = places
        self._job = job._replace(progress=lambda _: None)
        # Unknown sizes become 0: looking for None in a range would compare it with every number.
        self._sizes = [place.size or 0 for place in places]
        # Only a file that is opened by its path has a position that no other thread moves.
        small = [n for n, place in enumerate(places) if self._sizes[n] in _SMALL and place.version]
        batches = [small[n : n + _FILES_AT_ONCE] for n in range(0, len(small), _FILES_AT_ONCE)]
        self._waiting = deque(batches if len(small) > 1 else ())
        self._begun: set[int] = set()
        self._queue: Queue[dict[int, _Early]] = Queue("files")
        self._there: dict[int, _Early] = {}

    def take(self, n: int) -> _Early:
        """Return the result for the place with this index, or None if it was not counted ahead.

        A tiny file is counted only now: threads would take turns rather than work at the same time.
        """
        if self._sizes[n] in _TINY and self._places[n].version:
            return _early(self._places[n], self._job)
        while self._waiting and not self._queue.is_full:
            batch = self._waiting.popleft()
            self._begun.update(batch)
            places = {each: self._places[each] for each in batch}
            self._queue.add(partial(_all_early, places, self._job))
        if n in self._begun and not self._there:
            self._there = self._queue.take()
        return self._there.pop(n, None)


def _raised(error: LogError) -> Iterator[Counted]:
    raise error
    yield


def _all_early(places: dict[int, Place], job: _Job) -> dict[int, _Early]:
    return {n: _early(place, job) for n, place in places.items()}


def _early(place: Place, job: _Job) -> _Early:
    """Count a small file; return the error if that fails, or None if it must be read again alone.

    It must be read again if it is large once unpacked, if it is Parquet, or if it is damaged, because
    some of its lines may still be readable.
    """
    try:
        with as_log_error(place.name):
            is_tiny = (place.size or 0) in _TINY
            content = _fetched(place, job) if place.path is None else None
            if is_tiny and content is None:
                content = place.content()
            if is_tiny and content is not None and is_plainly_text(content):
                return [_counted(content, place, job)]
    except DamagedLogError:
        return None
    except LogError as error:
        return error
    again = content if place.path is None else None
    with suppress(LogError), closing(_source(place, content)) as source:
        return _unpacked_early(source, again, place, job)
    return again


def _unpacked_early(source: Source, again: bytes | None, place: Place, job: _Job) -> _Early:
    """Unpack and count a small file, or return `again` if it must be read again alone."""
    try:
        with as_log_error(place.name):
            held = _held(unpacked(Watched(source, lambda: job.check(place.name))))
    except (OverBudgetError, UnforeseenError) as error:
        return error
    except LogError:
        return again
    return again if held is None else _count_held(held, source, place, job)


def _fetched(place: Place, job: _Job) -> bytes:
    """Return the content of a small object. Raises LogError."""
    job.check(place.name)
    with closing(place.open()) as source:
        return b"".join(source.pieces())


def _source(place: Place, content: bytes | None) -> Source:
    """Return the content as a source, or else open the place."""
    if content is None:
        return place.open()
    stream = Stream if place.path is not None else _Fetched
    return stream(place.name, io.BytesIO(content), len(content), 0)


class _Fetched(Stream):
    """An object that was fetched. It is read like one that was not, so that the same bytes count as read."""

    def whole(self) -> BinaryIO | None:
        """Return None, as an object does."""
        return None


def _counted(text: bytes, place: Place, job: _Job) -> Counted:
    """Return the counts of a tiny file with this content, which is lines of text."""
    job.check(place.name)
    layout = job.layout_of(place.name)
    if kernel := compiled.loaded():
        counted = job.read.at_once(kernel, place.name, text, layout, job.inside)
        if counted is not None:
            return counted
    count = job.new_count(place.name, layout)
    count.count(Block(text))
    return count.take(len(text))


def _count_held(held: list[File], source: Source, place: Place, job: _Job) -> _Early:
    """Count the files in a source that is in memory, or return the error."""
    try:
        with as_log_error(place.name):
            watched = Watched(source)
            watched.bytes_read = place.size or 0
            return list(_count_files(watched, iter(held), job))
    except LogError as error:
        return error


def _held(files: Iterator[File]) -> list[File] | None:
    """Return the files with their content in memory, or None if they are too large or Parquet."""
    held: list[File] = []
    size = 0
    for file in files:
        pieces = []
        for piece in file.pieces():
            pieces.append(piece)
            size += len(piece)
            if size > _MOST_HELD:
                return None
        if pieces and pieces[0].startswith(b"PAR1"):  # Parquet is read from its end.
            return None
        held.append(replace(file, content=iter(pieces), source=None))
    return held


def _count_place(place: Place, content: bytes | None, job: _Job) -> Iterator[Counted]:
    """Yield the counts of each file at a place, which may be an archive; `content` is what was fetched of it."""
    with as_log_error(place.name), closing(_source(place, content)) as source:
        watched = Watched(source)
        yield from _count_files(watched, unpacked(watched), job)


def _count_files(source: Watched, files: Iterator[File], job: _Job) -> Iterator[Counted]:
    """Yield the counts of each of the files in a source."""
    lines = read = 0
    count: FileCount | None = None

    def tell() -> None:
        job.check(source.name)
        done = lines + (count.lines if count else 0)
        job.progress(Progress(source.name, source.came, source.size, done))

    source.on_read = tell
    for file in files:
        layout = job.layout_of(file.name)
        count = job.new_count(file.name, layout)
        try:
            with as_log_error(file.name):
                damage = file.refusal or _count(file, layout, count, job.read.fields)
        except (OverBudgetError, StoreError):
            raise
        except LogError as error:
            if file.name == source.name:
                raise
            damage = str(error)
            count = job.new_count(file.name, layout)  # Discard its partial count.
        tell()
        size = max(source.bytes_read - read, 0)
        yield count.take(size, file.wrapping, damage)
        lines, read, count = lines + count.lines, source.bytes_read, None


def cost_of(count: FileCount) -> int:
    """Return the cost of the records so far besides their own bytes, in the unit of `_LINE_COST`."""
    return _LINE_COST * count.lines + _FAULT_COST * count.faults + _HEADER_COST * count.headers


def _count(file: File, layout: Layout, count: FileCount, fields: tuple[str, ...]) -> str | None:
    """Count a file; return a sentence about the damage if it is damaged part-way."""
    try:
        before = 0
        for part in parts_of(file, fields, layout):
            count.count(part)
            cost = cost_of(count)
            file.budget.stream(cost - before)
            before = cost
        count.settle()
    except DamagedLogError as error:
        with suppress(DamagedLogError):  # Nothing after the first damage is counted.
            count.settle()
        if not count.lines:
            raise LogError(f"{error} No complete line could be read.") from error
        if error.tail:
            count.set_aside_line(error.tail, Reason.CUT_SHORT)
        return f"{error} Every complete line before that is counted. Download the file again."
    return None
