"""A view in a few sentences: what traffic there is, what is unexplained, what came from outside, how certain that is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.counts import FlowCounts, Measure, Reason, sum_of
from flowtag_core.showing import log_notes, lookup_notes, times, who
from flowtag_core.showing.coverage import is_lower_bound
from flowtag_core.showing.handout import Findings, Handout
from flowtag_core.showing.outside import (
    crossings,
    knows_actions,
    largest,
    let_in,
    replies_from_outside,
    without_replies,
)
from flowtag_core.showing.suggestions import usual_service
from flowtag_core.showing.timeline import ceiling_of
from flowtag_core.showing.view import View
from flowtag_core.showing.words import (
    listed,
    measured,
    number,
    pair_name,
    quantity,
    share,
    short,
    size,
)
from flowtag_core.showing.workbench import (
    UntaggedPair,
    looks_like_replies,
    untagged_pairs,
    untagged_places,
)
from flowtag_core.tagging.course import by_measure, stacked
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.questions import Order
from flowtag_core.tagging.report import select, tagged

_FEW: Final = 3
_LONGEST_TAG: Final = 40
_TURNING: Final = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Answer(NamedTuple):
    """A question that a reader has, and the sentences that answer it."""

    question: str
    sentences: list[str]


def story(handout: Handout) -> list[Answer]:
    """Return the answers to a reader's first questions, as plain text."""
    view = handout.view
    return [
        Answer("What traffic is there?", list(_traffic(handout))),
        Answer("What is unexplained?", list(_unexplained(view))),
        Answer("What came from outside?", list(_outside(view))),
        *(
            [Answer("Who is behind it?", list(_behind(found)))]
            if (found := handout.findings)
            else []
        ),
        Answer("How certain are the numbers?", list(_doubts(view))),
    ]


def filters(handout: Handout) -> list[str]:
    """Return a phrase for each filter of a view, such as `only rejected inbound flows`."""
    chosen = handout.view.report.filters
    first, behind = handout.bounds
    zone = handout.zone
    said = [only] if (only := log_notes.narrowed(chosen)) else []
    if first is not None and behind is not None:
        said.append(f"only flows that begin during {times.span_in((first, behind), zone)}")
    elif first is not None:
        said.append(f"only flows that begin at {times.moment(first)} or later")
    elif behind is not None:
        said.append(f"only flows that begin before {times.moment(behind)}")
    if chosen.view == "service":
        said.append("flows that look like replies count under their source port")
    if handout.view.tag:
        said.append(f"the list of ports shows only those with the tag {handout.view.tag}")
    if handout.search:
        said.append(f"the list of ports shows only those that match {handout.search}")
    return said


def _traffic(handout: Handout) -> Iterator[str]:
    view = handout.view
    report, measure = view.report, view.report.measure
    if not len(report.port):
        yield "No flows match." if view.counts.total.flows else "There are no flows."
        return
    others: tuple[Measure, ...] = ("flows", "bytes")
    sums = view.by_every_measure
    known = [measure, *(each for each in others if each != measure and each in sums)]
    amounts = listed([_amount(sums[each].total, each) for each in known])
    where = f" in {number(len(view.counts.files), 'file')}"
    yield f"{amounts}{where}{f', {when}' if (when := days(handout)) else ''}."
    tags = [tag for tag in report.tag_counts if tag != UNTAGGED][:_FEW]
    if tags:
        shares = [f"{_tag(tag)} ({share(report.tag_counts[tag], report.total)})" for tag in tags]
        are = "tag is" if len(tags) == 1 else "tags are"
        yield f"The largest {are} {listed(shares)}."
    else:
        yield "No flow has a tag."
    yield from _peak(handout)


def days(handout: Handout) -> str:
    """Return the time that a view covers: `23 - 25 Nov 2026 UTC`, with clock times if it is less than a day.

    Up to 0.2% of the flows at either end may lie far from the rest. It says how many are not in that time.
    """
    view = handout.view
    course = view.course
    if not len(course.start) or not course.width:
        return ""
    time = times.main_part(course)
    said = times.covered(course, handout.zone)
    if time[1] - time[0] < times.DAY:
        said = times.span_in(time, handout.zone)
    start = course.start[course.window]
    flows = by_measure(course, view.selections.report, "flows").count
    others = sum_of(flows[(start < time[0]) | (start >= time[1])])
    return f"{said}, and {number(others, 'flow')} at other times" if others else said


def _peak(handout: Handout) -> Iterator[str]:
    """Yield sentences on the busiest window, if it stands out."""
    view = handout.view
    course, measure = view.course, view.report.measure
    if ceiling_of(course) is None or not course.width:
        return
    heights = stacked(course, np.zeros(len(view.report.port), np.int32), 1)[0]
    top = int(heights.argmax())
    time = int(course.start[top]), int(course.start[top]) + 60 * course.width
    most = int(heights[top])
    yield f"The busiest time was {times.span_in(time, handout.zone)}, with {_amount(most, measure)}."
    rows = course.window == top
    untagged = sum_of(course.count[rows & view.report.is_untagged[course.pair]])
    said = [f"{share(untagged, most)} of these {measure} are Untagged"]
    if view.rejected is not None:
        filters = replace(view.report.filters, time=time, action="REJECT")
        refused = tagged(select(view.counts, filters), view.lookup, measure).total
        said.append(f"{share(refused, most)} were rejected")
    yield f"{listed(said)}."


def _unexplained(view: View) -> Iterator[str]:
    report = view.report
    if not len(report.port):
        return
    if not report.is_untagged.any():
        yield "Nothing: every flow has a tag."
        return
    yield f"{share(report.untagged, report.total)} of the {report.measure} are Untagged: no row of the lookup covers them."
    replies = {part.kind: part for part in view.parts}
    if "replies" in replies:
        seen, rest = replies["replies"], replies["unexplained"]
        yield (
            f"{'At least ' if seen.bound else ''}{share(seen.amount, report.total)} of all {report.measure} look "
            f"like replies of tagged services, so {'at most ' if rest.bound else ''}"
            f"{share(rest.amount, report.total)} are unexplained."
        )
    places = untagged_places(report, looks_like_replies(view.counts, report))[:_FEW]
    if len(places):
        pairs = untagged_pairs(report, places)
        counts = report.count[places].tolist()
        named = [
            f"{pair.name} ({share(count, report.total)}{_perhaps(pair)})"
            for pair, count in zip(pairs, counts, strict=True)
        ]
        port, are = ("port that does", "is") if len(named) == 1 else ("ports that do", "are")
        yield f"The largest untagged {port} not look like replies {are} {listed(named)}."
    elif "replies" in replies:
        yield "The rest looks like replies too, but of services without a tag."
    else:
        yield f"Nearly all Untagged {report.measure} look like replies to clients."


def _outside(view: View) -> Iterator[str]:
    found = {each.boundary: each for each in crossings(view)}
    if not found.keys() - {"unknown"}:
        if len(view.report.port):
            yield "Unknown: none of these flows has two readable addresses."
        return
    measure = view.report.measure
    came = found.get("inbound")
    total = sum(getattr(each, measure) for each in found.values())
    if "unknown" in found:
        unknown: int = getattr(found["unknown"], measure)
        yield f"Of {share(unknown, total)} that is not known, because an address is missing."
    if came is None:
        yield "Nothing that is known."
        return
    amount: int = getattr(came, measure)
    yield f"{_amount(amount, measure)} ({share(amount, total)}) came from outside the network."
    said = []
    if came.rejected is not None:
        said.append(f"{share(came.rejected, amount)} were rejected")
    if replies := replies_from_outside(view):
        said.append(f"{share(replies, amount)} look like replies to connections from inside")
    if said:
        yield f"Of these, {listed(said)}."
    yield from _let_in(view)


def _let_in(view: View) -> Iterator[str]:
    """Yield sentences on the ports to which most came from outside and was not rejected."""
    if not knows_actions(view):
        yield "The logs do not say which flows were rejected."
        return
    report = view.report
    let = let_in(without_replies(view.selections.report), report)
    whole = sum_of(let)
    for count, which in (
        (let, "Apart from replies, the port"),
        (let * report.is_untagged, "The untagged port"),
    ):
        ports = [
            f"{pair_name(int(report.port[row]), int(report.protocol[row]))} ({share(int(count[row]), whole)})"
            for row in largest(count, _FEW).tolist()
        ]
        if ports:
            that = " that let in the most is" if len(ports) == 1 else "s that let in the most are"
            yield f"{which}{that} {listed(ports)}."


def _behind(found: Findings) -> Iterator[str]:
    """Yield sentences on the source with the most flows, and on the one that tried the most ports."""
    yield who.summary(found.evidence)
    orders: tuple[tuple[Order, str], ...] = (
        ("flows", "has the most flows"),
        ("ports", "tried the most ports"),
    )
    for order, said in orders:
        rows = who.lists(found.evidence, order, 1, found.names, "sources")
        if rows and rows[0].name == "sources":
            row = rows[0].rows[0]
            number_of = row.flows if order == "flows" else row.ports or 0
            yield f"{f'{row.ends[0]} {row.names[0]}'.strip()} {said}: {number_of:,}."


def _doubts(view: View) -> Iterator[str]:
    counts = view.counts
    yield _accounted(counts)
    if is_lower_bound(counts):
        yield "AWS skipped some records (SKIPDATA), so there was more traffic: the counts are a lower bound."
    damaged = [name for name, file in counts.files.items() if file.damage]
    if damaged:
        are = "is" if len(damaged) == 1 else "are"
        yield f"{number(len(damaged), 'file')} {are} damaged, so flows are missing."
    if any(part.kind == "replies" for part in view.parts):
        yield "Which flows are replies is a guess from their ports."
    if view.lookup.problems:
        yield f"{lookup_notes.to_check(view.lookup)}."
    lacking = [name for name in counts.total.lacking if counts.total.lacking[name]]
    if lacking:
        yield f"Some flows have no {listed(lacking)}, because their log lacks the field."


def _accounted(counts: FlowCounts) -> str:
    total = counts.total
    notes = sum(total.set_aside[reason] for reason in (Reason.NO_DATA, Reason.SKIPPED_DATA))
    others = total.set_aside.total() - total.faults - notes
    left = [
        *([f"{number(total.faults, 'line')} with a fault"] if total.faults else []),
        *([number(notes, "NODATA or SKIPDATA record")] if notes else []),
        *([number(others, "record") + " without a flow"] if others > 0 else []),
    ]
    read = f"{number(total.records, 'record')} {'was' if total.records == 1 else 'were'} read"
    if not left:
        return f"{read}, none of them with a fault."
    return f"{read}. Not counted: {listed(left)}."


def _perhaps(pair: UntaggedPair) -> str:
    service = usual_service(*pair.numbers)
    return f", perhaps {service}" if service else ""


def _amount(count: int, measure: Measure) -> str:
    return size(count) if measure == "bytes" else measured(count, measure, quantity(count, measure))


def _tag(tag: str) -> str:
    """Return a tag without the characters that would turn the text around it."""
    return short(_TURNING.sub("", tag), _LONGEST_TAG)
