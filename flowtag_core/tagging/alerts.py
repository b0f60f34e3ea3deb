"""Alerts on what is new in a log that is followed, computed from tables alone.

The last 10 to 20 minutes are compared with the two hours before them, in blocks of ten minutes, by the flows'
own times. Late flows are compared too, if their block is one of the last two.
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
"""In order of priority: if several apply to a port, it gets only the first."""

BLOCK: Final = 10
"""The minutes in a block."""
_NOW, _BEFORE = 2, 12
SPAN: Final = BLOCK * (_NOW + _BEFORE)
"""The minutes up to the newest flow that are compared."""
_INBOUND: Final = BOUNDARIES.index("inbound")


@dataclass(frozen=True)
class Limits:
    """The limits from which there is an alert. Flows are counted in ten minutes.

    `learn`: minutes of the two hours before that must have flows. `repeat`: minutes before the same alert can
    be repeated. `max_alerts`: the maximum of alerts of one kind in ten minutes; the others are only counted.
    `growth`: how many times as many flows, or rejected flows, as in the busiest ten minutes before. The rest
    are the minimum flows for each kind of alert; for `silent`, in every ten minutes before.
    """

    learn: float = 60
    repeat: float = 360
    max_alerts: float = 5
    growth: float = 2
    outside: float = 1
    new_port: float = 10
    growing: float = 100
    rejected: float = 100
    silent: float = 10


LIMITS: Final = Limits()


def limits_of(given: Mapping[str, object]) -> Limits:
    """Return the default limits with these changes; names may have dashes or underscores.

    Raises ChoiceError if a name is not a limit, or if a value is not a number of at least 0.
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
    """One thing that is new in the ten minutes that begin at `minute` (since 1970).

    It is about a port and protocol, or about a tag. `flows` are those in these ten minutes, `before` the most
    in any ten minutes of the two hours before, or the fewest for a silent tag. If `others` is not 0, the alert
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
        start = f"{moment.day} {moment:%b %H:%M} UTC"
        when = f"in the ten minutes from {start}"
        before = f"at most {self.before:,} in any ten minutes of the two hours before"
        if self.others:
            alerts = "alert" if self.others == 1 else "alerts"
            return f"{self.kind}: {self.others:,} more {alerts} {when}."
        flows = f"{self.flows:,} flow" if self.flows == 1 else f"{self.flows:,} flows"
        port = f"{self.subject} ({self.tag})"
        told: dict[Kind, str] = {
            "accepted from outside": f"{port} accepted {flows} from outside {when}, none in the two hours before.",
            "new port": f"{port} is new: {flows} {when}, none before.",
            "growing port": f"{port} is growing: {flows} {when}, {before}.",
            "more rejected": f"{self.tag} has more rejected flows: {self.flows:,} {when}, {before}.",
            "silent tag": f"{self.tag} is silent: no flows since {start}, at least {self.before:,} in "
            "every ten minutes before that.",
        }
        return told[self.kind]

    def as_json(self) -> dict[str, Any]:
        """Return the alert as a JSON object; keys that do not apply are null."""
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
    """Finds new alerts, look by look. `last_true` maps the name of each alert to the minute when it was last true."""

    limits: Limits = LIMITS
    last_true: dict[str, int] = field(default_factory=dict)
    _block: int = 0
    _shown: Counter[Kind] = field(default_factory=Counter)
    _left: Counter[Kind] = field(default_factory=Counter)

    def look(
        self, recent: Sequence[FlowCounts], ever: FlowCounts, newest: int, lookup: Lookup
    ) -> list[Alert]:
        """Return the new alerts.

        `recent` are counts of the last `SPAN` minutes up to the minute `newest`, each in windows of at most
        `BLOCK` minutes; they may include older ones. `ever` are all counts.
        """
        told = list(self._others(newest // BLOCK))
        blocks = _blocks(recent, newest // BLOCK, lookup)
        if blocks is None or not _has_learned(blocks, self.limits.learn):
            return told
        found = [
            *_port_alerts(blocks, ever, lookup, self.limits),
            *_tag_alerts(blocks, lookup, self.limits),
        ]
        told += self._new(found, newest)
        self.last_true = {
            key: minute
            for key, minute in self.last_true.items()
            if newest - minute < self.limits.repeat
        }
        return told

    def _others(self, block: int) -> Iterator[Alert]:
        """Yield how many alerts of each kind were left out, once the ten minutes are over."""
        if block == self._block:
            return
        for kind, others in self._left.items():
            yield Alert(kind, self._block * BLOCK, others=others)
        self._block = block
        self._shown.clear()
        self._left.clear()

    def _new(self, found: Iterable[Alert], newest: int) -> Iterator[Alert]:
        """Yield the alerts that were not true lately, those with the most flows first."""
        order = get_args(Kind)
        for alert in sorted(
            found, key=lambda each: (order.index(each.kind), -each.flows, each.subject)
        ):
            key = f"{alert.kind}: {alert.subject}"
            is_new = newest - self.last_true.get(key, -(1 << 40)) >= self.limits.repeat
            self.last_true[key] = newest
            if is_new and self._shown[alert.kind] < self.limits.max_alerts:
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


def _port_alerts(
    blocks: _Blocks, ever: FlowCounts, lookup: Lookup, limits: Limits
) -> Iterator[Alert]:
    """Yield the alerts on ports, at most one for each port."""
    is_untagged = blocks.tag == len(lookup.tags)
    outside, requests = _compared(blocks.from_outside), _compared(blocks.requests)
    is_outside = is_untagged & (outside.most >= limits.outside) & (outside.before == 0)
    may_be_new = (requests.most >= limits.new_port) & (requests.before == 0)
    is_new = _have_all_flows(ever.requests, blocks, may_be_new)
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


def _tag_alerts(blocks: _Blocks, lookup: Lookup, limits: Limits) -> Iterator[Alert]:
    """Yield the alerts on tags."""
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
    # One more block must be empty, because the last one has only just begun.
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
    """The most flows in any of the last blocks, which block that is, and the most in any block before."""

    most: Ints
    block: Ints
    before: Ints


def _compared(matrix: Ints) -> _Compared:
    now, before = matrix[:, _BEFORE:], matrix[:, :_BEFORE]
    return _Compared(now.max(axis=1), _BEFORE + now.argmax(axis=1), before.max(axis=1))


def _has_grown(compared: _Compared, least: float, growth: float) -> NDArray[np.bool_]:
    return (compared.most >= max(least, 1)) & (compared.most > growth * compared.before)


def _have_all_flows(ever: Table, blocks: _Blocks, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
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
