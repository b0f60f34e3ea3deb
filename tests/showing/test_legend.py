"""Each tag has its colour, the same in every chart."""

from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.showing import charts
from flowtag_core.showing.legend import AMBER, GREY, MOST_TAGS, legend
from flowtag_core.tagging.report import map_tags
from tests.logs import line
from tests.showing.made import bars, many_tags
from tests.tagging.made import load, parse

tag_numbers = st.lists(st.integers(0, 40), max_size=60)


@given(tag_numbers, tag_numbers, st.sampled_from(["light", "dark"]))
def test_each_tag_of_the_legend_has_a_colour_of_its_own_and_the_bars_hold_all(a, b, theme):
    part, whole = many_tags(a), many_tags(a + b)
    tag = next((tag for tag in list(part.tag_counts)[10:] if tag != "Untagged"), None)
    found = legend(part, whole, theme, tag)
    assert len(set(found.colours)) == len(found.colours) == len(found.names)
    assert (found.names[-1], found.colours[-1]) == ("Untagged", AMBER[theme])
    others = [name for name in found.names if name.startswith("Other")]
    assert (GREY[theme] in found.colours) == bool(others)
    assert len(found.names) <= MOST_TAGS + 2
    assert tag is None or tag in found.names
    drawn = bars(charts.tag_chart(part, found, theme))
    assert sum(int(label.split()[0]) for _, label in drawn) == len(a)
    for name, label in drawn:
        if name not in others:
            assert int(label) == part.tag_counts.get(name, 0)


def test_a_tag_keeps_its_colour_when_the_order_by_count_changes():
    before, after = many_tags([1, 2, 2, 3, 3, 3]), many_tags([1, 1, 1, 2, 2, 3])
    one, other = legend(before, before), legend(after, after)
    assert one.names[:3] == other.names[2::-1] == ("t3", "t2", "t1")
    assert one.colours[:3] == other.colours[2::-1]


@given(tag_numbers, st.integers(0, 29))
def test_every_tag_has_its_place_and_the_selected_one_its_own(numbers, selected):
    whole = many_tags(numbers)
    tag = f"t{selected}"
    found = legend(whole, whole, tag=tag)
    others = [name for name in found.names if name.startswith("Other")]
    for place, name in zip(found.place.tolist(), whole.tags, strict=True):
        if name in whole.tag_counts:
            assert found.names[place] == name or [found.names[place]] == others
    if tag in whole.tag_counts:
        assert found.names[found.selected] == tag
    else:
        assert found.selected is None


def test_beyond_the_largest_the_others_are_counted_together_under_a_name_that_no_tag_has():
    rows = [f"{port},tcp,t{port}\n" for port in range(1, 7)] + ["7,tcp,Other (2 tags)\n"]
    lookup = load("dstport,protocol,tag\n8,tcp,t8\n" + "".join(rows))
    flows = [line(dstport=str(port)) for port in (1, 2, 3, 4, 5, 6, 8, *[7] * 2)]
    whole = map_tags(parse(*flows), lookup)
    found = legend(whole, whole)
    assert found.names == (
        "Other (2 tags)",
        *("t1", "t2", "t3", "t4", "t5"),
        "Other (2 tags).",
        "Untagged",
    )
    assert legend(whole, whole, tag="t8").names[5:] == ("t8", "Other (2 tags).", "Untagged")
