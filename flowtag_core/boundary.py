"""Whether a flow crosses the edge of the network, judging by its two addresses.

Addresses are inside if they are never routed on the internet, or in a range that the user adds. Source:
IANA's registries of special-purpose addresses, RFC 1918, 4193 and 6598.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from flowtag_core.counts import UNKNOWN_BOUNDARY
from flowtag_core.errors import RangesError

_ALWAYS: Final = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16
224.0.0.0/4 240.0.0.0/4 ::/127 fc00::/7 fe80::/10 ff00::/8
""".split()

OUTSIDE, INSIDE, UNKNOWN = 0, 1, 2
"""The places where an address may be."""

LONGEST_ADDRESS: Final = 45
"""The length of the longest IPv6 address, with its last 32 bits written as IPv4."""
MOST_RANGES: Final = 1_000

Span = tuple[int, int]
"""The first and the last address of a range, as integers."""
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True)
class Inside:
    """The addresses inside a network: those that always are, and those in the user's own ranges.

    `ranges` are the user's ranges, as CIDRs from `ranges_of`.
    """

    ranges: tuple[str, ...] = ()

    @cached_property
    def spans(self) -> tuple[list[Span], list[Span]]:
        """The spans of IPv4 and of IPv6 addresses, sorted and with adjacent ones merged."""
        networks = [ipaddress.ip_network(each) for each in (*_ALWAYS, *self.ranges)]
        return _joined(networks, 4), _joined(networks, 6)

    def boundary(self, source: bytes, destination: bytes) -> int:
        """Return the boundary of a flow with these two addresses, as an index into BOUNDARIES."""
        return _boundary(self, source, destination)

    def place(self, address: bytes) -> int:
        """Return INSIDE or OUTSIDE for an address; UNKNOWN if it is not a valid one.

        An IPv6 address that contains an IPv4 address (`::ffff:10.0.0.1`) counts as the IPv4 address.
        """
        number = number_of(address)
        if number is None:
            return UNKNOWN
        version, value = number
        spans = self.spans[version == 6]
        at = bisect_right(spans, value, key=lambda span: span[0]) - 1
        return INSIDE if at >= 0 and value <= spans[at][1] else OUTSIDE


@lru_cache(maxsize=1 << 16)
def _boundary(inside: Inside, source: bytes, destination: bytes) -> int:
    return between(inside.place(source), inside.place(destination))


def between(source: int, destination: int) -> int:
    """Return the boundary of a flow from one place to another, as an index into BOUNDARIES.

    A place is INSIDE, OUTSIDE or UNKNOWN.
    """
    if UNKNOWN in (source, destination):
        return UNKNOWN_BOUNDARY
    return 2 * (1 - destination) + (1 - source)


def number_of(address: bytes) -> tuple[int, int] | None:
    """Return the IP version and the integer value of an address; None if it is not a valid one."""
    if len(address) > LONGEST_ADDRESS or b"%" in address:  # a zone does not tell where it is
        return None
    try:
        found = ipaddress.ip_address(address.decode("latin-1"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    found = mapped or found
    return found.version, int(found)


def _joined(networks: Iterable[_Network], version: int) -> list[Span]:
    spans = sorted(
        (int(each.network_address), int(each.broadcast_address))
        for each in networks
        if each.version == version
    )
    joined: list[Span] = []
    for low, high in spans:
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], high)
        else:
            joined.append((low, high))
    return joined


def ranges_of(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return the user's ranges as CIDRs, sorted and without duplicates.

    They are separated by commas or blanks; a single address is a range of one. Raises RangesError if
    something is not a range, and names it, or if there are too many.
    """
    text = given if isinstance(given, str) else " ".join(given)
    networks = {_network(word) for word in text.replace(",", " ").split()}
    if len(networks) > MOST_RANGES:
        raise RangesError(f"{len(networks):,} ranges are too many. Give at most {MOST_RANGES:,}.")
    key = lambda network: (network.version, network)  # noqa: E731
    return tuple(str(network) for network in sorted(networks, key=key))


def _network(word: str) -> _Network:
    try:
        network = ipaddress.ip_network(word)
    except ValueError as error:
        raise RangesError(
            f"'{word[:60]}' is not an address range{_meant(word)}. "
            "Write it as 203.0.113.0/24 or 2001:db8::/32."
        ) from error
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        low = ipaddress.IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
        return ipaddress.IPv4Network(f"{low}/{network.prefixlen - 96}")
    return network


def _meant(word: str) -> str:
    """Return a hint at the range that an address such as `10.1.2.3/16` is in; empty if there is none."""
    try:
        return f" (did you mean {ipaddress.ip_network(word, strict=False)}?)"
    except ValueError:
        return ""
