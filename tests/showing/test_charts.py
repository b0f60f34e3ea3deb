"""A chart has a bar for all that counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.showing import charts
from flowtag_core.showing.legend import legend
from tests.showing.made import bars, report


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chart_has_a_bar_for_each_tag_and_untagged_last(theme):
    found = report(25, 443, 443, 8080)
    assert bars(charts.tag_chart(found, legend(found, found, theme), theme)) == [
        ("web", "2"),
        ("mail", "1"),
        ("Untagged", "1"),
    ]


def test_an_empty_report_has_an_empty_chart():
    assert bars(charts.tag_chart(report(), legend(report(), report()))) == [("Untagged", "0")]
    assert charts.port_chart(report(), legend(report(), report())).to_dict()


def test_beyond_fifteen_ports_the_rest_is_one_bar_and_all_flows_are_in_the_chart():
    ports = [*[443] * 9, *range(2000, 2100)]
    whole = report(*ports)
    found = bars(charts.port_chart(whole, legend(whole, whole)))
    assert found[0] == ("443/tcp", "9")
    assert len(found) == charts.MOST_BARS + 1
    assert found[-1] == ("Other (86 pairs)", "86 (not to scale)")
    assert sum(int(number.split()[0]) for _, number in found) == len(ports)


def rows_of(chart):
    (rows,) = chart.to_dict()["datasets"].values()
    return rows


@settings(max_examples=8)
@given(st.lists(st.sampled_from([25, 53, 443, 1500, *range(9000, 9020)]), max_size=60))
def test_a_bar_of_a_port_has_its_count_and_the_colour_of_its_tag(ports):
    found = report(*ports)
    colours = legend(found, found)
    of_tag = dict(zip(colours.names, colours.colours, strict=True))
    expected = [
        (f"{port}/{protocol}", of_tag[tag], f"{count:,}")
        for port, protocol, tag, count in sorted(
            found.rows(), key=lambda row: (-row[3], row[0], row[1])
        )
    ]
    rows = rows_of(charts.port_chart(found, colours))
    drawn = [(row["name"], row["colour"], row["number"]) for row in rows]
    assert drawn[: charts.MOST_BARS] == expected[: charts.MOST_BARS]
    assert len(drawn) == min(len(expected), charts.MOST_BARS + 1)


def test_a_bar_is_as_long_as_its_count_but_for_a_rest_that_would_flatten_the_others():
    few = report(*[443] * 9, *range(2000, 2017))
    many = report(*[443] * 9, *range(2000, 2100))
    lengths = {}
    for found in (few, many):
        *bars, rest = rows_of(charts.port_chart(found, legend(found, found)))
        assert [row["drawn"] for row in bars] == [int(row["number"]) for row in bars]
        lengths[rest["number"]] = (rest["drawn"], rest["label"])
    assert lengths == {"3": (3, "3"), "86": (13.5, "86 (not to scale)")}


def test_what_is_spoken_of_a_bar_has_its_number_and_the_measure():
    found = report(*[443] * 1000)
    rows = rows_of(charts.tag_chart(found, legend(found, found)))
    assert [row["spoken"] for row in rows] == ["web: 1,000 flows", "Untagged: 0 flows"]
