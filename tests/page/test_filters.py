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


OUT = line(srcaddr="10.0.0.1", dstaddr="8.8.8.8")
IN = line(srcaddr="8.8.8.8", dstaddr="10.0.0.1", dstport="22")


def test_the_boundary_filters_the_flows(page):
    drop(page, ("a.log", b"\n".join([OUT, OUT, IN, line(), line(srcaddr="-")])))
    control = page.segmented_control(key="boundary")
    assert control.options == ["All", "Internal", "Inbound", "Outbound", "External", "Unknown"]
    for boundary, flows in (("outbound", "2"), ("inbound", "1"), ("external", "0"), ("all", "5")):
        page.segmented_control(key="boundary").set_value(boundary).run()
        assert metrics(page)["Flows"] == flows


def test_without_addresses_there_is_no_boundary_to_choose(page):
    drop(page, ("a.log", b"dstport protocol\n443 6\n"))
    assert "boundary" not in [control.key for control in page.segmented_control]


def test_filters_that_match_no_flow_can_be_cleared(page):
    drop(page, ("a.log", OUT))
    page.segmented_control(key="boundary").set_value("inbound").run()
    page.button(key="clear_filters").click().run()
    assert metrics(page)["Flows"] == "1"


def test_every_run_draws_the_same_defaults(page):
    """If a run follows at once, the browser never sees the one before, and has only what this one draws."""
    drop(page, ("a.log", b"\n".join([OUT, IN])))
    drawn = [{each.key: [*each.proto.default] for each in page.run().segmented_control}]
    page.segmented_control(key="boundary").set_value("inbound").run()
    drawn.append({each.key: [*each.proto.default] for each in page.segmented_control})
    assert drawn[0] == drawn[1]
    assert {"measure", "action", "boundary", "view"} <= drawn[0].keys()
    assert all(drawn[0].values())


def test_a_link_sets_the_boundary():
    page = opened()
    page.query_params["boundary"] = "Inbound"
    drop(page, ("a.log", OUT + b"\n" + IN))
    assert metrics(page)["Flows"] == "1"


def test_by_service_port_a_reply_counts_where_it_comes_from(page):
    drop(page, ("a.log", REPLY), ("l.csv", b"443,tcp,web\n"))
    assert tags(page) == {"Untagged": 1}
    page.segmented_control(key="view").set_value("service").run()
    assert tags(page) == {"web": 1, "Untagged": 0}


@pytest.mark.parametrize("name", ["By service", "Service port"])
def test_old_links_still_open_their_view(name):
    page = opened()
    page.query_params["view"] = name
    drop(page, ("a.log", REPLY), ("l.csv", b"443,tcp,web\n"))
    assert page.segmented_control(key="view").value == "service"
    assert tags(page) == {"web": 1, "Untagged": 0}


def test_invalid_values_in_a_link_are_ignored():
    page = opened()
    for key in ("view", "measure", "action", "boundary"):
        page.query_params[key] = "nonsense"
    drop(page, ("a.log", line()))
    assert metrics(page)["Flows"] == "1"
