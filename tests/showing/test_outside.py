"""What came from outside adds up to the view, by boundary and by port."""

from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.showing.outside import (
    crossings,
    largest,
    let_in,
    replies_from_outside,
    without_replies,
)
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.report import map_tags
from tests.logs import line, log_lines
from tests.tagging.made import filters, load, measures, parse


@given(log_lines, measures, filters)
def test_boundaries_add_up_and_what_was_let_in_is_inbound_and_not_rejected(lines, measure, chosen):
    counts, lookup = parse(*lines), load()
    view = view_of(counts, lookup, measure, chosen)
    found = crossings(view)
    assert sum(getattr(each, measure) for each in found) == view.report.total
    if view.rejected is not None and measure == "flows":
        assert sum(each.rejected for each in found) == view.rejected.total
    same = {"measure": measure, "time": view.time, "view": chosen.view}
    expected = 0
    if chosen.boundary in (None, "inbound"):
        for action in ("ACCEPT", "other"):
            if chosen.action in (None, action):
                report = map_tags(counts, lookup, action=action, boundary="inbound", **same)
                expected += report.total
    assert let_in(view.selections.report, view.report).sum() == expected


def test_without_actions_nobody_knows_what_was_rejected():
    view = view_of(parse(b"dstport protocol", b"443 6"), load())
    assert [(each.boundary, each.rejected) for each in crossings(view)] == [("unknown", None)]


@given(st.lists(st.integers(0, 5)), st.integers(0, 4))
def test_the_largest_come_first_and_none_is_zero(counts, most):
    import numpy as np

    places = largest(np.array(counts, np.int64), most).tolist()
    assert [counts[place] for place in places] == sorted(filter(None, counts), reverse=True)[:most]


def test_a_reply_to_the_outside_is_not_let_in():
    lines = [line(srcaddr="8.8.8.8"), line(dstaddr="8.8.8.8", srcport="443", dstport="50000")]
    view = view_of(parse(*lines), load())
    assert let_in(view.selections.report, view.report).tolist() == [1, 0]


def test_replies_from_outside_are_counted_and_can_be_left_out():
    lines = [line(srcaddr="8.8.8.8"), line(srcaddr="8.8.8.8", srcport="443", dstport="50000")]
    view = view_of(parse(*lines), load())
    assert replies_from_outside(view) == 1
    selection = view.selections.report
    assert let_in(selection, view.report).tolist() == [1, 1]
    assert let_in(without_replies(selection), view.report).tolist() == [1, 0]
