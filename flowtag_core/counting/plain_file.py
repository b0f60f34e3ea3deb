"""Counts a small file at once, if the kernel can count every line of it.

Most files that AWS delivers are like this. With many of them, `FileCount` and its queue would take longer
than the counting.
"""

from __future__ import annotations

from typing import NamedTuple

from flowtag_core.boundary import Inside
from flowtag_core.counting import scratch
from flowtag_core.counting.contract import Kernel
from flowtag_core.counting.ledger import Ledger
from flowtag_core.counting.tally import Counted
from flowtag_core.shapes.layout import Layout, header_layout


class Begun(NamedTuple):
    """A file of which the header was read: its ledger, its layout, and the lines after the header."""

    ledger: Ledger
    layout: Layout
    lines: bytes


def begun(name: str, text: bytes, layout: Layout) -> Begun | None:
    """Read the header of a file with this text, if there is one; return None if the first line is no header nor a flow.

    A line end is added to the last line if it has none.
    """
    ledger, lines = Ledger(name), text
    if not text[:1].isdigit():
        end = text.find(b"\n") + 1
        header = header_layout(text[:end].rstrip())
        if header is None:
            return None
        ledger.add_header()
        layout, lines = header, text[end:]
    if not layout.names_port_and_protocol:
        return None
    if lines and not lines.endswith(b"\n"):
        lines += b"\n"
    return Begun(ledger, layout, lines)


def plain_file(
    kernel: Kernel, name: str, text: bytes, layout: Layout, inside: Inside
) -> Counted | None:
    """Return the counts of a file with this text, or None if one of its lines is not plain.

    A header may be the first line; `layout` applies to a file without one.
    """
    file = begun(name, text, layout)
    if file is None:
        return None
    own = scratch.unused(inside)
    rows = own.kept() if own.has_read_all(kernel, file.lines, file.layout) else None
    plain = own.found.plain()
    scratch.give_back(own)
    if rows is None:
        return None
    file.ledger.add_plain(file.layout, plain)
    return Counted(file.ledger.take(len(text), internal=inside.ranges), [rows])
