"""A second look: logs -> Evidence of who the flows that fit some filters come from and go to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from flowtag_core import evidence
from flowtag_core.boundary import Inside, ranges_of
from flowtag_core.counting.file_look import FileLook
from flowtag_core.counting.hits import HitSum
from flowtag_core.evidence import EVERY_FLOW, Evidence, Wanted
from flowtag_core.reading.flow_log import Format, Progress, Reading, each_file
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.layout import Layout
from flowtag_core.sources.places import Log, LogFile

FIELDS: Final = (*COUNTED, "interface-id")
"""The fields that a second look needs."""


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

    Everything that `parse_flow_log` counts can be looked at; the flows, packets and bytes of the result equal those
    of its tables for the same filters. The other parameters and the errors are those of `parse_flow_log`. `so_far` is
    called with the evidence so far after each file. `evidence` explains which rows are kept if there are very many.
    """
    inside = Inside(ranges_of(internal))
    found = HitSum()
    for counted in each_file(files, names, format, inside, progress, cancel, looking(wanted)):
        for hits in counted.rows:
            found.add(hits)
        damage = frozenset(counted.counts.total.damage)
        found.add_evidence(
            evidence.added([counted.evidence or Evidence(), Evidence(damage=damage)])
        )
        if so_far is not None:
            so_far(found.evidence())
    return found.evidence()


def looking(wanted: Wanted) -> Reading:
    """Return how to read files for a second look."""

    def new(name: str, layout: Layout, size: int, inside: Inside) -> FileLook:
        return FileLook(name, layout, size, inside, wanted)

    return Reading(new, FIELDS, lambda *_: None)
