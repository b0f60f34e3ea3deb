"""Ready questions for a second look: which flows to look for, and which list answers."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import numpy as np

from flowtag_core.counts import ACCEPT, ACTIONS, BOUNDARIES, REJECT, Boundary, Measure
from flowtag_core.evidence import PORT_BYTES, Wanted, port_bits
from flowtag_core.tagging.lookup import NO_RULE, Lookup
from flowtag_core.tagging.report import Filters

List = Literal["pairs", "sources", "destinations", "ports", "interfaces"]
Order = Measure | Literal["targets", "ports"]

_TCP: Final = 6
ADMINISTRATION: Final = (
    22, 23, 135, 139, 445, 1433, 1521, 2375, 2376, 3306, 3389, 5432, 5900, 5985, 5986, 6379, 6443,
    9200, 10250, 11211, 27017,
)  # fmt: skip
"""TCP ports for remote administration, databases and clusters, which should not be open to everyone."""


class Question(NamedTuple):
    """A question: its text, in full and short, the filters for its flows, the list that answers it, and its order.

    If `is_untagged`, only untagged ports count; if there are `ports`, only these TCP ports count.
    """

    text: str
    short: str = ""
    action: int | None = None
    boundary: Boundary | None = None
    by_service: bool = False
    is_untagged: bool = False
    ports: tuple[int, ...] = ()
    answer: List = "sources"
    order: Order = "flows"


NO_QUESTION: Final = Question("", answer="pairs")
QUESTIONS: Final = {
    "rejected": Question(
        "Which outside sources were rejected?", "Rejected from outside", REJECT, "inbound"
    ),
    "untagged": Question(
        "Which untagged ports accepted flows from outside?",
        "Untagged from outside",
        ACCEPT,
        "inbound",
        by_service=True,
        is_untagged=True,
        answer="ports",
    ),
    "admin": Question(
        "Who tried administration and database ports from outside?",
        "Administration ports",
        boundary="inbound",
        ports=ADMINISTRATION,
    ),
    "scan": Question(
        "Which sources tried many ports?", "Port scans", by_service=True, order="ports"
    ),
    "out": Question(
        "Who sent the most bytes to the outside?",
        "Most bytes out",
        boundary="outbound",
        answer="pairs",
        order="bytes",
    ),
}
"""The questions by their names on the command line. For two of them, flows that look like replies count under
their source port. Otherwise a server would seem to try the ports of all its clients."""


def wanted_by(question: Question, lookup: Lookup | None) -> Wanted:
    """Return the flows that a question asks for; without a lookup, all ports are untagged."""
    bits = None
    if question.is_untagged and lookup is not None:
        bits = tag_bits(lookup, None)
    elif question.ports:
        bits = port_bits((_TCP, port) for port in question.ports)
    return Wanted(
        bits,
        None if question.action is None else frozenset([question.action]),
        None if question.boundary is None else frozenset([BOUNDARIES.index(question.boundary)]),
        by_service=question.by_service,
    )


def wanted_in(filters: Filters, ports: bytes | None = None) -> Wanted:
    """Return the flows that pass the filters of a report; if `ports` are given, only those on these ports.

    The time must consist of whole windows of the counts.
    """
    minutes = None
    if filters.time is not None:
        first, behind = filters.time
        minutes = max(first, 0) // 60, -(-behind // 60) - 1
    return Wanted(
        ports,
        None if filters.action is None else frozenset([ACTIONS.index(filters.action)]),
        None if filters.boundary is None else frozenset([BOUNDARIES.index(filters.boundary)]),
        minutes,
        by_service=filters.view == "service",
    )


def tag_bits(lookup: Lookup, tag: str | None) -> bytes:
    """Return the ports with this tag, or the untagged ones if it is None, in the form of `port_bits`."""
    if tag is not None and tag not in lookup.tags:
        return bytes(PORT_BYTES)
    number = lookup.tags.index(tag) if tag is not None else -1
    rows = []
    for protocol in range(256):
        winners = lookup.winners(protocol)
        if tag is None:
            chosen = winners == NO_RULE
        else:
            chosen = (winners != NO_RULE) & (lookup.tag_numbers[winners] == number)
        rows.append(np.packbits(chosen, bitorder="little"))
    return np.concatenate(rows).tobytes()
