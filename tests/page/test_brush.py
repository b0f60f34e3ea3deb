"""The browser keeps its chart as long as the right time is marked in it."""

import numpy as np
import pytest

from flowtag_core.page.brush import Brush
from flowtag_core.showing.timeline import Axis

START = 1_700_000_040
AXIS, LATER = (
    Axis(np.arange(first, first + 600, 60), 1, np.empty((0, 2), int))
    for first in (START, START + 60)
)
BASE = AXIS.base
MARKED, OTHER = (START + 60, START + 180), (START, START + 60)


@pytest.fixture
def brush():
    """A chart without a mark, which the browser has."""
    brush = Brush()
    brush.draw(AXIS, None, is_there=False)
    return brush


def test_a_drag_selects_the_time_of_the_slots_that_it_covers(brush):
    assert brush.dragged([BASE + 1.0, BASE + 3.0]) == MARKED
    assert brush.dragged([BASE + 3.0, BASE + 3.0]) is None
    assert brush.dragged([]) is None
    assert brush.dragged(None) is None
    assert Brush().dragged([1.0, 3.0]) is None


def test_a_dragged_mark_keeps_the_chart(brush):
    key = brush.key
    brush.draw(AXIS, brush.dragged([BASE + 1.0, BASE + 3.0]), is_there=True)
    assert (brush.key, brush.first) == (key, None)
    brush.draw(AXIS, brush.dragged(None), is_there=True)
    assert brush.key == key


def test_a_time_set_elsewhere_gets_a_new_chart_that_starts_with_it(brush):
    brush.dragged([BASE + 1.0, BASE + 3.0])
    keys = {brush.key}
    for time in (OTHER, None, MARKED):
        brush.draw(AXIS, time, is_there=True)
        assert (brush.first, brush.marked) == (time, time)
        keys.add(brush.key)
    assert len(keys) == 4


def test_the_chart_stays_while_time_goes_on_and_its_mark_stays_on_its_time(brush):
    brush.draw(AXIS, OTHER, is_there=True)
    key, mark = brush.key, brush.mark
    assert brush.dragged([BASE + 1.0, BASE + 3.0]) == MARKED
    brush.draw(LATER, MARKED, is_there=True)
    assert (brush.key, brush.mark) == (key, mark)
    # A drag selects the time of the slots as they are now.
    assert brush.dragged([BASE + 1.0, BASE + 2.0]) == (START + 60, START + 120)
    assert brush.dragged([BASE, BASE + 1.0]) is None


def test_other_slots_get_a_new_chart(brush):
    before = brush.key
    gap = Axis(np.array([START, START + 86_400]), 1, np.array([[1, 1]]))
    for axis in (AXIS._replace(width=5), gap):
        brush.draw(axis, None, is_there=True)
        assert brush.key != before
        before = brush.key


def test_a_chart_that_comes_back_has_its_first_mark_again(brush):
    brush.draw(AXIS, OTHER, is_there=True)
    before = brush.key
    brush.draw(AXIS, OTHER, is_there=False)
    assert brush.key == before
    brush.dragged([BASE + 1.0, BASE + 3.0])
    # The browser has lost the dragged mark, so this chart cannot show it.
    brush.draw(AXIS, MARKED, is_there=False)
    assert brush.key != before
    assert brush.first == MARKED


def test_a_drag_that_ends_in_a_shortened_gap_marks_the_chosen_time(brush):
    gap = Axis(np.array([0, 60, 120, 180, 240, 86_400, 86_460]), 1, np.array([[2, 5]]))
    brush.draw(gap, None, is_there=True)
    base = gap.base
    assert brush.dragged([base, base + 3.2]) == (0, 120)
    key = brush.key
    brush.draw(gap, brush.marked, is_there=True)
    assert brush.key == key
    assert brush.dragged([base + 2.6, base + 4.0]) == (120, 86_400)
    assert brush.dragged([base + 4.0, base + 7.0]) == (86_400, 86_520)
