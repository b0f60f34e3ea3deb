"""The time is typed, marked and taken back."""

from types import SimpleNamespace

import numpy as np
import pytest

from flowtag_core.page import address, timeline
from flowtag_core.page.brush import Brush
from flowtag_core.showing.timeline import Axis
from tests.logs import line
from tests.page.seen import buttons, captions, drop, metrics, said


def test_a_time_without_flows_is_said_and_can_be_typed_and_taken_back(page):
    page.button(key="sample").click().run()
    page.text_input(key="time_box").set_value("2021-05-04 15:04/2021-05-04 15:06").run()
    assert page.query_params["time"] == "2021-05-04T15:04/2021-05-04T15:06"
    assert metrics(page)["Flows"] == "8"
    page.text_input(key="time_box").set_value("no time").run()
    assert metrics(page)["Flows"] == "8"
    page.text_input(key="time_box").set_value("2030-01-01T00:00/2030-01-02T00:00").run()
    assert metrics(page)["Flows"] == "0"
    assert "No flow is left" in said(page)
    page.text_input(key="time_box").set_value("").run()
    assert metrics(page)["Flows"] == "14"


def test_the_time_and_the_tag_are_buttons_that_take_them_back(page):
    page.button(key="sample").click().run()
    page.query_params["time"] = "2021-05-04T15:04/2021-05-04T15:06"
    page.query_params["tag"] = "email"
    page.run()
    assert page.button(key="clear_time").label == "4 May 2021 15:04 – 15:06 UTC"
    assert page.button(key="clear_tag").label == "email"
    assert metrics(page)["Flows"] == "8"
    page.button(key="clear_time").click().run()
    page.button(key="clear_tag").click().run()
    assert not page.exception
    assert metrics(page)["Flows"] == "14"
    assert not {"time", "tag"} & {*page.query_params}
    assert not {"clear_time", "clear_tag"} & {*buttons(page)}


def test_flows_without_a_known_time_have_no_timeline_and_that_is_said(page):
    drop(page, ("a.log", line(start="-")))
    assert "time_box" not in [box.key for box in page.text_input]
    assert "1 flow without a known time: not shown in the timeline." in captions(page)


@pytest.fixture
def state(monkeypatch):
    """What the browser tells of the timeline; the address has what comes of it."""
    state = {}
    monkeypatch.setattr(timeline, "st", SimpleNamespace(session_state=state))
    monkeypatch.setattr(address, "st", SimpleNamespace(query_params={}))
    return state


def test_the_time_that_is_dragged_over_is_chosen_and_a_double_click_takes_it_back(state):
    brush = Brush(axis=Axis(np.arange(0, 600, 60), 1, np.array([])))
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
        ("  ", None),
        ("1970-01-01T00:04/1970-01-01T00:02", (0, 60)),
        ("yesterday", (0, 60)),
    ],
)
def test_what_is_typed_and_is_no_time_leaves_the_one_before(state, text, time):
    address.choose_time((0, 60))
    state["time_box"] = text
    timeline._typed()
    assert address.time() == time
