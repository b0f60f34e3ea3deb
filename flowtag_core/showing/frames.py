"""Counts and reports as pandas data frames, for notebooks and scripts."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from flowtag_core.counts import FlowCounts
from flowtag_core.tagging.report import Report


def flow_frame(counts: FlowCounts) -> pd.DataFrame:
    """Return the whole table of counts as a frame: the columns of `FlowCounts.__arrow_c_stream__`."""
    frame: pd.DataFrame = pa.table(counts).to_pandas()
    return frame


def port_frame(report: Report) -> pd.DataFrame:
    """Return a frame with a row for each port and protocol: the columns of `Report.__arrow_c_stream__`."""
    frame: pd.DataFrame = pa.table(report).to_pandas()
    return frame


def tag_frame(report: Report) -> pd.DataFrame:
    """Return a frame with a row for each tag, in the order of the result CSV.

    The columns are tag, the measure, and the share of the measure (0 to 1).
    """
    counts = report.tag_counts
    frame = pd.DataFrame({"tag": list(counts), report.measure: list(counts.values())})
    return frame.assign(share=frame[report.measure] / max(report.total, 1))
