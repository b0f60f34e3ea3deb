"""The untagged ports and protocols of a report, each with a suggested tag."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import FlowCounts, Ints
from flowtag_core.showing.outside import let_in
from flowtag_core.showing.suggestions import common, suggestion
from flowtag_core.showing.words import pair_name
from flowtag_core.tagging.lookup import EXACT, Ports, Rule
from flowtag_core.tagging.report import (
    Numbers,
    Report,
    Selection,
    keys_of,
    places_in,
    select,
    sums_at,
    values_of,
)

MOST_PAIRS: Final = 200
"""The most rows in the workbench, which is more than anybody tags one by one."""
NEARLY_ALL: Final = 0.9
"""If at least this share of a port's measure looks like replies, the port does too."""


class UntaggedPair(NamedTuple):
    """An untagged port and protocol number, and a suggested tag."""

    port: int
    protocol: int
    suggestion: str

    @property
    def numbers(self) -> tuple[int, int]:
        """The port and the protocol number."""
        return self.port, self.protocol

    @property
    def key(self) -> str:
        """The port and the protocol number as text: `443/6`."""
        return f"{self.port}/{self.protocol}"

    @property
    def name(self) -> str:
        """The port and the protocol in words: `443/tcp`."""
        return pair_name(*self.numbers)

    @property
    def label(self) -> str:
        """The text of the button that applies the suggestion."""
        return f"+ {self.suggestion}"

    def rule(self, tag: str) -> Rule:
        """Return the rule that gives this port and protocol a tag."""
        return Rule(Ports(EXACT, self.port, self.port), self.protocol, tag, 0)


def looks_like_replies(counts: FlowCounts, report: Report) -> NDArray[np.bool_]:
    """Return, for each row of the report, whether it is untagged and nearly all of it looks like replies.

    The port of a well-known service, such as 61616, never does, because the client's port may be lower. In
    a report by service port no row does, because replies are counted at their service.
    """
    looks = report.is_untagged & (report.count > 0)
    if report.filters.view == "service":
        return looks & False
    replies = select(counts, report.filters).replies
    places = places_in(report, replies.port.astype(np.int32), replies.protocol.astype(np.int32))
    count = sums_at((len(report.port),), places, values_of(replies, report.measure))
    port, protocol = np.array([*common()], np.int32).T
    is_known = np.isin(keys_of(report.port, report.protocol), keys_of(port, protocol))
    return looks & ~is_known & (count >= NEARLY_ALL * report.count)


def untagged_places(report: Report, hidden: NDArray[np.bool_] | None = None) -> Ints:
    """Return the positions of the untagged rows in the report, the largest first, at most MOST_PAIRS.

    `hidden` says for each row of the report whether to leave it out.
    """
    is_listed = report.is_untagged if hidden is None else report.is_untagged & ~hidden
    places: Ints = np.flatnonzero(is_listed)
    most = (-report.count[places]).argsort(kind="stable")[:MOST_PAIRS]
    return places[most]


def untagged_pairs(report: Report, places: Ints) -> list[UntaggedPair]:
    """Return the ports and protocols at these positions, each with a suggested tag."""
    pairs = zip(report.port[places].tolist(), report.protocol[places].tolist(), strict=True)
    return [UntaggedPair(port, protocol, suggestion(port, protocol)) for port, protocol in pairs]


def accepted_inbound(selection: Selection, report: Report, places: Ints) -> Numbers | None:
    """Return the percentage of each of these pairs that came from outside and was not rejected.

    Returns None if the report is limited to one boundary or one action, or if nothing came from outside.
    """
    filters = report.filters
    if filters.boundary is not None or filters.action is not None:
        return None
    count = let_in(selection, report)
    if not count.any():
        return None
    percent: Numbers = np.rint(100.0 * count[places] / np.maximum(report.count[places], 1)).astype(
        np.int32
    )
    return percent
