"""Cut logs into pieces of work for a cluster: batches of files, ranges of lines, row groups of Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from flowtag_core.counting.file_count import Reached
from flowtag_core.reading.flow_log import Format
from flowtag_core.sources.addresses import Address
from flowtag_core.sources.ranges import Span, joined_spans
from flowtag_core.sources.uris import is_uri

_FILE_COST: Final = 1 << 16
"""The cost of opening a file, in bytes that take as long to fetch and to count."""


class Sizes(NamedTuple):
    """How large pieces are, in bytes: batches of files grow with the total, and ranges are between two sizes.

    There are about `batches` batches, as long as none is larger than allowed.
    """

    least_batch: int = 32_000_000
    most_batch: int = 256_000_000
    batches: int = 100
    least_range: int = 128_000_000
    most_range: int = 256_000_000


SIZES: Final = Sizes()
"""The sizes of pieces. Adding up the sum of a smaller piece would take longer than counting it."""


@dataclass(frozen=True)
class Job:
    """How to count every piece: the format and the inside ranges as the user gave them, and flowtag's version."""

    format: Format
    internal: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class Batch:
    """Whole files, each with its number among all files."""

    job: Job
    files: tuple[tuple[int, Address], ...]

    @property
    def size(self) -> int:
        """The number of bytes in all files."""
        return sum(each.size for _, each in self.files)

    def __str__(self) -> str:
        first = self.files[0][1].name
        more = f" and {len(self.files) - 1:,} more" if len(self.files) > 1 else ""
        return f"{first}{more}"


@dataclass(frozen=True)
class Heads:
    """Large files to look at: only their contents show whether they can be cut."""

    job: Job
    files: tuple[tuple[int, Address], ...]

    size = 0

    def __str__(self) -> str:
        return str(Batch(self.job, self.files))


@dataclass(frozen=True)
class Lines:
    """The lines that begin in a range of a file of plain text; `at` is the state of the count before them.

    `place` is the number of this range among those of the file.
    """

    job: Job
    address: Address
    place: int
    span: Span
    at: Reached

    @property
    def size(self) -> int:
        """The number of bytes in the range."""
        return self.span[1] - self.span[0]

    def __str__(self) -> str:
        return f"{self.address.name}, bytes {self.span[0]:,} to {self.span[1]:,}"


@dataclass(frozen=True)
class Groups:
    """Row groups of a Parquet file that follow one another, and the ranges of bytes that they need."""

    job: Job
    address: Address
    place: int
    groups: range
    spans: tuple[Span, ...]
    size: int

    def __str__(self) -> str:
        return f"{self.address.name}, row groups {self.groups.start + 1:,} to {self.groups.stop:,}"


InFile = Lines | Groups
"""A part of a file."""
Piece = Batch | Heads | InFile


class TextSeen(NamedTuple):
    """A file that is plain text; `at` is the state of a count after its first lines."""

    at: Reached


class GroupsSeen(NamedTuple):
    """A Parquet file whose row groups can be counted separately: the spans of each, and where its metadata is.

    `opening` is the number of bytes that are read to open it, and `peeked` the number of those that show its type.
    """

    spans: tuple[tuple[Span, ...], ...]
    footer: Span
    opening: int
    peeked: int


Seen = TextSeen | GroupsSeen | None
"""What a look at a large file shows; None if it can only be counted as a whole."""

Numbered = tuple[int, Address]


def is_large(address: Address, sizes: Sizes) -> bool:
    """Whether a file is large enough to be cut."""
    return address.size >= 2 * sizes.least_range


def batches(job: Job, files: Sequence[Numbered], sizes: Sizes) -> Iterator[Batch]:
    """Yield batches of whole files, in order. The more there is, the larger they are."""
    total = sum(_cost(each) for _, each in files)
    enough = min(max(total // sizes.batches, sizes.least_batch), sizes.most_batch)
    for part in _filled(files, enough):
        yield Batch(job, part)


def heads(job: Job, files: Sequence[Numbered], most: int = 16) -> Iterator[Heads]:
    """Yield large files to look at, a few at a time."""
    for first in range(0, len(files), most):
        yield Heads(job, tuple(files[first : first + most]))


def cut(
    job: Job, address: Address, seen: Seen, start: Reached, threads: int, sizes: Sizes
) -> list[InFile]:
    """Return the pieces of a large file, in order; fewer than two if it can only be counted as a whole.

    `start` is the state of a count before the first line. `threads` is the number of threads of the cluster.
    """
    if isinstance(seen, TextSeen):
        spans = ranges(address.size, threads, sizes)
        return [
            Lines(job, address, place, span, seen.at if place else start)
            for place, span in enumerate(spans)
        ]
    return list(_groups(job, address, seen, sizes)) if seen else []


def size_read(address: Address, seen: Seen, size: int, parts: int) -> int:
    """Return the bytes that one process would have read of a file of which this many parts read `size` bytes."""
    if isinstance(seen, GroupsSeen) and not is_uri(address.where):
        return seen.peeked + size - (parts - 1) * seen.opening
    return address.size


def ranges(size: int, threads: int, sizes: Sizes) -> list[Span]:
    """Return the ranges into which this many bytes are cut: a multiple of the number of threads if possible."""
    most = max(size // sizes.least_range, 1)
    even = most - most % threads
    count = even if even * sizes.most_range >= size else most
    return [(size * n // count, size * (n + 1) // count) for n in range(count)]


def _groups(job: Job, address: Address, seen: GroupsSeen, sizes: Sizes) -> Iterator[Groups]:
    place = first = size = 0
    spans: list[Span] = []
    for number, group in enumerate(seen.spans):
        size += sum(behind - begin for begin, behind in group)
        spans += group
        if size >= sizes.least_range or number == len(seen.spans) - 1:
            every = tuple(joined_spans([*spans, seen.footer]))
            yield Groups(job, address, place, range(first, number + 1), every, size)
            place, first, size, spans = place + 1, number + 1, 0, []


def _filled(files: Iterable[Numbered], enough: int) -> Iterator[tuple[Numbered, ...]]:
    """Yield files in groups that are as large as allowed; a larger file is in a group of its own."""
    held: list[Numbered] = []
    size = 0
    for number, address in files:
        cost = _cost(address)
        if held and size + cost > enough:
            yield tuple(held)
            held, size = [], 0
        held.append((number, address))
        size += cost
    if held:
        yield tuple(held)


def _cost(address: Address) -> int:
    return address.size + _FILE_COST
