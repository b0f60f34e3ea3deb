"""A view in a few sentences: what traffic there is, what is unexplained, what came from outside, how certain that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.counts import FlowCounts, Measure, Reason
from flowtag_core.showing import log_notes, lookup_notes, times
from flowtag_core.showing.coverage import is_lower_bound
from flowtag_core.showing.handout import Handout
from flowtag_core.showing.outside import crossings, knows_actions, largest, let_in
from flowtag_core.showing.suggestions import usual_service
from flowtag_core.showing.timeline import ceiling_of
from flowtag_core.showing.view import View
from flowtag_core.showing.words import measured, number, pair_name, quantity, short, size
from flowtag_core.showing.workbench import (
    UntaggedPair,
    looks_like_replies,
    untagged_pairs,
    untagged_places,
)
from flowtag_core.tagging.lookup import UNTAGGED

_FEW: Final = 3
_LONGEST_TAG: Final = 40


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
    if not report.total:
        yield "No flows match."
        return
    others: tuple[Measure, ...] = ("flows", "bytes")
    sums = view.by_every_measure
    known = [measure, *(each for each in others if each != measure and each in sums)]
    amounts = " and ".join(_amount(sums[each].total, each) for each in known)
    days = times.covered(view.course, handout.zone)
    where = f" in {number(len(view.counts.files), 'file')}"
    yield f"{amounts}{where}{f', {days}' if days else ''}."
    tags = [tag for tag in report.tag_counts if tag != UNTAGGED][:_FEW]
    if tags:
        shares = [
            f"{short(tag, _LONGEST_TAG)} ({_percent(report.tag_counts[tag], report.total)})"
            for tag in tags
        ]
        are = "tag is" if len(tags) == 1 else "tags are"
        yield f"The largest {are} {_listed(shares)}."
    else:
        yield "No flow has a tag."
    yield from _peak(handout)


def _peak(handout: Handout) -> Iterator[str]:
    """Yield a sentence on the busiest window, if it stands out."""
    course, measure = handout.view.course, handout.view.report.measure
    if ceiling_of(course) is None or not course.width:
        return
    heights = np.bincount(course.window, course.count, len(course.start))
    top = int(heights.argmax())
    start = int(course.start[top])
    span = times.span_in((start, start + 60 * course.width), handout.zone)
    yield f"The busiest time was {span}, with {_amount(int(heights[top]), measure)}."


def _unexplained(view: View) -> Iterator[str]:
    report = view.report
    if not report.total:
        return
    if not report.untagged:
        yield "Nothing: every flow has a tag."
        return
    share = _percent(report.untagged, report.total)
    yield f"{share} of the {report.measure} are Untagged: no row of the lookup covers them."
    replies = {part.kind: part for part in view.parts}
    if "replies" in replies:
        seen, rest = replies["replies"], replies["unexplained"]
        yield (
            f"{'At least ' if seen.bound else ''}{_percent(seen.amount, report.total)} of all {report.measure} look "
            f"like replies of tagged services, so {'at most ' if rest.bound else ''}"
            f"{_percent(rest.amount, report.total)} are unexplained."
        )
    places = untagged_places(report, looks_like_replies(view.counts, report))[:_FEW]
    if len(places):
        pairs = untagged_pairs(report, places)
        counts = report.count[places].tolist()
        named = [
            f"{pair.name} ({_percent(count, report.total)}{_perhaps(pair)})"
            for pair, count in zip(pairs, counts, strict=True)
        ]
        are = "port is" if len(named) == 1 else "ports are"
        yield f"The largest untagged {are} {_listed(named)}."
    else:
        yield f"Nearly all Untagged {report.measure} look like replies to clients."


def _outside(view: View) -> Iterator[str]:
    found = {each.boundary: each for each in crossings(view)}
    if not found.keys() - {"unknown"}:
        if view.report.total:
            yield "Unknown: none of these flows has two readable addresses."
        return
    total = sum(each.flows for each in found.values())
    came = found.get("inbound")
    if came is None:
        yield "Nothing in this view."
        return
    refused = ""
    if came.rejected is not None:
        refused = f"; {_percent(came.rejected, came.flows)} of them were rejected"
    yield (
        f"{measured(came.flows, 'flows')} ({_percent(came.flows, total)}) came from outside the network{refused}."
    )
    if not knows_actions(view):
        yield "The logs do not say which of them were rejected."
        return
    report = view.report
    let = let_in(view.selections.report, report)
    for count, kind in ((let, ""), (let * report.is_untagged, "untagged ")):
        ports = [
            pair_name(int(report.port[row]), int(report.protocol[row]))
            for row in largest(count, _FEW).tolist()
        ]
        if ports:
            noun, verb = ("port", "is") if len(ports) == 1 else ("ports", "are")
            yield f"The {kind}{noun} that let in the most {verb} {_listed(ports)}."


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
        yield f"{lookup_notes.to_check(view.lookup)}, so some tags may be wrong."


def _accounted(counts: FlowCounts) -> str:
    total = counts.total
    notes = sum(total.set_aside[reason] for reason in (Reason.NO_DATA, Reason.SKIPPED_DATA))
    left = [
        *([f"{number(total.faults, 'line')} with a fault"] if total.faults else []),
        *([number(notes, "NODATA or SKIPDATA record")] if notes else []),
    ]
    read = f"{number(total.records, 'record')} {'was' if total.records == 1 else 'were'} read"
    if not left:
        return f"{read}, none of them with a fault."
    return f"{read}. Not counted: {' and '.join(left)}."


def _perhaps(pair: UntaggedPair) -> str:
    service = usual_service(*pair.numbers)
    return f", perhaps {service}" if service else ""


def _amount(count: int, measure: Measure) -> str:
    return size(count) if measure == "bytes" else measured(count, measure, quantity(count, measure))


def _listed(words: list[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.1f}%"
