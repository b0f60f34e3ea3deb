"""A second look: logs -> Evidence of who the flows that fit some filters come from and go to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from flowtag_core import evidence
from flowtag_core.boundary import Inside, ranges_of
from flowtag_core.codes import address_code, is_readable
from flowtag_core.counting.contract import Kernel
from flowtag_core.counting.file_look import FileLook, plain_look
from flowtag_core.counting.hits import HitSum
from flowtag_core.counting.tally import Counted
from flowtag_core.counts import ACTIONS, BOUNDARIES
from flowtag_core.errors import ChoiceError
from flowtag_core.evidence import EVERY_FLOW, PORT_BYTES, Evidence, Wanted
from flowtag_core.reading.flow_log import Format, Progress, Reading, each_file
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.layout import Layout
from flowtag_core.sources.places import Log, LogFile

FIELDS: Final = (*COUNTED, "interface-id")
"""The fields that a second look needs."""
_TOLD_FIRST: Final = 0.5
"""Seconds before the first call of `so_far`."""
_REST: Final = 4
"""The wait until the next call of `so_far`, as a multiple of the time of the last one plus `_TOLD_FIRST`."""


def look(
    *files: LogFile | Log,
    wanted: Wanted = EVERY_FLOW,
    names: Iterable[str] | None = None,
    format: Format = None,
    internal: str | Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
    so_far: Callable[[Evidence], None] | None = None,
) -> Evidence:
    """Read logs again for the flows that are wanted, and return who they come from and go to.

    It reads everything that `parse_flow_log` counts, and the sums of flows, packets and bytes equal those of its tables
    for the same filters. The other parameters and the errors are those of `parse_flow_log`. `so_far` is called with
    the evidence so far, early and then every few seconds. If there are very many rows, the smallest are dropped, as
    `evidence` explains.
    """
    _check(wanted)
    inside = Inside(ranges_of(internal))
    found = HitSum()
    running = _Running(wanted)
    due = time.monotonic() + _TOLD_FIRST

    def tell(now: Progress) -> None:
        nonlocal due
        if progress is not None:
            progress(now)
        if so_far is not None and (began := time.monotonic()) >= due:
            so_far(evidence.added([found.evidence(), running.evidence()]))
            due = time.monotonic() + _REST * (time.monotonic() - began + _TOLD_FIRST)

    read = Reading(running.new, FIELDS, running.at_once)
    for counted in each_file(files, names, format, inside, tell, cancel, read):
        running.count = None
        for hits in counted.rows:
            found.add(hits)
        if counted.evidence is not None:
            found.add_evidence(counted.evidence)
        total = counted.counts.total
        if total.faults or total.damage:
            found.add_evidence(Evidence(faults=total.faults, damage=frozenset(total.damage)))
    return found.take()


def _check(wanted: Wanted) -> None:
    """Raise ChoiceError if nothing can be looked for like this."""
    if wanted.ports is not None and len(wanted.ports) != PORT_BYTES:
        raise ChoiceError("The ports of a second look must come from port_bits.")
    for name, chosen, every in (
        ("actions", wanted.actions, ACTIONS),
        ("boundaries", wanted.boundaries, BOUNDARIES),
    ):
        if chosen is not None and not (
            isinstance(chosen, frozenset) and chosen <= {*range(len(every))}
        ):
            numbers = ", ".join(f"{number} for {each}" for number, each in enumerate(every))
            raise ChoiceError(f"{name} is {chosen!r:.60}. Give a frozenset of numbers: {numbers}.")
    if wanted.minutes is not None and not 0 <= wanted.minutes[0] <= wanted.minutes[1]:
        raise ChoiceError(
            f"minutes is {wanted.minutes!r:.60}. Give the first and the last minute since 1970."
        )
    if wanted.address is not None and not is_readable(address_code(wanted.address.encode())):
        raise ChoiceError(
            f"address is {wanted.address!r:.60}. Write it as 10.0.0.1 or 2001:db8::1."
        )


class _Running:
    """Makes a FileLook for each file, and knows the one on the thread that called `look`."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._thread = threading.get_ident()
        self.count: FileLook | None = None

    def new(self, name: str, layout: Layout, size: int, inside: Inside) -> FileLook:
        """Return an empty look at a file; called on any thread."""
        count = FileLook(name, layout, size, inside, self._wanted)
        if threading.get_ident() == self._thread:
            self.count = count
        return count

    def at_once(
        self, kernel: Kernel, name: str, text: bytes, layout: Layout, inside: Inside
    ) -> Counted | None:
        """Look at once at a small file of plain lines; called on any thread."""
        return plain_look(kernel, name, text, layout, inside, self._wanted)

    def evidence(self) -> Evidence:
        """Return what was found so far in the file that is being read."""
        return self.count.so_far() if self.count is not None else Evidence()
