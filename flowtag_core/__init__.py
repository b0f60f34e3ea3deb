"""flowtag: count AWS VPC flow logs per tag, given a lookup that maps ports to tags.

counts = parse_flow_log("flow.log")
lookup = load_lookup_table("lookup.csv")
report = map_tags(counts, lookup)
write_results(report, "result.csv")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowtag_core.version import VERSION

if TYPE_CHECKING:
    from flowtag_core.counts import FlowCounts
    from flowtag_core.errors import (
        Cancelled,
        ChoiceError,
        ClusterError,
        DamagedLogError,
        FlowtagError,
        FormatError,
        LogError,
        LookupFileError,
        OutputError,
        RangesError,
    )
    from flowtag_core.evidence import Evidence, Wanted, port_bits
    from flowtag_core.exporting.result_csv import write_results
    from flowtag_core.reading.cluster import count_on_cluster
    from flowtag_core.reading.evidence import look
    from flowtag_core.reading.flow_log import parse_flow_log
    from flowtag_core.showing.frames import flow_frame, port_frame, tag_frame
    from flowtag_core.tagging.lookup import Lookup
    from flowtag_core.tagging.lookup_file import load_lookup_table
    from flowtag_core.tagging.report import Report, map_tags

__version__ = VERSION

__all__ = [
    "Cancelled",
    "ChoiceError",
    "ClusterError",
    "DamagedLogError",
    "Evidence",
    "FlowCounts",
    "FlowtagError",
    "FormatError",
    "LogError",
    "Lookup",
    "LookupFileError",
    "OutputError",
    "RangesError",
    "Report",
    "Wanted",
    "count_on_cluster",
    "flow_frame",
    "load_lookup_table",
    "look",
    "map_tags",
    "parse_flow_log",
    "port_bits",
    "port_frame",
    "tag_frame",
    "write_results",
]

_ROOMS = {
    "Evidence": "evidence",
    "FlowCounts": "counts",
    "Lookup": "tagging.lookup",
    "Report": "tagging.report",
    "Wanted": "evidence",
    "count_on_cluster": "reading.cluster",
    "flow_frame": "showing.frames",
    "load_lookup_table": "tagging.lookup_file",
    "look": "reading.evidence",
    "map_tags": "tagging.report",
    "parse_flow_log": "reading.flow_log",
    "port_bits": "evidence",
    "port_frame": "showing.frames",
    "tag_frame": "showing.frames",
    "write_results": "exporting.result_csv",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `import flowtag_core` stays fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return __all__
