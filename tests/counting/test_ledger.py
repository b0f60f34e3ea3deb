"""The ledger counts every record exactly once, and its counts may be taken at any time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import counts
from flowtag_core.counting import ledger
from flowtag_core.counting.ledger import Ledger, Plain
from flowtag_core.counts import FlowCounts, Reason
from flowtag_core.shapes.layout import ASSUMED, Layout
from tests.counting.test_reference import count
from tests.logs import line


def test_the_first_thousand_faults_are_kept_and_all_are_counted():
    counts = count(*[line(dstport="x")] * 1500)
    assert counts.total.set_aside == {Reason.BAD_PORT: 1500}
    assert [fault.line for fault in counts.faults] == list(range(1, 1001))


LAYOUTS = [ASSUMED, Layout(("dstport", "protocol", "bytes"), "named by a header")]
sound_words = st.dictionaries(st.sampled_from(["start", "bytes"]), st.integers(0, 3), max_size=2)
events = st.lists(
    st.one_of(
        st.just(("add_header",)),
        st.just(("add_blank",)),
        st.tuples(st.just("add_shape"), st.sampled_from("ab")),
        st.tuples(
            st.just("add_flows"),
            st.sampled_from(LAYOUTS),
            st.integers(0, 3),
            sound_words,
            sound_words,
        ),
        st.tuples(
            st.just("add_plain"),
            st.sampled_from(LAYOUTS),
            st.builds(
                Plain,
                flows=st.integers(0, 3),
                blank=st.integers(0, 3),
                notes=st.dictionaries(st.just(Reason.NO_DATA), st.integers(0, 3)),
                unreadable=sound_words,
                odd_words=sound_words,
                shape=st.sampled_from(["", "c"]),
            ),
        ),
        st.tuples(st.just("add_faults"), st.sampled_from(Reason), st.integers(1, 3)),
        st.tuples(st.just("set_aside"), st.just(0), st.sampled_from(Reason), st.just("text")),
        st.tuples(st.just("add_fitting"), st.sampled_from("de")),
    ),
    max_size=20,
)


def written(events, taken_at):
    """Return the sum of what a ledger returns after some events and at the end."""
    own, total, size = Ledger("log"), FlowCounts(), 0
    own.misfit = "a line"
    for number, (what, *arguments) in enumerate(events):
        if what == "set_aside":
            arguments[0] = number
        getattr(own, what)(*arguments)
        size += number
        if number in taken_at:
            total += own.take(size, "gzip")
            size = 0
    return total + own.take(size, "gzip", "the damage")


@given(events, st.sets(st.integers(0, 19)), st.sampled_from([2, 1000]))
def test_what_is_taken_along_the_way_adds_up_to_the_whole(events, taken_at, most_faults):
    with pytest.MonkeyPatch.context() as patch:
        for module in (ledger, counts):
            patch.setattr(module, "MOST_FAULTS", most_faults)
        assert written(events, taken_at) == written(events, set())


@given(events)
def test_a_ledger_loses_no_record(events):
    file = written(events, set()).files["log"]
    plain = [arguments[1] for what, *arguments in events if what == "add_plain"]
    assert file.headers == sum(what == "add_header" for what, *_ in events)
    assert file.blank == sum(what == "add_blank" for what, *_ in events) + sum(
        each.blank for each in plain
    )
    assert file.flows == sum(each.flows for each in plain) + sum(
        arguments[1] for what, *arguments in events if what == "add_flows"
    )
    assert file.set_aside.total() == sum(
        arguments[1] if what == "add_faults" else what == "set_aside"
        for what, *arguments in events
        if what in ("add_faults", "set_aside")
    ) + sum(sum(each.notes.values()) for each in plain)


def test_samples_stop_at_a_thousand_and_start_again_after_a_take():
    own = Ledger("log")
    for number in range(1, 1500):
        assert own.wants_text(Reason.BAD_PORT) is (number <= 1000)
        assert own.has_enough_faults is (number > 1000)
        own.set_aside(number, Reason.BAD_PORT, "x")
    taken = own.take(0)
    assert [fault.line for fault in taken.faults] == list(range(1, 1001))
    assert taken.total.set_aside == {Reason.BAD_PORT: 1499}
    assert own.wants_text(Reason.BAD_PORT)
    own.set_aside(1500, Reason.BAD_PORT, "x")
    assert own.take(0).faults == (("log", 1500, Reason.BAD_PORT, "x"),)


def test_a_record_that_is_not_a_fault_is_set_aside_without_a_sample():
    own = Ledger("log")
    for reason in (Reason.NO_DATA, Reason.SKIPPED_DATA, Reason.NOT_A_RECORD):
        assert not own.wants_text(reason)
        own.set_aside(1, reason, "x")
    taken = own.take(0)
    assert taken.faults == ()
    assert taken.total.set_aside.total() == 3


def test_a_misfit_is_reported_only_with_a_layout_that_it_fits():
    own = Ledger("log")
    own.misfit = "a line"
    assert own.take(0).total.misfits == frozenset()
    own.add_fitting("dstport protocol")
    assert own.take(0).total.misfits == {"a line"}
    assert own.take(0).total.misfits == frozenset()


def test_flows_whose_layout_lacks_a_field_are_counted():
    own = Ledger("log")
    own.add_flows(LAYOUTS[1], 2, {}, {})
    own.add_flows(LAYOUTS[0], 3, {"start": 0}, {})
    own.add_flows(LAYOUTS[1], 0, {}, {})
    total = own.take(7, "gzip", "it ends early").total
    assert total.lacking == {"start": 2, "srcport": 2, "action": 2, "packets": 2}
    assert {*total.unreadable} == set()
    assert total.shapes == {f"gzip: {layout.shape}" for layout in LAYOUTS}
    assert (total.size, total.damage) == (7, {"it ends early"})


def test_a_header_is_counted_once_and_remembered_forever():
    own = Ledger("log")
    assert not own.has_header
    own.add_header()
    assert own.take(0).total.headers == 1
    assert own.take(0).total.headers == 0
    assert own.has_header
