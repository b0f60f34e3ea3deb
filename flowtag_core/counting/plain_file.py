"""Counts a small file at once, if the kernel can count every line of it.

Most files that AWS delivers are like this. With many of them, `FileCount` and its queue would take longer
than the counting.
"""

from __future__ import annotations

from flowtag_core.boundary import Inside
from flowtag_core.counting import scratch
from flowtag_core.counting.contract import Kernel
from flowtag_core.counting.ledger import Ledger
from flowtag_core.counting.tally import Counted
from flowtag_core.shapes.layout import Layout, header_layout


def plain_file(
    kernel: Kernel, name: str, text: bytes, layout: Layout, inside: Inside
) -> Counted | None:
    """Return the counts of a file with this text, or None if one of its lines is not plain.

    A header may be the first line; `layout` applies to a file without one.
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
    own = scratch.unused(inside)
    found = own.read(kernel, lines, layout).found
    is_plain = not found.odd and own.dealt_with == len(lines)
    rows = own.rows[: 3 * found.rows].copy() if is_plain else None
    scratch.give_back(own)
    if rows is None:
        return None
    ledger.add_plain(layout, found.plain())
    return Counted(ledger.take(len(text), internal=inside.ranges), [rows])
