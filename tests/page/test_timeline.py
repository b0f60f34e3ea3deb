"""The time is typed, marked and cleared."""

from datetime import UTC
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from flowtag_core.page import address, timeline
from flowtag_core.page.brush import Brush
from flowtag_core.showing.timeline import Axis
from tests.logs import line
from tests.page.seen import drop, metrics


def heading(page):
    """The row above the chart, as HTML."""
    return next(each.proto.body for each in page.get("html") if "tlhead" in each.proto.body)


def answers(page):
    """The message on the typed text."""
    return [each.proto.body for each in page.get("html") if 'role="alert">' in each.proto.body]


def test_a_time_can_be_typed_even_without_flows_and_can_be_cleared(page):
    page.button(key="sample").click().run()
    page.text_input(key="time_box").set_value("2021-05-04 15:04 - 15:06").run()
    assert page.query_params["time"] == "2021-05-04T15:04/2021-05-04T15:06"
    assert metrics(page)["Flows"] == "8"
    page.text_input(key="time_box").set_value("2030-01-01T00:00/2030-01-02T00:00").run()
    assert metrics(page)["Flows"] == "0"
    page.text_input(key="time_box").set_value("").run()
    assert metrics(page)["Flows"] == "14"


def test_an_invalid_time_stays_with_a_message_until_another_time_is_chosen(page):
    page.button(key="sample").click().run()
    page.text_input(key="time_box").set_value("15:04-15:06").run()
    assert page.text_input(key="time_box").value == "2021-05-04 15:04 - 15:06"
    page.text_input(key="time_box").set_value("<b>yesterday</b>").run()
    assert metrics(page)["Flows"] == "8"
    assert page.text_input(key="time_box").value == "<b>yesterday</b>"
    (answer,) = answers(page)
    assert "Type it like 2021-05-04 10:00 - 12:00." in answer
    page.segmented_control(key="measure").set_value("packets").run()
    assert page.text_input(key="time_box").value == "<b>yesterday</b>"
    page.button(key="clear_time").click().run()
    assert page.text_input(key="time_box").value == ""
    assert answers(page) == []


def test_the_row_above_the_chart_has_its_name_and_describes_the_bars(page):
    page.button(key="sample").click().run()
    assert "<h2>Flows over time</h2>" in heading(page)
    assert "1-minute bars \u00b7 UTC" in heading(page)
    assert "cap" not in [toggle.key for toggle in page.toggle]


def test_peaks_are_capped_only_on_request(page):
    flows = [500 if minute == 7 else 10 for minute in range(20)]
    log = "\n".join(
        line(start=str(1_700_000_040 + 60 * minute)).decode()
        for minute, number in enumerate(flows)
        for _ in range(number)
    )
    drop(page, ("a.log", log.encode()))
    assert page.toggle(key="cap").value is False
    assert "peaks capped" not in heading(page)
    page.toggle(key="cap").set_value(True).run()
    assert "peaks capped at 12 \u00b7" in heading(page)
    assert metrics(page)["Flows"] == "690"


def test_flows_without_a_known_time_have_a_note_instead_of_a_timeline(page):
    drop(page, ("a.log", line(start="-")))
    assert "time_box" not in [box.key for box in page.text_input]
    assert "1 flow has no known time and is not shown" in heading(page)


@pytest.fixture
def state(monkeypatch):
    """What the browser reports on the timeline; the resulting time is in the address."""
    state = {}
    monkeypatch.setattr(timeline, "st", SimpleNamespace(session_state=state))
    monkeypatch.setattr(address, "st", SimpleNamespace(query_params={}))
    return state


def test_a_drag_chooses_a_time_and_a_double_click_clears_it(state):
    brush = Brush(axis=Axis(np.arange(0, 600, 60), 1, np.empty((0, 2), int)))
    state["chart"] = {"selection": {"brush": {"slot": [1.0, 3.0]}}}
    timeline._dragged(brush, "chart")
    assert address.time() == brush.marked == (60, 180)
    state["chart"] = {"selection": {"brush": {}}}
    timeline._dragged(brush, "chart")
    assert (address.time(), brush.marked) == (None, None)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (" 1970-01-01 00:02/1970-01-01T00:04 ", (120, 240)),
        ("00:02 - 00:04", (120, 240)),
        ("  ", None),
        ("1970-01-01T00:04/1970-01-01T00:02", (0, 60)),
        ("yesterday", (0, 60)),
    ],
)
def test_an_invalid_typed_time_leaves_the_chosen_one(state, text, time):
    address.choose_time((0, 60))
    state["time_box"] = text
    brush = Brush()
    timeline._typed(brush, (0, 60), partial(timeline._read, UTC, (0, 60), (0, 600)))
    assert address.time() == time
    assert (brush.fault is not None) == (time == (0, 60))
