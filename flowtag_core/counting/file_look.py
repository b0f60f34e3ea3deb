"""Looks at one file a second time: finds the flows that fit some filters, and adds up who they come from and go to.

It treats records as `FileCount` does: the same layouts, the same threads, the same lines for the reference. Only what
is kept of a flow is different. The first few flows of a file go to the reference, which knows their lines.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any, ClassVar, Final, cast

import numpy as np

from flowtag_core.boundary import Inside
from flowtag_core.codes import UNREADABLE, interface_code
from flowtag_core.counting import contract, scratch
from flowtag_core.counting.contract import HIT_INTERFACE, HIT_SIZE, Kernel
from flowtag_core.counting.file_count import FileCount
from flowtag_core.counting.hits import HitSum, fitting, hits_in, hits_of, told
from flowtag_core.counting.plain_file import begun
from flowtag_core.counting.reference import ALWAYS_INSIDE, Seen
from flowtag_core.counting.scratch import KernelCounts, Scratch
from flowtag_core.counting.tally import Counted
from flowtag_core.counts import Ints
from flowtag_core.evidence import EVERY_FLOW, MOST_SAMPLES, Evidence, Sample, Wanted
from flowtag_core.shapes.layout import ASSUMED, Layout
from flowtag_core.shapes.records import Addresses, Columns

_SAMPLE_CHARACTERS: Final = 400
_PLACE: Final = [contract.HIT_LINE, contract.HIT_BEGIN, contract.HIT_END]


class FileLook(FileCount):
    """Looks at one file, which it receives like FileCount, for the flows that are `wanted`."""

    def __init__(
        self,
        name: str,
        layout: Layout = ASSUMED,
        size: int = 0,
        inside: Inside = ALWAYS_INSIDE,
        wanted: Wanted = EVERY_FLOW,
    ) -> None:
        self._name = name
        self._wanted = wanted
        self._seen: list[Seen] = []
        self._samples: list[Sample] = []
        self._sum = HitSum()
        super().__init__(name, layout, size, inside)

    def take(self, size: int, wrapping: str = "", damage: str | None = None) -> Counted:
        """Return what was found since the last `take`: few hits as rows, many as evidence; the counts have no tables."""
        self.settle()
        self._add_flows()
        few = self._sum.take_few()
        found, self._sum = self._sum.take(), HitSum()
        found = replace(found, samples=tuple(self._samples))
        self._samples = []
        counts = self._reference.ledger.take(size, wrapping, damage, self._inside.ranges)
        return Counted(counts, few, found if found.rows or found.samples else None)

    def so_far(self) -> Evidence:
        """Return what was found since the last `take`, and keep it."""
        return replace(self._sum.evidence(), samples=tuple(self._samples))

    def _new_seen(self) -> list[Seen] | None:
        return self._seen

    def _scratch(self) -> Scratch:
        own = _unused(self._inside, self._wanted)
        own.left = self._left
        return own

    @property
    def _left(self) -> int:
        """How many more flows are left to the reference, as samples."""
        return MOST_SAMPLES - len(self._samples)

    def _add(self, results: Any) -> None:
        if len(results):
            self._sum.add(results)

    def _add_flows(self) -> None:
        flows = self._reference.take_flows()
        seen = self._seen[:]
        self._seen.clear()
        if not len(flows):
            return
        hits = fitting(hits_of(flows, seen, self._wanted), self._wanted)
        for index in hits[: self._left, contract.HIT_LINE].tolist():
            text = _sample(seen[index].text)
            self._samples.append(Sample(self._name, seen[index].number, text))
        self._add(hits)

    def _of_columns(
        self,
        kernel: Kernel,
        own: Scratch,
        rows: Ints,
        odd: Ints,
        columns: Columns,
        addresses: Addresses | None,
    ) -> tuple[Any, Ints]:
        rows = rows.reshape(-1, 3)
        # A reply has two rows, one for each of its ports.
        rows = rows[rows[:, 0] >> contract.KIND_SHIFT != (1 if self._wanted.by_service else 2)]
        rows[:, 0] &= (1 << contract.KIND_SHIFT) - 1
        hits = hits_in(rows, self._wanted)
        plain = np.delete(np.arange(len(rows) + len(odd)), odd)[hits[:, contract.HIT_LINE]]
        if addresses is not None:
            codes = own.codes(kernel, addresses)
            for place, end in (
                (contract.SOURCE, addresses.sources),
                (contract.DESTINATION, addresses.destinations),
            ):
                hits[:, place : place + 2] = codes[end[plain]]
        if len(hits) and (interfaces := columns.interfaces()) is not None:
            numbers = [*map(interface_code, interfaces.distinct), (UNREADABLE, UNREADABLE)]
            codes = np.array(numbers, np.int64)
            hits[:, HIT_INTERFACE : HIT_INTERFACE + 2] = codes[interfaces.indexes[plain]]
        hits[:, contract.HIT_LINE] = plain
        hits = fitting(hits, self._wanted)
        left = hits[: self._left, contract.HIT_LINE]
        return hits[len(left) :], np.sort(np.concatenate([odd, left]))


def plain_look(
    kernel: Kernel, name: str, text: bytes, layout: Layout, inside: Inside, wanted: Wanted
) -> Counted | None:
    """Look at once at a small file with this text, like `plain_file`; None if one of its lines is not plain."""
    file = begun(name, text, layout)
    if file is None:
        return None
    own = _unused(inside, wanted)
    own.left = 0
    hits = own.kept() if own.has_read_all(kernel, file.lines, file.layout) else None
    plain = own.found.plain()
    scratch.give_back(own)
    if hits is None:
        return None
    headers = file.ledger.headers
    file.ledger.add_plain(file.layout, plain)
    samples = tuple(
        Sample(name, headers + line + 1, _sample(file.lines[begin:end]))
        for line, begin, end in hits[:MOST_SAMPLES, _PLACE].tolist()
    )
    counts = file.ledger.take(len(text), internal=inside.ranges)
    return Counted(
        counts, [hits] if len(hits) else [], Evidence(samples=samples) if samples else None
    )


def _sample(text: bytes) -> str:
    return text[:_SAMPLE_CHARACTERS].decode("utf-8", "replace").strip()


class _Looking(Scratch):
    """The memory that the kernel writes to while it looks for flows; the first `left` ones are left as odd lines."""

    pool: ClassVar[deque[Scratch]] = deque()

    def __init__(self) -> None:
        super().__init__()
        self.wanted, self.left = EVERY_FLOW, 0
        self._hits = np.empty((contract.ROWS_TOLD, HIT_SIZE), np.int64)
        self._found_hits = self._hits[:0]

    def results(self) -> Ints:
        return self._found_hits[self.left :].copy()

    def kept(self) -> Ints:
        return self.results()

    def odd(self) -> Ints:
        odd = super().odd()
        places = self._found_hits[: self.left, _PLACE]
        samples = np.full((len(places), odd.shape[1]), contract.ODD, np.int64)
        samples[:, : len(_PLACE)] = places
        both = np.concatenate([odd, samples])
        return both[np.argsort(both[:, 0])]

    def _run(self, kernel: Kernel, text: bytes | int, size: int, numbers: np.ndarray) -> None:
        what = told(self.wanted)
        looked = what.ctypes.data, self._hits.ctypes.data
        self.dealt_with = kernel.look(text, size, numbers.ctypes.data, *self._addresses, *looked)
        self.found = KernelCounts(*self._found.tolist())
        self._found_hits = fitting(self._hits[: self.found.rows], self.wanted)


def _unused(inside: Inside, wanted: Wanted) -> _Looking:
    try:
        own = cast(_Looking, _Looking.pool.pop())
    except IndexError:
        own = _Looking()
    own.inside, own.wanted = inside, wanted
    return own
