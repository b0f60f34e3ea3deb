from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import counts
from flowtag_core.counting.total import total
from flowtag_core.counts import (
    MOST_SUM,
    UNKNOWN_TIME,
    WIDTHS,
    FileCounts,
    FlowCounts,
    Reason,
    Table,
    Tower,
    sum_of,
    summed,
    tabulate,
)
from flowtag_core.errors import RangesError

sizes = st.one_of(st.integers(0, 10**15), st.integers(0, MOST_SUM))

rows = st.tuples(
    st.one_of(
        st.just(UNKNOWN_TIME), st.integers(28_000_000, 28_000_600), st.integers(0, 68_000_000)
    ),
    st.integers(0, 255),
    st.integers(0, 65535),
    st.integers(0, 2),
    sizes,
    sizes,
    st.integers(0, 4),
)
many_rows = st.lists(rows, max_size=40)


def table(some_rows):
    columns = np.array(some_rows, np.int64).reshape(-1, 7).T
    return tabulate(*columns)


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """Allow so few windows and rows that small examples climb the whole ladder of widths."""
    monkeypatch.setattr(counts, "MOST_WINDOWS", 4)
    monkeypatch.setattr(counts, "MOST_ROWS", 12)


class TestTablesAdd:
    @given(many_rows, st.data())
    def test_parts_in_any_order_add_up_to_the_table_of_the_whole(self, all_rows, data):
        shuffled = data.draw(st.permutations(all_rows))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
        edges = [0, *cuts, len(shuffled)]
        parts = [table(shuffled[a:b]) for a, b in pairwise(edges)]
        assert sum(parts) == table(all_rows)
        tower = Tower(Table())
        for part in parts:
            tower.add(part)
        assert tower.total() == table(all_rows)
        assert tower.total() == table(all_rows)

    @given(many_rows, many_rows, many_rows)
    def test_addition_is_associative_and_commutative(self, a, b, c):
        one, two, three = map(table, (a, b, c))
        assert (one + two) + three == one + (two + three)
        assert one + two == two + one

    @given(many_rows)
    def test_the_empty_table_is_zero(self, a):
        assert table(a) + Table() == table(a) == Table() + table(a)
        assert sum([table(a)]) == table(a)

    @given(many_rows, many_rows)
    def test_adding_does_not_modify_its_arguments(self, a, b):
        one, two = table(a), table(b)
        one + two
        assert (one, two) == (table(a), table(b))

    @given(many_rows)
    def test_no_rung_loses_a_flow_a_packet_or_a_byte(self, a):
        whole = table(a)
        assert whole.flows.sum() == len(a)
        assert sum_of(whole.packets) == min(sum(row[4] for row in a), MOST_SUM)
        assert sum_of(whole.bytes) == min(sum(row[5] for row in a), MOST_SUM)
        assert whole.flows[whole.window == UNKNOWN_TIME].sum() == sum(row[0] < 0 for row in a)

    @given(many_rows)
    def test_a_table_is_at_the_narrowest_rung_that_fits(self, a):
        whole = table(a)
        for rung in range(whole.rung + 1):
            known = {
                (0 if WIDTHS[rung] == 0 else row[0] // WIDTHS[rung], *row[1:4])
                for row in a
                if row[0] >= 0
            }
            windows = len({row[0] for row in known})
            fits = windows <= 1 or (windows <= 4 and len(known) <= 12)
            assert fits == (rung == whole.rung)


@given(st.lists(st.tuples(st.integers(0, 3), st.one_of(sizes, st.just(MOST_SUM))), max_size=9))
def test_a_sum_is_capped_at_the_largest_number(pairs):
    group, value = np.array(pairs, np.int64).reshape(-1, 2).T

    def add(values):
        sums = np.zeros(4, np.int64)
        np.add.at(sums, group, values)
        return sums

    wanted = [min(sum(v for g, v in pairs if g == one), MOST_SUM) for one in range(4)]
    assert summed(add, value).tolist() == wanted
    assert sum_of(value) == min(sum(v for _, v in pairs), MOST_SUM)


def test_counts_name_the_measures_that_exceed_the_largest_number():
    rows = np.array([(1, 6, port, 0, 1, MOST_SUM // 2) for port in range(3)], np.int64).T
    two, three = FlowCounts(requests=tabulate(*rows[:, :2])), FlowCounts(replies=tabulate(*rows))
    assert (two.beyond, three.beyond, (two + three).beyond) == ((), ("bytes",), ("bytes",))


def test_counts_with_different_internal_ranges_are_not_added():
    one, other = FlowCounts(internal=("203.0.113.0/24",)), FlowCounts(internal=())
    assert (one + FlowCounts()).internal == (FlowCounts() + one).internal == one.internal
    assert (one + one).internal == one.internal
    for add in (lambda: one + other, lambda: total([one, FlowCounts(), other])):
        with pytest.raises(RangesError, match=r"\(203\.0\.113\.0/24 and none\)"):
            add()


def test_each_width_divides_the_next():
    widths = WIDTHS[:-1]
    assert all(wide % narrow == 0 for narrow, wide in pairwise(widths))


def test_a_table_returns_the_columns_that_it_was_made_from():
    one = tabulate(*np.array([[28_333_333, 17, 53, 1, 7, 900, 2]], np.int64).T)
    columns = (
        one.window,
        one.protocol,
        one.port,
        one.action,
        one.flows,
        one.packets,
        one.bytes,
        one.boundary,
    )
    assert [int(column[0]) for column in columns] == [28_333_333 * 60, 17, 53, 1, 1, 7, 900, 2]


def test_one_old_flow_does_not_coarsen_a_busy_hour(monkeypatch):
    monkeypatch.undo()
    busy = [(28_333_320 + minute, 6, 443, 0, 1, 1, 0) for minute in range(60)]
    assert table([*busy, (16_000_000, 6, 443, 0, 1, 1, 0)]).width == 1


def test_the_counts_of_files_are_added_by_name():
    reasons = [Reason.BAD_PORT, Reason.NO_DATA]
    one = FlowCounts(files={"a": FileCounts(headers=1, flows=2), "b": FileCounts(blank=3)})
    two = FlowCounts(files={"a": FileCounts(flows=5, set_aside=counts.Counter(reasons))})
    both = sum([one, two])
    assert both.files == (two + one).files
    assert both.files["a"].records == 1 + 2 + 5 + 2
    assert both.files["a"].faults == 1
    assert both.total.records == both.files["a"].records + 3
