"""The one way in: logs -> FlowCounts."""

from __future__ import annotations

import io
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, ParamSpec, TypeVar

from flowtag_core.counting.lines import Lines
from flowtag_core.counting.reference import Reference
from flowtag_core.counting.tally import Tally, empty_tally, taken
from flowtag_core.counting.threads import Queue
from flowtag_core.counts import FileCounts, FlowCounts, Ints, Reason, Tower
from flowtag_core.errors import (
    Cancelled,
    DamagedLogError,
    LogError,
    UnforeseenError,
    as_log_error,
)
from flowtag_core.shapes.layout import ASSUMED, Layout, format_layout
from flowtag_core.shapes.records import Columns, Records
from flowtag_core.shapes.shapes import records
from flowtag_core.sources.pieces import File
from flowtag_core.sources.places import LogFile, files_in, size_of, source_name
from flowtag_core.sources.stream import Source, open_source

P = ParamSpec("P")
T = TypeVar("T")

_LayoutOf = Callable[[str], Layout]

_Named = tuple[LogFile, str]
_Refusal = tuple[str, str]
"""How a file is called, and the sentence that says why it was not counted."""

_SMALL: Final = range(1, 1 << 20)
_FILES_AT_ONCE: Final = 4
_MOST_HELD: Final = 1 << 22
MOST_TOLD: Final = 3
"""Sentences on files that are no logs, where there is nothing else."""


@dataclass(frozen=True)
class Progress:
    """How far a count has come in one file; sizes in bytes as read, None where not known."""

    file: str
    bytes_read: int
    size: int | None
    lines: int


def parse_flow_log(
    *files: LogFile,
    names: Iterable[str] | None = None,
    format: str | Mapping[str, str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> FlowCounts:
    """Count every flow of one or many logs, each read once.

    A file is a path, also of a folder with all that is below it, `-` for standard input, or a file
    open in binary mode. How it is packed and in which shape its records are is seen from its content.
    `names` are what the files are called in the result, else each by its own name. `format` is the
    layout of files without a header, as AWS writes it, or the layouts of some of them by their
    names, in archives too. `progress` is told after each read; `cancel` is asked, and its yes raises
    Cancelled. A bad line is counted and passed over. Raises LogError where a file cannot be read at
    all, FormatError for the format.
    """
    job = _Job(
        _layouts(format),
        _callers_own(progress or (lambda _: None)),
        _callers_own(cancel or (lambda: False)),
    )
    called = distinct(map(source_name, files) if names is None else names)
    inputs = [_files(file, name) for file, name in zip(files, called, strict=True)]
    results = _results([named for within, _ in inputs for named in within], job)
    total = _Total()
    try:
        for within, refusals in inputs:
            for found in _counts(within, refusals, results):
                total.add(found)
    except _CallersError as error:
        raise error.error from None
    return total.counts()


class _CallersError(BaseException):
    """What `progress` or `cancel` raised: the caller's own, which nobody here may take for a fault."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def _callers_own(call: Callable[P, T]) -> Callable[P, T]:
    """The call, but so that what it raises reaches the caller unchanged."""

    def called(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return call(*arguments, **named)
        except Exception as error:
            raise _CallersError(error) from error

    return called


class _Found(NamedTuple):
    """What was found in one file: its counts, and the rows of a small one, which are in no table."""

    counts: FlowCounts
    rows: list[Ints]


_Early = list[_Found] | LogError | None
"""What a small file gave that was read early: counts, an error, or None."""


class _Total:
    """Adds up what was found."""

    def __init__(self) -> None:
        self._counts = Tower(FlowCounts())
        self._tally: Tally | None = None

    def add(self, found: _Found) -> None:
        """Take in what was found in one more file."""
        self._counts.add(found.counts)
        for rows in found.rows:
            self._tally = self._tally or empty_tally()
            self._tally.add(rows)

    def counts(self) -> FlowCounts:
        """The sum of all."""
        return self._counts.total() + (taken(self._tally) if self._tally else FlowCounts())


class _Job(NamedTuple):
    """What is the same for all files; `size` is that of all together, as far as it is known."""

    layout_of: _LayoutOf
    progress: Callable[[Progress], None]
    cancel: Callable[[], bool]
    size: int = 0

    def check(self, name: str) -> None:
        """Raise Cancelled where whoever asked for the counts does not want them any more."""
        if self.cancel():
            raise Cancelled(f"{name}: the count was cancelled.")


def _layouts(format: str | Mapping[str, str] | None) -> _LayoutOf:
    """In which layout a file of this name is read that has no header."""
    if isinstance(format, str):
        layout = format_layout(format)
        return lambda _: layout
    given = {name: format_layout(fields) for name, fields in (format or {}).items()}
    return lambda name: given.get(name, ASSUMED)


def _counts(
    files: list[_Named], refusals: list[_Refusal], results: Iterator[Iterator[_Found]]
) -> Iterator[_Found]:
    """What is in each file of a log, an archive or a folder.

    One of several that is no log leaves the others, with a sentence. Raises LogError where there is
    nothing else.
    """
    is_counted = False
    errors: list[LogError] = []
    for _, called in files:
        try:
            for found in next(results):
                total = found.counts.total
                if total.damage and not total.records:
                    refusals += [
                        (each, sentence) for each in found.counts.files for sentence in total.damage
                    ]
                is_counted |= bool(total.records or not total.damage)
                yield found
        except LogError as error:
            errors.append(error)
            refusals.append((called, str(error)))
    if not is_counted and len(refusals) == len(errors) == 1:
        raise errors[0]
    if not is_counted and refusals:
        raise LogError(" ".join(sentence for _, sentence in refusals[:MOST_TOLD]))
    for called, sentence in refusals:
        yield _Found(FlowCounts(files={called: FileCounts(damage=frozenset([sentence]))}), [])


def _results(files: list[_Named], job: _Job) -> Iterator[Iterator[_Found]]:
    """What is in each of these, in order; small ones are counted some ahead, on other threads."""
    sizes = [size_of(file) or 0 for file, _ in files]
    job = job._replace(size=sum(sizes))
    quiet = job._replace(progress=lambda _: None, cancel=lambda: False)
    small = [n for n, size in enumerate(sizes) if size in _SMALL]
    batches = [small[n : n + _FILES_AT_ONCE] for n in range(0, len(small), _FILES_AT_ONCE)]
    waiting = deque(batches if len(small) > 1 else ())
    ahead: Queue[dict[int, _Early]] = Queue("files")
    counted: dict[int, _Early] = {}
    behind = 0
    for place, (file, name) in enumerate(files):
        while waiting and not ahead.is_full:
            batch = waiting.popleft()
            behind = batch[-1] + 1
            ahead.add(partial(_all_found, {n: (*files[n], sizes[n]) for n in batch}, quiet))
        if place < behind and sizes[place] in _SMALL and not counted:
            counted = ahead.take()
        found = counted.pop(place, None)
        if found is None:
            yield _file_counts(file, name, sizes[place], job)
        elif isinstance(found, LogError):
            job.check(name)
            yield _refused(found)
        else:
            job.check(name)
            lines = sum(each.counts.total.records for each in found)
            job.progress(Progress(name, sizes[place], sizes[place], lines))
            yield iter(found)


def _refused(error: LogError) -> Iterator[_Found]:
    raise error
    yield


def _all_found(files: dict[int, tuple[LogFile, str, int]], job: _Job) -> dict[int, _Early]:
    return {place: _found(*file, job) for place, file in files.items()}


def _found(file: LogFile, name: str, size: int, job: _Job) -> _Early:
    """What is in a small file, or why it is no log; None where it is to be read again, alone.

    That is where it is large once it is unpacked, is Parquet, cannot be read from its start again, or is
    damaged, so that some lines may still come out of it.
    """
    with suppress(LogError), open_source(file, name, size) as source:
        if source.start is None:
            return None
        try:
            with as_log_error(name):
                held = _held(source)
        except UnforeseenError as error:
            return error
        except LogError:
            held = None
        if held is not None:
            try:
                with as_log_error(name):
                    return list(_source_counts(Source(name, io.BytesIO(), size, size), job, held))
            except LogError as error:
                return error
        source.stream.seek(source.start)
    return None


def _held(source: Source) -> list[File] | None:
    """The files in a small one, unpacked; None where it is not so small after all."""
    held: list[File] = []
    size = 0
    for each in source.files(on_read=lambda: None):
        pieces = []
        for piece in each.pieces:
            pieces.append(piece)
            size += len(piece)
            if size > _MOST_HELD:
                return None
        if pieces and pieces[0].startswith(b"PAR1"):  # to be read from any place
            return None
        held.append(each._replace(pieces=iter(pieces), whole=None))
    return held


def _files(file: LogFile, name: str) -> tuple[list[_Named], list[_Refusal]]:
    """What is to be read and how it is called, and sentences on folders that cannot be looked into."""
    if not isinstance(file, (str, os.PathLike)) or not os.path.isdir(file):
        return [(file, name)], []
    paths, errors = files_in(os.fspath(file))
    is_file = {path: os.path.isfile(path) for path in paths}
    refusals = [(name, str(error)) for error in errors]
    refusals += [
        (path, f"{path}: is no regular file and was not read.")
        for path in paths
        if not is_file[path]
    ]
    return [(path, path) for path in paths if is_file[path]], refusals


def _file_counts(file: LogFile, name: str, size: int, job: _Job) -> Iterator[_Found]:
    """What is in each file of a log, which had this size when it was looked at first."""
    with as_log_error(name), open_source(file, name, size) as source:
        yield from _source_counts(source, job)


def _source_counts(source: Source, job: _Job, held: list[File] | None = None) -> Iterator[_Found]:
    """What is in each file of a source; `held` are these files, where they are there already."""
    lines = read = 0
    reference: Reference | None = None

    def tell() -> None:
        job.check(source.name)
        done = lines + (reference.lines if reference else 0)
        read_at_most = min(
            source.bytes_read, source.size or source.bytes_read
        )  # some is read twice
        job.progress(Progress(source.name, read_at_most, source.size, done))

    for file in source.files(on_read=tell) if held is None else held:
        reference = Reference(file.name, job.layout_of(file.name))
        text = Lines(reference, job.size)
        try:
            with as_log_error(file.name):
                damage = file.refusal or _count(file, reference, text)
        except LogError as error:
            if file.name == source.name:
                raise
            damage = str(error)
            reference = Reference(file.name)  # what was counted of it goes with it
            text = Lines(reference)
        tell()
        size = max(source.bytes_read - read, 0)
        tables = text.counts() + reference.counts(size, file.wrapping, damage)
        yield _Found(tables, text.rows())
        lines, read, reference = lines + reference.lines, source.bytes_read, None


def _count(file: File, reference: Reference, text: Lines) -> str | None:
    """Count a file; gives the damage if it ends before its end."""
    try:
        for part in records(file):
            if isinstance(part, Columns):
                text.count_columns(part)
            elif isinstance(part, Records):
                reference.count_records(part)
            elif part.too_long:
                text.settle()
                reference.set_aside_line(part.text, Reason.TOO_LONG)
            else:
                text.count(part.text)
        text.settle()
    except DamagedLogError as error:
        with suppress(DamagedLogError):  # behind the first damage nothing is counted
            text.settle()
        if not reference.lines:
            raise LogError(f"{error} Not one whole line came out of it.") from error
        if error.tail:
            reference.set_aside_line(error.tail, Reason.CUT_SHORT)
        return f"{error} Every whole line before that is counted. Fetch the file again."
    return None


def distinct(names: Iterable[str]) -> list[str]:
    """The names, each made its own: a second `a.log` becomes `a.log (2)`."""
    distinct: dict[str, None] = {}
    times: Counter[str] = Counter()
    for given in names:
        name = given
        while name in distinct:
            times[given] += 1
            name = f"{given} ({times[given] + 1})"
        distinct[name] = None
    return list(distinct)
