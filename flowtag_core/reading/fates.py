"""The fates of many files, packed into little space: most files differ only in a few numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.counts import FileCounts, FlowCounts, Ints
from flowtag_core.errors import LogError

_NUMBERS: Final = ("size", "headers", "blank", "flows")
"""What is different in nearly every file."""


class Fate(NamedTuple):
    """The fate of one file, or of the files in one archive: their counts, and the error that ended them.

    The counts have no tables, because those are added up elsewhere. If there is an error, they do have tables.
    """

    counts: tuple[FlowCounts, ...] = ()
    error: LogError | None = None


class Fates(NamedTuple):
    """The fates of many files. `odd` has those that are not packed, by the number of the file.

    A row of `plain` is the number of a file, the index of its kind in `kinds`, its size, headers, blank lines and flows.
    """

    odd: dict[int, Fate]
    kinds: tuple[FileCounts, ...]
    plain: Ints


def packed(fates: Iterable[tuple[int, str, Fate]], internal: tuple[str, ...]) -> Fates:
    """Pack the fates of files, each with its number and its name."""
    odd: dict[int, Fate] = {}
    kinds: dict[object, int] = {}
    kept: list[FileCounts] = []
    plain: list[tuple[int, ...]] = []
    for number, name, fate in fates:
        file = _plain(fate, name, internal)
        if file is None:
            odd[number] = fate
            continue
        kind = replace(file, size=0, headers=0, blank=0, flows=0)
        key = (*(_frozen(getattr(kind, field)) for field in kind.__dataclass_fields__),)
        if key not in kinds:
            kinds[key] = len(kept)
            kept.append(kind)
        plain.append((number, kinds[key], *(getattr(file, field) for field in _NUMBERS)))
    return Fates(odd, tuple(kept), np.array(plain, np.int64).reshape(-1, 2 + len(_NUMBERS)))


def unpacked(
    fates: Fates, names: Mapping[int, str], internal: tuple[str, ...]
) -> Iterator[tuple[int, Fate]]:
    """Yield the number and the fate of each file; `names` are those of all files, by number."""
    yield from fates.odd.items()
    for number, kind, size, headers, blank, flows in fates.plain.tolist():
        file = replace(fates.kinds[kind], size=size, headers=headers, blank=blank, flows=flows)
        yield number, Fate((FlowCounts(files={names[number]: file}, internal=internal),))


def together(parts: Sequence[Fates]) -> Fates:
    """Return the fates of all parts."""
    kinds = tuple(kind for part in parts for kind in part.kinds)
    before = 0
    rows = []
    for part in parts:
        moved = part.plain.copy()
        moved[:, 1] += before
        before += len(part.kinds)
        rows.append(moved)
    odd = {number: fate for part in parts for number, fate in part.odd.items()}
    return Fates(odd, kinds, np.concatenate(rows))


def _plain(fate: Fate, name: str, internal: tuple[str, ...]) -> FileCounts | None:
    """Return the counts of a file that can be packed, or None: a file with faults, or an archive."""
    if fate.error or len(fate.counts) != 1:
        return None
    (counts,) = fate.counts
    is_plain = counts.files.keys() == {name} and not counts.faults and counts.internal == internal
    return counts.files[name] if is_plain else None


def _frozen(value: object) -> object:
    return tuple(sorted(value.items())) if isinstance(value, Counter) else value
