"""The boundaries of a view, and how much of it came from outside the network."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.counts import BOUNDARIES, REJECT, Boundary, Ints, Table, sum_of
from flowtag_core.showing import log_notes
from flowtag_core.showing.view import View
from flowtag_core.tagging.report import (
    Report,
    Selection,
    by_boundary,
    places_in,
    sums_at,
    values_of,
)

_INBOUND: Final = BOUNDARIES.index("inbound")


class Crossing(NamedTuple):
    """The sums of the flows of one boundary.

    `rejected` is how much of the view's measure was rejected. It is None if an action is chosen or no action is known.
    """

    boundary: Boundary
    flows: int
    packets: int
    bytes: int
    rejected: int | None


def crossings(view: View) -> list[Crossing]:
    """Return the sums of each boundary that occurs in a view, in the order of BOUNDARIES."""
    rejected = view.selections.rejected
    refused = {} if rejected is None else by_boundary(rejected)
    measure = view.report.measure
    return [
        Crossing(
            boundary,
            *sums,
            None if rejected is None else getattr(refused.get(boundary), measure, 0),
        )
        for boundary, sums in by_boundary(view.selections.report).items()
    ]


def replies_from_outside(view: View) -> int:
    """Return how much of what came from outside looks like replies to connections from inside."""
    table = view.selections.report.replies
    return sum_of(values_of(table, view.report.measure)[table.boundary == _INBOUND])


def knows_actions(view: View) -> bool:
    """Whether the logs say which flows were rejected. Without that, nobody knows what was let in."""
    return "reject" in log_notes.actions(view.counts)


def let_in(selection: Selection, report: Report) -> Ints:
    """Return, for each row of the report, how much of it came from outside and was not rejected.

    `selection` must be the one that the report was made from. It may be `without_replies`.
    """
    places, values = [], []
    for table in selection.tables:
        keep = (table.boundary == _INBOUND) & (table.action != REJECT)
        port, protocol = table.port[keep].astype(np.int32), table.protocol[keep].astype(np.int32)
        places.append(places_in(report, port, protocol))
        values.append(values_of(table, report.measure)[keep])
    return sums_at((len(report.port),), np.concatenate(places), np.concatenate(values))


def without_replies(selection: Selection) -> Selection:
    """Return a selection without the flows that look like replies: nobody outside asked for anything with them."""
    return replace(selection, replies=Table())


def largest(count: Ints, most: int) -> Ints:
    """Return the places of the largest counts above 0, the largest first."""
    places: Ints = np.flatnonzero(count)
    return places[(-count[places]).argsort(kind="stable")[:most]]
