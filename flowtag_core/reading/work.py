"""The work of a cluster: look at files, count a piece, add up tables. Each function runs on a worker."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, NamedTuple

from flowtag_core.boundary import Inside
from flowtag_core.counting import compiled, threads
from flowtag_core.counting.file_count import FileCount, Reached
from flowtag_core.counting.reference import Reference
from flowtag_core.counting.tally import Counted
from flowtag_core.counting.total import Total, total
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import ClusterError, LogError, as_log_error
from flowtag_core.reading.fates import Fate, Fates, packed, together
from flowtag_core.reading.flow_log import cost_of, each_place, layouts
from flowtag_core.reading.joined import Ranged
from flowtag_core.reading.planned import (
    Batch,
    Groups,
    GroupsSeen,
    Heads,
    Job,
    Lines,
    Piece,
    Seen,
    TextSeen,
)
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.layout import Layout
from flowtag_core.shapes.shapes import Part, is_text
from flowtag_core.shapes.text import whole_lines
from flowtag_core.sources.addresses import Address, places_at
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import HEAD_SIZE
from flowtag_core.sources.ranges import footer_of, head_at, lines_at, spans_at
from flowtag_core.sources.stream import Stream, Watched
from flowtag_core.sources.unpacking import is_packed, unpacked
from flowtag_core.version import VERSION

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt."""
_SET_BY_NANNY: Final = "MALLOC_TRIM_THRESHOLD_"


class Sum(NamedTuple):
    """Counts of pieces: their tables, what became of their files, and of the part of a file if the piece is one."""

    tables: FlowCounts
    fates: Fates
    ranged: Ranged | None = None


def get_ready(codes: Mapping[str, bytes]) -> None:
    """Prepare a worker: load the kernel from one of these codes, by key, and keep freed memory for later.

    Dask's nanny sets a threshold from which freed memory is returned to the system, and so switches off glibc's own
    choice. Each block would then come from the system again, which takes as long as counting.
    """
    if _SET_BY_NANNY in os.environ and sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not every Linux has glibc
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_TRIM_THRESHOLD, 256 << 20)
            mallopt(_MMAP_THRESHOLD, 32 << 20)
    if (code := codes.get(compiled.key() or "")) is not None:
        compiled.accept(code)


def done(piece: Piece) -> Sum | list[Seen]:
    """Do a piece of work on this thread alone: other threads do others. Raises ClusterError if the version differs."""
    if piece.job.version != VERSION:
        raise ClusterError(
            f"A worker has flowtag {VERSION}, but {piece.job.version} is needed. Install it there."
        )
    with threads.alone():
        if isinstance(piece, Heads):
            return [_looked(piece.job, address) for _, address in piece.files]
        if isinstance(piece, Batch):
            return _count_files(piece)
        return _count_part(piece)


def ranged_of(part: Sum) -> Ranged | None:
    """Return what became of a part of a file, without its tables. This is small."""
    return part.ranged


def added(parts: Sequence[Sum]) -> Sum:
    """Add up many sums in one go."""
    with threads.alone():
        return Sum(total([part.tables for part in parts]), together([part.fates for part in parts]))


def _looked(job: Job, address: Address) -> Seen:
    """Return what a file is, or None if it can only be counted as a whole, which also shows what is wrong with it."""
    with suppress(LogError), as_log_error(address.name):
        head = head_at(address, HEAD_SIZE)
        layout = layouts(job.format)(address.name)
        if head.startswith(b"PAR1"):
            return _groups_seen(address, layout)
        if not is_packed(head) and is_text(head, layout):
            return TextSeen(_after(head, address.name, layout))
    return None


def _after(head: bytes, name: str, layout: Layout) -> Reached:
    """Return the state of a count after the first lines, which is probably its state in the whole file."""
    reference = Reference(name, layout)
    reference.count(head[: head.rfind(b"\n") + 1])
    return Reached(reference.layout, 0, reference.ledger.has_header, "")


def _groups_seen(address: Address, layout: Layout) -> Seen:
    from flowtag_core.shapes.parquet import groups_apart

    footer = footer_of(address)
    with spans_at(address, [footer]) as file:
        source = Watched(Stream(address.name, file, address.size, 0))
        next(unpacked(source))
        peeked = source.bytes_read
        whole = source.whole()
        if whole is None:
            return None
        groups = groups_apart(address.name, whole, COUNTED, source.budget, is_known=layout.is_given)
        opening = source.bytes_read - peeked
    spans = tuple(tuple(group.spans) for group in groups)
    is_sound = all(0 <= first < behind for group in spans for first, behind in group)
    return GroupsSeen(spans, footer, opening, peeked) if spans and is_sound else None


def _count_files(batch: Batch) -> Sum:
    """Count whole files; the error of one of them is part of its fate."""
    inside = Inside(batch.job.internal)
    places = places_at([address for _, address in batch.files])
    results = each_place(places, format=batch.job.format, inside=inside)
    tables = Total()
    tables.add(FlowCounts(internal=inside.ranges))
    fates = []
    for (number, address), result in zip(batch.files, results, strict=True):
        fates.append((number, address.name, _fate(result, tables)))
    return Sum(tables.counts(), packed(fates, inside.ranges))


def _fate(results: Iterator[Counted], tables: Total) -> Fate:
    found: list[Counted] = []
    try:
        found += results
    except LogError as error:
        return Fate(tuple(_alone(counted) for counted in found), error)
    for counted in found:
        tables.add_counted(counted._replace(counts=_only_tables(counted.counts)))
    return Fate(tuple(without_tables(counted.counts) for counted in found))


def _alone(counted: Counted) -> FlowCounts:
    alone = Total()
    alone.add_counted(counted)
    return alone.counts()


def without_tables(counts: FlowCounts) -> FlowCounts:
    """Return what became of the records, without the flows."""
    return FlowCounts(files=counts.files, faults=counts.faults, internal=counts.internal)


def _only_tables(counts: FlowCounts) -> FlowCounts:
    return replace(counts, files={}, faults=())


def _count_part(piece: Lines | Groups) -> Sum:
    """Count a part of a file. An error becomes its `trouble`: then the file is counted as a whole."""
    name, inside = piece.address.name, Inside(piece.job.internal)
    layout = layouts(piece.job.format)(name)
    count = FileCount(name, layout, piece.address.size, inside)
    if isinstance(piece, Lines):
        count.resume(piece.at)
    begun = count.reached
    try:
        with as_log_error(name):
            size = _counted_lines(piece, count) if isinstance(piece, Lines) else _rows(piece, count)
    except LogError as error:
        counts = FlowCounts(internal=inside.ranges)
        return Sum(counts, packed([], ()), Ranged(counts, begun, begun, str(error)))
    counts = _alone(count.take(size))
    return Sum(
        _only_tables(counts),
        packed([], ()),
        Ranged(without_tables(counts), begun, _reached(count, piece)),
    )


def _reached(count: FileCount, piece: Lines | Groups) -> Reached:
    # Rows have their own numbers, to which nothing is added.
    return count.reached if isinstance(piece, Lines) else count.reached._replace(line=0)


def _counted_lines(piece: Lines, count: FileCount) -> int:
    """Count lines; return how many bytes there were."""
    size = 0

    def watched() -> Iterator[bytes]:
        nonlocal size
        for part in lines_at(piece.address, *piece.span):
            size += len(part)
            yield part

    budget = Budget(piece.address.name, lambda: size)
    _count_all(whole_lines(watched()), count, budget)
    return size


def _rows(piece: Groups, count: FileCount) -> int:
    """Count rows; return how many bytes were read."""
    from flowtag_core.shapes.parquet import parquet_records

    address = piece.address
    is_known = layouts(piece.job.format)(address.name).is_given
    with spans_at(address, piece.spans) as file:
        source = Watched(Stream(address.name, file, address.size, 0))
        whole = source.whole()
        if whole is None:
            raise LogError(f"{address.name}: is not seekable.")
        parts = parquet_records(
            address.name, whole, COUNTED, source.budget, is_known=is_known, groups=piece.groups
        )
        _count_all(parts, count, source.budget)
        return source.bytes_read


def _count_all(parts: Iterator[Part], count: FileCount, budget: Budget) -> None:
    before = 0
    for part in parts:
        count.count(part)
        cost = cost_of(count)
        budget.stream(cost - before)
        before = cost
    count.settle()
