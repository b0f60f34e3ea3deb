"""Evidence as lists for people and programs: top pairs, sources, destinations, ports and interfaces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from flowtag_core.codes import address_text, interface_text
from flowtag_core.counts import NEVER, UNKNOWN_TIME, Ints, Measure
from flowtag_core.evidence import MOST_ROWS, Evidence, Talkers
from flowtag_core.showing.words import number, pair_name, size
from flowtag_core.tagging.names import Names
from flowtag_core.tagging.questions import List, Order

_NO_NAMES: Final = Names()
_TITLES: Final[dict[List, str]] = {
    "pairs": "Who talks to whom",
    "sources": "Top sources",
    "destinations": "Top destinations",
    "ports": "Top ports",
    "interfaces": "Top interfaces",
}
_ENDS: Final[dict[List, tuple[str, ...]]] = {
    "pairs": ("Source", "Destination"),
    "sources": ("Source",),
    "destinations": ("Destination",),
    "ports": ("Port",),
    "interfaces": ("Interface",),
}
LISTS: Final = tuple(_TITLES)
_BY_SERVICE: Final = "Replies count under their source port."
_DONE: Final = ("accepted", "rejected", "neither accepted nor rejected")
"""What was done with flows, by action."""
ADDRESSES: Final = ("pairs", "sources", "destinations")
"""The lists whose ends are addresses."""


class Row(NamedTuple):
    """A row of a list: one or two ends with their names, and the sums of their flows.

    `first` and `last` are the minutes in which the first and the last flow began, in seconds since 1970, or None.
    `targets` and `ports` are the numbers of destinations and ports of a source; in other lists they are None.
    """

    ends: tuple[str, ...]
    names: tuple[str, ...]
    flows: int
    packets: int
    bytes: int
    accepted: int
    rejected: int
    first: int | None
    last: int | None
    targets: int | None = None
    ports: int | None = None


class WhoList(NamedTuple):
    """A list: its name and title, the headings of its ends, its rows, and how many rows there are in all.

    If `is_cut`, only the largest rows were kept, so there may be more than `total`.
    """

    name: List
    title: str
    heads: tuple[str, ...]
    rows: list[Row]
    total: int
    is_cut: bool


def lists(
    evidence: Evidence,
    order: Order = "flows",
    most: int = 20,
    names: Names = _NO_NAMES,
    first: List = "pairs",
) -> list[WhoList]:
    """Return the lists that have rows, each with its `most` largest rows; the list called `first` comes first.

    `order` is a measure, or `targets` or `ports`: these sort the sources by how many destinations or ports they have.
    """
    chosen = [first, *(name for name in LISTS if name != first)]
    found = (_list(evidence, name, order, most, names) for name in chosen)
    return [each for each in found if each.rows]


def _list(evidence: Evidence, name: List, order: Order, most: int, names: Names) -> WhoList:
    table: Talkers = evidence.by_port if name == "ports" else getattr(evidence, name)
    measure: Measure = "flows" if order == "targets" or order == "ports" else order  # noqa: PLR1714 (mypy)
    top = _top(evidence, table, order, most) if name == "sources" else table.top(measure, most)
    rows = list(_rows(evidence, name, top, names))
    total = len(table) if table.is_exact else max(len(table), MOST_ROWS)
    return WhoList(name, _TITLES[name], _ENDS[name], rows, total, not table.is_exact)


def _top(evidence: Evidence, table: Talkers, order: Order, most: int) -> Talkers:
    """Return the largest sources."""
    if order == "targets":
        distinct = evidence.targets
    elif order == "ports":
        distinct = evidence.source_ports
    else:
        return table.top(order, most)
    keys = distinct.top("flows", most).keys
    places = _places(table, keys)
    return table.at(places[places >= 0])


def _places(table: Talkers, keys: Sequence[Ints]) -> Ints:
    """Return the index of each of a few keys in a table, -1 if it is not there."""
    if not len(table):
        return np.full(len(keys[0]) if keys else 0, -1)
    some = np.flatnonzero(np.isin(table.keys[-1], keys[-1]))
    there = zip(*(column[some].tolist() for column in table.keys), strict=True)
    place_of = dict(zip(there, some.tolist(), strict=True))
    wanted = zip(*(column.tolist() for column in keys), strict=True)
    return np.array([place_of.get(key, -1) for key in wanted], np.int64)


def _rows(evidence: Evidence, name: List, top: Talkers, names: Names) -> Iterator[Row]:
    counts: list[list[int | None]] = [[None] * len(top)] * 2
    if name == "sources":
        counts = [_count(table, top) for table in (evidence.targets, evidence.source_ports)]
    keys = [column.tolist() for column in top.keys]
    columns = [column.tolist() for column in top.columns()]
    for place in range(len(top)):
        key = [column[place] for column in keys]
        flows, packets, volume, accepted, rejected, first, last = (
            column[place] for column in columns
        )
        ends = _ends(name, key)
        is_address = name in ADDRESSES
        named = tuple(
            names.of(*key[2 * n : 2 * n + 2]) if is_address else "" for n in range(len(ends))
        )
        yield Row(
            ends,
            named,
            flows,
            packets,
            volume,
            accepted,
            rejected,
            None if first == NEVER else 60 * first,
            None if last == UNKNOWN_TIME else 60 * last,
            counts[0][place],
            counts[1][place],
        )


def _count(distinct: Talkers, top: Talkers) -> list[int | None]:
    places = _places(distinct, top.keys).tolist()
    return [int(distinct.flows[place]) if place >= 0 else 0 for place in places]


def _ends(name: List, key: Sequence[int]) -> tuple[str, ...]:
    if name == "ports":
        return (pair_name(key[0] & 0xFFFF, key[0] >> 16),)
    if name == "interfaces":
        return (interface_text(*key),)
    return tuple(address_text(*key[place : place + 2]) for place in range(0, len(key), 2))


def summary(evidence: Evidence) -> str:
    """Return a sentence with the sums of all flows that were found."""
    total = evidence.total
    if not len(total):
        return "No flows match."
    flows, volume, rejected = (
        int(column.sum()) for column in (total.flows, total.bytes, total.rejected)
    )
    share = f", {100 * rejected / flows:.1f}% rejected" if rejected else ""
    return f"{number(flows, 'flow')}, {size(volume)}{share}."


def limits(evidence: Evidence) -> Iterator[str]:
    """Yield sentences about what the numbers may lack: lines with faults, and rows that were dropped."""
    said: dict[List, str] = {
        "pairs": "pairs of source and destination",
        "ports": "pairs of source and port",
        "sources": "sources",
        "destinations": "destinations",
        "interfaces": "interfaces",
    }
    if evidence.faults:
        yield (
            f"{number(evidence.faults, 'line')} could not be read, so flows may be missing here."
        )
    for name, what in said.items():
        table: Talkers = getattr(evidence, name)
        if not table.is_exact:
            flows, _, volume = table.lacking
            also = ""
            if name == "pairs":
                also = " The real numbers of destinations may be higher."
            elif name == "ports":
                also = " The real numbers of ports may be higher."
            yield (
                f"There are over {MOST_ROWS:,} {what}, so the smallest were dropped. Each remaining row "
                f"may lack up to {number(flows, 'flow')} and {size(volume)}.{also}"
            )


def scope(
    action: int | None,
    boundary: str | None,
    time: str | None = None,
    *,
    by_service: bool = False,
    tag: str | None = None,
    search: str | None = None,
) -> str:
    """Return which flows were looked for, and how, in sentences; empty if that is all of them by destination port."""
    said = [
        None if action is None else _DONE[action],
        boundary,
        time,
        f"tag {tag}" if tag else None,
        f"search {search}" if search else None,
    ]
    words = ", ".join(filter(None, said))
    sentences = f"Only these: {words}." if words else "", _BY_SERVICE if by_service else ""
    return " ".join(filter(None, sentences))


def csv_name(what: str, *, is_whole: bool) -> str:
    """Return a name for a CSV of lists about this, which says so if only a part of the logs was read."""
    words = ["top-talkers", re.sub(r"\W+", "-", what), "" if is_whole else "partial"]
    return f"{'-'.join(filter(None, words))}.csv"


def hint(shown: WhoList, *, is_narrowed: bool) -> str:
    """Return how many rows of a list are not shown, and, unless only one address is shown, what a click does."""
    more = shown.total - len(shown.rows)
    said = (
        [f"The largest {len(shown.rows):,}; the CSV has {number(more, 'more row')}."]
        if more > 0
        else []
    )
    if shown.name in ADDRESSES and not is_narrowed:
        said.append("Click an address to see only its flows.")
    return " ".join(said)


def csv_lines(
    found: Sequence[WhoList],
) -> Iterator[tuple[str, dict[str, str], dict[str, int | None]]]:
    """Yield each row of each list for a CSV: the list's name, the ends by column, and the numbers by column."""
    for each in found:
        for row in each.rows:
            ends: dict[str, str] = {}
            for head, end, name in zip(each.heads, row.ends, row.names, strict=True):
                ends |= {head.lower(): end, f"{head.lower()}_name": name}
            numbers = row._asdict()
            del numbers["ends"], numbers["names"]
            numbers["destinations"] = numbers.pop("targets")
            yield each.name, ends, numbers


def document(evidence: Evidence, found: Sequence[WhoList]) -> dict[str, Any]:
    """Return the evidence as a document for JSON; times are in seconds since 1970, and None if unknown."""
    total = evidence.total
    sums = {
        name: int(getattr(total, name).sum())
        for name in ("flows", "packets", "bytes", "accepted", "rejected")
    }
    return {
        **sums,
        "lists": {each.name: [_document(each, row) for row in each.rows] for each in found},
        "exact": evidence.is_exact,
        "faults": evidence.faults,
        "limits": list(limits(evidence)),
        "samples": [sample._asdict() for sample in evidence.samples],
        "damage": sorted(evidence.damage),
    }


def _document(each: WhoList, row: Row) -> dict[str, Any]:
    ends: dict[str, Any] = {}
    for head, end, name in zip(each.heads, row.ends, row.names, strict=True):
        ends[head.lower()] = end
        if name:
            ends[f"{head.lower()}_name"] = name
    sums = row._asdict()
    del sums["ends"], sums["names"]
    targets, ports = sums.pop("targets"), sums.pop("ports")
    distinct = {"destinations": targets, "ports": ports} if each.name == "sources" else {}
    return {**ends, **sums, **distinct}
