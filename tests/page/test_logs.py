"""Logs are added up once, can be removed one by one, and are recognized if they repeat others."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import FlowCounts, parse_flow_log
from flowtag_core.page import logs as logs_room
from flowtag_core.page.intake import CountedLog
from flowtag_core.page.logs import Logs, repetitions
from flowtag_core.page.session import Session
from tests.logs import line
from tests.page.made import arrival, counted_log, read


def test_only_logs_with_flows_are_taken_for_repeats():
    quiet, busy = line(status="NODATA"), line()
    names = ("a", "b")
    for content, sentences in ((quiet, 0), (busy, 1)):
        session = Session()
        session.take_in(read(*(arrival(name, content) for name in names)))
        assert len(session.messages.repeated) == sentences


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.data())
def test_removing_a_log_leaves_the_sum_of_the_others(ports, data):
    logs = [
        CountedLog(
            str(place), parse_flow_log(io.BytesIO(line(dstport=str(port))), names=[str(place)]), 0.1
        )
        for place, port in enumerate(ports)
    ]
    gone = data.draw(st.sampled_from(logs))
    rest = [log for log in logs if log is not gone]
    kept = Logs().plus(logs).without(gone.name)
    assert kept.counts == sum((log.counts for log in rest), FlowCounts())
    assert list(kept.by_name) == [log.name for log in rest]


def logs(*contents):
    """Logs named by their position, each with one flow to its port."""
    return [counted_log(str(place), line(dstport=port)) for place, port in enumerate(contents)]


@pytest.mark.parametrize("count", [0, 1, 8, 9, 16, 17])
def test_the_pages_of_the_list_have_every_log_once_and_none_is_empty(count):
    every = Logs().plus(logs(*["443"] * count))
    portions = [every.page(number) for number in range(1, every.pages + 1)]
    assert [log for portion in portions for log in portion] == list(every.by_name.values())
    assert all(0 < len(portion) <= 8 for portion in portions)


def test_the_sum_of_the_counts_is_cached(monkeypatch):
    added = []
    monkeypatch.setattr(logs_room, "total", lambda counts: added.append(counts) or FlowCounts())
    every = Logs().plus(logs("443", "25"))
    assert every.counts is every.counts
    assert len(added) == 1


def test_a_log_replaces_one_of_the_same_name():
    first, second, other = logs("443", "25", "53")
    second = replace(second, name=first.name)
    every = Logs().plus([first, other]).plus([second])
    assert list(every.by_name.values()) == [second, other]
    assert every.seconds == 1.0


def test_adding_or_removing_logs_leaves_the_original_unchanged():
    before = Logs().plus(logs("443"))
    assert not before.without("0")
    assert len(before.plus(logs("443", "25")).by_name) == 2
    assert list(before.without("none of these").by_name) == ["0"] == list(before.by_name)


def repeated(before, *more):
    return [name for name, _ in repetitions(Logs().plus(before), more)]


def test_a_log_may_repeat_an_earlier_one_or_one_of_the_same_drop():
    one, two, three = logs("443", "443", "443")
    assert repeated([one], two) == ["1"]
    assert repeated([], one, two, three) == ["1", "2"]
    ((_, sentence),) = repetitions(Logs().plus([one]), [two])
    assert sentence == "1 has the same size and counts as 0. Is it the same file? Both are counted."


def test_equal_size_or_equal_counts_alone_do_not_make_a_repeat():
    one, other, _ = logs("443", "444", "443")
    larger = counted_log("2", line() + b"\n\n")
    assert one.counts.total.size == other.counts.total.size
    assert one.counts.requests == larger.counts.requests
    assert repeated([one], other, larger) == []


def test_a_log_that_is_read_again_under_its_name_is_not_a_repeat():
    (one,) = logs("443")
    assert repeated([one], one) == []


def test_logs_whose_replies_differ_are_not_the_same():
    one, other = (
        counted_log(port, line(srcport="22", dstport=port)) for port in ("50000", "50001")
    )
    assert repeated([one], other) == []


def test_a_copy_is_noticed_even_after_another_log_of_the_same_size():
    one, other, copy = (
        counted_log(name, line(dstport=port))
        for name, port in (("a", "443"), ("b", "444"), ("c", "443"))
    )
    assert [name for name, _ in repetitions(Logs().plus([one, other]), [copy])] == ["c"]


def test_logs_whose_replies_come_from_other_services_are_not_the_same():
    one, other = (counted_log(port, line(dstport="50000", srcport=port)) for port in ("22", "23"))
    assert list(repetitions(Logs().plus([one]), [other])) == []
