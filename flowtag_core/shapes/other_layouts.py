"""A line that does not fit its layout -> the layouts in common use that it would fit.

Only to be offered: a layout is never guessed, for many have equally many fields.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

from flowtag_core.shapes.layout import BY_VERSION, DEFAULT_FIELDS, TRANSIT_GATEWAY

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
MOST_WORDS: Final = len(BY_VERSION[max(BY_VERSION)]) + _MOST_PREFIX

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


class _Look(NamedTuple):
    """The pattern of a layout's lines, and where port and protocol are, which tell most lines apart."""

    names: Names
    dstport: int
    protocol: int
    whole: bytes
    """The pattern of a line, compiled only when it is needed."""


def fitting(words: list[bytes], own: Names = ()) -> list[Names]:
    """The field names, in order, of each layout in common use in which a line would be a flow.

    `words` are those of the line; of one with more than MOST_WORDS, one word more is enough, since it fits
    nothing. `own` is the layout that was tried already.
    """
    by_fields, found = _layouts(), []
    for spare in range(_MOST_PREFIX + 1):
        for names, dstport, protocol, whole in by_fields.get(len(words) - spare, ()):
            if (
                (spare or names != own)
                and _is_port(words[spare + dstport])
                and words[spare + protocol].isdigit()
                and (spare == 0 or _PREFIX.fullmatch(words[0]))
                and _pattern(whole).fullmatch(b" ".join(words[spare:]))
            ):
                found.append(names)
    return found


def _is_port(word: bytes) -> bool:
    return word.isdigit() and len(word) <= 5 and int(word) <= 65535


def places(own: Names) -> dict[int, list[tuple[int, int]]]:
    """By the number of words where port and protocol are in the layouts that lines might fit.

    Other lines fit none; `own` is the layout in which they are no flows.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    for fields, looks in _layouts().items():
        for spare in range(_MOST_PREFIX + 1):
            others = [look for look in looks if spare or look.names != own]
            found.setdefault(fields + spare, []).extend(
                (spare + look.dstport, spare + look.protocol) for look in others
            )
    return found


@cache
def _pattern(whole: bytes) -> re.Pattern[bytes]:
    return re.compile(whole)


@cache
def _layouts() -> dict[int, list[_Look]]:
    """By their number of fields: AWS's, in its own order and by the alphabet, and its examples."""
    orders = [
        *BY_VERSION.values(),
        *(tuple(sorted(names)) for names in BY_VERSION.values()),
        TRANSIT_GATEWAY,
        tuple(sorted(TRANSIT_GATEWAY)),
        *(tuple(example.split()) for example in _EXAMPLES),
    ]
    layouts: dict[int, list[_Look]] = {}
    for names in orders:
        looks = " ".join(_LOOKS.get(name, r"[^ ]+") for name in names)
        if names == DEFAULT_FIELDS:  # of which every line must say version 2
            looks = looks.replace(_LOOKS["version"], "2", 1)
        look = _Look(names, names.index("dstport"), names.index("protocol"), looks.encode())
        layouts.setdefault(len(names), []).append(look)
    return layouts
