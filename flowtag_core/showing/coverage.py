"""How much of the traffic in a view is explained: a bar, and a few numbers next to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.counts import FlowCounts, Measure, Reason, sum_of
from flowtag_core.showing.log_notes import measures
from flowtag_core.showing.words import compact, measured, number, quantity
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.report import Report, Selection, values_of


class Part(NamedTuple):
    """A part of the bar. `kind` is its CSS class, `bound` the sign before an amount that is only a bound."""

    kind: str
    name: str
    amount: int
    bound: str = ""


class Number(NamedTuple):
    """A number with its name, a note below it and a tooltip. None of them contains text from users."""

    label: str
    value: str
    note: str
    help: str


REPLIES: Final = "Replies of tagged services"
UNEXPLAINED: Final = "Unexplained"
_HELP: Final = (
    "**Tagged**: a row of the lookup names the port that the traffic is counted at (see *Group by*).\n\n"
    "**Untagged**: the rest."
)
_HELP_ON_REPLIES: Final = (
    "**Tagged**: a row of the lookup names the port that the traffic goes to.\n\n"
    "**Replies of tagged services**: Untagged, because it goes to a client's port, but it looks like a reply "
    "that comes from a tagged port. There is at least (\u2265) this much of it. The counts do not keep both "
    "ports of a flow, so the exact amount is not known. This has nothing to do with missing records.\n\n"
    "**Unexplained**: the rest of what is Untagged, at most (\u2264) this much. No row of the lookup names it."
)
AT_LEAST: Final = "\u2265 "
AT_MOST: Final = "\u2264 "


def parts(report: Report, service: Report) -> list[Part]:
    """Return the parts that add up to the total: tagged, replies of tagged services, and unexplained.

    `service` is the same report by service port. A flow that is Untagged by destination port but tagged
    by service port is a reply that a tagged service sent to its client. The tables cannot tell how many such
    flows there are, because neither has both ports of a flow. But there are at least as many as the
    difference between the two Untagged counts: flows with a tag only by destination port make it smaller.
    There is no part for replies if the difference is not positive, or if the reports cover different flows
    because the time windows of one are wider.
    """
    untagged = report.untagged
    tagged = Part("tagged", "Tagged", report.total - untagged)
    replies = untagged - service.untagged
    if replies <= 0 or service.total != report.total:
        return [tagged, Part("unexplained", UNTAGGED, untagged)]
    rest = untagged - replies
    is_exact = not rest  # There cannot be more replies.
    return [
        tagged,
        Part("replies", REPLIES, replies, "" if is_exact else AT_LEAST),
        Part("unexplained", UNEXPLAINED, rest, "" if is_exact else AT_MOST),
    ]


def help_on(parts: Sequence[Part]) -> str:
    """Return help on the parts of the bar, in Markdown."""
    if any(part.kind == "replies" for part in parts):
        return _HELP_ON_REPLIES
    return _HELP


def numbers(
    report: Report, selection: Selection, counts: FlowCounts, lookup: Lookup
) -> Iterator[Number]:
    """Yield the measure, bytes (or flows), tags in use, ports, and records that were not counted."""
    bound = AT_LEAST if is_lower_bound(counts) else ""
    yield _sum(report.measure, report.total, bound, number(len(counts.files), "file"))
    other: Measure = "flows" if report.measure == "bytes" else "bytes"
    if other in measures(counts):
        values = np.concatenate([values_of(table, other) for table in selection.tables])
        yield _sum(other, sum_of(values), bound, "in this view")
    yield Number(
        "Tags in use",
        f"{len(report.tag_counts) - 1:,}",
        f"of {len(np.unique(lookup.tag_numbers)):,} in the lookup",
        "Tags with at least one flow, not counting Untagged.",
    )
    yield Number(
        "Ports",
        f"{len(report.port):,}",
        f"{int(np.count_nonzero(~report.is_untagged)):,} tagged",
        "Pairs of port and protocol in this view.",
    )
    yield not_counted(counts)


def _sum(measure: Measure, total: int, bound: str, note: str) -> Number:
    return Number(
        measure.capitalize(),
        bound + quantity(total, measure),
        note,
        f"All files, after the filters: {bound}{measured(total, measure)}.",
    )


def is_lower_bound(counts: FlowCounts) -> bool:
    """Whether AWS skipped records, so that there was more traffic than was counted."""
    return bool(counts.total.set_aside[Reason.SKIPPED_DATA])


def not_counted(counts: FlowCounts) -> Number:
    """Return the number of records that are not flows."""
    total = counts.total
    set_aside = total.set_aside.total()
    return Number(
        "Not counted",
        compact(set_aside),
        f"{_percent(set_aside, total.records)} of records",
        "Records that are not flows; the Records section at the bottom says why. If AWS skipped some records "
        "(SKIPDATA), there was more traffic, and the other numbers are a lower bound (\u2265).",
    )


def bar(found: Sequence[Part]) -> str:
    """Return the bar and its key as HTML, which contains no text from users."""
    total = sum(part.amount for part in found)
    drawn = "".join(
        f'<i class="{part.kind}" style="width:{100 * part.amount / total:.3f}%"'
        f' title="{part.name}: {part.bound}{part.amount:,}"></i>'
        for part in found
        if part.amount
    )
    shares = [(part, part.bound + _percent(part.amount, total)) for part in found]
    key = "".join(
        f'<li><i class="{part.kind}"></i><b>{share}</b> {part.name}</li>' for part, share in shares
    )
    spoken = ", ".join(f"{part.name} {share}" for part, share in shares)
    return (
        f'<div class="bar" role="img" aria-label="{spoken}">{drawn}</div><ul class="key">{key}</ul>'
    )


def _percent(amount: int, total: int) -> str:
    return f"{100 * amount / max(total, 1):.1f}%"
