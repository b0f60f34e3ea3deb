"""A table is never wider than its space, unless its required columns are."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowtag_core.showing import widths

windows = st.integers(320, 2400)
numbers = st.lists(st.integers(0, 10**15 - 1), min_size=1, max_size=5)
PORTS = {" ": 32, "Port": 66, "Protocol": 78, "Tag": 100, "Bytes": 0}
OPTIONAL = {"Share": 104, "Rejected": 80, "Trend": 96}
FRAME = 44


def fitted(numbers, room, optional=tuple(OPTIONAL)):
    columns = {**PORTS, "Bytes": widths.of_numbers(numbers), **OPTIONAL}
    return columns, widths.fitted(columns, "Bytes", optional, room)


@given(windows)
def test_the_widths_of_neighbors_add_up_to_the_window(window):
    found = widths.rooms(window)
    assert min(found) > 0
    margin = 26 if window <= 640 else 56
    content = min(window - 16, 2000) - margin
    if window <= 640:
        assert set(found) == {window - margin}
    elif window <= 1180:
        assert found.untagged == content
        assert found.tags + 17 + found.tag_bars == content
        assert found.ports + 17 + found.port_bars == content
        assert found.tags == pytest.approx(1.35 * found.tag_bars, abs=3)
    else:
        assert found.tags == found.tag_bars
        assert 0 <= content - (found.tags + 28 + found.untagged) <= 1
        assert 0 <= content - (found.ports + 28 + found.port_bars) <= 1


@given(windows, windows)
def test_nothing_gets_narrower_in_a_wider_window_with_the_same_arrangement(one, other):
    kinds = [sum(window > edge for edge in (640, 1180)) for window in (one, other)]
    if kinds[0] == kinds[1]:
        narrow, wide = (widths.rooms(window) for window in sorted([one, other]))
        assert all(a <= b for a, b in zip(narrow, wide, strict=True))


@given(windows, numbers, st.sampled_from(["tags", "ports"]))
@example(320, [10**15 - 1], "ports")
@example(641, [10**15 - 1], "ports")
def test_the_columns_fit_unless_the_required_ones_alone_are_too_wide(window, counts, table):
    room = getattr(widths.rooms(window), table)
    columns, fit = fitted(counts, room)
    needed = sum(fit.widths[name] for name in PORTS)
    total = sum(fit.widths.values()) + FRAME
    assert total <= max(room, needed + FRAME)
    if total > room:
        assert fit.is_short or columns["Bytes"] <= 78
        assert set(fit.widths) == set(PORTS)


@given(windows, numbers)
def test_a_number_is_shortened_only_if_necessary(window, counts):
    room = widths.rooms(window).ports
    columns, fit = fitted(counts, room)
    whole = sum(columns[name] for name in PORTS) + FRAME <= room
    assert fit.is_short == (not whole)
    assert fit.widths["Bytes"] == (78 if fit.is_short else columns["Bytes"])
    assert columns["Bytes"] >= max(7.6 * len(f"{count:,}") for count in counts)


@given(windows, numbers, st.permutations([*OPTIONAL]))
def test_the_columns_keep_their_order_and_the_required_ones_are_always_shown(
    window, counts, optional
):
    columns, fit = fitted(counts, widths.rooms(window).ports, optional)
    assert list(fit.widths) == [name for name in columns if name in fit.widths]
    assert set(PORTS) <= set(fit.widths)


def test_the_least_important_columns_are_dropped_first_and_unknown_ones_ignored():
    whole = sum(PORTS.values()) + 84 + FRAME
    rooms = [whole, whole + 104, whole + 184, whole + 280]
    shown = [[*fitted([1], room)[1].widths][5:] for room in rooms]
    assert shown == [[], ["Share"], ["Share", "Rejected"], ["Share", "Rejected", "Trend"]]
    assert widths.fitted({"Bytes": 84}, "Bytes", ["Share"], 500).widths == {"Bytes": 84}


def test_a_narrow_number_is_never_shortened():
    assert not widths.fitted({"Tag": 112, "Flows": 70}, "Flows", [], 10).is_short


def test_a_column_of_numbers_is_as_wide_as_its_longest_number():
    assert widths.of_numbers([]) == widths.of_numbers([0, 5]) == 84
    assert widths.of_numbers([1, 123_456_789_012_345]) == int(19 * 7.6) + 26


def test_a_table_is_as_high_as_its_rows_until_it_scrolls():
    heights = [widths.height(rows, 8) for rows in (0, 1, 2, 8, 9, 5000)]
    assert heights == [67, 67, 99, 291, 291, 291]


@given(windows)
def test_a_chart_in_a_panel_is_at_least_200_pixels_wide(window):
    found = widths.rooms(window)
    for room in (found.tag_bars, found.port_bars):
        assert 200 <= widths.in_panel(room) < room
