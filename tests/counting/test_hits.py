"""Hits are the wanted flows, and add up to the same evidence with and without the kernel."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import evidence
from flowtag_core.codes import IPV4
from flowtag_core.counting import contract, hits
from flowtag_core.counting.contract import HIT_SIZE
from flowtag_core.counting.hits import HitSum, evidence_of, told
from flowtag_core.counts import MOST_SUM, NEVER, UNKNOWN_TIME, key_of
from flowtag_core.evidence import Wanted, port_bits
from tests.counting.made import BY_KERNEL, counting
from tests.test_evidence import sums

TABLES = ("pairs", "ports", "sources", "destinations", "interfaces", "total")
halves = st.sampled_from([-1, 0, 1, 1 << 62, -(1 << 63), IPV4 | 0x0A000001])
hit_rows = st.tuples(
    st.sampled_from([28_000_000, 28_000_009, contract.UNKNOWN_MINUTE]),
    st.sampled_from([6, 17]),
    st.sampled_from([53, 443]),
    st.integers(0, 2),
    st.integers(0, 4),
    st.one_of(st.integers(0, 99), st.just(10**15 - 1)),
    st.integers(0, 10**6),
    st.tuples(*[halves] * 6),
)


def hits_from(some):
    rows = np.zeros((len(some), HIT_SIZE), np.int64)
    for place, (minute, protocol, port, action, boundary, packets, volume, codes) in enumerate(
        some
    ):
        numbers = (np.array([each]) for each in (minute, protocol, port, action))
        rows[place, :3] = key_of(*numbers, boundary)[0], packets, volume
        rows[place, 3:9] = codes
    return rows


@pytest.mark.parametrize("by_kernel", BY_KERNEL)
@given(
    some=st.lists(hit_rows, max_size=30), few=st.sampled_from([0, 5, 1000]), cut=st.integers(0, 30)
)
def test_hits_add_up_to_the_evidence_of_all_of_them_however_they_arrive(by_kernel, some, few, cut):
    rows = hits_from(some)
    with counting(by_kernel=by_kernel), mock.patch.object(hits, "_MOST_FEW", few):
        total = HitSum()
        for part in (rows[:cut], rows[cut:]):
            total.add(part.copy())
        found = total.evidence()
    whole = evidence_of(rows)
    for name in TABLES:
        assert sums(getattr(found, name)) == sums(getattr(whole, name)), name


@pytest.mark.usefixtures("kernel")
def test_a_full_hash_table_drops_its_smallest_rows_and_says_how_much_they_had():
    largest = hits_from([(5, 6, 53, 0, 0, 9, 9, (0, number, 0, 0, 0, 0)) for number in range(40)])
    small = hits_from([(5, 6, 53, 0, 0, 1, 1, (0, number, 1, 1, 0, 0)) for number in range(4000)])
    with (
        mock.patch.multiple(hits, _FEWEST_BITS=6, _MOST_BITS=10, _MOST_FEW=0),
        mock.patch.multiple(evidence, MOST_ROWS=768, _KEPT=256),
    ):
        total = HitSum()
        for _ in range(100):
            total.add(largest)
        for begin in range(0, 4000, 100):
            total.add(small[begin : begin + 100])
        found = total.evidence()
    assert not found.is_exact
    assert found.flows == 8000
    assert len(found.pairs) <= 768
    top = found.pairs.top("flows", 40)
    assert all(99 <= flows <= 100 for flows in top.flows.tolist())
    assert max(found.pairs.lacking) < 100


@pytest.mark.usefixtures("kernel")
def test_sums_stop_at_the_largest_number():
    rows = hits_from([(5, 6, 53, 0, 0, 1, 1, (0,) * 6)] * 2)
    rows[:, contract.HIT_BYTES] = MOST_SUM - 5
    with mock.patch.object(hits, "_MOST_FEW", 0):
        total = HitSum()
        total.add(rows)
        assert total.evidence().total.bytes.tolist() == [MOST_SUM]


def test_flows_without_a_time_have_no_first_and_no_last_minute():
    found = evidence_of(hits_from([(contract.UNKNOWN_MINUTE, 6, 53, 0, 0, 1, 1, (0,) * 6)]))
    assert found.total.first.tolist() == [NEVER]
    assert found.total.last.tolist() == [UNKNOWN_TIME]


def test_only_the_wanted_ports_have_a_bit():
    numbers = told(Wanted(ports=port_bits({(0, 0), (6, 443), (255, 65535)})))
    bits = np.unpackbits(numbers[contract.PORTS_WANTED :].view(np.uint8), bitorder="little")
    assert np.flatnonzero(bits).tolist() == [0, 6 << 16 | 443, (1 << 24) - 1]
