"""The lookup: rules that give a port and protocol its tag, and which rule wins.

The exact port beats the narrower range beats the wider range beats `*`; then, of equal widths, a
named protocol beats `*`; then the later row wins.
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
"""What flows that no rule names are called; no rule may give this name, in any case."""

ANY_PROTOCOL: Final = -1
NO_RULE: Final = -1
PORTS: Final = 65536
_ONE_PORT: Final = re.compile(r"([0-9]{1,5})(?:\.0+)?")
_PORT_RANGE: Final = re.compile(r"([0-9]{1,5})\s*-\s*([0-9]{1,5})")
_FORMULA: Final = ("=", "+", "-", "@")
MOST_LISTED: Final = 100_000
"""Problems of one kind that are listed."""
_LONGEST_SHOWN: Final = 60

EXACT, RANGE, ANY_PORT = range(3)
"""How a rule's ports are written: `80`, `80-80`, `*`. The smaller form is stronger."""

_FORM, _LOW, _HIGH, _PROTOCOL, _TAG, _LINE = range(6)


Meaning = tuple[int, int, int, int]
"""Of a rule: form, low, high, protocol."""


class Ports(NamedTuple):
    """The ports of a rule: low to high, both included, and the form they were written in."""

    form: int
    low: int
    high: int

    def __str__(self) -> str:
        return (str(self.low), f"{self.low}-{self.high}", "*")[self.form]


class Rule(NamedTuple):
    """One usable row: its ports and protocol (a number or ANY_PROTOCOL) get the tag."""

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
        """Form, low, high and protocol, which no other rule of a lookup shares."""
        return *self.ports, self.protocol

    @property
    def key(self) -> str:
        """Ports and protocol as they are written in a lookup: `443,tcp`."""
        return ",".join(self.cells[:2])


class Trouble(StrEnum):
    """Something that may be wrong with a row of a lookup."""

    UNUSABLE = "cannot be used"
    LOSES = "loses to a later row"
    NEVER_APPLIES = "can never apply"
    FORMULA = "looks like a formula"


class Problem(NamedTuple):
    """One row that does not do what its author may have meant, in one sentence."""

    line: int
    trouble: Trouble
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class Lookup:
    """The rules of a lookup in file order, every problem by line, and notices on the whole file.

    A million rules are held as one array (a row each: form, low, high, protocol, number of the
    tag, line); `rules` makes objects of them. `content` is the file as it was read, byte for byte,
    or the CSV that was made of it where it was no plain one; `form` is what it was then.
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
        """For each rule the place of its tag in `tags`."""
        tags: Ints = self.packed[:, _TAG]
        return tags

    def rule(self, place: int) -> Rule:
        """The rule at this place."""
        form, low, high, protocol, tag, line = self.packed[place].tolist()
        return Rule(Ports(form, low, high), protocol, self.tags[tag], line)

    def place_of(self, rule: Rule) -> int | None:
        """The place of the rule with the ports and the protocol of this one."""
        is_same = (self.packed[:, :_TAG] == rule.meaning).all(axis=1)
        return next(iter(np.flatnonzero(is_same).tolist()), None)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in file order; of rows with an equal key only the last is one."""
        return tuple(map(self.rule, range(len(self))))

    def tag_of(self, port: int, protocol: int) -> str:
        """The tag of one port (0-65535) and protocol number, UNTAGGED where no rule applies."""
        place = int(self.winners(protocol)[port])
        return UNTAGGED if place == NO_RULE else self.rule(place).tag

    def winners(self, protocol: int) -> NDArray[np.int32]:
        """For each of the 65,536 ports the place of the rule that wins, or NO_RULE."""
        places = self._places(protocol)
        if protocol == ANY_PROTOCOL or not len(places):
            return self._winners_for_any_protocol
        # Strength is one order over all rules, so the stronger of the two winners wins.
        named, any_protocol = self._winners_among(places), self._winners_for_any_protocol
        is_named = self._rank_or_last[named] < self._rank_or_last[any_protocol]
        return np.where(is_named, named, any_protocol)

    def _winners_among(self, places: Ints) -> NDArray[np.int32]:
        """The winners among the rules of one protocol, of which each exact port has one."""
        winner = np.full(PORTS, NO_RULE, np.int32)
        is_exact = self.packed[places, _FORM] == EXACT
        exact = places[is_exact]
        winner[self.packed[exact, _LOW]] = exact
        self._fill(winner, places[~is_exact])
        return winner

    def _fill(self, winner: NDArray[np.int32], ranges: Ints) -> None:
        """Give each range, the strongest first, the ports that nothing stronger has."""
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
        """For each rule whether it wins at some port, for flows of this protocol."""
        return self._wins_at(self.winners(protocol))

    def _wins_at(self, winner: NDArray[np.int32]) -> NDArray[np.bool_]:
        wins = np.zeros(len(self), np.bool_)
        wins[winner[winner != NO_RULE]] = True
        return wins

    @cached_property
    def _rank(self) -> Ints:
        """Each rule's place in the order of strength, the strongest first."""
        form, low, high, protocol, _, _ = self.packed.T
        order = np.lexsort((-np.arange(len(self)), protocol == ANY_PROTOCOL, high - low, form))
        rank = np.empty(len(self), np.int64)
        rank[order] = np.arange(len(self))
        return rank

    @cached_property
    def _rank_or_last(self) -> Ints:
        """The ranks with one more entry, the weakest, for NO_RULE, which is -1."""
        return np.append(self._rank, len(self))


def parse_ports(text: str) -> Ports | None:
    """The ports that a cell means: `443`, `443.0`, `6000-6063` or `*`; None where it means none."""
    if text == "*":
        return Ports(ANY_PORT, 0, PORTS - 1)
    if text.isdigit() and text.isascii() and len(text) <= 5:  # as nearly all are
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
    """The protocol number that a cell means, ANY_PROTOCOL for `*`, None where it means none."""
    return ANY_PROTOCOL if text == "*" else protocol_number(text)


def meanings(lookup: Lookup) -> dict[Meaning, str]:
    """The meaning of each rule and its tag, in file order."""
    keys = zip(*lookup.packed[:, :_TAG].T.tolist(), strict=True)
    tags = map(lookup.tags.__getitem__, lookup.tag_numbers.tolist())
    return dict(zip(keys, tags, strict=True))


def changes(before: Lookup, after: Lookup) -> int:
    """The number of rules that differ: only one of the two has them, or their tags differ."""
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
    """The meaning of each rule as one number."""
    form, low, high, protocol, _, _ = lookup.packed.T
    keys: Ints = ((form * PORTS + low) * PORTS + high) * 512 + protocol
    return keys


def asking(items: Iterable[T], check: Callable[[], None]) -> Iterator[T]:
    """The items; `check` is called at every thousandth, so that it can end long work by raising."""
    for place, item in enumerate(items):
        if place % 1000 == 0:
            check()
        yield item


def checked(lookup: Lookup, check: Callable[[], None] = lambda: None) -> Lookup:
    """The lookup without the rows that lose on their key, and with all its problems by line.

    Of very many of one kind only the first are listed, and a notice counts the others. `check` is called
    again and again; it may raise.
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
            more, ("rows that lose to later ones", "rows that can never apply"), strict=True
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
    """The last rule of each key; of each earlier one with another tag, its and the last's place."""
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
        f"{rule.key} is {shown(rule.tag)} here but {shown(winner.tag)} in line {winner.line}, "
        "and the later row wins"
    )
    return Problem(rule.line, Trouble.LOSES, text)


def _never_applying(lookup: Lookup) -> Iterator[Problem]:
    """The ranges and `*` of which every port belongs to stronger rules."""
    ranges = np.flatnonzero(lookup.packed[:, _FORM] != EXACT)
    protocols = lookup.packed[ranges, _PROTOCOL]
    # A rule for every protocol meets the fewest stronger ones where no rule names the protocol.
    for protocol in sorted(set(protocols.tolist())):
        places = ranges[protocols == protocol]
        for place in places[~lookup.wins(protocol)[places]].tolist():
            rule = lookup.rule(place)
            text = f"{rule.key} can never apply: stronger rows have every port of it"
            yield Problem(rule.line, Trouble.NEVER_APPLIES, text)


def _formulas(lookup: Lookup) -> Iterator[Problem]:
    first = np.full(len(lookup.tags), NO_RULE)
    first[lookup.tag_numbers[::-1]] = np.arange(len(lookup))[::-1]  # of equal ones the last stays
    for tag, place in zip(lookup.tags, first.tolist(), strict=True):
        if tag.startswith(_FORMULA) and place != NO_RULE:
            text = f"a spreadsheet that opens the result would run the tag {shown(tag)}"
            yield Problem(lookup.rule(place).line, Trouble.FORMULA, text)


def shown(text: str) -> str:
    """The text in quotes, shortened, with everything that is not printable escaped."""
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")
