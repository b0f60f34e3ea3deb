"""The lookup: rules that map ports and protocols to tags, and which rule wins.

An exact port beats a range, a narrower range beats a wider one, and any range beats `*`. Between
rules of equal width, a named protocol beats `*`; between rules that are still equal, the later row wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import Ints
from flowtag_core.iana import protocol_name, protocol_number

T = TypeVar("T")

UNTAGGED: Final = "Untagged"
"""The tag of flows that match no rule. Rules cannot use this name, in upper or lower case."""

ANY_PROTOCOL: Final = -1
NO_RULE: Final = -1
PORTS: Final = 65536
_ONE_PORT: Final = re.compile(r"([0-9]{1,5})(?:\.0+)?")
_PORT_RANGE: Final = re.compile(r"([0-9]{1,5})\s*-\s*([0-9]{1,5})")
_FORMULA: Final = ("=", "+", "-", "@")
MOST_LISTED: Final = 100_000
"""The most problems of one kind that are listed."""
_LONGEST_SHOWN: Final = 60

EXACT, RANGE, ANY_PORT = range(3)
"""The forms in which a rule's ports can be written: `80`, `80-80`, `*`. A lower number is stronger."""

_FORM, _LOW, _HIGH, _PROTOCOL, _TAG, _LINE = range(6)


Meaning = tuple[int, int, int, int]
"""The form, low port, high port and protocol of a rule."""


class Ports(NamedTuple):
    """The ports of a rule, from low to high inclusive, and the form in which they were written."""

    form: int
    low: int
    high: int

    def __str__(self) -> str:
        return (str(self.low), f"{self.low}-{self.high}", "*")[self.form]


class Rule(NamedTuple):
    """A usable row of a lookup: flows with these ports and this protocol (or ANY_PROTOCOL) get the tag."""

    ports: Ports
    protocol: int
    tag: str
    line: int

    @property
    def cells(self) -> tuple[str, str, str]:
        """Ports, protocol and tag as they are written in a lookup."""
        protocol = "*" if self.protocol == ANY_PROTOCOL else protocol_name(self.protocol)
        return str(self.ports), protocol, self.tag

    @property
    def meaning(self) -> Meaning:
        """Form, low port, high port and protocol; unique within a lookup."""
        return *self.ports, self.protocol

    @property
    def key(self) -> str:
        """Ports and protocol as they are written in a lookup: `443,tcp`."""
        return ",".join(self.cells[:2])


class Trouble(StrEnum):
    """A kind of problem with a row of a lookup."""

    UNUSABLE = "cannot be used"
    LOSES = "loses to a later row"
    NEVER_APPLIES = "can never apply"
    FORMULA = "looks like a formula"


class Problem(NamedTuple):
    """A row that may not do what its author meant, with the reason in one sentence."""

    line: int
    trouble: Trouble
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class Lookup:
    """The rules of a lookup in file order, its problems by line, and notices on the whole file.

    `packed` has a row per rule (form, low port, high port, protocol, index of the tag, line), because
    there may be a million; `rules` creates objects from them. `content` is the file as it was read,
    byte for byte. If that was not a plain CSV, `content` is the CSV made from it, and `form` says
    what it was.
    """

    name: str
    tags: tuple[str, ...]
    packed: Ints
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()
    content: bytes = b""
    form: str = ""

    def __len__(self) -> int:
        return len(self.packed)

    def __repr__(self) -> str:
        sizes = f"rules: {len(self):,}, tags: {len(self.tags):,}, problems: {len(self.problems):,}"
        return f"<Lookup {self.name!r}: {sizes}>"

    @property
    def tag_numbers(self) -> Ints:
        """The index in `tags` of each rule's tag."""
        tags: Ints = self.packed[:, _TAG]
        return tags

    def rule(self, place: int) -> Rule:
        """Return the rule at this index."""
        form, low, high, protocol, tag, line = self.packed[place].tolist()
        return Rule(Ports(form, low, high), protocol, self.tags[tag], line)

    def place_of(self, rule: Rule) -> int | None:
        """Return the index of the rule with the same ports and protocol, or None."""
        is_same = (self.packed[:, :_TAG] == rule.meaning).all(axis=1)
        return next(iter(np.flatnonzero(is_same).tolist()), None)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in file order; if several rows have the same key, only the last one is a rule."""
        return tuple(map(self.rule, range(len(self))))

    def tag_of(self, port: int, protocol: int) -> str:
        """Return the tag of a port (0-65535) and protocol number, UNTAGGED if no rule applies."""
        place = int(self.winners(protocol)[port])
        return UNTAGGED if place == NO_RULE else self.rule(place).tag

    def winners(self, protocol: int) -> NDArray[np.int32]:
        """Return the index of the winning rule for each of the 65,536 ports; NO_RULE if there is none."""
        places = self._places(protocol)
        if protocol == ANY_PROTOCOL or not len(places):
            return self._winners_for_any_protocol
        # All rules are ordered by strength, so the stronger of the two winners wins.
        named, any_protocol = self._winners_among(places), self._winners_for_any_protocol
        is_named = self._rank_or_last[named] < self._rank_or_last[any_protocol]
        return np.where(is_named, named, any_protocol)

    def _winners_among(self, places: Ints) -> NDArray[np.int32]:
        """Return the winner for each port among rules of one protocol, at most one per exact port."""
        winner = np.full(PORTS, NO_RULE, np.int32)
        is_exact = self.packed[places, _FORM] == EXACT
        exact = places[is_exact]
        winner[self.packed[exact, _LOW]] = exact
        self._fill(winner, places[~is_exact])
        return winner

    def _fill(self, winner: NDArray[np.int32], ranges: Ints) -> None:
        """Assign each range the ports that no stronger rule has taken, the strongest range first."""
        free = bytearray((winner == NO_RULE).tobytes())
        ranges = ranges[np.argsort(self._rank[ranges])]
        for place, low, high in zip(
            ranges.tolist(),
            self.packed[ranges, _LOW].tolist(),
            self.packed[ranges, _HIGH].tolist(),
            strict=True,
        ):
            start = free.find(1, low, high + 1)
            while start >= 0:
                end = free.find(0, start, high + 1)
                end = high + 1 if end < 0 else end
                winner[start:end] = place
                free[start:end] = bytes(end - start)
                start = free.find(1, end, high + 1)

    def _places(self, protocol: int) -> Ints:
        order, protocols = self._by_protocol
        first, behind = np.searchsorted(protocols, [protocol, protocol + 1]).tolist()
        places: Ints = order[first:behind]
        return places

    @cached_property
    def _by_protocol(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.packed[:, _PROTOCOL], kind="stable")
        return order, self.packed[order, _PROTOCOL]

    @cached_property
    def _winners_for_any_protocol(self) -> NDArray[np.int32]:
        return self._winners_among(self._places(ANY_PROTOCOL))

    def wins(self, protocol: int) -> NDArray[np.bool_]:
        """Return whether each rule wins at any port, for flows of this protocol."""
        return self._wins_at(self.winners(protocol))

    def _wins_at(self, winner: NDArray[np.int32]) -> NDArray[np.bool_]:
        wins = np.zeros(len(self), np.bool_)
        wins[winner[winner != NO_RULE]] = True
        return wins

    @cached_property
    def _rank(self) -> Ints:
        """The rank of each rule by strength; the strongest has rank 0."""
        form, low, high, protocol, _, _ = self.packed.T
        order = np.lexsort((-np.arange(len(self)), protocol == ANY_PROTOCOL, high - low, form))
        rank = np.empty(len(self), np.int64)
        rank[order] = np.arange(len(self))
        return rank

    @cached_property
    def _rank_or_last(self) -> Ints:
        """The ranks, and at the end (index -1, which is NO_RULE) one that is weaker than all of them."""
        return np.append(self._rank, len(self))


def parse_ports(text: str) -> Ports | None:
    """Return the ports in a cell: `443`, `443.0`, `6000-6063` or `*`; None if it is invalid."""
    if text == "*":
        return Ports(ANY_PORT, 0, PORTS - 1)
    if text.isdigit() and text.isascii() and len(text) <= 5:  # true of nearly all cells
        port = int(text)
        return Ports(EXACT, port, port) if port < PORTS else None
    if one := _ONE_PORT.fullmatch(text):
        port = int(one[1])
        return Ports(EXACT, port, port) if port < PORTS else None
    if both := _PORT_RANGE.fullmatch(text):
        low, high = int(both[1]), int(both[2])
        return Ports(RANGE, low, high) if low <= high < PORTS else None
    return None


def parse_protocol(text: str) -> int | None:
    """Return the protocol number in a cell, ANY_PROTOCOL for `*`, or None if it is invalid."""
    return ANY_PROTOCOL if text == "*" else protocol_number(text)


def meanings(lookup: Lookup) -> dict[Meaning, str]:
    """Return a dictionary from the meaning of each rule to its tag, in file order."""
    keys = zip(*lookup.packed[:, :_TAG].T.tolist(), strict=True)
    tags = map(lookup.tags.__getitem__, lookup.tag_numbers.tolist())
    return dict(zip(keys, tags, strict=True))


def changes(before: Lookup, after: Lookup) -> int:
    """Return how many rules are in only one of the two lookups or have different tags in them."""
    numbers = {tag: number for number, tag in enumerate({*before.tags, *after.tags})}
    old, new = _keys(before), _keys(after)
    both, old_places, new_places = np.intersect1d(old, new, assume_unique=True, return_indices=True)
    old_tags, new_tags = (
        np.array([numbers[tag] for tag in lookup.tags], np.int64)[lookup.tag_numbers]
        for lookup in (before, after)
    )
    same = np.count_nonzero(old_tags[old_places] == new_tags[new_places])
    return len(old) + len(new) - len(both) - int(same)


def _keys(lookup: Lookup) -> Ints:
    """Return the meaning of each rule as a single number."""
    form, low, high, protocol, _, _ = lookup.packed.T
    keys: Ints = ((form * PORTS + low) * PORTS + high) * 512 + protocol
    return keys


def asking(items: Iterable[T], check: Callable[[], None]) -> Iterator[T]:
    """Yield the items, and call `check` at every thousandth, so that it can stop long work by raising."""
    for place, item in enumerate(items):
        if place % 1000 == 0:
            check()
        yield item


def checked(lookup: Lookup, check: Callable[[], None] = lambda: None) -> Lookup:
    """Return the lookup without rows that lose to a later row, and with all its problems by line.

    If there are more than MOST_LISTED problems of a kind, a notice says how many are not listed. `check`
    is called repeatedly and may raise.
    """
    kept, losers = _without_losers(lookup)
    losing = (
        _losing(lookup.rule(row), lookup.rule(winner))
        for row, winner in losers[:MOST_LISTED].tolist()
    )
    never = asking(_never_applying(kept), check)
    problems = [
        *lookup.problems,
        *asking(losing, check),
        *islice(never, MOST_LISTED),
        *_formulas(kept),
    ]
    more = max(len(losers) - MOST_LISTED, 0), sum(1 for _ in never)
    unlisted = (
        f"{lookup.name}: {what}: {count:,} more, not listed."
        for count, what in zip(
            more, ("rows that lose to later rows", "rows that can never apply"), strict=True
        )
        if count
    )
    return Lookup(
        lookup.name,
        kept.tags,
        kept.packed,
        tuple(sorted(problems)),
        (*lookup.notices, *unlisted),
    )


def _without_losers(lookup: Lookup) -> tuple[Lookup, Ints]:
    """Return the lookup with only the last rule of each key, and the losers.

    A loser is an earlier rule with the same key but another tag. Each is a pair of indexes: its own and
    that of the last rule.
    """
    key, tag = _keys(lookup), lookup.tag_numbers
    order = np.argsort(key, kind="stable")
    is_last = np.append(np.diff(key[order]) != 0, True)[: len(key)]
    last = order[is_last]
    winner = np.empty_like(order)
    winner[order] = last[np.cumsum(is_last) - is_last]
    losers = np.flatnonzero(tag != tag[winner])
    kept = Lookup(lookup.name, lookup.tags, lookup.packed[np.sort(last)])
    return kept, np.column_stack([losers, winner[losers]])


def _losing(rule: Rule, winner: Rule) -> Problem:
    text = (
        f"{rule.key} is tagged {shown(rule.tag)} here but {shown(winner.tag)} in line {winner.line}, "
        "and the later row wins"
    )
    return Problem(rule.line, Trouble.LOSES, text)


def _never_applying(lookup: Lookup) -> Iterator[Problem]:
    """Yield a problem for each range or `*` whose ports all have stronger rules."""
    ranges = np.flatnonzero(lookup.packed[:, _FORM] != EXACT)
    protocols = lookup.packed[ranges, _PROTOCOL]
    # Try a rule for any protocol with a protocol that no rule names: there it has the fewest rivals.
    for protocol in sorted(set(protocols.tolist())):
        places = ranges[protocols == protocol]
        for place in places[~lookup.wins(protocol)[places]].tolist():
            rule = lookup.rule(place)
            text = f"{rule.key} can never apply: stronger rows cover all its ports"
            yield Problem(rule.line, Trouble.NEVER_APPLIES, text)


def _formulas(lookup: Lookup) -> Iterator[Problem]:
    first = np.full(len(lookup.tags), NO_RULE)
    first[lookup.tag_numbers[::-1]] = np.arange(len(lookup))[
        ::-1
    ]  # so the first rule of each tag stays
    for tag, place in zip(lookup.tags, first.tolist(), strict=True):
        if tag.startswith(_FORMULA) and place != NO_RULE:
            text = f"a spreadsheet would run the tag {shown(tag)} as a formula"
            yield Problem(lookup.rule(place).line, Trouble.FORMULA, text)


def shown(text: str) -> str:
    """Return the text in quotes, shortened, with non-printable characters escaped."""
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")
