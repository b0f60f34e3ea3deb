"""A total is the sum of everything that was added, in any order, whenever it is requested."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core import counts
from flowtag_core.counting import total as totals
from flowtag_core.counting.reference import tables_of
from flowtag_core.counting.tally import Counted, rows_of
from flowtag_core.counting.total import Total, total
from flowtag_core.counts import UNKNOWN_TIME, FlowCounts
from tests.counting.made import BY_KERNEL, MINUTE, counting, few_windows, flow_counts, flows


@pytest.fixture(autouse=True)
def little_room():
    """Create, add and fold tables with the same small limits."""
    with few_windows():
        yield


@pytest.mark.parametrize("by_kernel", BY_KERNEL)
@settings(max_examples=20)
@given(
    parts=st.lists(st.tuples(flow_counts, flows), max_size=5),
    rng=st.randoms(),
    asked=st.sets(st.integers(0, 4)),
    most_waiting=st.sampled_from([0, 10, 1 << 20]),
    worth_folding=st.sampled_from([-1, 1 << 10]),
    most_faults=st.sampled_from([3, 1000]),
)
def test_a_total_is_the_sum_in_any_order_whenever_it_is_requested(
    by_kernel, parts, rng, asked, most_waiting, worth_folding, most_faults
):
    with (
        counting(by_kernel=by_kernel),
        mock.patch.object(counts, "MOST_FAULTS", most_faults),
        mock.patch.object(totals, "MOST_FAULTS", most_faults),
        mock.patch.object(totals, "_MOST_WAITING", most_waiting),
        mock.patch.object(totals, "_WORTH_FOLDING", worth_folding),
    ):
        expected = sum((part + tables_of(some) for part, some in parts), FlowCounts())
        rng.shuffle(parts)
        adding, so_far = Total(), FlowCounts()
        for place, (part, some) in enumerate(parts):
            if place % 2:
                adding.add(part + tables_of(some))
            else:
                adding.add_counted(Counted(part, [rows_of(some)] if by_kernel else []))
                if not by_kernel:
                    adding.add(tables_of(some))
            so_far += part + tables_of(some)
            if place in asked:
                assert adding.counts() == so_far
        assert adding.counts() == adding.counts() == expected


@settings(max_examples=12)
@given(parts=st.lists(flow_counts, min_size=1, max_size=4))
def test_adding_counts_in_one_go_gives_their_sum_and_does_not_modify_them(parts):
    before = [part + FlowCounts() for part in parts]
    assert total(parts) == sum(parts, FlowCounts())
    assert parts == before


def test_a_total_of_nothing_is_empty():
    assert Total().counts() == FlowCounts()


def test_only_a_few_of_many_parts_wait_to_be_added(monkeypatch):
    monkeypatch.setattr(totals, "_MOST_WAITING", 100)
    adding, most = Total(), 0
    ports = [(MINUTE, 6, port, UNKNOWN_TIME, 0, 1, 1, 4) for port in range(10)]
    part = tables_of(np.array(ports, np.int64))
    for _ in range(200):
        adding.add(part)
        most = max(most, len(adding._parts))
    assert most <= 12
    assert adding.counts().requests.flows.sum() == 2000
