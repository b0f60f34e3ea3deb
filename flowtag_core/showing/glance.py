"""The texts of the empty page as HTML, with a small example of input and output."""

from __future__ import annotations

from typing import Final

from flowtag_core.showing.legend import AMBER, PALETTE

HEADING: Final = (
    "<h1>What is all this traffic?</h1>"
    "<p>Drop AWS VPC flow logs. flowtag counts the flows by tag and by port, and shows which of "
    "them have no tag yet.</p>"
)
ZONE: Final = (
    '<div class="zone-face" aria-hidden="true"><i class="up"></i><b>Drop flow logs and a lookup here</b>'
    "<u>Choose files</u><em>A whole folder works too \u00b7 text, CSV, JSON, Parquet \u00b7 .gz, .zst, .zip "
    "\u00b7 up to 1 GB each</em></div>"
)
"""The face of the drop zone, drawn over Streamlit's own, which has a label for screen readers."""
START: Final = '<span class="quiet">No lookup? Start with the log alone.</span>'
PROMISE: Final = f'<span class="quiet">Nothing leaves this machine.</span> {START}'
GIGABYTES: Final = "Gigabytes? Start the page with the files instead:"

_LOG: Final = """\
\u2026 10.0.1.201 10.0.3.44 49152 <b>5432 6</b> 20 1600 \u2026
\u2026 10.0.1.17 198.51.100.7 51020 <b>443 6</b> 31 9300 \u2026
\u2026 10.0.2.8 10.0.5.1 40112 <b>9092 6</b> 88 71020 \u2026"""
_LOOKUP: Final = """\
dstport,protocol,tag
443,tcp,web
5432,tcp,db-postgres
53,udp,dns"""
_RESULT: Final = (
    ("443/tcp", "web", 38, PALETTE[0]),
    ("5432/tcp", "db-postgres", 22, PALETTE[2]),
    ("53/udp", "dns", 18, PALETTE[1]),
    ("9092/tcp", "Untagged", 22, AMBER),
)


def _row(port: str, tag: str, share: int, colour: str) -> str:
    return (
        f"<tr><td><code>{port}</code></td>"
        f'<td><i style="background:{colour}"></i>{tag}</td>'
        f'<td class="part"><s style="width:{2 * share}%;background:{colour}"></s></td>'
        f'<td class="number">{share}%</td></tr>'
    )


GLANCE: Final = (
    f'<div class="glance"><div><h2>A log goes in</h2><pre>{_LOG}</pre></div>'
    f"<div><h2>A lookup names ports</h2><pre>{_LOOKUP}</pre></div>"
    "<div><h2>Traffic by tag comes out</h2><table>"
    f"{''.join(_row(*each) for each in _RESULT)}</table></div></div>"
)
