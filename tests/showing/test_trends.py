"""A trend contains all counted flows with a known time, in parts that can be compared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counts import UNKNOWN_TIME
from flowtag_core.showing.trends import MOST_PARTS, layer_of, trends
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.course import stacked
from flowtag_core.tagging.report import places_in
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.showing.made import counts_of
from tests.tagging.made import filters, load, measures, parse

rules = st.lists(rule_texts, max_size=8)


def by_tag(view):
    return trends(view.course, view.report.tag, len(view.report.tags))


def steady(windows, tail=()):
    """Return a view of 10 bytes to 443/tcp in each of these minutes, and of the flows in `tail`."""
    return view_of(
        counts_of(*[(minute, 6, 443, 0, 1, 10) for minute in range(windows)], *tail),
        load(),
        "bytes",
    )


@given(log_lines, rules, measures, filters)
def test_the_trend_of_each_tag_adds_up_to_its_flows_with_a_known_time(lines, rows, measure, chosen):
    view = view_of(parse(*lines), load(lookup_text(rows)), measure, chosen)
    found = by_tag(view)
    windows = len(view.course.start)
    if windows < 2:
        assert found is None
        return
    assert found.shape == (len(view.report.tags), min(windows, MOST_PARTS))
    known = stacked(view.course, view.report.tag, len(view.report.tags)).sum(axis=1)
    assert found.sum(axis=1) == pytest.approx(known)
    assert found.min() >= 0
    if not view.course.unknown:
        counts = [view.report.tag_counts.get(tag, 0) for tag in view.report.tags]
        assert found.sum(axis=1) == pytest.approx(counts)


@pytest.mark.parametrize("windows", [2, 27, 28, 29, 40, 55, 57, 200, 240])
def test_steady_traffic_makes_a_flat_line(windows):
    view = steady(windows)
    web = by_tag(view)[view.report.tags.index("web")]
    assert len(web) == min(windows, MOST_PARTS)
    assert web == pytest.approx(10 * windows / len(web))


def test_each_of_a_few_windows_has_its_own_point():
    view = steady(3, [(1, 6, 443, 0, 1, 5), (2, 6, 9092, 0, 1, 7)])
    found = by_tag(view)
    assert found[view.report.tags.index("web")].tolist() == [10, 15, 10]
    assert found[-1].tolist() == [0, 0, 7]


def test_a_stray_flow_from_another_year_is_a_point_like_the_others():
    view = view_of(
        parse(*(line(start=str(at)) for at in (10**9, *range(1_700_000_000, 1_700_000_600, 60)))),
        load(),
    )
    web = by_tag(view)[view.report.tags.index("web")]
    assert web.tolist() == [1] * 11


def test_there_is_no_trend_if_there_are_fewer_than_two_windows():
    for log in ([], [line()], [line(), line(dstport="25")], [line(start="-")] * 2):
        assert by_tag(view_of(parse(*log), load())) is None


def test_flows_without_a_known_time_are_left_out_of_trends():
    rows = [(0, 6, 443, 0, 1, 10), (1, 6, 443, 0, 1, 10), (UNKNOWN_TIME, 6, 443, 0, 1, 99)]
    view = view_of(counts_of(*rows), load(), "bytes")
    assert (view.course.unknown, by_tag(view).sum()) == (99, 20)


@given(log_lines, st.data())
def test_the_trend_of_a_port_does_not_depend_on_which_other_ports_are_requested(lines, data):
    view = view_of(parse(line(start="1700000000"), line(start="1700090000"), *lines), load())
    report = view.report
    every = trends(view.course, np.arange(len(report.port), dtype=np.int32), len(report.port))
    some = data.draw(st.lists(st.sampled_from(range(len(report.port))), unique=True, min_size=1))
    places = places_in(report, report.port[some], report.protocol[some])
    found = trends(view.course, layer_of(places, len(report.port)), len(places))
    assert found == pytest.approx(every[some])


def test_rows_that_are_not_requested_get_the_layer_after_the_last():
    assert layer_of(np.array([3, 1]), 5).tolist() == [2, 1, 2, 0, 2]


def test_numbers_of_15_digits_add_up_correctly():
    volume = 123_456_789_012_345
    view = view_of(counts_of(*[(m, 6, 443, 0, 1, volume) for m in range(60)]), load(), "bytes")
    assert by_tag(view).sum() == pytest.approx(60 * volume, rel=1e-12)
