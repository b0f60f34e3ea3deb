"""Evidence adds up in any order, keeps the largest rows, and says how much they may lack."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import evidence
from flowtag_core.counts import MEASURES, MOST_SUM
from flowtag_core.errors import ChoiceError
from flowtag_core.evidence import (
    Evidence,
    Sample,
    Talkers,
    added,
    folded,
    port_bits,
    pruned,
    talkers_of,
)

halves = st.sampled_from([-1, 0, 1, (1 << 62), -(1 << 63), 0xFFFF << 32])
rows = st.tuples(
    st.tuples(halves, halves, st.integers(0, 3)),
    st.integers(1, 5),
    st.one_of(st.integers(0, 99), st.integers(0, MOST_SUM)),
    st.integers(0, 10**6),
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(0, 50),
    st.integers(-1, 50),
)


def table(some):
    if not some:
        return Talkers()
    keys = tuple(
        np.array(column, np.int64) for column in zip(*(row[0] for row in some), strict=True)
    )
    columns = [np.array(column, np.int64) for column in list(zip(*some, strict=True))[1:]]
    return talkers_of(keys, columns)


def sums(talkers):
    """Return the rows of a table by key."""
    keys = zip(*(column.tolist() for column in talkers.keys), strict=True)
    values = zip(*(column.tolist() for column in talkers.columns()), strict=True)
    return dict(zip(keys if talkers.keys else [()] * len(talkers), values, strict=True))


def expected(some):
    found = {}
    for key, *values in some:
        before = found.get(key)
        if before is None:
            found[key] = tuple(values)
            continue
        plus = [
            min(MOST_SUM, one + other) for one, other in zip(before[:5], values[:5], strict=True)
        ]
        found[key] = (*plus, min(before[5], values[5]), max(before[6], values[6]))
    return found


@given(st.lists(rows, max_size=12), st.integers(0, 12))
def test_a_folded_table_has_each_key_once_with_its_sums(some, cut):
    whole = folded([table(some[:cut]), table(some[cut:])])
    assert len(whole) == len(sums(whole))
    assert sums(whole) == expected(some)


@given(st.lists(st.lists(rows, max_size=5), max_size=5), st.randoms(use_true_random=False))
def test_evidence_adds_up_in_any_order(parts, random):
    found = [
        Evidence(pairs=folded([table(some)]), samples=(Sample("log", number, "x"),))
        for number, some in enumerate(parts)
    ]
    shuffled = random.sample(found, len(found))
    one, other = added(found), sum(shuffled, Evidence())
    assert sums(one.pairs) == sums(other.pairs) == expected([row for some in parts for row in some])
    assert one.samples == other.samples == added(found[: evidence.MOST_SAMPLES]).samples


@given(st.lists(rows, min_size=9, max_size=40, unique_by=lambda row: row[0]))
def test_a_row_lacks_no_more_than_the_table_says(some):
    with mock.patch.multiple(evidence, MOST_ROWS=8, _KEPT=4):
        talkers = table([])
        for place in range(0, len(some), 3):
            talkers = pruned(folded([talkers, table(some[place : place + 3])]))
    exact, found = expected(some), sums(talkers)
    assert len(found) <= 8
    for place, lacking in enumerate(talkers.lacking):
        for key, values in exact.items():
            assert values[place] - found.get(key, (0, 0, 0))[place] <= lacking
    for place in range(3):  # the largest row by each measure is there
        largest = max(values[place] for values in exact.values())
        assert max(values[place] for values in found.values()) >= largest - talkers.lacking[place]


def test_a_table_that_is_small_enough_is_exact():
    talkers = pruned(folded([table([((0, 0, n), 1, 1, 1, 1, 0, 5, 5)]) for n in range(9)]))
    assert talkers.is_exact
    assert len(talkers) == 9


@given(st.lists(rows, max_size=20), st.sampled_from(MEASURES), st.integers(1, 8))
def test_the_top_rows_are_the_largest_by_a_measure_and_then_the_lowest_keys(some, measure, most):
    whole = folded([table(some)])
    found = sums(whole.top(measure, most))
    place = MEASURES.index(measure)
    order = sorted(sums(whole).items(), key=lambda row: (-row[1][place], row[0]))
    assert list(found.items()) == order[:most]


def test_a_source_has_as_many_targets_and_ports_as_it_has_rows():
    scanner = [((0, 1, n), 1, 1, 1, 1, 0, 5, 5) for n in range(4)]
    other = [((0, 2, 7), 9, 1, 1, 1, 0, 5, 5)]
    found = Evidence(pairs=folded([table(scanner + other)]), ports=folded([table(other)]))
    assert {key: values[0] for key, values in sums(found.targets).items()} == {(0, 1): 4, (0, 2): 1}
    assert {key: values[0] for key, values in sums(found.source_ports).items()} == {(0, 2): 1}
    assert len(Evidence().targets) == 0


@pytest.mark.parametrize("pair", [(6, 65536), (6, -1), (300, 1), ("tcp", 25)])
def test_a_pair_that_is_no_protocol_with_a_port_is_refused(pair):
    with pytest.raises(ChoiceError, match="is not a protocol number"):
        port_bits([pair])


def test_evidence_shows_itself_in_one_line():
    assert repr(Evidence()) == "<Evidence: 0 flows; pairs: 0>"
