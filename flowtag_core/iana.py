"""IANA protocol numbers, their keywords, and service names.

Source: IANA, "Assigned Internet Protocol Numbers" (protocol-numbers-1.csv). Keywords are in lower
case here and lack "(deprecated)". 61, 63, 68, 99 and 114 have a meaning but no keyword; 148-252 are
unassigned, 253 and 254 are for experiments, and 255 is reserved ("Reserved" is not a keyword).
Service names are read from service_names.txt.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Final

_FROM_ZERO: Final = """
hopopt|icmp|igmp|ggp|ipv4|st|tcp|cbt|egp|igp|bbn-rcc-mon|nvp-ii|pup|argus|emcon|xnet|chaos|udp|mux
dcn-meas|hmp|prm|xns-idp|trunk-1|trunk-2|leaf-1|leaf-2|rdp|irtp|iso-tp4|netblt|mfe-nsp|merit-inp
dccp|3pc|idpr|xtp|ddp|idpr-cmtp|tp++|il|ipv6|sdrp|ipv6-route|ipv6-frag|idrp|rsvp|gre|dsr|bna|esp|ah
i-nlsp|swipe|narp|min-ipv4|tlsp|skip|ipv6-icmp|ipv6-nonxt|ipv6-opts||cftp||sat-expak|kryptolan|rvd
ippc||sat-mon|visa|ipcv|cpnx|cphb|wsn|pvp|br-sat-mon|sun-nd|wb-mon|wb-expak|iso-ip|vmtp|secure-vmtp
vines|iptm|nsfnet-igp|dgp|tcf|eigrp|ospfigp|sprite-rpc|larp|mtp|ax.25|ipip|micp|scc-sp|etherip|encap
|gmtp|ifmp|pnni|pim|aris|scps|qnx|a/n|ipcomp|snp|compaq-peer|ipx-in-ip|vrrp|pgm||l2tp|ddx|iatp|stp
srp|uti|smp|sm|ptp|isis over ipv4|fire|crtp|crudp|sscopmce|iplt|sps|pipe|sctp|fc|rsvp-e2e-ignore
mobility header|udplite|mpls-in-ip|manet|hip|shim6|wesp|rohc|ethernet|aggfrag|nsh|homa|bit-emu
"""

KEYWORDS: Final[dict[int, str]] = {
    number: keyword
    for number, keyword in enumerate(_FROM_ZERO.strip("\n").replace("\n", "|").split("|"))
    if keyword
}
"""Protocol number -> keyword, for the 143 numbers that have one."""

_NUMBERS: Final = {keyword: number for number, keyword in KEYWORDS.items()} | {"ttp": 84}

_IN_LOGS: Final = dict.fromkeys(("icmp6", "icmpv6"), "ipv6-icmp")

WITH_PORTS: Final = frozenset({6, 17, 33, 132, 136})
"""The protocols whose header has ports: tcp, udp, dccp, sctp, udplite."""

_DECIMAL: Final = re.compile(r"[0-9]{1,5}(?:\.0+)?", re.ASCII)
_DEPRECATED: Final = re.compile(r"\s*\(deprecated\)$")


def protocol_name(number: int) -> str:
    """Return the protocol's keyword in lower case (`tcp`), or its number as text (`253`) if it has none."""
    return KEYWORDS.get(number, str(number))


def protocol_number(text: str) -> int | None:
    """Return the protocol number (0-255) for a keyword in any case or a number as text, or None."""
    word = _DEPRECATED.sub("", " ".join(text.lower().split()))
    if _DECIMAL.fullmatch(word):
        number = int(word.partition(".")[0])
        return number if number <= 255 else None
    return _NUMBERS.get(word)


def keyword_number(word: str) -> int | None:
    """Return the protocol number of a keyword in a log, in any case; None if it is not a keyword.

    Besides IANA's keywords, icmp6 and icmpv6 are accepted, because some tools write them.
    """
    word = word.lower()
    return _NUMBERS.get(_IN_LOGS.get(word, word))


def service_name(port: int, protocol: int) -> str | None:
    """Return the service that IANA has registered for a port and protocol number, or None.

    Source: IANA, "Service Name and Transport Protocol Port Number Registry", without port ranges.
    """
    return _services().get((port, protocol))


@cache
def _services() -> dict[tuple[int, int], str]:
    names: dict[tuple[int, int], str] = {}
    with open(
        os.path.join(os.path.dirname(__file__), "service_names.txt"), encoding="ascii"
    ) as file:
        for line in file:
            if not line.startswith("#"):
                port, name, protocols = line.split()
                numbers = (_NUMBERS[protocol] for protocol in protocols.split(","))
                names |= {(int(port), number): name for number in numbers}
    return names
