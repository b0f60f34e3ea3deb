"""A look at the beginnings of a few files: how they are packed, their shape, and their unpacked size."""

from __future__ import annotations

import io
import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Final, NamedTuple

from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.shapes.layout import ASSUMED, format_layout
from flowtag_core.shapes.shapes import Shape, shape_of
from flowtag_core.sources.ahead import on_a_thread
from flowtag_core.sources.pieces import File, Pieces, peeked
from flowtag_core.sources.places import Place
from flowtag_core.sources.stream import Stream
from flowtag_core.sources.unpacking import packing_of, unpacked

MOST_FILES: Final = 8
"""The most files that are looked at."""
MOST_BYTES: Final = 1 << 18
"""The most bytes that are read of each."""
_AT_ITS_END: Final = "zip"
"""The packing whose list of files is at the end, so that its beginning says nothing about them."""


_NOTES: Final = {
    Reason.NO_DATA,
    Reason.SKIPPED_DATA,
    Reason.NOT_A_RECORD,
    Reason.CUT_SHORT,
}
"""Why records are set aside even in good logs."""


class Look(NamedTuple):
    """A look at the beginning of a file. Sizes are in bytes.

    `size` is that of the file as it is stored, `read` how much of it was read, and `unpacked` what that became.
    `packing` names the packings from the outside in, such as `zip, gzip`. `shape` is None if the beginning does not
    show it. `trouble` says what is wrong with the file; empty if nothing is.
    """

    name: str
    size: int
    read: int = 0
    unpacked: int = 0
    packing: str = ""
    shape: Shape | None = None
    trouble: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether the file cannot be read at all."""
        return bool(self.trouble) and self.shape is None

    @property
    def ratio(self) -> float | None:
        """The unpacked size divided by the size as stored; None if the beginning does not show it."""
        return self.unpacked / self.read if self.shape and self.read else None


class Sample(NamedTuple):
    """The looks at a few of many files, and for each of all files, in order, the index of the look that stands for it."""

    looks: tuple[Look, ...]
    stands_for: tuple[int, ...]


def sample_of(places: Sequence[Place], format: str | None = None) -> Sample:
    """Look at a few places, spread over the sizes and the names, which begin with the day in AWS's logs.

    A place outside the sample is assumed to be like the nearest one in it, by suffix and then by name. The size
    of every place must be known. No error is raised: a look says what is wrong.
    """
    suffixes = [os.path.splitext(place.name)[1] for place in places]
    order = sorted(range(len(places)), key=lambda each: (suffixes[each], places[each].name))
    sizes = [places[each].size or 0 for each in order]
    chosen = _spread(sizes, [suffixes[each] for each in order])
    looks = tuple(_looks([places[order[each]] for each in chosen], format))
    nearest = _nearest(chosen, [suffixes[each] for each in order])
    stands_for = dict(zip(order, nearest, strict=True))
    return Sample(looks, tuple(stands_for[each] for each in range(len(places))))


def _spread(sizes: Sequence[int], suffixes: Sequence[str]) -> list[int]:
    """Return a few indexes in order: the largest file, a few suffixes, then spread over the files and their bytes."""
    if len(sizes) <= MOST_FILES:
        return list(range(len(sizes)))
    half = MOST_FILES // 2
    behind = list(accumulate(sizes))
    largest = max(range(len(sizes)), key=sizes.__getitem__)
    firsts = [*{suffix: index for index, suffix in reversed([*enumerate(suffixes)])}.values()]
    by_suffix = sorted(firsts)[:: -(-len(firsts) // half)]
    by_number = [each * len(sizes) // half for each in range(half)]
    by_bytes = [bisect_left(behind, each * behind[-1] / half) for each in range(1, half)]
    wanted = dict.fromkeys([largest, *by_suffix, *by_number, *by_bytes])
    return sorted([*wanted][:MOST_FILES])


def _nearest(chosen: Sequence[int], suffixes: Sequence[str]) -> Iterator[int]:
    """Yield, for each file, which of the chosen ones is nearest: of those with its suffix, if there are any."""
    for index, suffix in enumerate(suffixes):
        ways = [(suffixes[each] != suffix, abs(each - index)) for each in chosen]
        yield ways.index(min(ways))


def _looks(places: Sequence[Place], format: str | None) -> Iterator[Look]:
    """Yield the looks at these places, whose beginnings are asked for all at once."""
    asked = [on_a_thread(partial(place.beginning, MOST_BYTES)) for place in places]
    for place, future in zip(places, asked, strict=True):
        size = place.size or 0
        try:
            content = future.result()
        except LogError as error:
            yield Look(place.name, size, trouble=str(error))
            continue
        yield look_at(place.name, content, size, format)


def look_at(name: str, content: bytes, size: int, format: str | None = None) -> Look:
    """Return what the beginning of a file of this size shows. `format` is that of a log without a header."""
    is_whole = len(content) == size
    seen = Look(name, size, len(content), len(content), packing_of(content))
    if seen.packing == _AT_ITS_END and not is_whole:
        return seen
    source = Stream(name, io.BytesIO(content), len(content), 0)
    found: list[Look] = []
    try:
        for file in unpacked(source):
            found.append(  # noqa: PERF401  (what was found before an error is kept)
                _look_into(file, seen, format, is_whole=is_whole)
            )
    except LogError as error:
        is_cut = isinstance(error, DamagedLogError) and not is_whole
        return _together(found, seen, "" if is_cut else str(error))
    return _together(found, seen)


def _together(found: Sequence[Look], seen: Look, trouble: str = "") -> Look:
    """Return one look at all files in an archive: it is like the first one that can be counted."""
    if not found:
        return seen._replace(trouble=trouble)
    first = next((each for each in found if not each.trouble), found[0])
    unpacked_size = sum(each.unpacked for each in found)
    return first._replace(name=seen.name, unpacked=unpacked_size, trouble=trouble or first.trouble)


def _look_into(file: File, seen: Look, format: str | None, *, is_whole: bool) -> Look:
    seen = seen._replace(packing=file.wrapping, unpacked=0)
    if file.refusal:
        return seen._replace(trouble=file.refusal)
    head, pieces = peeked(file.pieces())
    beginning, unpacked_size, damage = _read(pieces)
    trouble = damage if is_whole else ""
    seen = seen._replace(unpacked=unpacked_size, trouble=trouble)
    try:
        shape = shape_of(file.name, head, format_layout(format) if format else ASSUMED)
    except LogError as error:
        return seen._replace(trouble=str(error))
    is_cut = not is_whole or unpacked_size > len(beginning)
    if shape == "Parquet" and is_cut:
        return seen._replace(shape=shape)  # Its end would say what is in it.
    if is_cut:
        beginning = beginning[: beginning.rfind(b"\n") + 1] or beginning
    trouble = trouble or _trouble_in(file.name, beginning, format)
    return seen._replace(shape=shape, trouble=trouble)


def _read(pieces: Pieces) -> tuple[bytes, int, str]:
    """Return the first bytes of some pieces, the size of all, and the damage at their end; empty if there is none."""
    beginning, size = b"", 0
    try:
        for piece in pieces:
            size += len(piece)
            beginning += piece[: MOST_BYTES - len(beginning)]
    except DamagedLogError as error:
        return beginning, size, str(error)
    return beginning, size, ""


def _trouble_in(name: str, beginning: bytes, format: str | None) -> str:
    """Return why the beginning of a file has no flows; empty if it has some, or no record that should be one."""
    try:
        counts = parse_flow_log(io.BytesIO(beginning), names=[name], format=format).total
    except LogError as error:
        return str(error)
    wrong = [(count, reason) for reason, count in counts.set_aside.items() if reason not in _NOTES]
    if counts.flows or not wrong:
        return ""
    _, reason = max(wrong)
    told = max(counts.shapes, key=len) if reason is Reason.NOT_A_FLOW else reason
    return f"{name}: none of its first {counts.records:,} records is a flow ({told})."
