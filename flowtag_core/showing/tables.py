"""Report -> pandas frames, as the page's tables show them."""

from __future__ import annotations

from typing import Final

import pandas as pd

from flowtag_core.counts import FlowCounts
from flowtag_core.iana import protocol_name
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import Report

MOST_PORTS: Final = 10_000
"""Rows of the ports table that go to the browser; the result CSV has all of them."""


def tag_table(report: Report) -> pd.DataFrame:
    """Tag, Flows, Share (percent): as in the result CSV, the most first and Untagged last."""
    counts = report.tag_counts
    return pd.DataFrame(
        {
            "Tag": list(counts),
            "Flows": list(counts.values()),
            "Share": [_percent(count, report.total) for count in counts.values()],
        }
    )


def port_table(report: Report) -> pd.DataFrame:
    """Port, Protocol, Tag, Flows, Share (percent): the most first, MOST_PORTS rows at most."""
    most = (-report.count).argsort(kind="stable")[:MOST_PORTS]
    return pd.DataFrame(
        {
            "Port": report.port[most],
            "Protocol": [protocol_name(number) for number in report.protocol[most].tolist()],
            "Tag": [report.tags[tag] for tag in report.tag[most].tolist()],
            "Flows": report.count[most],
            "Share": [_percent(count, report.total) for count in report.count[most].tolist()],
        }
    )


def reason_table(counts: FlowCounts) -> pd.DataFrame:
    """File, Reason, Records: what was set aside, file by file."""
    rows = [
        (name, reason.value, count)
        for name, file in counts.files.items()
        for reason, count in file.set_aside.items()
    ]
    return pd.DataFrame(rows, columns=["File", "Reason", "Records"])


def fault_table(counts: FlowCounts) -> pd.DataFrame:
    """File, Line, Reason, Text: the first faults, at most 1,000."""
    rows = [(fault.file, fault.line, fault.reason.value, fault.text) for fault in counts.faults]
    return pd.DataFrame(rows, columns=["File", "Line", "Reason", "Text"])


def problem_table(lookup: Lookup) -> pd.DataFrame:
    """Line, Problem, What: the lookup's rows that do not do what they seem to."""
    rows = [(problem.line, problem.trouble.value, problem.text) for problem in lookup.problems]
    return pd.DataFrame(rows, columns=["Line", "Problem", "What"])


def _percent(count: int, total: int) -> float:
    return 100 * count / total if total else 0.0
