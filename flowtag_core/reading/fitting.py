"""A line that does not fit its layout -> the layouts in common use that it would fit.

Only to be offered: a layout is never guessed, for many have equally many fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from flowtag_core.reading.layout import BY_VERSION, DEFAULT_FIELDS, TRANSIT_GATEWAY

_EXAMPLES: Final = (
    # An article and the examples that followed it, when version 3 came.
    """version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport
    dstport pkt-srcaddr pkt-dstaddr protocol bytes packets start end action tcp-flags log-status""",
    # The example of the AWS command `create-flow-logs`.
    """version vpc-id subnet-id instance-id srcaddr dstaddr srcport dstport protocol tcp-flags type
    pkt-srcaddr pkt-dstaddr""",
)
_PREFIX: Final = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.,+-]+Z?|\d{13}")
_MOST_PREFIX: Final = 2  # a time stamp and the name of a stream
_MOST_WORDS: Final = len(BY_VERSION[max(BY_VERSION)]) + _MOST_PREFIX

_ADDRESS: Final = r"(?:[0-9A-Fa-f.:]+|-)"
_NUMBER: Final = r"(?:\d+|-)"
_LOOKS: Final = {
    "version": r"\d\d?",
    "dstport": r"(?:\d{1,4}|[0-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])",
    "protocol": r"(?:0{0,2}(?:\d\d?|1\d\d|2[0-4]\d|25[0-5])|000\d\d?)",
    "action": r"(?:[A-Za-z]+|-)",
    "log-status": r"(?!NODATA\b|SKIPDATA\b)(?:[A-Z]+|-)",
    "type": r"(?:IPv4|IPv6|EFA|-)",
    "flow-direction": r"(?:ingress|egress|-)",
    **dict.fromkeys(("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"), _ADDRESS),
    **dict.fromkeys(
        ("srcport", "packets", "bytes", "start", "end", "tcp-flags", "traffic-path"), _NUMBER
    ),
}
"""How the word of a field looks in a flow; another field's may look like anything."""

Names = tuple[str, ...]


def fitting(line: bytes) -> Iterator[Names]:
    """The field names, in order, of each layout in common use in which the line would be a flow."""
    words = line.split(None, _MOST_WORDS)  # and one of all the rest, which fits nothing
    for spare in range(_MOST_PREFIX + 1):
        if spare == 0 or (words and _PREFIX.fullmatch(words[0])):
            text = b" ".join(words[spare:])
            for names, looks in _layouts().get(len(words) - spare, ()):
                if looks.fullmatch(text):
                    yield names


@cache
def _layouts() -> dict[int, list[tuple[Names, re.Pattern[bytes]]]]:
    """By their number of fields: AWS's, in its own order and by the alphabet, and its examples."""
    orders = [
        *BY_VERSION.values(),
        *(tuple(sorted(names)) for names in BY_VERSION.values()),
        TRANSIT_GATEWAY,
        tuple(sorted(TRANSIT_GATEWAY)),
        *(tuple(example.split()) for example in _EXAMPLES),
    ]
    layouts: dict[int, list[tuple[Names, re.Pattern[bytes]]]] = {}
    for names in orders:
        looks = " ".join(_LOOKS.get(name, r"[^ ]+") for name in names)
        if names == DEFAULT_FIELDS:  # of which every line must say version 2
            looks = looks.replace(_LOOKS["version"], "2", 1)
        layouts.setdefault(len(names), []).append((names, re.compile(looks.encode())))
    return layouts
