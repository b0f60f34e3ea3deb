"""The one way in: logs -> FlowCounts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flowtag_core.counts import FileCounts, FlowCounts, Reason, Tower
from flowtag_core.errors import Cancelled, DamagedLogError, LogError
from flowtag_core.reading.layout import ASSUMED, Layout, format_layout
from flowtag_core.reading.lines import Lines
from flowtag_core.reading.records import Records
from flowtag_core.reading.reference import Reference
from flowtag_core.reading.shapes import records
from flowtag_core.reading.sources import LogFile, Source, files_in, open_source, source_name
from flowtag_core.reading.unpacking import File

_LayoutOf = Callable[[str], Layout]

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
    layout_of = _layouts(format)
    sums = Tower(FlowCounts())
    called = distinct(map(source_name, files) if names is None else names)
    for file, name in zip(files, called, strict=True):
        for counts in _counts(
            file, name, layout_of, progress or (lambda _: None), cancel or (lambda: False)
        ):
            sums.add(counts)
    return sums.total()


def _layouts(format: str | Mapping[str, str] | None) -> _LayoutOf:
    """In which layout a file of this name is read that has no header."""
    if isinstance(format, str):
        layout = format_layout(format)
        return lambda _: layout
    given = {name: format_layout(fields) for name, fields in (format or {}).items()}
    return lambda name: given.get(name, ASSUMED)


def _counts(
    file: LogFile,
    name: str,
    layout_of: _LayoutOf,
    progress: Callable[[Progress], None],
    cancel: Callable[[], bool],
) -> Iterator[FlowCounts]:
    """The counts of each file in a log, an archive or a folder.

    One of several that is no log leaves the others, with a sentence. Raises LogError where there is
    nothing else.
    """
    files, refusals = _files(file, name)
    is_counted = False
    for path, called in files:
        try:
            with open_source(path, called) as source:
                for counts in _source_counts(source, layout_of, progress, cancel):
                    total = counts.total
                    if total.damage and not total.records:
                        refusals += [
                            (each, sentence) for each in counts.files for sentence in total.damage
                        ]
                    is_counted |= bool(total.records or not total.damage)
                    yield counts
        except LogError as error:
            refusals.append((called, str(error)))
    if not is_counted and refusals:
        raise LogError(" ".join(sentence for _, sentence in refusals[:MOST_TOLD]))
    for called, sentence in refusals:
        yield FlowCounts(files={called: FileCounts(damage=frozenset([sentence]))})


def _files(file: LogFile, name: str) -> tuple[list[tuple[LogFile, str]], list[tuple[str, str]]]:
    """What is to be read and how it is called, and sentences on folders that cannot be looked into."""
    if not isinstance(file, (str, os.PathLike)) or not os.path.isdir(file):
        return [(file, name)], []
    paths, errors = files_in(os.fspath(file))
    odd = [path for path in paths if not os.path.isfile(path)]
    refusals = [(name, str(error)) for error in errors]
    refusals += [(path, f"{path}: is no regular file and was not read.") for path in odd]
    return [(path, path) for path in paths if path not in odd], refusals


def _source_counts(
    source: Source,
    layout_of: _LayoutOf,
    progress: Callable[[Progress], None],
    cancel: Callable[[], bool],
) -> Iterator[FlowCounts]:
    lines = read = 0
    reference = Reference(source.name)

    def tell() -> None:
        if cancel():
            raise Cancelled(f"{source.name}: the count was cancelled.")
        done = lines + reference.lines
        progress(Progress(source.name, source.bytes_read, source.size, done))

    for file in source.files(on_read=tell):
        reference = Reference(file.name, layout_of(file.name))
        text = Lines(reference)
        try:
            damage = file.refusal or _count(file, reference, text)
        except LogError as error:
            if file.name == source.name:
                raise
            damage = str(error)
        tell()
        size = max(source.bytes_read - read, 0)
        yield text.counts() + reference.counts(size, file.wrapping, damage)
        lines, read = lines + reference.lines, source.bytes_read


def _count(file: File, reference: Reference, text: Lines) -> str | None:
    """Count a file; gives the damage if it ends before its end."""
    try:
        for part in records(file):
            if isinstance(part, Records):
                reference.count_records(part)
            elif part.too_long:
                text.settle()
                reference.set_aside_line(part.text, Reason.TOO_LONG)
            else:
                text.count(part.text)
        text.settle()
    except DamagedLogError as error:
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
    for name in names:
        times, given = 1, name
        while name in distinct:
            times += 1
            name = f"{given} ({times})"
        distinct[name] = None
    return list(distinct)
