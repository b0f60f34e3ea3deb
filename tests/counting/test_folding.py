"""Folding tables in one go gives their sum."""

from collections import deque
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counting import compiled, contract, folding
from flowtag_core.counting.folding import folded, table_from, unused_fold
from flowtag_core.counts import UNKNOWN_WINDOW, WIDTHS, WINDOW_SHIFT, Table
from tests.counting.made import MINUTE, few_windows, table_of, tables

pytestmark = pytest.mark.skipif(
    not compiled.can_compile(), reason="numba has no wheel for this platform"
)


@pytest.fixture(scope="module", autouse=True)
def kernel():
    return compiled.kernel(wait=True)


@pytest.fixture(autouse=True)
def little_room():
    """Create, add and fold tables with the same small limits."""
    with few_windows():
        yield


full_tables = tables.filter(len)


@given(
    some=st.lists(full_tables, min_size=1, max_size=6),
    most_span=st.sampled_from([1, 100, 1 << 20]),
    most_folded=st.sampled_from([5, 1 << 23]),
    at_once=st.sampled_from([1, 7, 1 << 12]),
)
def test_folding_tables_at_any_rungs_gives_their_sum(some, most_span, most_folded, at_once):
    with (
        mock.patch.object(folding, "_MOST_SPAN", most_span),
        mock.patch.object(folding, "MOST_FOLDED", most_folded),
        mock.patch.object(folding, "_AT_ONCE", at_once),
    ):
        before = [table + Table() for table in some]
        assert folded(compiled.kernel(), some) == sum(some, Table())
        assert some == before


@pytest.mark.parametrize("rung", range(len(WIDTHS)))
def test_a_table_at_any_rung_can_be_folded_with_one_at_the_narrowest(rung):
    width = WIDTHS[rung] or 10**6
    narrow = table_of([(MINUTE, 6, 443, 0, 1, 2, 0), (-1, 6, 443, 0, 1, 2, 0)])
    before = WIDTHS[rung - 1] if rung else 1
    spread = [(n * before, 6, 443, 0, 1, 2) for n in range(4)]
    wide = table_of([*spread, *((n * width, 6, 443, 0, 1, 2) for n in range(1, 4))])
    assert folded(compiled.kernel(), [narrow, wide, narrow]) == narrow + wide + narrow


def test_a_fold_is_never_shared_but_is_reused_later(kernel):
    with mock.patch.object(folding, "_FOLDS", deque()):
        with unused_fold(kernel) as one, unused_fold(kernel) as other:
            assert one is not other
        with unused_fold(kernel) as again:
            assert again in (one, other)


def test_the_unknown_minute_of_a_pile_becomes_the_unknown_window_of_the_table():
    key = np.array([contract.UNKNOWN_MINUTE << WINDOW_SHIFT | 5, MINUTE << WINDOW_SHIFT], np.int64)
    found = table_from(np.stack([key, *np.ones((3, 2), np.int64)]), 0)
    assert found.key.tolist() == [MINUTE << WINDOW_SHIFT, UNKNOWN_WINDOW << WINDOW_SHIFT | 5]
    assert found.window.tolist() == [MINUTE * 60, -1]
