"""The colors of the tags, which are the same in every chart for as long as the page is open."""

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
"""Colors with a contrast of at least 3:1 on the white page and on the dark one. Everybody can tell them
apart, and from amber and gray: the smallest CIEDE2000 distance is 15 with normal vision, and 9 with any of
the three kinds of color blindness."""
AMBER: Final = "#cf7a08"
"""The color of Untagged, and of nothing else."""
GREY: Final = "#8a979d"
"""The color of Other, and of nothing else."""
PALE: Final = {"light": "#f0c98f", "dark": "#8a6430", "report": "var(--pale)"}
"""A paler amber for each theme, for the replies of tagged services within Untagged."""
AMBER_INK: Final = {"light": "#a95704", "dark": "#f5a742"}
"""Amber for text in each theme, as text needs more contrast than a bar."""
MOST_TAGS: Final = 8
"""The most tags that a legend names. All others are counted together."""


@dataclass
class Colours:
    """The position of each tag's color in the palette. A tag keeps its color once it has one."""

    _place: dict[str, int] = field(default_factory=dict)

    def give(self, tags: Iterable[str]) -> None:
        """Give a color to each of these tags that has none. The tags are in order, the largest first.

        The color comes from the tag's hash, so it is the same tomorrow. If another of the ten largest tags
        has it, the tag gets a color that none of them has, or the least used one if there is no such color.
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
        """Return the color of each of these tags: amber for Untagged, gray for a tag without a color."""
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
"""For each position in the palette, all positions in order, starting there and wrapping around."""


class Legend(NamedTuple):
    """The names in a chart and their colors: the largest tags, Other if there are more, and Untagged last.

    `place` has, for each tag of the report, its position in `names`. `selected` is the position of the
    selected tag.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    place: Numbers
    selected: int | None = None


def legend(report: Report, whole: Report, colours: Colours, tag: str | None = None) -> Legend:
    """Return the legend for a report, which is a part of the report `whole`.

    `tag` is listed under its own name even if it is not among the largest.
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
    """Return a name such as `Other (3 tags)`, with dots added if a tag already has that name."""
    name = f"Other ({number(others, 'tag')})"
    while name in tags:
        name += "."
    return name
