"""The address has the tag and the time, and invalid values in it are ignored."""

from types import SimpleNamespace

import pytest

from flowtag_core.page import address
from tests.page.seen import metrics


@pytest.mark.parametrize(
    "text", ["<b>x</b>", "2021-05-04T15:06", "9999-01-01T00:00/1-1", "%00", ""]
)
def test_invalid_values_in_a_link_are_ignored(page, text):
    page.button(key="sample").click().run()
    for key in ("tag", "time", "measure", "action", "view"):
        page.query_params[key] = text
    page.run()
    assert not page.exception
    assert metrics(page)["Flows"] == "14"
    assert len(page.dataframe(key="ports").value) == 14


@pytest.fixture
def link(monkeypatch):
    """The query string of the address."""
    parameters = {}
    monkeypatch.setattr(address, "st", SimpleNamespace(query_params=parameters))
    return parameters


def test_a_choice_is_in_the_address_until_it_is_cleared(link):
    times = (1_620_140_640, 1_620_140_760)
    address.choose_time(times)
    address.select_tag("a/b &?=#%\n😀")
    assert (address.time(), address.tag()) == (times, "a/b &?=#%\n😀")
    assert link == {"time": "2021-05-04T15:04/2021-05-04T15:06", "tag": "a/b &?=#%\n😀"}
    for take_back in (address.choose_time, address.select_tag) * 2:
        take_back(None)
    assert (address.time(), address.tag(), link) == (None, None, {})


def test_a_choice_leaves_the_others_unchanged(link):
    link |= {"measure": "Packets", "search": "443"}
    address.select_tag("web")
    address.choose_time(None)
    assert link == {"measure": "Packets", "search": "443", "tag": "web"}


@pytest.mark.parametrize("key", ["measure", "search", "tag", "time"])
def test_an_address_with_any_parameter_is_a_view(link, key):
    assert not address.is_view()
    link[key] = "anything"
    assert address.is_view()
