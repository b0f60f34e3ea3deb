"""The search for ports, protocols and tags in a report."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowtag_core.iana import protocol_name
from flowtag_core.tagging.lookup import PORTS, parse_ports
from flowtag_core.tagging.report import Report

_AROUND_DASH: Final = re.compile(r"(?<=\d)\s*-\s*(?=\d)")
_PORT_TEXTS: Final = np.arange(PORTS).astype("U5")


def search(report: Report, text: str) -> Report:
    """Return the rows that match every word of the text. A comma means "or", and an empty text matches all.

    A word is a port (`443`), the beginning of a port (`44*`), a port with the beginning of a protocol
    (`443/t`), the beginning of a protocol (`icm`), a range of ports (`6000-6063`), or any part of a
    tag. Case is ignored.
    """
    parts = [part for part in _AROUND_DASH.sub("-", text.casefold()).split(",") if part.strip()]
    keep = np.full(len(report.port), not parts)
    for part in parts:
        keep |= np.logical_and.reduce([_found_by(report, word) for word in part.split()])
    return report.where(keep)


def _ports(word: str) -> NDArray[np.bool_]:
    """Return which of the 65,536 ports match a word: a port, or the beginning of a port with a star."""
    if word.endswith("*") and word[:-1].isdecimal():
        begins: NDArray[np.bool_] = np.char.startswith(_PORT_TEXTS, word[:-1])
        return begins
    return np.char.equal(_PORT_TEXTS, word)


def _found_by(report: Report, word: str) -> NDArray[np.bool_]:
    port, slash, protocol = word.partition("/")
    begins = protocol if slash else word
    in_protocol = np.array(
        [protocol_name(n).startswith(begins) or (slash and begins == str(n)) for n in range(256)],
        np.bool_,
    )
    in_tag = np.array([word in tag.casefold() for tag in report.tags])
    found: NDArray[np.bool_] = in_tag[report.tag]
    if slash and port.isdecimal():
        found |= (_PORT_TEXTS[report.port] == port) & in_protocol[report.protocol]
    elif "-" in word and (ports := parse_ports(word)):
        found |= (report.port >= ports.low) & (report.port <= ports.high)
    else:
        found |= in_protocol[report.protocol]
        found |= _ports(word)[report.port]
    return found
