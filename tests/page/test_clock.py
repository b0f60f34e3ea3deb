"""The page shows times in UTC, or in the browser's zone on request."""

from datetime import UTC
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from flowtag_core.page import clock

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def browser(monkeypatch):
    """The browser's zone, its address, and the drawn switches."""
    drawn = []
    browser = SimpleNamespace(
        context=SimpleNamespace(timezone="Asia/Tokyo"),
        query_params={},
        session_state={},
        html=lambda text, **_: drawn.append(text),
        segmented_control=lambda label, *_, **__: drawn.append(label),
        drawn=drawn,
    )
    monkeypatch.setattr(clock, "st", browser)
    return browser


def test_times_are_in_utc_until_local_time_is_chosen(browser):
    assert clock.zone() is UTC
    browser.query_params["zone"] = "Local"
    assert clock.zone() == TOKYO
    # The switch overrides the address that the page was opened with.
    browser.session_state["zone"] = "UTC"
    assert clock.zone() is UTC


@pytest.mark.parametrize("text", ["", "Asia/Tokyo", "local", "<b>x</b>"])
def test_an_unknown_zone_in_a_link_is_ignored(browser, text):
    browser.query_params["zone"] = text
    assert clock.zone() is UTC


@pytest.mark.parametrize("name", [None, "", "../../etc/passwd", "Mars/Olympus", "<b>x</b>"])
def test_a_browser_with_an_unknown_zone_gets_utc_and_a_note(browser, name):
    browser.context.timezone = name
    browser.query_params["zone"] = "Local"
    assert clock.zone() is UTC
    clock.zone_switch()
    assert browser.drawn == ['<span class="quiet">Local time zone unknown</span>']


def test_the_switch_appears_only_if_there_is_a_choice(browser):
    clock.zone_switch()
    assert browser.drawn == ["Time zone"]
    browser.drawn.clear()
    browser.context.timezone = "UTC"
    clock.zone_switch()
    assert browser.drawn == []
