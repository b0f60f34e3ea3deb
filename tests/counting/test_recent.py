"""The recent part of a log loses no flow while it is kept, and its windows are as short as their age allows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counting import recent
from flowtag_core.counting.recent import DAY, HOUR, TABLES, Recent, Span
from flowtag_core.counts import FlowCounts, tabulate

NOW = 28_333_440
"""The current minute in the tests."""


def flows(*minutes, port=443):
    """Return counts with one request in each of these minutes; -1 is an unknown time."""
    one = np.ones(len(minutes), np.int64)
    made = tabulate(np.array(minutes), 6 * one, port * one, 0 * one, 10 * one, 100 * one)
    return FlowCounts(requests=made)


def held(ring):
    return {span: int(counts.requests.flows.sum()) for span, counts in ring.spans().items()}


def test_minutes_of_the_last_two_hours_stay_minutes_and_older_ones_are_joined():
    ring = Recent()
    for minute in range(NOW - 300, NOW + 1):
        ring.add(flows(minute), minute)
    widths = {NOW - start: width for start, width in held(ring)}
    assert {width for age, width in widths.items() if age < 120} == {1}
    assert {width for age, width in widths.items() if age >= 120} == {10}
    assert sum(held(ring).values()) == 301
    assert len(ring.last(HOUR).requests) == 60
    assert ring.covered(HOUR) == (NOW - 59, NOW + 1)


def test_spans_that_are_too_old_are_dropped_as_a_whole():
    ring = Recent(DAY)
    ring.add(flows(NOW - DAY, NOW - DAY + 9, NOW - DAY + 10), NOW)
    assert sum(held(ring).values()) == 3
    ring.add(flows(NOW), NOW)
    assert held(ring) == {Span(NOW - DAY, 10): 2, Span(NOW - DAY + 10, 10): 1, Span(NOW, 1): 1}
    ring.add(flows(NOW + 9), NOW)
    assert held(ring) == {Span(NOW - DAY + 10, 10): 1, Span(NOW, 1): 1, Span(NOW + 9, 1): 1}
    assert ring.covered(DAY) == (NOW - DAY + 10, NOW + 10)


def test_a_late_flow_goes_to_its_own_time():
    ring = Recent()
    ring.add(flows(NOW), NOW)
    ring.add(flows(NOW - 200, NOW - 5, NOW - 2 * DAY), NOW)
    assert held(ring) == {Span(NOW - 200, 10): 1, Span(NOW - 5, 1): 1, Span(NOW, 1): 1}


@pytest.mark.parametrize("odd", [-1, NOW + 61, NOW + 9 * DAY])
def test_a_flow_with_an_unknown_or_impossible_time_goes_to_the_newest_minute(odd):
    ring = Recent()
    ring.add(flows(NOW - 7, odd), NOW)
    assert held(ring) == {Span(NOW - 7, 1): 2}
    ring.add(flows(odd), NOW)
    assert held(ring) == {Span(NOW - 7, 1): 3}
    alone = Recent()
    alone.add(flows(odd), NOW)
    assert held(alone) == {Span(NOW, 1): 1}


def test_wide_windows_keep_their_width():
    ring = Recent(30 * DAY)
    ring.add(flows(*range(NOW - 10 * DAY, NOW, 30)), NOW)
    assert {span.width for span in held(ring)} == {HOUR, 4 * HOUR}
    assert sum(held(ring).values()) == 480


def test_windows_for_all_time_go_to_the_newest_minute():
    ring = Recent()
    ring.add(flows(*range(NOW - 300 * 28 * DAY, NOW, 28 * DAY)), NOW)
    assert held(ring) == {Span(NOW, 1): 300}


minutes = st.one_of(st.integers(NOW - 3 * DAY, NOW), st.integers(NOW - 200, NOW), st.just(-1))


@given(
    st.lists(st.lists(minutes, min_size=1, max_size=8), max_size=8), st.sampled_from([3, 1 << 20])
)
def test_whatever_is_not_too_old_is_kept_exactly_once(looks, most_rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent, "_MOST_ROWS", most_rows)
        patch.setattr(recent, "_MOST_PARTS", 2)
        ring, everything = Recent(10 * DAY), FlowCounts()
        for number, look in enumerate(looks):
            counts = flows(*look, port=number % 3)
            everything += counts
            ring.add(counts, NOW)
        kept = ring.last(10 * DAY)
        assert ring._rows == sum(len(each.requests) for each in ring.spans().values())
    for measure in ("flows", "packets", "bytes"):
        sums = [int(getattr(each.requests, measure).sum()) for each in (kept, everything)]
        assert sums[0] == sums[1]
    for span, counts in ring.spans().items():
        for start in counts.requests.window.tolist():
            assert span.start * 60 == start
        assert all(getattr(counts, name).width in (0, 1, span.width) for name in TABLES)


def test_if_there_are_too_many_rows_the_last_minutes_stay_minutes(monkeypatch):
    monkeypatch.setattr(recent, "_MOST_ROWS", 60)
    ring = Recent()
    for minute in range(NOW - DAY, NOW + 1):
        ring.add(flows(minute), minute)
    spans = list(held(ring))
    assert len(spans) <= 60
    assert [span for span in spans if span.start > NOW - 10] == [
        Span(NOW - age, 1) for age in range(9, -1, -1)
    ]
    assert sum(held(ring).values()) >= DAY


@given(
    st.lists(st.lists(minutes, min_size=1, max_size=8), max_size=8),
    st.sampled_from([60, 115, 119, 120, DAY, 2 * DAY]),
    st.sampled_from([5, 1 << 20]),
)
def test_the_time_that_is_covered_is_all_in_the_sum(looks, keep, most_rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent, "_MOST_ROWS", most_rows)
        ring, everything = Recent(keep), []
        for look in looks:
            ring.add(flows(*look), NOW)
            # A flow without a time goes to the minute that is the newest one then.
            everything += [ring.newest if each < 0 else each for each in look]
    if looks and (covered := ring.covered(keep)):
        first, end = covered
        here = sum(first <= each < end for each in everything)
        late = sum(each >= first for each in everything) - here
        assert late == 0
        assert int(ring.last(keep).requests.flows.sum()) == here


def test_a_resumed_recent_part_continues_where_the_other_one_stopped():
    ring = Recent()
    for minute in range(NOW - 500, NOW, 7):
        ring.add(flows(minute, -1), minute)
    again = Recent()
    again.resume(ring.newest, ring.spans())
    for each in (ring, again):
        each.add(flows(NOW), NOW)
    assert held(again) == held(ring)
