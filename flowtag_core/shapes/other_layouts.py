"""Find the common layouts that a line would fit if it does not fit its own.

They are only suggested to the user. A layout is never guessed, since many have the same number of fields.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

from flowtag_core.shapes.layout import BY_VERSION, DEFAULT_FIELDS, TRANSIT_GATEWAY

_EXAMPLES: Final = (
    # From an article on version 3, and the examples that were copied from it.
    """version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport
    dstport pkt-srcaddr pkt-dstaddr protocol bytes packets start end action tcp-flags log-status""",
    # From the documentation of the AWS command `create-flow-logs`.
    """version vpc-id subnet-id instance-id srcaddr dstaddr srcport dstport protocol tcp-flags type
    pkt-srcaddr pkt-dstaddr""",
)
_PREFIX: Final = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.,+-]+Z?|\d{13}")
_MOST_PREFIX: Final = 2  # a time stamp and a stream name
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
"""What the word of a field looks like in a flow; a field that is not listed may look like anything."""

Names = tuple[str, ...]


class _Look(NamedTuple):
    """The pattern of lines in a layout, and the positions of port and protocol, which rule out most lines."""

    names: Names
    dstport: int
    protocol: int
    whole: bytes
    """The pattern of a whole line, compiled only when it is needed."""


def fitting(words: list[bytes], own: Names = ()) -> list[Names]:
    """Return the field names, in order, of each common layout in which a line would be a flow.

    `words` are the words of the line. A line with more than MOST_WORDS words fits no layout, so the words
    after the first one too many can be left out. `own` is the layout that was already tried.
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
    """Return, by the number of words in a line, where port and protocol are in the layouts it might fit.

    A line with any other number of words fits none. `own` is the layout in which the lines are not flows.
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
    """Return the common layouts by number of fields: AWS's, also sorted alphabetically, and its examples."""
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
        if names == DEFAULT_FIELDS:  # every line in the default layout must have version 2
            looks = looks.replace(_LOOKS["version"], "2", 1)
        look = _Look(names, names.index("dstport"), names.index("protocol"), looks.encode())
        layouts.setdefault(len(names), []).append(look)
    return layouts
