"""The tables of the HTML report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Final

import numpy as np

from flowtag_core.counts import MEASURES, FlowCounts, Measure, Reason
from flowtag_core.showing import times
from flowtag_core.showing.cells import Cell, Head, Listing, bar, cut, percent, quantity_of
from flowtag_core.showing.handout import Handout
from flowtag_core.showing.legend import GREY, Legend
from flowtag_core.showing.outside import (
    crossings,
    knows_actions,
    largest,
    let_in,
    without_replies,
)
from flowtag_core.showing.suggestions import usual_service
from flowtag_core.showing.view import View
from flowtag_core.showing.who import WhoList
from flowtag_core.showing.words import pair_name, short
from flowtag_core.showing.workbench import looks_like_replies, untagged_pairs, untagged_places
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.report import Numbers, counts_in

SHOWN: Final = 50
"""The most rows of a table that are always visible and printed; the others can be unfolded."""
MOST_ROWS: Final = 5_000
"""The most rows of a table, with those to unfold. The JSON and Parquet exports have all ports."""
_LONGEST: Final = 200
"""The most characters of a tag in a cell."""
_UNTAGGED_SHOWN: Final = 25
_LET_IN_SHOWN: Final = 15
_FILES_SHOWN: Final = 20
_FAULTS_SHOWN: Final = 20

_PORT, _TAG = Head("Port"), Head("Tag")
_MEANINGS: Final = {
    "internal": "inside to inside",
    "inbound": "outside to inside",
    "outbound": "inside to outside",
    "external": "outside to outside",
}


def tag_table(handout: Handout, legend: Legend) -> Listing:
    """Return a row for each tag, the largest first and Untagged last."""
    view = handout.view
    report, rejected, reports = view.report, view.rejected, view.by_every_measure
    tags = [*list(report.tag_counts)[:-1][: MOST_ROWS - 1], UNTAGGED]
    rows = []
    colours = _colours(legend)
    for tag in tags:
        total = report.tag_counts[tag]
        row = [Cell(short(tag, _LONGEST), colour=colours.get(tag, GREY))]
        row += _sums({measure: each.tag_counts[tag] for measure, each in reports.items()})
        row.append(bar(total, report.total))
        if rejected is not None:
            row.append(percent(rejected.tag_counts.get(tag, 0), total))
        rows.append(row)
    heads = [_TAG, *_measures(view), *_shares(view)]
    # Untagged is always visible, although it is last.
    if len(rows) > SHOWN:
        rows = [*rows[: SHOWN - 1], rows[-1], *rows[SHOWN - 1 : -1]]
    return cut(Listing("Tags", heads, rows), SHOWN, "tag", len(report.tag_counts))


def port_table(handout: Handout, legend: Legend) -> Listing:
    """Return a row for each port that the page lists, the largest first."""
    found = handout.ports
    most = (-found.count).argsort(kind="stable")[:MOST_ROWS]
    port, protocol = found.port[most], found.protocol[most]
    heads, numbers = _of_ports(handout.view, port, protocol)
    colours = _colours(legend)
    pairs = zip(port.tolist(), protocol.tolist(), found.tag[most].tolist(), numbers, strict=True)
    rows = [
        [
            Cell(pair_name(one, other)),
            Cell(short(found.tags[tag], _LONGEST), colour=colours.get(found.tags[tag], GREY)),
            *last,
        ]
        for one, other, tag, last in pairs
    ]
    table = Listing("Ports", [_PORT, _TAG, *heads], rows)
    return cut(table, SHOWN, "port", len(found.port))


def untagged_table(view: View) -> Listing | None:
    """Return the largest untagged ports that do not look like replies, or None if there are none.

    Each row has the service that usually runs on the port.
    """
    report = view.report
    hidden = looks_like_replies(view.counts, report)
    places = untagged_places(report, hidden)
    if not len(places):
        return None
    heads, numbers = _of_ports(view, report.port[places], report.protocol[places])
    rows = [
        [Cell(pair.name), Cell(usual_service(*pair.numbers)), *last]
        for pair, last in zip(untagged_pairs(report, places), numbers, strict=True)
    ]
    table = Listing("Largest untagged ports", [_PORT, Head("Usual service"), *heads], rows)
    return cut(table, _UNTAGGED_SHOWN, "port", int((report.is_untagged & ~hidden).sum()))


def boundary_table(view: View) -> Listing | None:
    """Return a row for each boundary, or None if no address is known."""
    found, known = crossings(view), view.by_every_measure
    if not {each.boundary for each in found} - {"unknown"}:
        return None
    measure = view.report.measure
    total = sum(getattr(each, measure) for each in found)
    rows = []
    for each in found:
        sums = {name: getattr(each, name) for name in known}
        meaning = _MEANINGS.get(each.boundary, "")
        amount: int = sums[measure]
        row = [Cell(each.boundary), Cell(meaning), *_sums(sums), bar(amount, total)]
        if each.rejected is not None:
            row.append(percent(each.rejected, amount))
        rows.append(row)
    heads = [Head("Boundary"), Head("From, to"), *_measures(view), *_shares(view)]
    return Listing(f"{measure.capitalize()} by boundary", heads, rows)


def let_in_table(view: View) -> Listing | None:
    """Return the ports with the most traffic that came from outside and was not rejected, or None if there are none."""
    if not knows_actions(view):
        return None
    report = view.report
    counts = let_in(without_replies(view.selections.report), report)
    rows = [
        [
            Cell(pair_name(int(report.port[place]), int(report.protocol[place]))),
            Cell(short(report.tags[report.tag[place]], _LONGEST)),
            quantity_of(int(counts[place]), report.measure),
            bar(int(counts[place]), int(report.count[place])),
        ]
        for place in largest(counts, _LET_IN_SHOWN).tolist()
    ]
    if not rows:
        return None
    measure = Head(report.measure.capitalize(), is_number=True)
    share = Head(f"Share of the port's {report.measure}", is_number=True)
    listing = Listing("Let in from outside", [_PORT, _TAG, measure, share], rows)
    return cut(listing, len(rows), "port", int(np.count_nonzero(counts)))


def who_table(found: WhoList, zone: tzinfo) -> Listing:
    """Return a list of evidence as a table."""
    distinct = ["Destinations", "Ports"] if found.name == "sources" else []
    heads = [*map(Head, found.heads)]
    heads += [
        Head(each, is_number=True) for each in ("Flows", "Bytes", "Rejected flows", *distinct)
    ]
    rows = []
    for row in found.rows:
        ends = [f"{end} {name}".strip() for end, name in zip(row.ends, row.names, strict=True)]
        cells = [*map(Cell, ends), Cell(f"{row.flows:,}"), quantity_of(row.bytes, "bytes")]
        cells.append(percent(row.rejected, row.flows))
        if distinct:
            cells += [Cell(f"{each or 0:,}") for each in (row.targets, row.ports)]
        cells += [Cell(_moment(each, zone)) for each in (row.first, row.last)]
        rows.append(cells)
    table = Listing(found.title, [*heads, Head("First"), Head("Last")], rows)
    return cut(table, len(rows), "row", found.total)


def file_table(counts: FlowCounts) -> Listing:
    """Return a row for each file: records = headers + blank + flows + a column for each reason."""
    reasons = [reason for reason in Reason if counts.total.set_aside[reason]]
    rows = [
        [
            Cell(name),
            *(Cell(f"{each:,}") for each in (file.records, file.headers, file.blank, file.flows)),
            *(Cell(f"{file.set_aside[reason]:,}") for reason in reasons),
        ]
        for name, file in list(counts.files.items())[:MOST_ROWS]
    ]
    names = ["Records", "Headers", "Blank", "Flows", *(each.capitalize() for each in reasons)]
    heads = [Head("File"), *(Head(each, is_number=True) for each in names)]
    return cut(Listing("Files", heads, rows), _FILES_SHOWN, "file", len(counts.files))


def fault_table(counts: FlowCounts) -> Listing | None:
    """Return the first lines with a fault, or None if there is none."""
    rows = [
        [Cell(fault.file), Cell(f"{fault.line:,}"), Cell(fault.reason.value), Cell(fault.text)]
        for fault in counts.faults
    ]
    if not rows:
        return None
    heads = [Head("File"), Head("Line", is_number=True), Head("Reason"), Head("Text")]
    table = Listing("Lines with a fault", heads, rows)
    return cut(table, _FAULTS_SHOWN, "line", counts.total.faults)


def problem_table(lookup: Lookup) -> Listing | None:
    """Return the rows of the lookup that need checking, or None if there is none."""
    problems = lookup.problems[:MOST_ROWS]
    if not problems:
        return None
    rows = [[Cell(f"{problem.line:,}"), Cell(problem.text)] for problem in problems]
    heads = [Head("Line", is_number=True), Head("Problem")]
    table = Listing("Lookup rows that need checking", heads, rows)
    return cut(table, _FAULTS_SHOWN, "problem", len(lookup.problems))


def _measures(view: View) -> list[Head]:
    return [Head(each.capitalize(), is_number=True) for each in view.by_every_measure]


def _colours(legend: Legend) -> dict[str, str]:
    """Return the colors of the tags in a legend; all other tags are gray, like the bar that they share."""
    return dict(zip(legend.names, legend.colours, strict=True))


def _shares(view: View) -> list[Head]:
    """Return the columns with the share of the view, and with the share of the row that was rejected."""
    measure = view.report.measure
    rejected = [] if view.rejected is None else [f"Rejected {measure}"]
    return [Head(each, is_number=True) for each in (f"Share of {measure}", *rejected)]


def _sums(sums: Mapping[Measure, int]) -> Iterator[Cell]:
    return (quantity_of(sums[each], each) for each in MEASURES if each in sums)


def _of_ports(
    view: View, port: Numbers, protocol: Numbers
) -> tuple[list[Head], Iterator[list[Cell]]]:
    """Return the headings of the number columns in a list of ports, and their cells for each port."""
    report, rejected = view.report, view.rejected
    sums = view.sums(port, protocol)
    refused = [] if rejected is None else counts_in(rejected, port, protocol).tolist()

    def numbers() -> Iterator[list[Cell]]:
        for row, total in enumerate(sums[report.measure]):
            cells = [*_sums({measure: each[row] for measure, each in sums.items()})]
            cells.append(bar(total, report.total))
            if rejected is not None:
                cells.append(percent(refused[row], total))
            yield cells

    return [*_measures(view), *_shares(view)], numbers()


def _moment(seconds: int | None, zone: tzinfo) -> str:
    return "" if seconds is None else f"{times.day(seconds, zone)} {times.clock(seconds, zone)}"
