"""A bar was clicked if it was added to the chart's selection or removed from it."""

import streamlit as st

from flowtag_core.page.picks import Picks


def test_each_click_is_reported_once_whatever_is_selected(monkeypatch):
    picks, state = Picks(), {}
    monkeypatch.setattr(st, "session_state", state)

    def click(*selected, chart="bars"):
        state[chart] = {"selection": {"pick": [{"name": name} for name in selected]}}
        return picks.clicked(chart)

    assert click("web") == {"web"}
    assert click("web", "mail") == {"mail"}
    assert click("mail") == {"web"}
    assert click("mail") == set()
    assert click("mail", chart="others") == {"mail"}
    state["bars"] = {"selection": {}}
    assert picks.clicked("bars") == {"mail"}
