"""Report -> the tags with a colour of their own, the same in every chart."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from flowtag_core.showing.words import number
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import Numbers, Report

AMBER: Final = {"light": "#b45f06", "dark": "#f5a742"}
"""The colour of Untagged and of nothing else, for each theme."""
GREY: Final = {"light": "#8a979d", "dark": "#7d8a90"}
"""The colour of what has none of its own."""
_TAGS: Final = {
    "light": "#0b6b75 #c94c8b #4b8fe0 #5f9e20 #6a329f #1b2a5c".split(),
    "dark": "#4cc3cf #ff6fb0 #4f7fe8 #8fd17a #d9b3ff #f4f6ff".split(),
}
"""Contrast with the page of at least 3 to 1, none near to amber, few enough to be told apart."""
MOST_TAGS: Final = 6


class Legend(NamedTuple):
    """Names with a colour each: the largest tags, Other if there are more, and Untagged last.

    `place` has for each tag of the report the place of its name, `selected` that of the tag that is
    selected.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    place: Numbers
    selected: int | None = None


def legend(report: Report, whole: Report, theme: str = "light", tag: str | None = None) -> Legend:
    """The names for the tags of a report and of the whole that it is a part of.

    `tag` has a colour even if it is not among the largest. A tag keeps its colour as long as those
    with it do not want the same: it comes from its place in the lookup.
    """
    both = dict.fromkeys([*report.tag_counts, *whole.tag_counts])
    tags = [name for name in both if name != UNTAGGED]
    if tag in tags[MOST_TAGS:]:
        tags.insert(MOST_TAGS - 1, tag)
    shown = tags[:MOST_TAGS]
    others = len(whole.tag_counts.keys() - {*shown, UNTAGGED})
    rest = f"Other ({number(others, 'tag')})"
    while rest in shown:
        rest += "."
    names = [*shown, *([rest] if others else []), UNTAGGED]
    places = [report.tags.index(name) for name in shown]
    place = np.full(len(report.tags), len(shown), np.int32)
    place[places] = np.arange(len(shown))
    place[-1] = len(names) - 1
    colours = [*_colours(places, theme), *([GREY[theme]] if others else []), AMBER[theme]]
    selected = names.index(tag) if tag in names else None
    return Legend(tuple(names), tuple(colours), place, selected)


def _colours(tags: list[int], theme: str) -> list[str]:
    """A colour for each tag number, none twice: the one that is its due, or the next that is free."""
    taken: dict[int, int] = {}
    for tag in sorted(tags):
        wish = tag % MOST_TAGS
        while wish in taken.values():
            wish = (wish + 1) % MOST_TAGS
        taken[tag] = wish
    return [_TAGS[theme][taken[tag]] for tag in tags]
