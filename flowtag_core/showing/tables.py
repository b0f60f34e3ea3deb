"""The tables of the page as pandas frames."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pandas as pd

from flowtag_core.counts import FlowCounts, Ints, Reason
from flowtag_core.iana import WITH_PORTS, protocol_name
from flowtag_core.showing import times
from flowtag_core.showing.trends import layer_of, trends
from flowtag_core.showing.who import WhoList
from flowtag_core.showing.words import pair_name
from flowtag_core.showing.workbench import UntaggedPair, accepted_inbound
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import Report, Selection, counts_in, places_in

MOST_PORTS: Final = 1_000
"""The most rows of the ports table that are sent to the browser. The result CSV has all of them."""
SWATCH: Final = "\u25cf"
"""The header of the column with the color of each tag."""

_WITH_PORTS: Final = np.isin(np.arange(256), list(WITH_PORTS))


def swatch(colour: str) -> str:
    """Return the data URL of an image of a dot in this color."""
    dot = f"<circle cx='8' cy='8' r='4' fill='{colour}'/>"
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>{dot}</svg>"
    return f"data:image/svg+xml,{quote(svg, safe=_PLAIN)}"


_PLAIN: Final = "<>/:=' "


def tag_table(
    report: Report, colours: Sequence[str], rejected: Report | None, course: Course
) -> pd.DataFrame:
    """Return a row for each tag, the largest first and Untagged last, as in the result CSV.

    The columns are a swatch, Tag, the measure, Share and Rejected (percent), and Trend (a list of numbers).
    `colours` has a color for each tag of `tag_counts`, in the same order. `rejected` is the report of the
    same flows that were rejected. Rejected and Trend are left out if they are not known.
    """
    counts = report.tag_counts
    table = pd.DataFrame(
        {
            SWATCH: _swatches(colours),
            "Tag": list(counts),
            report.measure.capitalize(): list(counts.values()),
            "Share": _percent(list(counts.values()), report.total),
        }
    )
    if rejected is not None:
        part = rejected.tag_counts
        table["Rejected"] = [
            100 * part.get(tag, 0) / max(count, 1) for tag, count in counts.items()
        ]
    found = trends(course, report.tag, len(report.tags))
    if found is not None:
        number_of = {tag: number for number, tag in enumerate(report.tags)}
        table["Trend"] = list(found[[number_of[tag] for tag in counts]])
    return table


def port_table(
    found: Report,
    report: Report,
    colours: Sequence[str],
    rejected: Report | None,
    course: Course,
) -> tuple[pd.DataFrame, list[tuple[int, int]]]:
    """Return the ports of `found`, a part of the report, the largest first and at most 1,000.

    The columns are a swatch, Port, Protocol, Tag, the measure, Share and Rejected (percent), and Trend (a
    list of numbers). Port is empty for a protocol without ports. The course belongs to the report, and
    `colours` has a color for each of the report's tags. The second value returned is a list of the port and
    protocol number of each row.
    """
    most = (-found.count).argsort(kind="stable")[:MOST_PORTS]
    port, protocol, count = found.port[most], found.protocol[most], found.count[most]
    portless = (port == 0) & ~_WITH_PORTS[protocol]
    tags = found.tag[most].tolist()
    table = pd.DataFrame(
        {
            SWATCH: _swatches([colours[tag] for tag in tags]),
            "Port": pd.arrays.IntegerArray(port, portless),
            "Protocol": [protocol_name(number) for number in protocol.tolist()],
            "Tag": [report.tags[tag] for tag in tags],
            report.measure.capitalize(): count,
            "Share": _percent(count.tolist(), report.total),
        }
    )
    if rejected is not None:
        table["Rejected"] = 100.0 * counts_in(rejected, port, protocol) / np.maximum(count, 1)
    places = places_in(report, port, protocol)
    pictures = trends(course, layer_of(places, len(report.port)), len(places))
    if pictures is not None:
        table["Trend"] = list(pictures)
    return table, list(zip(port.tolist(), protocol.tolist(), strict=True))


def who_table(found: WhoList, zone: tzinfo = UTC) -> pd.DataFrame:
    """Return a list of evidence as a table: the columns of its ends come first, and times are in this zone."""
    rows = found.rows
    ends = {
        head: [f"{row.ends[n]} {row.names[n]}".strip() for row in rows]
        for n, head in enumerate(found.heads)
    }
    distinct = {}
    if found.name == "sources":
        distinct = {
            "Destinations": [row.targets for row in rows],
            "Ports": [row.ports for row in rows],
        }
    table = pd.DataFrame(
        {
            **ends,
            **distinct,
            "Flows": [row.flows for row in rows],
            "Bytes": [row.bytes for row in rows],
            "Rejected": [100.0 * row.rejected / row.flows for row in rows],
        }
    )
    for head, seconds in (
        ("First", [row.first for row in rows]),
        ("Last", [row.last for row in rows]),
    ):
        table[head] = [None if each is None else times.at(each, zone) for each in seconds]
    return table


def untagged_table(
    report: Report,
    places: Ints,
    pairs: Sequence[UntaggedPair],
    course: Course,
    rejected: Report | None,
    selection: Selection | None = None,
) -> pd.DataFrame:
    """Return the workbench's table of the pairs at these positions.

    The columns are Port, Tag as, the measure, Share, Inbound and Rejected (percent), and Trend (a list of
    numbers). `rejected` is the report of the same flows that were rejected. `selection` has the rows of the
    counts that the report is made from. The last three columns are left out if they are not known, and
    Inbound also if nothing is inbound.
    """
    count = report.count[places]
    table = pd.DataFrame(
        {
            "Port": [pair.name for pair in pairs],
            "Tag as": [pair.label for pair in pairs],
            report.measure.capitalize(): count,
            "Share": 100.0 * count / max(report.total, 1),
        }
    )
    inbound = None if selection is None else accepted_inbound(selection, report, places)
    if inbound is not None:
        table["Inbound"] = inbound
    if rejected is not None:
        table["Rejected"] = _percent_rejected(rejected, report, places)
    pictures = trends(course, layer_of(places, len(report.port)), len(places))
    if pictures is not None:
        table["Trend"] = list(pictures)
    return table


def with_names(table: pd.DataFrame, pairs: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """Return the table of ports with Port and Protocol merged into one text column, such as `443/tcp`."""
    names = [pair_name(*pair) for pair in pairs]
    return table.assign(Port=names).drop(columns="Protocol")


def full(shares: Sequence[float]) -> float:
    """Return the percentage that fills the full width of the Share column."""
    return max(0.1, *shares) if len(shares) else 100.0


def _swatches(colours: Sequence[str]) -> Any:
    known = {colour: number for number, colour in enumerate(dict.fromkeys(colours))}
    return pd.Categorical.from_codes(
        [known[colour] for colour in colours], pd.Index([swatch(colour) for colour in known])
    )


def file_table(counts: FlowCounts) -> pd.DataFrame:
    """Return a row for each file: Records = Headers + Blank + Flows + a column for each reason."""
    total = counts.total.set_aside
    reasons = [reason for reason in Reason if total[reason]]
    rows = [
        (
            *(name, file.records, file.headers, file.blank, file.flows),
            *(file.set_aside[reason] for reason in reasons),
        )
        for name, file in counts.files.items()
    ]
    columns = ["File", "Records", "Headers", "Blank", "Flows"]
    return pd.DataFrame(rows, columns=[*columns, *(reason.capitalize() for reason in reasons)])


def fault_table(counts: FlowCounts) -> pd.DataFrame:
    """Return the sampled faults (at most 1,000), in the columns File, Line, Reason and Text."""
    rows = [(fault.file, fault.line, fault.reason.value, fault.text) for fault in counts.faults]
    return pd.DataFrame(rows, columns=["File", "Line", "Reason", "Text"])


def _percent(counts: Sequence[int], total: int) -> list[float]:
    return [100 * count / total if total else 0.0 for count in counts]


def _percent_rejected(rejected: Report, report: Report, places: Ints) -> Any:
    count = counts_in(rejected, report.port[places], report.protocol[places])
    return 100.0 * count / np.maximum(report.count[places], 1)
