"""Assign tags to flows: make a Report from FlowCounts and a Lookup. No other module assigns tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from flowtag_core import arrow
from flowtag_core.counts import (
    ACTIONS,
    BOUNDARIES,
    WIDTHS,
    Boundary,
    FlowCounts,
    Ints,
    Measure,
    Table,
    sum_of,
    summed,
)
from flowtag_core.errors import ChoiceError
from flowtag_core.iana import protocol_name
from flowtag_core.notebook import MOST_ROWS, cut, html_table
from flowtag_core.tagging.lookup import NO_RULE, UNTAGGED, Lookup

Numbers = NDArray[np.int32]
Action = Literal["ACCEPT", "REJECT", "other"]
Grouping = Literal["destination", "service"]
"""The port under which a flow that looks like a reply is counted."""
Time = tuple[int, int]
"""Start and end in seconds since 1970, for windows that begin at or after the start and before the end."""

_ROWS_AT_ONCE: Final = 1 << 12
_NAMES: Final = [protocol_name(number) for number in range(256)]
_BY_NAME: Final = np.argsort(_NAMES).astype(np.int32)
"""The protocol numbers, sorted by name."""
_RANK: Final = np.argsort(_BY_NAME).astype(np.int32)
"""The index of each protocol number in _BY_NAME."""


@dataclass(frozen=True)
class Filters:
    """Which flows to count, and by which port: the arguments of `map_tags` other than the measure."""

    action: Action | None = None
    boundary: Boundary | None = None
    time: Time | None = None
    view: Grouping = "destination"


EVERY_FLOW: Final = Filters()


@dataclass(frozen=True, repr=False)
class Report:
    """Counts by tag and by port and protocol, for one measure and one set of filters.

    `port`, `protocol`, `tag` and `count` are columns with a row per port and protocol, sorted by port
    and then by protocol name. `tag` is an index into `tags`, whose last entry is UNTAGGED. Counts are
    capped at 2^63 - 1. A report can be pickled.
    """

    tags: tuple[str, ...]
    port: Numbers
    protocol: Numbers
    tag: Numbers
    count: Ints
    measure: Measure = "flows"
    filters: Filters = EVERY_FLOW

    def __getstate__(self) -> dict[str, Any]:
        # Cached values can be computed again, and a read-only mapping cannot be pickled.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __repr__(self) -> str:
        counts = f"{self.total:,} {self.measure}, {UNTAGGED} {self.untagged:,}"
        return f"<Report: {counts}; tags: {len(self.tag_counts) - 1:,}, ports: {len(self.port):,}>"

    def _repr_html_(self) -> str:
        """Return HTML tables of the tags and the largest ports, for a notebook."""
        measure, counts = self.measure.capitalize(), self.tag_counts
        tags = [*list(counts)[:-1][:MOST_ROWS], UNTAGGED]
        most = (-self.count).argsort(kind="stable")[:MOST_ROWS]
        return html_table(
            cut("Tags", len(counts), len(tags)),
            ["Tag", measure, "Share"],
            ((tag, counts[tag], f"{counts[tag] / max(self.total, 1):.1%}") for tag in tags),
        ) + html_table(
            cut("Ports", len(self.port), len(most)),
            ["Port", "Protocol", "Tag", measure],
            self._at(most).rows(),
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return an Arrow stream with a row per port and protocol, sorted as in the result CSV.

        `port` is a number, `protocol` and `tag` are text. The last column is the sum of the measure and
        has its name: `flows`, `packets` or `bytes`.
        """
        columns = {
            "port": arrow.numbers(self.port),
            "protocol": arrow.words(_NAMES, self.protocol),
            "tag": arrow.words(self.tags, self.tag),
            self.measure: arrow.numbers(self.count),
        }
        return arrow.stream(columns, requested_schema)

    @property
    def is_untagged(self) -> NDArray[np.bool_]:
        """A mask of the untagged rows."""
        untagged: NDArray[np.bool_] = self.tag == len(self.tags) - 1
        return untagged

    @property
    def untagged(self) -> int:
        """The sum of the counts of untagged rows."""
        return self.tag_counts[UNTAGGED]

    @cached_property
    def tag_counts(self) -> Mapping[str, int]:
        """Tag -> count, the largest count first, then by name; only tags that occur.

        UNTAGGED is always there, and always last.
        """
        sums = sums_at((len(self.tags),), self.tag, self.count)
        occurring = np.flatnonzero(np.bincount(self.tag, minlength=1)).tolist()
        named = sorted(
            ((int(sums[tag]), self.tags[tag]) for tag in occurring),
            key=lambda pair: (-pair[0], pair[1]),
        )
        counts = {tag: count for count, tag in named if tag != UNTAGGED}
        return MappingProxyType({**counts, UNTAGGED: int(sums[-1])})

    @cached_property
    def combination_counts(self) -> Mapping[tuple[int, str], int]:
        """(Port, protocol name) -> count, sorted by port and then by protocol name."""
        return MappingProxyType({(port, name): count for port, name, _, count in self.rows()})

    @property
    def total(self) -> int:
        """The sum of all counts."""
        return sum_of(self.count)

    def where(self, keep: NDArray[np.bool_]) -> Report:
        """Return the report with only the rows for which `keep` is true."""
        return self._at(keep)

    def _at(self, rows: NDArray[Any]) -> Report:
        """Return the report with only these rows, in this order."""
        columns = ("port", "protocol", "tag", "count")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def rows(self) -> Iterator[tuple[int, str, str, int]]:
        """Yield the port, protocol name, tag and count of each row, in order."""
        columns = self.port, self.protocol, self.tag, self.count
        # The columns are converted in batches, because Python objects take several times their memory.
        for first in range(0, len(self.port), _ROWS_AT_ONCE):
            part = (column[first : first + _ROWS_AT_ONCE].tolist() for column in columns)
            for port, protocol, tag, count in zip(*part, strict=True):
                yield port, _NAMES[protocol], self.tags[tag], count


def map_tags(
    counts: FlowCounts,
    lookup: Lookup,
    *,
    measure: Measure = "flows",
    action: Action | None = None,
    boundary: Boundary | None = None,
    time: Time | None = None,
    view: Grouping = "destination",
) -> Report:
    """Give every flow its tag, and count by tag and by port and protocol.

    `measure` is what to sum. `action` and `boundary` keep only the flows with this action or boundary.
    `time` keeps windows that begin at or after its first value and before its second (seconds since
    1970); flows whose time is unknown are then left out. `view="service"` counts flows that look like
    replies under their source port. Raises ChoiceError for a value that does not exist.
    """
    _check("measure", measure, get_args(Measure))
    _check("action", action, (None, *ACTIONS))
    _check("boundary", boundary, (None, *BOUNDARIES))
    _check("view", view, get_args(Grouping))
    if time is not None and (isinstance(time, str) or len(time) != 2):
        raise ChoiceError(f"time is {time!r:.60}. Give the first and last second, since 1970.")
    return tagged(select(counts, Filters(action, boundary, time, view)), lookup, measure)


def _check(name: str, value: object, choices: Sequence[str | None]) -> None:
    if value not in choices:
        raise ChoiceError(f"{name} is {value!r:.60}. Use one of {', '.join(map(repr, choices))}.")


class Sums(NamedTuple):
    """The total flows, packets and bytes of a group of flows, each capped at 2^63 - 1."""

    flows: int
    packets: int
    bytes: int


class Groups(NamedTuple):
    """The rows of a selection, grouped by port and protocol.

    `key` has each port and protocol once (see `keys_of`). `order` sorts the rows by key; `first` is
    where the rows of each key begin in that order.
    """

    key: Numbers
    order: Numbers
    first: Ints


@dataclass(frozen=True)
class Selection:
    """The rows that pass the filters; each flow is in exactly one of the two tables.

    Everything that does not depend on the measure is cached.
    """

    requests: Table
    replies: Table
    filters: Filters = EVERY_FLOW

    @property
    def tables(self) -> tuple[Table, Table]:
        """Both tables, requests first."""
        return self.requests, self.replies

    @property
    def width(self) -> int:
        """The wider of the two tables' window widths, in minutes; 0 if there is one window for all time."""
        return WIDTHS[max(self.requests.rung, self.replies.rung)]

    @cached_property
    def groups(self) -> Groups:
        """The rows, grouped by port and protocol."""
        key = np.concatenate([keys_of(table.port, table.protocol) for table in self.tables])
        order = np.argsort(key, kind="stable")  # fast, because long runs of keys are sorted already
        key = key[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        return Groups(key[first], order.astype(np.int32), first)


def select(counts: FlowCounts, filters: Filters = EVERY_FLOW) -> Selection:
    """Return the rows of the counts that pass the filters."""
    replies = {"destination": counts.replies, "service": counts.replies_by_service}[filters.view]
    return Selection(_filtered(counts.requests, filters), _filtered(replies, filters), filters)


def by_boundary(selection: Selection) -> dict[Boundary, Sums]:
    """Return the sums of a selection by boundary, in the order of BOUNDARIES; only those that occur."""
    sums: dict[Boundary, Sums] = {}
    at = [table.boundary for table in selection.tables]
    for number, boundary in enumerate(BOUNDARIES):
        columns = (
            np.concatenate(
                [
                    getattr(table, name)[of == number]
                    for table, of in zip(selection.tables, at, strict=True)
                ]
            )
            for name in Sums._fields
        )
        found = Sums(*map(sum_of, columns))
        if found.flows:
            sums[boundary] = found
    return sums


def tagged(selection: Selection, lookup: Lookup, measure: Measure = "flows") -> Report:
    """Give every flow of a selection its tag, and return the report."""
    key, count = selection.groups.key, _sums(selection, measure)
    port, protocol = key >> 8, _BY_NAME[key & 255]
    tag = tag_numbers(port, protocol, lookup)
    tags = *lookup.tags, UNTAGGED
    return Report(tags, port, protocol, tag, count, measure, selection.filters)


def retagged(report: Report, lookup: Lookup) -> Report:
    """Return the report with the tags of another lookup."""
    tag = tag_numbers(report.port, report.protocol, lookup)
    return replace(report, tags=(*lookup.tags, UNTAGGED), tag=tag)


def measured(report: Report, selection: Selection, measure: Measure) -> Report:
    """Return the report with another measure; `selection` must be the one it was made from."""
    return replace(report, count=_sums(selection, measure), measure=measure)


def sums_at(shape: tuple[int, ...], places: Any, values: Ints) -> Ints:
    """Return an array of this shape with the values summed at their places, capped at MOST_SUM."""

    def added(part: Ints) -> Ints:
        sums: Ints = np.zeros(shape, np.int64)
        np.add.at(sums, places, part)
        return sums

    return summed(added, values)


def with_tag(report: Report, tag: str) -> Report:
    """Return the report with only the rows that have this tag."""
    number = report.tags.index(tag) if tag in report.tags else -1
    return report.where(report.tag == number)


def places_in(report: Report, port: Numbers, protocol: Numbers) -> Ints:
    """Return the index of each port and protocol in the report, -1 if it does not occur."""
    keys, wanted = keys_of(report.port, report.protocol), keys_of(port, protocol)
    places = np.searchsorted(keys, wanted)
    is_there = np.append(keys, -1)[places] == wanted
    return np.where(is_there, places, -1)


def counts_in(report: Report, port: Numbers, protocol: Numbers) -> Ints:
    """Return the count of each port and protocol in the report, 0 if it does not occur."""
    places = places_in(report, port, protocol)
    return np.where(places < 0, 0, np.append(report.count, 0)[places])


def keys_of(port: NDArray[Any], protocol: NDArray[Any]) -> Numbers:
    """Return keys that sort ports and protocols as in a report: by port, then by protocol name."""
    keys: Numbers = (port.astype(np.int32) << 8) | _RANK[protocol]
    return keys


def _filtered(table: Table, filters: Filters) -> Table:
    if (filters.action, filters.boundary, filters.time) == (None, None, None):
        return table
    keep = np.ones(len(table), np.bool_)
    if filters.action is not None:
        keep &= table.action == ACTIONS.index(filters.action)
    if filters.boundary is not None:
        keep &= table.boundary == BOUNDARIES.index(filters.boundary)
    if filters.time is not None:
        first, behind = filters.time
        window = table.window
        keep &= (window >= max(first, 0)) & (window < behind)
    return Table(
        table.key[keep], table.flows[keep], table.packets[keep], table.bytes[keep], table.rung
    )


def _sums(selection: Selection, measure: Measure) -> Ints:
    """Return the sum of the measure for each group of a selection."""
    _, order, first = selection.groups
    values: Ints = np.concatenate([values_of(table, measure) for table in selection.tables])[order]
    return summed(lambda part: np.add.reduceat(part, first), values) if len(first) else values


def values_of(table: Table, measure: Measure) -> Ints:
    """Return the column of a table for a measure."""
    return {"flows": table.flows, "packets": table.packets, "bytes": table.bytes}[measure]


def tag_numbers(port: Numbers, protocol: Numbers, lookup: Lookup) -> Numbers:
    """Return each port and protocol's tag as an index into the lookup's tags, their number if it has none."""
    numbers = np.full(len(port), len(lookup.tags), np.int32)
    order = np.argsort(protocol.astype(np.uint8), kind="stable")
    ends = np.cumsum(np.bincount(protocol, minlength=256))
    for one, (first, end) in enumerate(pairwise([0, *ends.tolist()])):
        rows = order[first:end]
        if len(rows):
            winner = lookup.winners(one)[port[rows]]
            tagged = winner != NO_RULE
            numbers[rows[tagged]] = lookup.tag_numbers[winner[tagged]]
    return numbers
