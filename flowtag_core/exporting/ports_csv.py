"""Handout -> a CSV of the listed ports, for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flowtag_core.counts import MEASURES
from flowtag_core.output import safe_cell
from flowtag_core.showing.handout import Handout

_HEAD: Final = b"port,protocol,tag,flows,packets,bytes\n"


def ports_csv(handout: Handout) -> Iterator[bytes]:
    """Yield a header, then a line for each port that the page lists, sorted by port and protocol.

    Cells that a spreadsheet would run as a formula begin with an apostrophe. If no log has a field for a measure,
    its sums are empty.
    """
    view, found = handout.view, handout.ports
    sums = view.sums(found.port, found.protocol)
    yield _HEAD
    for place, (port, protocol, tag, _) in enumerate(found.rows()):
        counts = (str(sums[each][place]) if each in sums else "" for each in MEASURES)
        yield f"{port},{protocol},{safe_cell(tag)},{','.join(counts)}\n".encode(errors="replace")
