"""The row of filters."""

import pytest

from tests.logs import line
from tests.page.seen import drop, metrics, opened, tags

REPLY = line(srcport="443", dstport="50000")


def test_the_measure_and_the_action_change_the_numbers(page):
    drop(page, ("a.log", line(action="REJECT") + b"\n" + line(dstport="25")))
    page.segmented_control(key="measure").set_value("packets").run()
    assert metrics(page)["Packets"] == "20"
    page.segmented_control(key="action").set_value("reject").run()
    assert metrics(page)["Packets"] == "10"


def test_by_service_port_a_reply_counts_where_it_comes_from(page):
    drop(page, ("a.log", REPLY), ("l.csv", b"443,tcp,web\n"))
    assert tags(page) == {"Untagged": 1}
    page.segmented_control(key="view").set_value("service").run()
    assert tags(page) == {"web": 1, "Untagged": 0}


@pytest.mark.parametrize("name", ["By service", "Service port"])
def test_a_link_opens_its_view_whenever_it_was_made(name):
    page = opened()
    page.query_params["view"] = name
    drop(page, ("a.log", REPLY), ("l.csv", b"443,tcp,web\n"))
    assert page.segmented_control(key="view").value == "service"
    assert tags(page) == {"web": 1, "Untagged": 0}


def test_invalid_values_in_a_link_are_ignored():
    page = opened()
    for key in ("view", "measure", "action"):
        page.query_params[key] = "nonsense"
    drop(page, ("a.log", line()))
    assert metrics(page)["Flows"] == "1"
