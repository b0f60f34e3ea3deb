"""Each tag has the same color everywhere, for as long as the page is open."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.showing.legend import (
    AMBER,
    AMBER_INK,
    GREY,
    MOST_TAGS,
    PALE,
    PALETTE,
    Colours,
    legend,
)
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import map_tags
from tests.logs import line
from tests.showing.colour_vision import contrast, distance, lab
from tests.showing.made import many_tags
from tests.tagging.made import load, parse

PAGES = {"light": "#ffffff", "dark": "#0f1517"}
ALL = [*PALETTE, AMBER, GREY]
tag_numbers = st.lists(st.integers(0, 40), max_size=60)
tag_names = st.lists(st.text(max_size=8), unique=True, max_size=30)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_distances_match_the_examples_published_with_the_formula(one, other, apart):
    assert distance(one, other) == pytest.approx(apart, abs=1e-4)


@pytest.mark.parametrize(
    ("vision", "least"), [("normal", 15), ("protan", 9), ("deutan", 9), ("tritan", 9)]
)
def test_everybody_can_tell_all_colors_apart(vision, least):
    for one, other in combinations(ALL, 2):
        assert distance(lab(one, vision), lab(other, vision)) >= least, (one, other)


@pytest.mark.parametrize("page", PAGES.values())
def test_every_color_stands_out_from_the_page(page):
    assert min(contrast(colour, page) for colour in ALL) >= 3


@pytest.mark.parametrize("theme", PAGES)
def test_amber_text_is_legible_and_the_color_of_replies_differs_from_amber(theme):
    assert contrast(AMBER_INK[theme], PAGES[theme]) >= 4.5
    assert distance(lab(PALE[theme]), lab(AMBER)) >= 15


@given(tag_names, st.data())
def test_a_tag_keeps_its_color_whichever_tags_come_in_whatever_order(tags, data):
    colours = Colours()
    colours.give(tags)
    before = colours.of(tags)
    for _ in range(3):
        some = data.draw(st.lists(st.sampled_from(tags)) if tags else st.just([]))
        colours.give(data.draw(st.permutations([*{*some}, *data.draw(tag_names)])))
        assert colours.of(tags) == before


@given(tag_names)
def test_the_ten_largest_tags_have_different_colors(tags):
    colours = Colours()
    colours.give(tags)
    largest = [tag for tag in tags if tag != UNTAGGED][:10]
    assert len({*colours.of(largest)}) == len(largest)
    assert {*colours.of(largest)} <= {*PALETTE}


@given(tag_names, tag_names)
def test_a_new_tag_among_the_ten_largest_shares_its_color_with_no_other_of_them(first, second):
    colours = Colours()
    colours.give(first)
    known = {*first}
    colours.give(second)
    largest = [tag for tag in second if tag != UNTAGGED][:10]
    for tag in largest:
        if tag not in known:
            others = colours.of([other for other in largest if other != tag])
            assert colours.of([tag])[0] not in others


@given(st.text())
def test_a_single_tag_always_gets_the_color_of_its_hash(tag):
    one, other = Colours(), Colours()
    one.give([tag])
    other.give([UNTAGGED, tag])
    assert one.of([tag]) == other.of([tag])


def test_the_colors_of_some_tags_never_change_between_releases():
    for tag, place in {"web": 9, "dns": 7, "email": 2, "Größe": 3}.items():
        colours = Colours()
        colours.give([tag])
        assert colours.of([tag]) == [PALETTE[place]]


def test_a_thousand_tags_use_all_colors_equally_often():
    tags = [f"tag {number}" for number in range(1000)]
    colours = Colours()
    colours.give(tags)
    given_ = colours.of(tags)
    assert {given_.count(colour) for colour in PALETTE} == {100}


def test_untagged_is_amber_and_a_tag_without_a_color_is_gray():
    colours = Colours()
    colours.give([UNTAGGED, "web"])
    untagged, web, unknown = colours.of([UNTAGGED, "web", "unknown"])
    assert (untagged, unknown) == (AMBER, GREY)
    assert web in PALETTE


@given(tag_numbers, tag_numbers)
def test_a_legend_lists_the_largest_tags_then_other_then_untagged(a, b):
    part, whole = many_tags(a), many_tags(a + b)
    tag = next((tag for tag in list(part.tag_counts)[10:] if tag != UNTAGGED), None)
    found = legend(part, whole, Colours(), tag)
    *named, last = zip(found.names, found.colours, strict=True)
    assert last == (UNTAGGED, AMBER)
    others = [name for name, colour in named if colour == GREY]
    assert others == [name for name, _ in named if name.startswith("Other")]
    assert len({*found.names}) == len(found.names) <= MOST_TAGS + 2
    assert tag is None or tag in found.names
    tags = [name for name, _ in named if name not in others]
    shown = [tag for tag in whole.tag_counts if tag != UNTAGGED][:MOST_TAGS]
    assert len(tags) == len(shown)
    assert [name for name in shown if name in tags] == tags[: len(shown) - (tags != shown)]


def test_a_tag_keeps_its_color_when_the_order_by_count_changes():
    colours = Colours()
    before, after = many_tags([1, 2, 2, 3, 3, 3]), many_tags([1, 1, 1, 2, 2, 3])
    one, other = (legend(found, found, colours) for found in (before, after))
    assert one.names[:3] == other.names[2::-1] == ("t3", "t2", "t1")
    assert one.colours[:3] == other.colours[2::-1]


@given(tag_numbers, tag_numbers, st.integers(0, 29))
def test_every_tag_has_a_place_in_the_legend_and_the_selected_tag_its_own(a, b, selected):
    part, whole = many_tags(a), many_tags(a + b)
    tag = f"t{selected}"
    found = legend(part, whole, Colours(), tag)
    others = [name for name in found.names if name.startswith("Other")]
    for place, name in zip(found.place.tolist(), part.tags, strict=True):
        if name in whole.tag_counts:
            assert found.names[place] == name or [found.names[place]] == others
    if tag in whole.tag_counts:
        assert found.names[found.selected] == tag
    else:
        assert found.selected is None


def test_untagged_can_be_selected_and_appears_only_once():
    whole = many_tags([1, 2, 35])
    found = legend(whole, whole, Colours(), UNTAGGED)
    assert (found.names, found.selected) == (("t1", "t2", UNTAGGED), 2)


def test_all_but_the_largest_tags_are_counted_together_under_a_name_that_no_tag_has():
    rows = [f"{port},tcp,t{port}\n" for port in range(1, 9)] + ["9,tcp,Other (2 tags)\n"]
    lookup = load("dstport,protocol,tag\n10,tcp,u10\n" + "".join(rows))
    flows = [line(dstport=str(port)) for port in (*range(1, 9), 10, *[9] * 2)]
    whole = map_tags(parse(*flows), lookup)
    names = legend(whole, whole, Colours()).names
    assert names == (
        "Other (2 tags)",
        *(f"t{port}" for port in range(1, 8)),
        "Other (2 tags).",
        UNTAGGED,
    )
    selected = legend(whole, whole, Colours(), "u10").names
    assert selected[6:] == ("t6", "u10", "Other (2 tags).", UNTAGGED)


def test_a_single_other_tag_is_named_in_the_singular():
    whole = many_tags(range(MOST_TAGS + 1))
    assert legend(whole, whole, Colours()).names[-2:] == ("Other (1 tag)", UNTAGGED)
