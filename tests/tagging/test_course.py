"""The counts over time add up to those of the report."""

import io
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.counts import WIDTHS
from flowtag_core.tagging.course import outward, over_time, stacked
from flowtag_core.tagging.report import places_in, select, tagged
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.tagging.made import filters, load, measures, parse


@given(flows_and_lookup=st.data())
def test_the_windows_of_a_pair_add_up_to_its_count(flows_and_lookup):
    rows = flows_and_lookup.draw(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 99)), max_size=30)
    )
    text = "".join(
        f"2 1 e 1.1.1.1 2.2.2.2 {500 * (port % 2)} {port} 6 1 {size} {1_600_000_000 + 60 * minute} 9 ACCEPT OK\n"
        for minute, port, size in rows
    )
    selection = select(parse_flow_log(io.BytesIO(text.encode())))
    report = tagged(selection, load(b"dstport,protocol,tag\n"), "bytes")
    course = over_time(selection, report)
    sums = np.zeros(len(report.port), np.int64)
    np.add.at(sums, course.pair, course.count)
    assert sums.tolist() == report.count.tolist()
    assert course.unknown == 0
    assert set(course.start.tolist()) == {(1_600_000_000 + 60 * m) // 60 * 60 for m, _, _ in rows}


@given(st.integers(0, 1 << 33), st.integers(1, 1 << 24), st.sampled_from(WIDTHS))
def test_a_time_span_is_extended_to_whole_windows_and_no_further(first, length, width):
    time = first, first + length
    wide = outward(time, width)
    if not width:
        assert wide is None
        return
    assert wide[0] <= time[0] < time[1] <= wide[1]
    assert wide[0] % (width * 60) == wide[1] % (width * 60) == 0
    assert time[0] - wide[0] < width * 60
    assert wide[1] - time[1] < width * 60


@given(log_lines, st.lists(rule_texts, max_size=5), measures, filters)
def test_a_window_of_a_course_has_the_counts_of_a_report_for_its_time(
    lines, rules, measure, chosen
):
    counts, lookup = parse(*lines), load(lookup_text(rules))
    selection = select(counts, chosen)
    report = tagged(selection, lookup, measure)
    course = over_time(selection, report)
    assert sum(course.count.tolist()) + course.unknown == report.total
    assert (np.diff(course.start) > 0).all()
    length = course.width * 60 or 1 << 40
    for window, start in enumerate(course.start.tolist()):
        time = start, start + length
        if chosen.time:
            time = max(start, chosen.time[0]), min(time[1], chosen.time[1])
        part = tagged(select(counts, replace(chosen, time=time)), lookup, measure)
        sums = np.zeros(len(report.port), np.int64)
        is_here = course.window == window
        np.add.at(sums, course.pair[is_here], course.count[is_here])
        places = places_in(report, part.port, part.protocol)
        assert sums[places].tolist() == part.count.tolist()
        assert sums.sum() == part.total


@given(log_lines, st.lists(rule_texts, max_size=5))
def test_layers_contain_the_sums_of_their_pairs_in_each_window(lines, rules):
    selection = select(parse(*lines))
    report = tagged(selection, load(lookup_text(rules)), "packets")
    course = over_time(selection, report)
    layers = stacked(course, report.tag, len(report.tags) + 1)
    expected = np.zeros((len(report.tags) + 1, len(course.start)), np.int64)
    for pair, window, count in zip(course.pair, course.window, course.count, strict=True):
        expected[report.tag[pair], window] += count
    assert layers.tolist() == expected.tolist()


def test_flows_without_a_time_are_counted_as_unknown_and_in_no_window():
    selection = select(parse(line(start="-", volume="7"), line(start="-", volume="2")))
    course = over_time(selection, tagged(selection, load(), "bytes"))
    assert (len(course.start), len(course.count), course.unknown) == (0, 0, 9)
