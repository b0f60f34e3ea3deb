"""Turn a public list of services into a lookup CSV with the service names as tags.

Sources: IANA, "Service Name and Transport Protocol Port Number Registry" (service-names-port-numbers.csv);
services(5) for /etc/services. The lists of nmap and Wireshark have the same format, but a line of
Wireshark's may name several protocols.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final, NamedTuple

from flowtag_core.output import csv_cell
from flowtag_core.tagging.csv_rows import rows_of
from flowtag_core.tagging.lookup import ANY_PROTOCOL, parse_ports, parse_protocol

_IANA: Final = ("Service Name", "Port Number", "Transport Protocol")
_SERVICE: Final = re.compile(r"(\S+)[ \t]+(\d{1,5}(?:-\d{1,5})?)/([a-z]+(?:/[a-z]+)*)\b")
_LONGEST_HEADER: Final = 1 << 16
_HEADER: Final = "dstport,protocol,tag\n"

Row = tuple[str, str, str]
"""Port or range, protocol, name."""


class Registry(NamedTuple):
    """A list of services: what kind it is, the lookup CSV made from it, and a sentence on what was left out."""

    form: str
    text: str
    notice: str


def registry(text: str, name: str) -> Registry | None:
    """Make a lookup from a list of services; returns None if the text is not such a list.

    If a port and protocol has several names, the first counts, because it is the usual one. Raises
    LookupFileError, with the file's name, if a quote is never closed or a line is too long.
    """
    if (rows := _iana_rows(text, name)) is not None:
        return _made("IANA's list of service names", rows)
    if (rows := _services_rows(text)) is not None:
        return _made("a list of services like /etc/services", rows)
    return None


def begins_registry(text: str) -> bool:
    """Whether a text begins like a list of services; it may end anywhere, even inside a quote."""
    return _iana_rows(text, "") is not None or _services_rows(text) is not None


def _made(form: str, rows: Iterable[Row]) -> Registry:
    names: dict[str, str] = {}
    nameless = seconds = 0
    for port_cell, protocol_cell, name in rows:
        ports, protocol = parse_ports(port_cell), parse_protocol(protocol_cell)
        if not name or ports is None or protocol in (None, ANY_PROTOCOL):
            nameless += 1
        elif (key := f"{ports},{protocol_cell.lower()}") in names:
            seconds += 1
        else:
            names[key] = name
    lines = (f"{key},{csv_cell(name)}\n" for key, name in names.items())
    notice = f"was read as {form}, with the names as tags: {len(names):,} rules"
    if nameless:
        notice += f"; rows left out for lack of a port, protocol or name: {nameless:,}"
    if seconds:
        notice += f"; further names of the same port and protocol left out: {seconds:,}"
    return Registry(form, _HEADER + "".join(lines), notice)


def _iana_rows(text: str, name: str) -> Iterator[Row] | None:
    begin = io.StringIO(text[:_LONGEST_HEADER].removeprefix("\ufeff"), newline="")
    header = [cell.strip() for cell in next(csv.reader(begin), [])]
    if not set(_IANA) <= set(header):
        return None
    service, port, protocol = map(header.index, _IANA)
    longest = max(service, port, protocol)
    rows = islice(rows_of(text.removeprefix("\ufeff"), ",", name), 1, None)
    return (
        (row[port].strip(), row[protocol].strip(), row[service].strip())
        for _, row in rows
        if len(row) > longest
    )


def _services_rows(text: str) -> Iterator[Row] | None:
    lines = (line for line in map(str.strip, io.StringIO(text)) if line and line[0] != "#")
    first = next(lines, "")
    if not _SERVICE.match(first):
        return None
    return (row for line in chain([first], lines) for row in _service(line))


def _service(line: str) -> Iterator[Row]:
    """Yield a row for each protocol of a service: two for `ssh 22/tcp/udp`."""
    found = _SERVICE.match(line)
    if found is None:
        yield "", "", ""
        return
    name, ports, protocols = found.groups()
    for protocol in protocols.split("/"):
        yield ports, protocol, name
