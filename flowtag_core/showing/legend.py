"""Tags -> their colours, which are the same everywhere and stay as long as the page is open."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.showing.words import number
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import Numbers, Report

PALETTE: Final = (
    "#5490fc #009078 #8418fc #fc3c90 #247824 #a884c0 #d8000c #6c9c60 #78549c #b44860".split()
)
"""Colours with a contrast of 3 to 1 on a white and a dark page. Everybody can tell them, amber and grey
apart: the smallest CIEDE2000 distance is 9 with any of the three kinds of colour blindness, and 15
without."""
AMBER: Final = "#cf7a08"
"""The colour of Untagged only."""
GREY: Final = "#8a979d"
"""The colour of Other only."""
PALE: Final = {"light": "#f0c98f", "dark": "#8a6430"}
"""A lighter amber for each theme: the replies of tagged services within Untagged."""
AMBER_INK: Final = {"light": "#a95704", "dark": "#f5a742"}
"""Amber for text, which needs more contrast than a bar."""
MOST_TAGS: Final = 8
"""Tags named in a legend; the others are counted together."""


@dataclass
class Colours:
    """The position of each tag in the palette; a tag keeps its colour."""

    _place: dict[str, int] = field(default_factory=dict)

    def give(self, tags: Iterable[str]) -> None:
        """Give each of these tags a colour, the largest first.

        The colour comes from the tag's hash, so it is the same tomorrow. If another of the ten largest tags
        has it, the tag gets one that none of them has, or if there is none, the least used one.
        """
        tags = [tag for tag in tags if tag != UNTAGGED]
        largest = tags[: len(PALETTE)]
        taken = {self._place[tag] for tag in largest if tag in self._place}
        given = Counter(self._place.values())
        uses = [given[place] for place in range(len(PALETTE))]
        for rank, tag in enumerate(tags):
            if tag in self._place:
                continue
            place = self._place[tag] = _best_place(tag, taken, uses)
            uses[place] += 1
            if rank < len(largest):
                taken.add(place)

    def of(self, tags: Iterable[str]) -> list[str]:
        """The colour of each of these tags; Untagged is amber, a tag without a colour is grey."""
        return [AMBER if tag == UNTAGGED else self._of(tag) for tag in tags]

    def _of(self, tag: str) -> str:
        place = self._place.get(tag)
        return GREY if place is None else PALETTE[place]


def _best_place(tag: str, taken: Container[int], uses: Sequence[int]) -> int:
    places = _PLACES[zlib.crc32(tag.encode(errors="surrogatepass")) % len(PALETTE)]
    if places[0] not in taken:
        return places[0]
    free = [place for place in places if place not in taken]
    return min(free or places, key=uses.__getitem__)


_PLACES: Final[list[list[int]]] = [
    [*range(wish, len(PALETTE)), *range(wish)] for wish in range(len(PALETTE))
]
"""For each position in the palette, all positions in order from there, wrapping around."""


class Legend(NamedTuple):
    """Names with a colour each: the largest tags, Other if there are more, and Untagged last.

    `place` has the position of the name for each tag of the report, `selected` that of the selected tag.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    place: Numbers
    selected: int | None = None


def legend(report: Report, whole: Report, colours: Colours, tag: str | None = None) -> Legend:
    """The legend for a report that is a part of a whole.

    `tag` has its own name in it even if it is not among the largest.
    """
    tags = list(dict.fromkeys([*whole.tag_counts, *report.tag_counts]))
    tags.remove(UNTAGGED)
    colours.give(tags)
    shown = _with(tags[:MOST_TAGS], tag if tag in tags else None)
    others = len(tags) - len(shown)
    rest = _name_of_rest(others, tags)
    names = [*shown, *([rest] if others else []), UNTAGGED]
    number_of = {name: place for place, name in enumerate(report.tags)}
    place = np.full(len(report.tags), len(shown), np.int32)
    place[[number_of[name] for name in shown]] = np.arange(len(shown))
    place[-1] = len(names) - 1
    return Legend(
        tuple(names),
        (*colours.of(shown), *([GREY] if others else []), AMBER),
        place,
        names.index(tag) if tag in names else None,
    )


def _with(shown: list[str], tag: str | None) -> list[str]:
    return shown if tag is None or tag in shown else [*shown[: MOST_TAGS - 1], tag]


def _name_of_rest(others: int, tags: Sequence[str]) -> str:
    """`Other (3 tags)`, changed if a tag has that name."""
    name = f"Other ({number(others, 'tag')})"
    while name in tags:
        name += "."
    return name
