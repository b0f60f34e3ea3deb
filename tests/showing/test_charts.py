"""Charts have bars for all counted flows, and names in them are only text."""

import json

import altair as alt
import pandas as pd
import pytest
from altair.utils.schemapi import SchemaValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.showing import charts
from flowtag_core.showing.charts import Bar, Layers
from flowtag_core.showing.coverage import REPLIES
from flowtag_core.showing.legend import AMBER, PALE, Colours, legend
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.lookup import UNTAGGED
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.showing.made import many_tags, report, rows_of
from tests.tagging.made import filters, load, measures, parse

THEMES = ("light", "dark")
counts = st.integers(0, 10**15)
bar_lists = st.lists(st.builds(Bar, st.text(max_size=12), counts, st.just("#123456")), max_size=12)


def drawn(bars, measure="flows", width=400, picked=None):
    return charts.chart(bars, measure, "light", width, picked)


@given(log_lines, st.lists(rule_texts, max_size=8), measures, filters, st.sampled_from(THEMES))
def test_tag_bars_add_up_and_each_has_the_count_and_color_of_its_tag(
    lines, rows, measure, chosen, theme
):
    view = view_of(parse(*lines), load(lookup_text(rows)), measure, chosen)
    names = view.legend(Colours())
    bars = charts.tag_bars(view.report, view.service, names, theme)
    assert sum(bar.count for bar in bars) == view.report.total
    assert list(dict.fromkeys(bar.name for bar in bars)) == [UNTAGGED, *names.names[:-1]]
    untagged = [bar for bar in bars if bar.name == UNTAGGED]
    assert sum(bar.count for bar in untagged) == view.report.untagged
    assert [bar.colour for bar in untagged] == [AMBER, PALE[theme]][: len(untagged)]
    for bar in bars[len(untagged) :]:
        if not bar.name.startswith("Other ("):
            assert bar.count == view.report.tag_counts.get(bar.name, 0)
            assert bar.colour == names.colours[names.names.index(bar.name)]


def test_untagged_comes_first_and_its_bar_is_split_into_replies_and_the_rest():
    log = [line(), line(dstport="9092"), *[line(srcport="443", dstport="50000")] * 2]
    view = view_of(parse(*log), load())
    names = view.legend(Colours())
    unexplained, replies, web = charts.tag_bars(view.report, view.service, names, "dark")
    assert unexplained == Bar(UNTAGGED, 1, AMBER, "Unexplained", "≤ ")
    assert replies == Bar(UNTAGGED, 2, PALE["dark"], REPLIES, "≥ ")
    assert (web.name, web.count, web.part) == ("web", 1, "")
    first, second, third = rows_of(drawn([unexplained, replies, web]))
    assert [(row["start"], row["end"]) for row in (first, second, third)] == [
        (0, 1),
        (1, 3),
        (0, 1),
    ]
    assert [row["label"] for row in (first, second, third)] == ["", "3", "1"]
    assert [row["number"] for row in (first, second, third)] == ["≤ 1", "≥ 2", "1"]
    assert second["spoken"] == "Untagged, replies of tagged services: ≥ 2 flows"


def test_tags_that_the_legend_does_not_name_share_one_bar():
    whole = many_tags([*range(12), 35])
    bars = charts.tag_bars(whole, whole, legend(whole, whole, Colours()), "light")
    assert (bars[-1].name, bars[-1].count) == ("Other (4 tags)", 4)
    assert sum(bar.count for bar in bars) == 13


@settings(max_examples=8)
@given(st.lists(st.sampled_from([25, 53, 443, 1500, *range(9000, 9020)]), max_size=60))
def test_a_port_bar_has_the_count_of_its_port_and_the_color_of_its_tag(ports):
    found = report(*ports)
    colours = Colours()
    colours.give(found.tag_counts)
    expected = [
        Bar(f"{port}/{protocol}", count, *colours.of([tag]))
        for port, protocol, tag, count in sorted(
            found.rows(), key=lambda row: (-row[3], row[0], row[1])
        )
    ]
    bars = charts.port_bars(found, colours.of(found.tags))
    assert bars == expected[: charts.MOST_BARS]
    left_out = sum(bar.count for bar in expected[charts.MOST_BARS :])
    said = charts.others_share(found, bars, found.total)
    assert bool(said) == bool(left_out)
    assert not said or f"all others {100 * left_out / len(ports):.1f}%" in said


def test_the_share_of_other_ports_is_relative_to_the_whole_view():
    found = report(*range(2000, 2032))
    bars = charts.port_bars(found, ["#123456"] * 9)
    assert charts.others_share(found, bars, 64) == "top 16 of 32; all others 25.0%"


def test_an_empty_report_makes_an_empty_chart():
    found = report()
    bars = charts.tag_bars(found, found, legend(found, found, Colours()), "light")
    assert bars == [Bar(UNTAGGED, 0, AMBER)]
    assert rows_of(drawn(bars))[0]["label"] == "0"
    assert charts.port_bars(found, ["#123456"] * 9) == []
    assert charts.others_share(found, [], 0) == ""
    assert drawn([]).to_dict(validate=True)


@pytest.mark.parametrize("name", ["<b>", "a'];alert(1);//", "datum.x", "x\ny", "", " ", "a.b[0]"])
def test_a_hostile_name_appears_only_as_text_in_the_data(name):
    chart = drawn([Bar(name, 2, "#123456"), Bar("plain", 1, "#123456")]).to_dict(validate=True)
    (rows,) = chart.pop("datasets").values()
    assert rows[0]["name"] == name
    assert len(name) < 2 or json.dumps(name)[1:-1] not in json.dumps(chart)


@given(bar_lists, measures, st.integers(100, 2000))
def test_bars_are_drawn_in_order_on_one_scale(bars, measure, width):
    chart = drawn(bars, measure, width).to_dict(validate=True)
    (rows,) = chart["datasets"].values()
    assert [row["name"] for row in rows] == [bar.name for bar in bars]
    assert [row["end"] - row["start"] for row in rows] == [bar.count for bar in bars]
    names = list(dict.fromkeys(bar.name for bar in bars))
    assert [names[row["place"]] for row in rows] == [bar.name for bar in bars]
    longest = max((row["end"] for row in rows), default=0)
    assert {row["full"] for row in rows} <= {longest or 1}
    assert not chart["layer"][0]["encoding"]["x"]["scale"]["nice"]


@given(bar_lists, measures)
def test_there_is_room_for_the_longest_number_next_to_the_longest_bar(bars, measure):
    chart = drawn(bars, measure).to_dict(validate=True)
    (rows,) = chart["datasets"].values()
    scale = chart["layer"][0]["encoding"]["x"]["scale"]
    room = int(scale["rangeMax"]["expr"].removeprefix("max(width - ").partition(",")[0])
    # In the chart's font a character is at most 6 pixels wide, except an M, which has 10.
    needed = [6 + 6 * len(row["label"]) + 4 * row["label"].count("M") for row in rows]
    assert room >= max(needed, default=0)


@given(bar_lists, bar_lists, measures)
def test_other_bars_change_nothing_but_the_data(bars, others, measure):
    one, other = (drawn(each, measure).to_dict() for each in (bars, others))
    for chart in (one, other):
        del chart["datasets"]
        for layer in (chart, *chart["layer"]):
            layer.pop("data", None)
    assert one == other


def test_names_get_less_room_in_a_narrow_chart():
    widths = [drawn([], width=width).to_dict(validate=True) for width in (200, 320, 325, 900)]
    limits = [chart["layer"][0]["encoding"]["y"]["axis"]["labelLimit"] for chart in widths]
    assert limits == [80, 128, 130, 130]


def test_all_bars_except_the_picked_one_are_faded():
    bars = [Bar("a", 1, "#123456"), Bar("b", 1, "#123456")]
    assert [row["shade"] for row in rows_of(drawn(bars))] == [1, 1]
    one, other = (row["shade"] for row in rows_of(drawn(bars, picked="b")))
    assert one < other == 1


def test_the_description_of_a_bar_has_its_full_number_and_the_measure():
    bars = [Bar("web", 1, "#123456"), Bar("dns", 123_456_789_012_345, "#123456")]
    rows = rows_of(drawn(bars, "bytes"))
    assert [row["spoken"] for row in rows] == ["web: 1 byte", "dns: 123,456,789,012,345 bytes"]
    assert [row["label"] for row in rows] == ["1 B", "123 TB"]


def test_a_chart_is_validated_against_the_schema_only_on_request():
    wrong = Layers(layer=[alt.Chart(pd.DataFrame()).mark_bar(opacity="none").encode()])
    assert wrong.to_dict()
    with pytest.raises(SchemaValidationError, match="'none'"):
        wrong.to_dict(validate=True)
