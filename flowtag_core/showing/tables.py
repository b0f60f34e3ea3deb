"""Report -> pandas frames, as the page's tables show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from flowtag_core.counts import FlowCounts, Reason
from flowtag_core.iana import WITH_PORTS, protocol_name
from flowtag_core.showing.legend import AMBER
from flowtag_core.showing.words import unicode
from flowtag_core.tagging.editing import Sheet
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import Report

MOST_PORTS: Final = 1_000
"""Rows of the ports table that go to the browser; the result CSV has all of them."""

_MOST_TAGS_SEEN: Final = 13
_ROW_HEIGHT: Final = 35
_MOST_COLOURED: Final = 100
_WITH_PORTS: Final = np.isin(np.arange(256), list(WITH_PORTS))


def tag_table(report: Report) -> pd.DataFrame:
    """Tag, the measure, Share (percent): as in the result CSV, the most first, Untagged last."""
    counts = report.tag_counts
    return pd.DataFrame(
        {
            "Tag": list(counts),
            report.measure.capitalize(): list(counts.values()),
            "Share": _percent(list(counts.values()), report.total),
        }
    )


def height(tags: pd.DataFrame) -> int:
    """Pixels in which the first tags are seen; the table scrolls then."""
    return _ROW_HEIGHT * (1 + min(len(tags), _MOST_TAGS_SEEN)) + 2


def in_colour(tags: pd.DataFrame, theme: str = "light") -> pd.DataFrame | Styler:
    """The tags with Untagged in amber, where they are few enough for it to cost nothing."""
    if len(tags) > _MOST_COLOURED:
        return tags
    last = pd.IndexSlice[tags.index[-1:], ["Tag"]]
    return tags.style.set_properties(subset=last, color=AMBER[theme], **{"font-weight": "600"})


def port_table(report: Report, total: int) -> tuple[pd.DataFrame, list[tuple[int, int]]]:
    """Port, Protocol, Tag, the measure, Share (percent of total): the most first, 1,000 at most.

    A protocol that has no ports has none here. Beside it the port and protocol number of each row.
    """
    most = (-report.count).argsort(kind="stable")[:MOST_PORTS]
    port, protocol = report.port[most], report.protocol[most]
    portless = (port == 0) & ~_WITH_PORTS[protocol]
    table = pd.DataFrame(
        {
            "Port": pd.arrays.IntegerArray(port, portless),
            "Protocol": [protocol_name(number) for number in protocol.tolist()],
            "Tag": [report.tags[tag] for tag in report.tag[most].tolist()],
            report.measure.capitalize(): report.count[most],
            "Share": _percent(report.count[most].tolist(), total),
        }
    )
    return table, list(zip(port.tolist(), protocol.tolist(), strict=True))


def file_table(counts: FlowCounts) -> pd.DataFrame:
    """The equation of each file: Records = Headers + Blank + Flows + a column for each reason."""
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
    """File, Line, Reason, Text: the first faults, at most 1,000."""
    rows = [(fault.file, fault.line, fault.reason.value, fault.text) for fault in counts.faults]
    return pd.DataFrame(rows, columns=["File", "Line", "Reason", "Text"])


def problem_table(lookup: Lookup) -> pd.DataFrame:
    """Line, Problem, What: the lookup's rows that do not do what they seem to."""
    rows = [(problem.line, problem.trouble.value, problem.text) for problem in lookup.problems]
    return pd.DataFrame(rows, columns=["Line", "Problem", "What"])


def rule_table(sheet: Sheet) -> pd.DataFrame:
    """Line, and a column for each of a lookup's file, named by its place: its rows as text.

    What is no Unicode is shown escaped.
    """
    columns = len(sheet.columns)
    cells = [[*map(unicode, row[:columns]), *[""] * (columns - len(row))] for row in sheet.rows]
    table = pd.DataFrame(cells, columns=[str(place) for place in range(columns)], dtype="str")
    table.insert(0, "Line", sheet.lines)
    return table


def _percent(counts: Sequence[int], total: int) -> list[float]:
    return [100 * count / total if total else 0.0 for count in counts]
