"""The contract between the kernel and its callers: compiled-in constants and function parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from flowtag_core.counts import WINDOW_SHIFT

# The kernel gets a layout as one array of integers. The constants below are indexes into it:
# - FIELDS, IS_DEFAULT, STAMPS: the number of fields, whether it is the default layout, and which time stamps
#   may come before a record.
# - DSTPORT to STATUS: the positions of the fields in a record.
# - SPANS: the index at which the spans begin (see below).
# - IS_TABLE: whether the lines are rows of a table: then only rows that are plain in every field are counted.
# - INTERFACE: the position of the interface, which `look` wants too.
# - HAS_PORTS: for each protocol, whether it has ports.
# - FIRST_OCTETS: for each first octet of an IPv4 address, where the address is; from SEE_MORE up it is the
#   index of a table of all second octets.
# - NAME_STARTS: the first three bytes of known field names.
# - OTHERS: for each word count, the number of the first other layout that such a line might fit.
# - OTHER_PLACES: for each of these other layouts, the positions of dstport and protocol.
# The spans are the ranges of addresses inside: the number of IPv4 spans, then the first and last address of
# each; the number of IPv6 spans, then for each the upper and lower half of the first and of the last address.
# After them come the tables of second octets: where the address is, or SEE_MORE plus the number of the first
# span that may contain it.
FIELDS, IS_DEFAULT, STAMPS = range(3)
DSTPORT, PROTOCOL, SRCPORT, PACKETS, BYTES, START, SRCADDR, DSTADDR, ACTION, STATUS = range(3, 13)
SPANS: Final = 13
IS_TABLE: Final = 14
INTERFACE: Final = 15
HAS_PORTS: Final = 16
FIRST_OCTETS: Final = HAS_PORTS + 256
NAME_STARTS: Final = FIRST_OCTETS + 256
MOST_STARTS: Final = 64
OTHERS: Final = NAME_STARTS + MOST_STARTS
WORDS_TOLD: Final = 63
OTHER_PLACES: Final = OTHERS + WORDS_TOLD + 2
SEE_MORE: Final = 2
NO_PLACE: Final = -1
"""The position of a field that the layout lacks."""

# The kernel's verdict on a line. It has counted lines up to BLANK itself. It passes all others to the
# reference: as ODD, or with their fault if that is certain.
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
FITS_NONE: Final = 16  # added to a fault if the line fits no other layout either

# The key of a kernel row is like a key of a Table, but with the minute in place of the window, and the kind
# of the row in the bits above (0 request, 1 reply, 2 reply by service).
_MINUTE_BITS: Final = 27
UNKNOWN_MINUTE: Final = (1 << _MINUTE_BITS) - 1
KIND_SHIFT: Final = WINDOW_SHIFT + _MINUTE_BITS

# What `look` looks for, as an array of integers:
# - BY_SERVICE: whether flows that look like replies have their source port.
# - ACTIONS_WANTED, BOUNDARIES_WANTED: a bit for each action and each boundary.
# - FIRST_MINUTE, LAST_MINUTE: the minutes in which flows begin.
# - EVERY_PORT: whether all ports are wanted; if not, there is a bit for each protocol and port from
#   PORTS_WANTED on.
BY_SERVICE, ACTIONS_WANTED, BOUNDARIES_WANTED, FIRST_MINUTE, LAST_MINUTE, EVERY_PORT = range(6)
PORTS_WANTED: Final = 6
# What it finds, as integers for each flow: its key, packets and bytes, then two halves each of its source,
# destination and interface, as in `codes`, then the number of its line, where that begins, and where it ends.
KEY, HIT_PACKETS, HIT_BYTES, SOURCE, DESTINATION, HIT_INTERFACE = 0, 1, 2, 3, 5, 7
HIT_LINE, HIT_BEGIN, HIT_END = 9, 10, 11
HIT_SIZE: Final = 12
# `gather` adds hits up in a hash table. Each of its entries has four numbers of a key, then flows, packets, bytes,
# accepted and rejected flows, and the first and the last minute. `told` has, for each number of the key, its place in
# a hit: PORT_PLACE stands for the protocol and port in the hit's key, NO_PLACE for nothing. Then come SECRETS.
KEY_NUMBERS: Final = 4
SECRETS: Final = 9
"""Random numbers for hashing: one to add, and two for each number of a key."""
(GATHERED_FLOWS, GATHERED_PACKETS, GATHERED_BYTES, ACCEPTED, REJECTED, FIRST, LAST) = range(4, 11)
ENTRY_SIZE: Final = 11
PORT_PLACE: Final = -2

MOST_FOLDED: Final = 1 << 23
"""The most rows that can each have a cell, a number of 31 bits with the window in the lowest eight."""
ROWS_TOLD: Final = 1 << 15
ODD_TOLD: Final = 1 << 13
MOST_SEPARATORS: Final = 1 << 12
MOST_TIDIED: Final = 1 << 10
"""The length in bytes of the longest line that the kernel tidies up in order to read it."""

_OBJECTS: Final = tuple(
    "address number int64s address int64s int64s int32s int32s int32s int64s".split()
)
SIGNATURES: Final = {
    "read": tuple("address number int64s address int32s int64s int64s int64s int64s".split()),
    "look": tuple(
        "address number int64s address int32s int64s int64s int64s int64s int64s int64s".split()
    ),
    "gather": ("int64s", "number", "number", "int64s", "int64s", "number", "int64s"),
    "rehash": ("int64s", "int64s", "number", "int64s", "int64s", "number"),
    "cells": tuple(
        "address number number number int64s address int32s int32s int32s int64s".split()
    ),
    "objects_on_lines": _OBJECTS,
    "objects_in_arrays": _OBJECTS,
    "codes": ("address", "int32s", "number", "int64s", "int64s"),
    "places": ("address", "int32s", "number", "int64s", "int64s", "int64s"),
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
"""The parameter types of each function; all functions return a number."""

ObjectCode = Mapping[str, tuple[str, bytes]]
"""For each function, by name: the name of its entry point, and its object code."""


class Kernel(NamedTuple):
    """The compiled functions; they release the GIL while they run."""

    read: Callable[..., int]
    look: Callable[..., int]
    gather: Callable[..., int]
    rehash: Callable[..., int]
    cells: Callable[..., int]
    objects_on_lines: Callable[..., int]
    objects_in_arrays: Callable[..., int]
    codes: Callable[..., int]
    places: Callable[..., int]
    pick: Callable[..., int]
    add: Callable[..., int]
    mark: Callable[..., int]
    number: Callable[..., int]
    shrink: Callable[..., int]
    fill: Callable[..., int]
    fold: Callable[..., int]
