"""The details of a port agree with the view."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.iana import protocol_name
from flowtag_core.showing import details
from flowtag_core.showing.lookup_notes import rule_of
from flowtag_core.showing.view import view_of
from flowtag_core.showing.words import pair_name
from flowtag_core.tagging.report import Filters
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.showing.made import Seen, rows_of, small_view
from tests.tagging.made import filters, load, measures, parse

HTTPS = 443, 6


def terms(html):
    """Return the terms of an HTML description list, each with its description."""
    text = Seen(html).text
    return dict(zip(text[::2], text[1::2], strict=True))


@given(log_lines, st.lists(rule_texts, max_size=8), measures, filters)
def test_each_port_of_the_view_has_its_details(lines, rows, measure, chosen):
    view = view_of(parse(*lines), load(lookup_text(rows)), measure, chosen)
    report, course = view.report, view.course
    shares = 0.0
    for place, (port, _, tag, count) in enumerate(report.rows()):
        protocol = int(report.protocol[place])
        found = details.details(view, port, protocol)
        assert (found.name, found.tag, found.count) == (pair_name(port, protocol), tag, count)
        assert found.rule == rule_of(view.lookup, port, protocol)
        rows = course.pair == place
        assert len(found.course) == len(course.start)
        assert found.course.sum() == course.count[rows].sum() <= count
        assert (found.seen is not None) == bool(rows.any() and course.width)
        if found.seen:
            starts = course.start[course.window[rows]]
            assert found.seen == (starts.min(), starts.max() + 60 * course.width)
        assert (found.rejected is None) == (view.rejected is None)
        if found.rejected is not None:
            key = port, protocol_name(protocol)
            rejected = view.rejected.combination_counts.get(key, 0)
            assert found.rejected * max(count, 1) / 100 == pytest.approx(rejected)
        shares += found.share
    assert shares == pytest.approx(100 if report.total else 0)


def test_a_port_without_flows_in_the_view_has_no_details():
    view = small_view()
    assert details.details(view, 443, 17) is None
    assert details.details(view, 80, 6) is None
    rejected = small_view(filters=Filters(action="REJECT"))
    assert details.details(rejected, 9092, 6) is None


def test_the_facts_are_the_rule_the_count_with_its_share_and_the_rejected_percentage():
    found = details.details(small_view(), *HTTPS)
    assert terms(details.facts(found, "flows", "4 May 2021")) == {
        "Rule": "443,tcp (line 2)",
        "Flows": "2 flows, 66.7% of the view",
        "Rejected": "50.0%",
        "Seen between": "4 May 2021",
    }


def test_the_time_seen_includes_flows_without_bytes():
    found = details.details(small_view(measure="bytes"), *HTTPS)
    assert found.seen == (1620140700, 1620140880)
    assert found.course.tolist() == [840, 0, 0]


def test_unknown_details_are_left_out():
    view = view_of(parse(b"dstport protocol", b"443 6"), load())
    found = details.details(view, *HTTPS)
    assert (found.rejected, found.seen) == (None, None)
    assert terms(details.facts(found, "flows", "")) == {
        "Rule": "443,tcp (line 3)",
        "Flows": "1 flow, 100.0% of the view",
    }


def test_no_rule_applies_to_an_untagged_port():
    found = details.details(small_view(), 9092, 6)
    assert (found.tag, found.rule) == ("Untagged", "No rule applies")


def test_a_protocol_without_ports_is_named_without_one():
    view = view_of(parse(line(dstport="0", protocol="1")), load())
    assert details.details(view, 0, 1).name == "icmp"


@pytest.mark.parametrize("tag", ["<b>x</b>", '" onclick="alert(1)', "&amp;", "a'b"])
def test_a_tag_is_only_text_in_the_title(tag):
    title = details.title(details.details(small_view(tag), *HTTPS), "#5490fc")
    seen = Seen(title)
    assert seen.text == ["443/tcp", tag]
    assert seen.tags == ["h3", "span", "i"]
    assert [name for name, _ in seen.attributes] == ["class", "class", "style"]


def test_a_long_tag_is_truncated_in_the_title():
    title = details.title(details.details(small_view("x" * 500), *HTTPS), "#5490fc")
    assert Seen(title).text == ["443/tcp", "x" * 40 + "..."]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chart_has_a_bar_for_each_window_of_the_view(theme):
    found = details.details(small_view(), *HTTPS)
    chart = details.chart(found, "#5490fc", theme, "flows")
    assert [row["count"] for row in rows_of(chart)] == [1, 0, 1]


def test_the_axis_has_no_ticks_at_fractions_of_a_flow():
    chart = details.chart(details.details(small_view(), *HTTPS), "#5490fc", "light", "flows")
    # The format `~s` would show a half as `500m`.
    assert chart.to_dict()["encoding"]["y"]["axis"]["tickMinStep"] == 1
