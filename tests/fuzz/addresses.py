"""Addresses at the edges of ranges, and near misses; shares no code with flowtag_core."""

import ipaddress
import random

ALWAYS_INSIDE = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 "
    "224.0.0.0/4 240.0.0.0/4 ::/128 ::1/128 fc00::/7 fe80::/10 ff00::/8"
).split()
OWN = (
    "8.8.8.8/32 9.9.0.0/16 198.51.100.128/25 203.0.113.0/24 2001:db8::/32 2600:1f18::/40 "
    "2a05:d018::7:0/112"
).split()
"""A user's own ranges, for tests."""

_CHARACTERS = "0123456789abcdefABCDEFg.:%-/xZ"
_OCTETS = (0, 1, 9, 10, 99, 100, 127, 172, 16, 31, 32, 192, 168, 169, 254, 255, 256, 224)
_GROUPS = (0, 0, 0, 1, 0xFFFF, 0xFC00, 0xFDFF, 0xFE80, 0xFEBF, 0xFEC0)
_TAILS = ("1.2.3.4", "10.0.0.1", "1.2.3", "256.1.1.1", "01.2.3.4")
_RUBBISH = (
    "-",
    "::",
    "::1",
    "0",
    "1.2.3",
    "eni-1",
    "fe80::1%eth0",
    "1.2.3.4" * 9,
    ":::",
    "1::2::3",
)


def _edges():
    for text in (*ALWAYS_INSIDE, *OWN):
        network = ipaddress.ip_network(text)
        kind = type(network.network_address)
        for edge in (int(network.network_address), int(network.broadcast_address)):
            for number in range(edge - 1, edge + 2):
                if 0 <= number < 1 << network.max_prefixlen:
                    yield kind(number)


def _spellings(address):
    yield str(address)
    yield address.exploded.upper()
    if address.version == 4:
        yield f"::ffff:{address}"
        yield f"::FFFF:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"
        yield f"::{address}"
        yield f"0000:0000:0000:0000:0000:ffff:{address}"


EDGES = tuple(spelt for address in _edges() for spelt in _spellings(address))


def address(rng: random.Random) -> str:
    """Return an address, mostly a valid one, often at an edge. It has no white space but may be long."""
    kind = rng.random()
    if kind < 0.4:
        found = str(ipaddress.IPv4Address(rng.getrandbits(32)))
    elif kind < 0.6:
        found = rng.choice(EDGES)
    elif kind < 0.7:
        found = ".".join(str(rng.choice(_OCTETS)) for _ in range(4))
    elif kind < 0.8:
        found = ":".join(f"{rng.choice(_GROUPS):x}" for _ in range(rng.randrange(1, 10)))
        for _ in range(rng.randrange(3)):
            place = rng.randrange(len(found) + 1)
            found = found[:place] + rng.choice((":", "::")) + found[place:]
        found += rng.choice(("", "", ":")) and f":{rng.choice(_TAILS)}"
    elif kind < 0.9:
        found = str(ipaddress.IPv6Address(rng.getrandbits(128) & rng.getrandbits(128)))
    else:
        found = rng.choice((*_RUBBISH, "x" * rng.randrange(1, 400), "1" * rng.randrange(1, 60)))
    return changed(rng, found) if rng.random() < 0.2 else found


def changed(rng: random.Random, text: str) -> str:
    """Return the text with one character added, removed or replaced."""
    place = rng.randrange(len(text) + 1)
    more = rng.choice((rng.choice(_CHARACTERS), ""))
    return text[:place] + more + text[place + rng.randrange(2) :] or "-"
