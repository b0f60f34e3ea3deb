"""Report and counts -> the row of cards on top of the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from flowtag_core.counts import FlowCounts, Reason
from flowtag_core.showing.words import compact, measured, number
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.report import Report


class Card(NamedTuple):
    """One number with its name, a note below it, and a tooltip.

    All are Markdown of our own making; nothing of a user's is in them.
    """

    label: str
    value: str
    note: str
    help: str


def cards(report: Report, counts: FlowCounts, lookup: Lookup, replies: int) -> Iterator[Card]:
    """Untagged share, the measure, tags in use, port/protocol pairs, records set aside.

    `replies` is how much of what is untagged looks like replies, 0 where that says nothing.
    """
    untagged, total = report.tag_counts[UNTAGGED], report.total
    measure = report.measure
    yield Card(
        UNTAGGED,
        f":orange[{100 * untagged / total:.1f}%]" if total else "none",
        f"{100 * replies / untagged:.0f}% are replies"
        if replies
        else measured(untagged, measure, compact(untagged)),
        "The share that no row of the lookup names. As logged, much of it may be replies, which go to "
        "any port: see the switch for replies.",
    )
    yield Card(
        measure.capitalize(),
        compact(total),
        f"{total:,} exactly" if total >= 1_000_000 else f"in {number(len(counts.files), 'file')}",
        "What the chosen action and time leave, all files together.",
    )
    yield Card(
        "Tags in use",
        f"{len(report.tag_counts) - 1:,}",
        f"of {len(np.unique(lookup.tag_numbers)):,}",
        "Tags that at least one flow has, of those in the lookup; Untagged is none.",
    )
    tagged = int(np.count_nonzero(report.tag != len(report.tags) - 1))
    yield Card(
        "Port/protocol pairs",
        f"{len(report.port):,}",
        f"{tagged:,} tagged",
        "Destination ports with their protocols that occur.",
    )
    yield set_aside_card(counts)


def set_aside_card(counts: FlowCounts) -> Card:
    """The card with the number of records that are no flows; it says where AWS itself left some out."""
    total = counts.total
    set_aside = total.set_aside.total()
    share = 100 * set_aside / total.records if total.records else 0.0
    is_lower_bound = bool(total.set_aside[Reason.SKIPPED_DATA])
    return Card(
        "Set aside",
        compact(set_aside),
        "a lower bound" if is_lower_bound else f"{share:.1f}% of records",
        "Records that are no flows, each with its reason: see the equation further down. After "
        "SKIPDATA, which means that AWS could not record everything, the counts are a lower bound.",
    )
