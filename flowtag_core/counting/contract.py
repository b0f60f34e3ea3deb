"""The contract between the kernel and its callers: compiled-in constants, and parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from flowtag_core.counts import WINDOW_SHIFT

# What the kernel is told of a layout: one list of numbers, these are the places in it. Then comes
# for each protocol whether it has ports; for each first octet of an IPv4 address where it is, or, from
# SEE_MORE up, the place of what there is for each second octet; with which three bytes known fields begin; for
# each number of words where the other layouts begin that lines of so many words might fit; and for each of
# these the places of dstport and protocol. From the place SPANS on: how many spans of IPv4 addresses are
# inside, the first and the last of each; how many of IPv6, and of each the upper and lower half of the first
# and of the last. For a second octet it is where the address is, or SEE_MORE and the number of the first span
# that may hold it.
FIELDS, IS_DEFAULT, STAMPS = range(3)
DSTPORT, PROTOCOL, SRCPORT, PACKETS, BYTES, START, SRCADDR, DSTADDR, ACTION, STATUS = range(3, 13)
SPANS: Final = 13
HAS_PORTS: Final = 14
FIRST_OCTETS: Final = HAS_PORTS + 256
NAME_STARTS: Final = FIRST_OCTETS + 256
MOST_STARTS: Final = 64
OTHERS: Final = NAME_STARTS + MOST_STARTS
WORDS_TOLD: Final = 63
OTHER_PLACES: Final = OTHERS + WORDS_TOLD + 2
SEE_MORE: Final = 2
NO_PLACE: Final = -1
"""The place of a field that the layout lacks."""

# What the kernel says of a line: it dealt with it, or it hands it on, with its fault where that is sure.
(
    FLOW,
    NO_DATA,
    SKIPPED_DATA,
    BLANK,
    ODD,
    BAD_PORT,
    BAD_PROTOCOL,
    TOO_FEW_FIELDS,
    UNSUPPORTED_VERSION,
) = range(9)
FITS_NONE: Final = 16  # is added to a fault: the line fits no other layout either

# A row's key: what a key of a Table is, but minutes for the window, with the kind of the row above
# (0 request, 1 reply, 2 reply by service).
_MINUTE_BITS: Final = 27
UNKNOWN_MINUTE: Final = (1 << _MINUTE_BITS) - 1
KIND_SHIFT: Final = WINDOW_SHIFT + _MINUTE_BITS

MOST_FOLDED: Final = 1 << 23
"""Rows of which each can have a cell: a number of 31 bits with its window in the last eight."""
ROWS_TOLD: Final = 1 << 15
ODD_TOLD: Final = 1 << 13
MOST_SEPARATORS: Final = 1 << 12
MOST_TIDIED: Final = 1 << 10
"""Bytes of a line that may be written anew, to be read then."""

SIGNATURES: Final = {
    "read": tuple("address number int64s address int32s int64s int64s int64s int64s".split()),
    "pick": ("int64s", "number", "number", "int64s", "int64s", "int64s", "int64s"),
    "add": tuple("int64s number number int64s number int64s int64s int64s int64s".split()),
    "mark": ("int64s", "number", "number", "address", "address", "int64s"),
    "number": ("int64s", "int32s", "number", "number", "number"),
    "shrink": tuple("int64s number number int32s number int64s int32s int32s".split()),
    "fill": ("int32s", "number", "int32s", "number", "int64s"),
    "fold": tuple(
        "int64s int32s number int32s number int64s int32s int64s int64s address number".split()
    ),
}
"""The parameters of each function; all give a number."""

ObjectCode = Mapping[str, tuple[str, bytes]]
"""By the name of each function: the name of its entry, and its object code."""


class Kernel(NamedTuple):
    """The compiled functions; they release the GIL while they run."""

    read: Callable[..., int]
    pick: Callable[..., int]
    add: Callable[..., int]
    mark: Callable[..., int]
    number: Callable[..., int]
    shrink: Callable[..., int]
    fill: Callable[..., int]
    fold: Callable[..., int]
