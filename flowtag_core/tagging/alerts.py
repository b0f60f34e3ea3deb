"""Alerts on what is new in a log that is followed, computed from tables alone.

The last 10 to 20 minutes are compared with the two hours before them, in blocks of ten minutes, by the flows'
own times. Late flows are compared too, if their block is one of the last two.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import FlowCounts, Ints, Table
from flowtag_core.errors import ChoiceError
from flowtag_core.iana import protocol_name
from flowtag_core.tagging.blocks import BEFORE, BLOCK, NOW, SPAN, Blocks, blocks_of
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.report import sums_at

Kind = Literal["accepted from outside", "new port", "growing port", "more rejected", "silent tag"]
"""In order of priority: if several apply to a port, it gets only the first."""

_CHOSEN_BY_CLIENTS: Final = 32_768
"""From this port on, most flows are replies to clients, which choose such ports."""
_TIMES_AS_MANY: Final = 10
"""How many times as many flows a port that clients choose must have to be new, or to be reached from outside."""


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
    outside: float = 3
    new_port: float = 10
    growing: float = 100
    rejected: float = 100
    silent: float = 10


LIMITS: Final = Limits()
_RANGES: Final = {
    "learn": (0, BEFORE * BLOCK),
    "repeat": (0, 100_000),
    "max_alerts": (0, 1_000),
}


def limits_of(given: Mapping[str, object]) -> Limits:
    """Return the default limits with these changes; names may have dashes or underscores.

    Raises ChoiceError if a name is not a limit, or if a value is not a number in its range.
    """
    names = [each.name for each in fields(Limits)]
    found: dict[str, float] = {}
    for key, value in given.items():
        name = key.replace("-", "_")
        if name not in names:
            shown = ", ".join(names).replace("_", "-")
            raise ChoiceError(f"{key!r:.60} is not a limit for alerts. Use one of {shown}.")
        least, most = _RANGES.get(name, (1, 1e15))
        try:
            number = float(value) if isinstance(value, (str, int, float)) else math.nan
        except ValueError:
            number = math.nan
        if isinstance(value, bool) or not least <= number <= most:
            limits = f"from {least} to {most:,}" if name in _RANGES else f"of at least {least}"
            raise ChoiceError(f"the limit {key} is {value!r:.60}, which is not a number {limits}.")
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

    @property
    def time(self) -> tuple[int, int]:
        """The start and the end of its ten minutes, in seconds since 1970."""
        return 60 * self.minute, 60 * (self.minute + BLOCK)

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


@dataclass
class Watch:
    """Finds new alerts, look by look. `last_true` maps the name of each alert to the minute when it was last true."""

    limits: Limits = LIMITS
    last_true: dict[str, int] = field(default_factory=dict)
    _block: int = 0
    _shown: Counter[Kind] = field(default_factory=Counter)
    _left: Counter[Kind] = field(default_factory=Counter)

    def since(
        self,
        before: int,
        newest: int,
        keep: int,
        spans: Iterable[tuple[tuple[int, int], FlowCounts]],
        ever: FlowCounts,
        lookup: Lookup,
    ) -> list[Alert]:
        """Return the new alerts since the minute `before`, in the order of time.

        There may have been a backlog, so every block since then is looked at, as far as the last `keep` minutes
        before `newest` reach. `spans` has the counts of each span of time, by its first minute and its length in
        minutes; `ever` has all counts.
        """
        counted = [(start, width, counts) for (start, width), counts in spans]
        first = max(before, newest - keep, min((start for start, *_ in counted), default=0))
        ends = [BLOCK * block - 1 for block in range(first // BLOCK + 1, newest // BLOCK + 1)]
        found: list[Alert] = []
        for minute in (*ends, newest):
            last = [
                counts
                for start, width, counts in counted
                if minute + 1 - SPAN < start + width and start <= minute
            ]
            later = [counts for start, _, counts in counted if start > minute]
            found += self.look(last, ever, minute, lookup, later)
        return found

    def look(
        self,
        recent: Sequence[FlowCounts],
        ever: FlowCounts,
        newest: int,
        lookup: Lookup,
        later: Sequence[FlowCounts] = (),
    ) -> list[Alert]:
        """Return the new alerts at the minute `newest`.

        `recent` are counts of the last `SPAN` minutes up to that minute, each in windows of at most `BLOCK`
        minutes; they may include older ones. `later` are counts of what came after it, and `ever` all counts.
        """
        told = list(self._others(newest // BLOCK))
        blocks = blocks_of(recent, newest // BLOCK, lookup)
        if blocks is None or not _has_learned(blocks, self.limits.learn):
            return told
        found = [
            *_port_alerts(
                blocks, ever.requests, [each.requests for each in later], lookup, self.limits
            ),
            *_tag_alerts(blocks, lookup, self.limits),
        ]
        told += self._new(found, newest)
        self.last_true = {
            key: minute
            for key, minute in self.last_true.items()
            if newest - minute < self.limits.repeat
        }
        return told

    def rest(self) -> list[Alert]:
        """Return how many alerts of each kind were left out and not told yet."""
        return list(self._others(-1))

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


def _has_learned(blocks: Blocks, minutes: float) -> bool:
    """Whether there were flows in enough of the blocks before to know what is usual."""
    return bool(blocks.by_service[:, :BEFORE].any(axis=0).sum() * BLOCK >= minutes)


class _Found(NamedTuple):
    """Whether there is something new in each row; the flows in a block, which block, and the most before it."""

    is_new: NDArray[np.bool_]
    flows: Ints
    block: Ints
    before: Ints


def _begun(matrix: Ints, least: NDArray[np.float64]) -> _Found:
    """Return which rows have enough flows in one of the last blocks, and none in the two hours before."""
    now, before = matrix[:, BEFORE:], matrix[:, :BEFORE].max(axis=1)
    most = now.max(axis=1)
    return _Found((most >= least) & (before == 0), most, BEFORE + now.argmax(axis=1), before)


def _grown(matrix: Ints, least: float, growth: float) -> _Found:
    """Return which rows have enough flows in one of the last blocks, and more than in each of those before it."""
    found = _Found(*(np.zeros(len(matrix), kind) for kind in (bool, *[np.int64] * 3)))
    for block in range(BEFORE, BEFORE + NOW):
        flows, before = matrix[:, block], matrix[:, block - BEFORE : block].max(axis=1)
        is_new = (flows >= least) & (flows > growth * before)
        is_more = is_new & (flows >= found.flows)
        found = _Found(
            found.is_new | is_new,
            *(
                np.where(is_more, now, then)
                for now, then in zip((flows, block, before), found[1:], strict=True)
            ),
        )
    return found


def _port_alerts(
    blocks: Blocks, ever: Table, later: Sequence[Table], lookup: Lookup, limits: Limits
) -> Iterator[Alert]:
    """Yield the alerts on ports, at most one for each port."""
    is_untagged = blocks.tag == len(lookup.tags)
    times = np.where(blocks.port >= _CHOSEN_BY_CLIENTS, _TIMES_AS_MANY, 1)
    outside = _begun(blocks.from_outside, limits.outside * times)
    begun = _begun(blocks.requests, limits.new_port * times)
    grown = _grown(blocks.requests, limits.growing, limits.growth)
    is_outside = is_untagged & outside.is_new
    is_new = ~is_outside & _have_all_flows(ever, later, blocks, begun.is_new)
    is_growing = ~is_outside & ~is_new & is_untagged & grown.is_new
    kinds: tuple[tuple[Kind, NDArray[np.bool_], _Found], ...] = (
        ("accepted from outside", is_outside, outside),
        ("new port", is_new, begun),
        ("growing port", is_growing, grown),
    )
    for kind, rows, found in kinds:
        for row in np.flatnonzero(rows).tolist():
            port, protocol = int(blocks.port[row]), int(blocks.protocol[row])
            tag = UNTAGGED if is_untagged[row] else lookup.tags[blocks.tag[row]]
            minute = blocks.first + BLOCK * int(found.block[row])
            flows, before = int(found.flows[row]), int(found.before[row])
            yield Alert(kind, minute, tag, port, protocol, flows, before)


def _tag_alerts(blocks: Blocks, lookup: Lookup, limits: Limits) -> Iterator[Alert]:
    """Yield the alerts on tags."""
    numbers, place = np.unique(blocks.tag, return_inverse=True)
    rejected, flows = (np.zeros((len(numbers), BEFORE + NOW), np.int64) for _ in range(2))
    np.add.at(rejected, place, blocks.rejected)
    np.add.at(flows, place, blocks.by_service)
    names = [*lookup.tags, UNTAGGED]
    found = _grown(rejected, limits.rejected, limits.growth)
    for row in np.flatnonzero(found.is_new).tolist():
        minute = blocks.first + BLOCK * int(found.block[row])
        counts = int(found.flows[row]), int(found.before[row])
        yield Alert("more rejected", minute, names[numbers[row]], None, None, *counts)
    # One more block must be empty, because the last one has only just begun.
    quiet = BEFORE - 1
    has_flows: NDArray[np.bool_] = np.any(flows, axis=0)
    if not has_flows[quiet:].all():  # The log itself is silent.
        return
    least = flows[:, :quiet][:, has_flows[:quiet]].min(axis=1, initial=1 << 62)
    is_silent = (flows[:, quiet:].max(axis=1) == 0) & (least >= limits.silent)
    for row in np.flatnonzero(is_silent & (numbers < len(lookup.tags))).tolist():
        minute = blocks.first + BLOCK * quiet
        yield Alert("silent tag", minute, names[numbers[row]], before=int(least[row]))


def _have_all_flows(
    ever: Table, later: Sequence[Table], blocks: Blocks, rows: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which of these rows have all the flows that their port and protocol ever had, but for later ones."""
    keys = (blocks.port.astype(np.int64) << 8 | blocks.protocol)[rows]  # sorted, as in the matrices
    found = np.zeros(len(rows), np.bool_)
    if len(keys):
        before = _flows_of(keys, ever) - sum(_flows_of(keys, each) for each in later)
        found[rows] = before == blocks.requests[rows].sum(axis=1)
    return found


def _flows_of(keys: Ints, table: Table) -> Ints:
    """Return the flows of each of the sorted ports and protocols in a table."""
    key = table.port << 8 | table.protocol
    place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    is_one = keys[place] == key
    return sums_at((len(keys),), place[is_one], table.flows[is_one])
