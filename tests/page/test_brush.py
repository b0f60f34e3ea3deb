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
MARKED, OTHER = (START + 60, START + 180), (START, START + 60)


@pytest.fixture
def brush():
    """A chart without a mark, which the browser has."""
    brush = Brush()
    brush.draw(AXIS, None, is_there=False)
    return brush


def test_a_drag_selects_the_time_of_the_slots_that_it_covers(brush):
    assert brush.dragged([1.0, 3.0]) == MARKED
    assert brush.dragged([3.0, 3.0]) is None
    assert brush.dragged([]) is None
    assert brush.dragged(None) is None
    assert Brush().dragged([1.0, 3.0]) is None


def test_a_dragged_mark_keeps_the_chart(brush):
    key = brush.key
    brush.draw(AXIS, brush.dragged([1.0, 3.0]), is_there=True)
    assert (brush.key, brush.first) == (key, None)
    brush.draw(AXIS, brush.dragged(None), is_there=True)
    assert brush.key == key


def test_a_time_set_elsewhere_gets_a_new_chart_that_starts_with_it(brush):
    brush.dragged([1.0, 3.0])
    keys = {brush.key}
    for time in (OTHER, None, MARKED):
        brush.draw(AXIS, time, is_there=True)
        assert (brush.first, brush.marked) == (time, time)
        keys.add(brush.key)
    assert len(keys) == 4


def test_other_slots_get_a_new_chart(brush):
    before = brush.key
    brush.draw(AXIS._replace(start=AXIS.start.copy()), None, is_there=True)
    assert brush.key == before
    brush.draw(LATER, None, is_there=True)
    assert brush.key != before
    # A drag then selects the time of its own slots.
    assert brush.dragged([0.0, 1.0]) == (START + 60, START + 120)


def test_a_chart_that_comes_back_has_its_first_mark_again(brush):
    brush.draw(AXIS, OTHER, is_there=True)
    before = brush.key
    brush.draw(AXIS, OTHER, is_there=False)
    assert brush.key == before
    brush.dragged([1.0, 3.0])
    # The browser has lost the dragged mark, so this chart cannot show it.
    brush.draw(AXIS, MARKED, is_there=False)
    assert brush.key != before
    assert brush.first == MARKED


def test_a_drag_that_ends_in_a_shortened_gap_marks_the_chosen_time(brush):
    gap = Axis(np.array([0, 60, 120, 180, 240, 86_400, 86_460]), 1, np.array([[2, 5]]))
    brush.draw(gap, None, is_there=True)
    assert brush.dragged([0.0, 3.2]) == (0, 120)
    key = brush.key
    brush.draw(gap, brush.marked, is_there=True)
    assert brush.key == key
    assert brush.dragged([2.6, 4.0]) == (120, 86_400)
    assert brush.dragged([4.0, 7.0]) == (86_400, 86_520)
