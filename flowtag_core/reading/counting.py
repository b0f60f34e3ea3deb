"""The one way in: logs -> FlowCounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flowtag_core.counts import FlowCounts, Reason, Tower
from flowtag_core.errors import Cancelled, DamagedLogError, LogError
from flowtag_core.reading.layout import ASSUMED, Layout, format_layout
from flowtag_core.reading.reference import Reference
from flowtag_core.reading.sources import LogFile, Source, open_source, source_name


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
    format: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> FlowCounts:
    """Count every flow of one or many logs, each read once.

    A file is a path, `-` for standard input, or a file open in binary mode; gzip is recognised by
    content. `names` are what the files are called in the result, else each by its own name.
    `format` is the layout of files without a header, as AWS writes it. `progress` is told after
    each read; `cancel` is asked, and its yes raises Cancelled. A bad line is counted and passed
    over. Raises LogError where a file cannot be read at all, FormatError for the format.
    """
    layout = format_layout(format) if format is not None else ASSUMED
    sums = Tower(FlowCounts())
    called = distinct(map(source_name, files) if names is None else names)
    for file, name in zip(files, called, strict=True):
        with open_source(file, name) as source:
            sums.add(
                _count(source, layout, progress or (lambda _: None), cancel or (lambda: False))
            )
    return sums.total()


def _count(
    source: Source,
    layout: Layout,
    progress: Callable[[Progress], None],
    cancel: Callable[[], bool],
) -> FlowCounts:
    reference = Reference(source.name, layout)
    damage = None

    def tell() -> None:
        if cancel():
            raise Cancelled(f"{source.name}: the count was cancelled.")
        progress(Progress(source.name, source.bytes_read, source.size, reference.lines))

    try:
        for text, too_long in source.blocks(on_read=tell):
            if too_long:
                reference.set_aside_line(text, Reason.TOO_LONG)
            else:
                reference.count(text)
    except DamagedLogError as error:
        if not reference.lines:
            raise LogError(f"{error} Not one whole line came out of it.") from error
        damage = f"{error} Every whole line before that is counted. Fetch the file again."
        if error.tail:
            reference.set_aside_line(error.tail, Reason.CUT_SHORT)
    tell()
    return reference.counts(source.bytes_read, source.wrapping, damage)


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
