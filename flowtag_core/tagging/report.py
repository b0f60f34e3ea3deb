"""The only place where flows get tags: FlowCounts x Lookup -> Report -> the result CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import ACTIONS, FlowCounts, Ints, Table
from flowtag_core.iana import protocol_name
from flowtag_core.output import OutputFile, csv_cell, write_whole
from flowtag_core.tagging.lookup import NO_RULE, UNTAGGED, Lookup

Numbers = NDArray[np.int32]
Measure = Literal["flows", "packets", "bytes"]
Action = Literal["ACCEPT", "REJECT", "other"]
View = Literal["destination", "service"]

_ROWS_AT_ONCE: Final = 1 << 12
_BY_NAME: Final = np.argsort([protocol_name(number) for number in range(256)]).astype(np.int32)
"""The protocol numbers in the order of their names."""
_RANK: Final = np.argsort(_BY_NAME).astype(np.int32)
"""For each protocol number its place in that order."""


@dataclass(frozen=True)
class Report:
    """What each tag and each port and protocol has, under one choice of measure and filters.

    The columns are of one length, a row for each port and protocol, sorted by port and then by
    protocol name. `tag` is a place in `tags`, whose last entry is UNTAGGED.
    """

    tags: tuple[str, ...]
    port: Numbers
    protocol: Numbers
    tag: Numbers
    count: Ints
    measure: Measure = "flows"

    @cached_property
    def tag_counts(self) -> Mapping[str, int]:
        """Tag -> count: the most first, then by name; only tags that occur, and UNTAGGED last."""
        sums = np.zeros(len(self.tags), np.int64)
        np.add.at(sums, self.tag, self.count)
        named = sorted(
            ((int(sums[tag]), self.tags[tag]) for tag in np.unique(self.tag).tolist()),
            key=lambda pair: (-pair[0], pair[1]),
        )
        counts = {tag: count for count, tag in named if tag != UNTAGGED}
        return MappingProxyType({**counts, UNTAGGED: int(sums[-1])})

    @cached_property
    def combination_counts(self) -> Mapping[tuple[int, str], int]:
        """(Port, protocol name) -> count, by port and then by name."""
        return MappingProxyType({(port, name): count for port, name, _, count in self.rows()})

    @property
    def total(self) -> int:
        """The sum of all counts."""
        return int(self.count.sum())

    def rows(self) -> Iterator[tuple[int, str, str, int]]:
        """Port, protocol name, tag and count of each port and protocol, in order."""
        columns = self.port, self.protocol, self.tag, self.count
        # Not all at once: as Python objects the columns would be several times their size.
        for first in range(0, len(self.port), _ROWS_AT_ONCE):
            part = (column[first : first + _ROWS_AT_ONCE].tolist() for column in columns)
            for port, protocol, tag, count in zip(*part, strict=True):
                yield port, protocol_name(protocol), self.tags[tag], count


def map_tags(
    counts: FlowCounts,
    lookup: Lookup,
    *,
    measure: Measure = "flows",
    action: Action | None = None,
    time: tuple[int, int] | None = None,
    view: View = "destination",
) -> Report:
    """Give every flow its tag.

    `measure` is what is summed; `action` keeps flows of one action; `time` keeps windows that begin
    at or after its first and before its second value (seconds since 1970), and with it only flows
    of known time. `view="service"` counts what looks like a reply with the port it comes from.
    """
    replies = {"destination": counts.replies, "service": counts.replies_by_service}[view]
    tables = [_filtered(table, action, time) for table in (counts.requests, replies)]
    port, protocol, count = _by_port_and_protocol(tables, measure)
    tag = _tag_numbers(port, protocol, lookup)
    return Report((*lookup.tags, UNTAGGED), port, protocol, tag, count, measure)


def _filtered(table: Table, action: Action | None, time: tuple[int, int] | None) -> Table:
    if action is None and time is None:
        return table
    keep = np.ones(len(table), np.bool_)
    if action is not None:
        keep &= table.action == ACTIONS.index(action)
    if time is not None:
        first, behind = time
        keep &= (table.window >= max(first, 0)) & (table.window < behind)
    return Table(
        table.key[keep], table.flows[keep], table.packets[keep], table.bytes[keep], table.rung
    )


def _by_port_and_protocol(tables: list[Table], measure: Measure) -> tuple[Numbers, Numbers, Ints]:
    """Each port and protocol that occurs, by port and then by name, and its sum of the measure."""
    key = np.concatenate([(t.port.astype(np.int32) << 8) | _RANK[t.protocol] for t in tables])
    order = np.argsort(key)
    key = key[order]
    values = np.concatenate([_values(table, measure) for table in tables])[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    key = key[first]
    count = np.add.reduceat(values, first) if len(first) else values
    return key >> 8, _BY_NAME[key & 255], count


def _values(table: Table, measure: Measure) -> Ints:
    return {"flows": table.flows, "packets": table.packets, "bytes": table.bytes}[measure]


def _tag_numbers(port: Numbers, protocol: Numbers, lookup: Lookup) -> Numbers:
    numbers = np.full(len(port), len(lookup.tags), np.int32)
    for one in np.unique(protocol).tolist():
        rows = np.flatnonzero(protocol == one)
        winner = lookup.winners(one)[port[rows]]
        tagged = winner != NO_RULE
        numbers[rows[tagged]] = lookup.tag_numbers[winner[tagged]]
    return numbers


def result_csv(report: Report) -> Iterator[bytes]:
    """The result, in pieces: tag counts, an empty line, port and protocol counts. Lines end in LF."""
    yield b"Tag Counts:\nTag,Count\n"
    for tag, count in report.tag_counts.items():
        yield f"{csv_cell(tag)},{count}\n".encode()
    yield b"\nPort/Protocol Combination Counts:\nPort,Protocol,Count\n"
    for port, name, _, count in report.rows():
        yield f"{port},{name},{count}\n".encode()


def write_results(report: Report, file: OutputFile) -> None:
    """Write the result CSV to a path, whole or not at all, or to a file open in binary mode.

    Raises OutputError where it cannot be written.
    """
    write_whole(result_csv(report), file)
