"""What is new in a log that is followed: an alert for each, computed from tables alone.

The last ten to twenty minutes are compared with the two hours before them, in blocks of ten minutes by the
flows' own time. A block that arrives late is compared too, as long as it is one of the last two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import ACCEPT, BOUNDARIES, REJECT, FlowCounts, Ints, Table
from flowtag_core.errors import ChoiceError
from flowtag_core.iana import protocol_name
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.report import Numbers, sums_at, tag_numbers

Kind = Literal["accepted from outside", "new port", "growing port", "more rejected", "silent tag"]
"""In this order: of a port that gives several, only the first is told."""

BLOCK: Final = 10
"""Minutes that are counted together."""
_NOW, _BEFORE = 2, 12
SPAN: Final = BLOCK * (_NOW + _BEFORE)
"""The minutes before the newest flow that are looked at."""
_INBOUND: Final = BOUNDARIES.index("inbound")


@dataclass(frozen=True)
class Limits:
    """From when on something is told. Flows are those in ten minutes.

    `learn`: minutes that must have been seen before. `again`: minutes for which nothing is told twice.
    `most`: alerts of one kind in ten minutes; of the others only their number is told. `growth`: how many
    times as many flows as in the busiest ten minutes before, also of rejected ones. The others are the least
    flows of each kind of alert; `silent` those in each of the ten minutes before.
    """

    learn: float = 60
    again: float = 360
    most: float = 5
    growth: float = 2
    outside: float = 1
    new_port: float = 10
    growing: float = 100
    rejected: float = 100
    silent: float = 10


LIMITS: Final = Limits()


def limits_of(given: Mapping[str, object]) -> Limits:
    """Return the limits with some replaced; a dash in a name is an underscore.

    Raises ChoiceError if there is no limit of a name, or if a value is not a number of at least 0.
    """
    names = [each.name for each in fields(Limits)]
    found: dict[str, float] = {}
    for key, value in given.items():
        name = key.replace("-", "_")
        if name not in names:
            shown = ", ".join(names).replace("_", "-")
            raise ChoiceError(f"{key!r:.60} is not a limit for alerts. Use one of {shown}.")
        try:
            number = float(value) if isinstance(value, (str, int, float)) else -1
        except ValueError:
            number = -1
        if isinstance(value, bool) or not 0 <= number < 1e15:
            raise ChoiceError(
                f"the limit {key} is {value!r:.60}, which is not a number of at least 0."
            )
        found[name] = number
    return Limits(**found)


@dataclass(frozen=True)
class Alert:
    """One thing that is new, in the ten minutes from `minute` (since 1970) on.

    It is about a port and protocol, or about a tag. `flows` are those in these ten minutes, `before` the most
    in any ten minutes of the two hours before; for a silent tag the least. If `others` is not 0, the alert
    stands for that many others of its kind.
    """

    kind: Kind
    minute: int
    tag: str = ""
    port: int | None = None
    protocol: int | None = None
    flows: int = 0
    before: int = 0
    others: int = 0

    @property
    def subject(self) -> str:
        """The port and protocol, or the tag."""
        if self.port is None or self.protocol is None:
            return self.tag
        return f"{self.port}/{protocol_name(self.protocol)}"

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(60 * self.minute, UTC)
        when = f"in the ten minutes from {moment:%H:%M} UTC on"
        before = f"{self.before:,} at most in any ten minutes of the two hours before"
        if self.others:
            return f"{self.others:,} more alerts of this kind {when}: {self.kind}."
        told: dict[Kind, str] = {
            "accepted from outside": f"{self.flows:,} flows from outside to an untagged port were accepted "
            f"{when}, none in the two hours before.",
            "new port": f"{self.flows:,} flows {when}, none ever before; {self.tag}.",
            "growing port": f"untagged, {self.flows:,} flows {when}, {before}.",
            "more rejected": f"{self.flows:,} flows rejected {when}, {before}.",
            "silent tag": f"no flows since {moment:%H:%M} UTC, {self.before:,} at least in each ten minutes of "
            "the time before.",
        }
        return f"{self.subject}: {self.kind}: {told[self.kind]}"

    def as_json(self) -> dict[str, Any]:
        """Return the alert as a JSON object; what it is not about is null."""
        return {
            "kind": self.kind,
            "from": datetime.fromtimestamp(60 * self.minute, UTC).strftime("%Y-%m-%dT%H:%MZ"),
            "minutes": BLOCK,
            "port": self.port,
            "protocol": None if self.protocol is None else protocol_name(self.protocol),
            "tag": self.tag or None,
            "flows": self.flows,
            "before": self.before,
            "others": self.others,
            "text": str(self),
        }


class _Blocks(NamedTuple):
    """Flows by port and protocol in each block, the newest last: a matrix for each measure."""

    first: int
    port: Numbers
    protocol: Numbers
    tag: Numbers
    requests: Ints
    from_outside: Ints
    by_service: Ints
    rejected: Ints


@dataclass
class Watch:
    """Finds what is new, look by look. `told` gives for each alert the minute when it was last true."""

    limits: Limits = LIMITS
    told: dict[str, int] = field(default_factory=dict)
    _block: int = 0
    _shown: Counter[Kind] = field(default_factory=Counter)
    _left: Counter[Kind] = field(default_factory=Counter)

    def look(
        self, recent: Sequence[FlowCounts], ever: FlowCounts, newest: int, lookup: Lookup
    ) -> list[Alert]:
        """Return what is new.

        `recent` are counts of the last `SPAN` minutes before the minute `newest`, each in windows of at most
        `BLOCK` minutes; they may include older ones. `ever` are all counts.
        """
        told = list(self._others(newest // BLOCK))
        blocks = _blocks(recent, newest // BLOCK, lookup)
        if blocks is None or not _has_learned(blocks, self.limits.learn):
            return told
        found = [
            *_of_ports(blocks, ever, lookup, self.limits),
            *_of_tags(blocks, lookup, self.limits),
        ]
        told += self._new(found, newest)
        self.told = {
            key: minute for key, minute in self.told.items() if newest - minute < self.limits.again
        }
        return told

    def _others(self, block: int) -> Iterator[Alert]:
        """Yield the numbers of alerts that were left out, once the ten minutes are over."""
        if block == self._block:
            return
        for kind, others in self._left.items():
            yield Alert(kind, self._block * BLOCK, others=others)
        self._block = block
        self._shown.clear()
        self._left.clear()

    def _new(self, found: Iterable[Alert], newest: int) -> Iterator[Alert]:
        """Yield the alerts that were not told lately, those with most flows first."""
        order = get_args(Kind)
        for alert in sorted(
            found, key=lambda each: (order.index(each.kind), -each.flows, each.subject)
        ):
            key = f"{alert.kind}: {alert.subject}"
            is_new = newest - self.told.get(key, -(1 << 40)) >= self.limits.again
            self.told[key] = newest
            if is_new and self._shown[alert.kind] < self.limits.most:
                self._shown[alert.kind] += 1
                yield alert
            elif is_new:
                self._left[alert.kind] += 1


def _blocks(recent: Sequence[FlowCounts], newest: int, lookup: Lookup) -> _Blocks | None:
    """Return the matrices of the last blocks, or None if there are no flows in them."""
    first = newest - (_NOW + _BEFORE) + 1
    requests = _rows([counts.requests for counts in recent], first)
    replies = _rows([counts.replies_by_service for counts in recent], first)
    key = np.concatenate([requests.key, replies.key])
    if not len(key):
        return None
    keys, place = np.unique(key, return_inverse=True)
    port, protocol = (keys >> 8).astype(np.int32), (keys & 255).astype(np.int32)
    block = np.concatenate([requests.block, replies.block])
    action = np.concatenate([requests.action, replies.action])
    flows = np.concatenate([requests.flows, replies.flows])
    is_request = np.arange(len(key)) < len(requests.key)
    is_inbound = np.concatenate([requests.boundary, replies.boundary]) == _INBOUND

    def matrix(rows: NDArray[np.bool_] | slice) -> Ints:
        return sums_at((len(keys), _NOW + _BEFORE), (place[rows], block[rows]), flows[rows])

    return _Blocks(
        first * BLOCK,
        port,
        protocol,
        tag_numbers(port, protocol, lookup),
        matrix(is_request),
        matrix(is_request & is_inbound & (action == ACCEPT)),
        matrix(slice(None)),
        matrix(action == REJECT),
    )


class _Rows(NamedTuple):
    """The rows of tables in the last blocks; `key` is the port and protocol, `block` is 0 for the oldest."""

    key: Ints
    block: Ints
    boundary: Ints
    action: Ints
    flows: Ints


def _rows(tables: Sequence[Table], first: int) -> _Rows:
    columns: list[_Rows] = []
    for each in tables:
        block = each.window // (60 * BLOCK) - first
        here = (block >= 0) & (block < _NOW + _BEFORE)
        key = each.port << 8 | each.protocol
        whole = _Rows(key, block, each.boundary, each.action, each.flows)
        columns.append(_Rows(*(column[here] for column in whole)))
    empty = _Rows(*(np.empty(0, np.int64) for _ in _Rows._fields))
    return _Rows(*(np.concatenate(some) for some in zip(empty, *columns, strict=True)))


def _has_learned(blocks: _Blocks, minutes: float) -> bool:
    """Whether there were flows in enough of the blocks before to know what is usual."""
    seen = blocks.by_service[:, :_BEFORE].any(axis=0).sum()
    return bool(seen * BLOCK >= min(minutes, _BEFORE * BLOCK))


def _of_ports(blocks: _Blocks, ever: FlowCounts, lookup: Lookup, limits: Limits) -> Iterator[Alert]:
    """Yield what is new about ports, at most one alert for each."""
    is_untagged = blocks.tag == len(lookup.tags)
    outside, requests = _compared(blocks.from_outside), _compared(blocks.requests)
    is_outside = is_untagged & (outside.most >= limits.outside) & (outside.before == 0)
    may_be_new = (requests.most >= limits.new_port) & (requests.before == 0)
    is_new = _are_all(ever.requests, blocks, may_be_new)
    is_growing = is_untagged & _has_grown(requests, limits.growing, limits.growth)
    kinds: tuple[tuple[Kind, NDArray[np.bool_], _Compared], ...] = (
        ("accepted from outside", is_outside, outside),
        ("new port", is_new & ~is_outside, requests),
        ("growing port", is_growing & ~is_new & ~is_outside, requests),
    )
    for kind, rows, compared in kinds:
        for row in np.flatnonzero(rows).tolist():
            port, protocol = int(blocks.port[row]), int(blocks.protocol[row])
            tag = UNTAGGED if is_untagged[row] else lookup.tags[blocks.tag[row]]
            minute = blocks.first + BLOCK * int(compared.block[row])
            flows, before = int(compared.most[row]), int(compared.before[row])
            yield Alert(kind, minute, tag, port, protocol, flows, before)


def _of_tags(blocks: _Blocks, lookup: Lookup, limits: Limits) -> Iterator[Alert]:
    """Yield what is new about tags."""
    numbers, place = np.unique(blocks.tag, return_inverse=True)
    rejected, flows = (np.zeros((len(numbers), _NOW + _BEFORE), np.int64) for _ in range(2))
    np.add.at(rejected, place, blocks.rejected)
    np.add.at(flows, place, blocks.by_service)
    names = [*lookup.tags, UNTAGGED]
    rejects = _compared(rejected)
    for row in np.flatnonzero(_has_grown(rejects, limits.rejected, limits.growth)).tolist():
        minute = blocks.first + BLOCK * int(rejects.block[row])
        counts = int(rejects.most[row]), int(rejects.before[row])
        yield Alert("more rejected", minute, names[numbers[row]], None, None, *counts)
    # One block more must be empty: the last one has only just begun.
    quiet = _BEFORE - 1
    has_flows: NDArray[np.bool_] = np.any(flows, axis=0)
    if not has_flows[quiet:].all():  # The log itself is silent.
        return
    least = flows[:, :quiet][:, has_flows[:quiet]].min(axis=1, initial=1 << 62)
    is_silent = (flows[:, quiet:].max(axis=1) == 0) & (least >= max(limits.silent, 1))
    for row in np.flatnonzero(is_silent & (numbers < len(lookup.tags))).tolist():
        minute = blocks.first + BLOCK * quiet
        yield Alert("silent tag", minute, names[numbers[row]], before=int(least[row]))


class _Compared(NamedTuple):
    """The most flows in one of the last blocks, which block that is, and the most in one of those before."""

    most: Ints
    block: Ints
    before: Ints


def _compared(matrix: Ints) -> _Compared:
    now, before = matrix[:, _BEFORE:], matrix[:, :_BEFORE]
    return _Compared(now.max(axis=1), _BEFORE + now.argmax(axis=1), before.max(axis=1))


def _has_grown(compared: _Compared, least: float, growth: float) -> NDArray[np.bool_]:
    return (compared.most >= max(least, 1)) & (compared.most > growth * compared.before)


def _are_all(ever: Table, blocks: _Blocks, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of these rows have all the flows that their port and protocol ever had."""
    keys = (blocks.port.astype(np.int64) << 8 | blocks.protocol)[rows]  # sorted, as in the matrices
    found = np.zeros(len(rows), np.bool_)
    if len(keys):
        key = ever.port << 8 | ever.protocol
        place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        is_one = keys[place] == key
        all_flows = sums_at((len(keys),), place[is_one], ever.flows[is_one])
        found[rows] = all_flows == blocks.requests[rows].sum(axis=1)
    return found
