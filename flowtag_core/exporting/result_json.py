"""Handout -> the JSON document that docs/result.schema.json describes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import flowtag_core
from flowtag_core.counts import MEASURES, FileCounts, Measure
from flowtag_core.iana import protocol_name
from flowtag_core.showing import who
from flowtag_core.showing.handout import Handout
from flowtag_core.showing.outside import crossings
from flowtag_core.showing.times import at
from flowtag_core.showing.view import View
from flowtag_core.showing.words import unicode
from flowtag_core.showing.workbench import looks_like_replies, untagged_pairs, untagged_places
from flowtag_core.tagging.course import by_measure, over_time
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import Report, counts_in, measured, sums_at

FORMAT: Final = "flowtag result"
VERSION: Final = 1
"""It changes only if programs that read the document would have to change. A new key does not change it."""

Row = dict[str, Any]


def result_json(document: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield a document in pieces, in ASCII, with each row of a list on a line of its own."""
    ahead = "{\n"
    for key, value in document.items():
        yield f"{ahead}{json.dumps(key)}: ".encode()
        yield from _rows(value) if isinstance(value, list) else [json.dumps(value).encode()]
        ahead = ",\n"
    yield b"\n}\n"


def _rows(rows: Sequence[Any]) -> Iterator[bytes]:
    ahead = "[\n  "
    for row in rows:
        yield f"{ahead}{json.dumps(row)}".encode()
        ahead = ",\n  "
    yield b"[]" if not rows else b"\n]"


def document(handout: Handout) -> dict[str, Any]:
    """Return everything in a handout as a document for JSON.

    If no log has a field for a measure, its sums are None. Times are in UTC: `2026-11-23T10:00:00Z`. In `who`,
    sums are never None, and times are in seconds since 1970.
    """
    return {**summary(handout), "ports": list(_ports(handout))}


def summary(handout: Handout) -> dict[str, Any]:
    """Return the document without its list of ports, which is by far its largest part."""
    view, counts = handout.view, handout.view.counts
    reports = view.by_every_measure
    first, behind = handout.bounds
    return {
        "format": FORMAT,
        "version": VERSION,
        "flowtag": flowtag_core.__version__,
        "made": f"{handout.made:%Y-%m-%dT%H:%M:%SZ}",
        "filters": _filters(handout),
        "from": _moment(first),
        "to": _moment(behind),
        "covered": _covered(handout),
        "total": _sums({measure: report.total for measure, report in reports.items()}),
        "untagged": _sums({measure: report.untagged for measure, report in reports.items()}),
        "coverage": {
            **{part.kind: part.amount for part in view.parts},
            "exact": not any(part.bound for part in view.parts),
        },
        "tags": list(_tags(reports, view.rejected)),
        "tags_by_service": list(_tags(_by_service(view), None)),
        "boundaries": list(_boundaries(view, reports)),
        "timeline": list(_timeline(view)),
        "unexplained": list(_unexplained(view)),
        "records": _fate(counts.total),
        "files": [{"name": unicode(name), **_fate(file)} for name, file in counts.files.items()],
        "lookup": _lookup(view.lookup),
        "internal": list(counts.internal or ()),
        "faults": [
            {**fault._asdict(), "file": unicode(fault.file), "text": unicode(fault.text)}
            for fault in counts.faults
        ],
        "messages": [unicode(message) for message in handout.messages],
        "who": _who(handout),
    }


def _fate(file: FileCounts) -> dict[str, Any]:
    """Return what became of the records of a file: records = headers + blank + flows + everything set aside."""
    return {
        "bytes": file.size,
        "records": file.records,
        "headers": file.headers,
        "blank": file.blank,
        "flows": file.flows,
        "set_aside": {reason.value: count for reason, count in file.set_aside.items() if count},
        "read_as": sorted(file.shapes),
        "damage": sorted(map(unicode, file.damage)),
    }


def _filters(handout: Handout) -> Row:
    report = handout.view.report
    return {
        "measure": report.measure,
        "group_by": report.filters.view,
        "action": report.filters.action,
        "boundary": report.filters.boundary,
        "tag": handout.view.tag,
        "search": handout.search or None,
    }


def _covered(handout: Handout) -> Row | None:
    if handout.covered is None:
        return None
    first, behind = handout.covered
    minutes = handout.view.course.width
    return {"from": _moment(first), "to": _moment(behind), "window_minutes": minutes}


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else f"{at(seconds):%Y-%m-%dT%H:%M:%SZ}"


def _sums(known: Mapping[Measure, int]) -> Row:
    return {measure: known.get(measure) for measure in MEASURES}


def _by_service(view: View) -> dict[Measure, Report]:
    return {
        measure: measured(view.service, view.selections.service, measure)
        for measure in view.by_every_measure
    }


def _tags(reports: Mapping[Measure, Report], rejected: Report | None) -> Iterator[Row]:
    for tag in reports["flows"].tag_counts:
        sums = {measure: report.tag_counts[tag] for measure, report in reports.items()}
        refused = {} if rejected is None else {"rejected": rejected.tag_counts.get(tag, 0)}
        yield {"tag": tag, **_sums(sums), **refused}


def _boundaries(view: View, reports: Mapping[Measure, Report]) -> Iterator[Row]:
    for each in crossings(view):
        yield {**each._asdict(), **_sums({name: getattr(each, name) for name in reports})}


def _timeline(view: View) -> Iterator[Row]:
    """Yield the sums of each window that has flows; flows whose time is unknown come last, without a start."""
    selection = view.selections.report
    reports = view.by_every_measure
    course = over_time(selection, reports["flows"])
    windows = len(course.start)
    by_window: dict[Measure, list[int]] = {}
    unknown: dict[Measure, int] = {}
    for measure in reports:
        of = by_measure(course, selection, measure)
        by_window[measure] = sums_at((windows,), of.window, of.count).tolist()
        unknown[measure] = of.unknown
    for place, start in enumerate(course.start.tolist()):
        there = {measure: sums[place] for measure, sums in by_window.items()}
        yield {"start": _moment(start) if course.width else None, **_sums(there)}
    if any(unknown.values()):
        yield {"start": None, **_sums(unknown)}


def _unexplained(view: View) -> Iterator[Row]:
    report = view.report
    places = untagged_places(report, looks_like_replies(view.counts, report))
    columns = view.sums(report.port[places], report.protocol[places])
    for place, pair in enumerate(untagged_pairs(report, places)):
        sums = {measure: column[place] for measure, column in columns.items()}
        yield {
            "port": pair.port,
            "protocol": protocol_name(pair.protocol),
            "suggested_tag": pair.suggestion,
            **_sums(sums),
        }


def _ports(handout: Handout) -> Iterator[Row]:
    view, found = handout.view, handout.ports
    columns = view.sums(found.port, found.protocol)
    rejected = None
    if view.rejected is not None:
        rejected = counts_in(view.rejected, found.port, found.protocol).tolist()
    for place, (port, protocol, tag, _) in enumerate(found.rows()):
        sums = {measure: column[place] for measure, column in columns.items()}
        refused = {} if rejected is None else {"rejected": rejected[place]}
        yield {"port": port, "protocol": protocol, "tag": tag, **_sums(sums), **refused}


def _lookup(lookup: Lookup) -> Row:
    return {
        "name": unicode(lookup.name),
        "rules": len(lookup),
        "problems": [problem._asdict() for problem in lookup.problems],
        "notices": list(lookup.notices),
    }


def _who(handout: Handout) -> Row | None:
    found = handout.findings
    if found is None:
        return None
    totals = {each.name: each.total for each in found.lists}
    said = {"title": found.title, "scope": found.scope}
    return {**said, **who.document(found.evidence, found.lists), "totals": totals}
