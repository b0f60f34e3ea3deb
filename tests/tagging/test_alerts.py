"""There is one alert, with its numbers, for each thing that is new, and none for usual traffic."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counts import ACCEPT, BOUNDARIES, REJECT, FlowCounts, tabulate
from flowtag_core.errors import ChoiceError
from flowtag_core.tagging.alerts import Limits, Watch, limits_of
from flowtag_core.tagging.blocks import BLOCK, SPAN
from tests.tagging.made import load

NOW = 28_333_440 + 719
"""A minute that ends a block."""
INBOUND, INTERNAL = BOUNDARIES.index("inbound"), BOUNDARIES.index("internal")
TAGGED, UNTAGGED = 443, 9092


def flows(port, minutes, a_minute, *, action=ACCEPT, boundary=INTERNAL):
    """Return counts with `a_minute` requests to a port in each of these minutes."""
    minute = np.repeat(np.array(list(minutes), np.int64), a_minute)
    one = np.ones(len(minute), np.int64)
    return FlowCounts(
        requests=tabulate(
            minute, 6 * one, port * one, action * one, 10 * one, 100 * one, boundary * one
        )
    )


BEFORE = range(NOW + 1 - SPAN, NOW + 1 - 2 * BLOCK)
LAST = range(NOW + 1 - BLOCK, NOW + 1)
USUAL = flows(TAGGED, range(NOW + 1 - SPAN, NOW + 1), 20)


def look(*more, watch=None, ever=None, newest=NOW):
    parts = [USUAL, *more]
    return (watch or Watch()).look(parts, ever or sum(parts), newest, load())


def kinds(alerts):
    return [(alert.kind, alert.subject, alert.flows, alert.before) for alert in alerts]


def test_usual_traffic_gives_no_alert():
    assert look() == []
    assert look(flows(UNTAGGED, [*BEFORE, *LAST], 50, boundary=INBOUND)) == []


def test_a_port_that_never_had_flows_is_new_once_it_has_enough_of_them():
    (alert,) = look(flows(UNTAGGED, LAST, 1))
    assert kinds([alert]) == [("new port", "9092/tcp", 10, 0)]
    assert str(alert) == (
        "9092/tcp (Untagged) is new: 10 flows in the ten minutes from 15 Nov 11:50 UTC, none before."
    )
    assert look(flows(UNTAGGED, LAST[1:], 1)) == []
    assert kinds(look(flows(25, LAST, 1))) == [("new port", "25/tcp", 10, 0)]


def test_a_port_that_had_flows_long_ago_is_not_new():
    now = flows(UNTAGGED, LAST, 1)
    assert look(now, ever=USUAL + now + flows(UNTAGGED, [NOW - 9999], 1)) == []


def test_a_growing_port_gives_an_alert_with_both_numbers_only_if_it_is_untagged():
    for port in (UNTAGGED, 25):
        found = look(flows(port, BEFORE, 10), flows(port, LAST, 21))
        expected = [("growing port", "9092/tcp", 210, 100)] if port == UNTAGGED else []
        assert kinds(found) == expected
    assert look(flows(UNTAGGED, BEFORE, 10), flows(UNTAGGED, LAST, 20)) == []


def test_an_untagged_port_that_accepts_from_outside_gives_only_that_alert():
    assert look(flows(UNTAGGED, LAST[:2], 1, boundary=INBOUND)) == []
    outside = flows(UNTAGGED, LAST, 30, boundary=INBOUND)
    assert kinds(look(outside)) == [("accepted from outside", "9092/tcp", 300, 0)]
    usual = flows(UNTAGGED, BEFORE, 30)
    assert kinds(look(usual, outside)) == [("accepted from outside", "9092/tcp", 300, 0)]
    assert look(usual, flows(UNTAGGED, LAST, 30, boundary=INTERNAL)) == []
    rejected = flows(UNTAGGED, LAST, 9, boundary=INBOUND, action=REJECT)
    assert look(usual, rejected) == []


@pytest.mark.parametrize("port", [32_768, 65_535])
def test_a_port_that_clients_choose_needs_ten_times_as_many_flows(port):
    for boundary, least, kind in (
        (INBOUND, 3, "accepted from outside"),
        (INTERNAL, 10, "new port"),
    ):
        few, many = (flows(port, LAST[:1], least * times, boundary=boundary) for times in (9, 10))
        assert [alert.kind for alert in look(few)] == []
        assert [alert.kind for alert in look(many)] == [kind]


def test_growth_is_measured_against_each_of_the_two_hours_before_a_block():
    blocks = [
        range(NOW + 1 - BLOCK * number, NOW + 1 - BLOCK * (number - 1)) for number in (3, 2, 1)
    ]
    usual = flows(UNTAGGED, BEFORE, 10)
    slowly = [flows(UNTAGGED, blocks[1], 19), flows(UNTAGGED, blocks[2], 21)]
    assert look(usual, *slowly) == []
    at_once = [flows(UNTAGGED, blocks[1], 41), flows(UNTAGGED, blocks[2], 42)]
    assert kinds(look(usual, *at_once)) == [("growing port", "9092/tcp", 410, 100)]


def test_what_came_later_does_not_make_a_port_old():
    new, later = flows(UNTAGGED, LAST, 9), flows(UNTAGGED, range(NOW + 1, NOW + 99), 9)
    parts = [USUAL, new]
    ever = sum(parts) + later
    assert Watch().look(parts, ever, NOW, load()) == []
    (alert,) = Watch().look(parts, ever, NOW, load(), [later])
    assert alert.kind == "new port"


def test_a_rise_in_rejected_flows_gives_an_alert_for_a_tag_and_for_untagged():
    for port, tag in ((TAGGED, "web"), (UNTAGGED, "Untagged")):
        usual = flows(port, BEFORE, 10, action=REJECT)
        found = look(usual, flows(port, BEFORE, 999), flows(port, LAST, 30, action=REJECT))
        assert kinds(found) == [("more rejected", tag, 300, 100)]


def test_a_tag_without_flows_for_twenty_minutes_is_silent_if_the_log_is_not():
    (alert,) = look(flows(25, BEFORE[:-BLOCK], 2))
    assert kinds([alert]) == [("silent tag", "mail", 0, 20)]
    assert str(alert) == (
        "mail is silent: no flows since 15 Nov 11:30 UTC, at least 20 in every ten minutes before that."
    )
    assert look(flows(25, BEFORE, 2)) == []
    assert look(flows(25, BEFORE[: -2 * BLOCK], 2)) == []
    quiet_log = flows(25, BEFORE[:-BLOCK], 2)
    assert Watch().look([quiet_log, flows(443, [NOW], 9)], quiet_log, NOW, load()) == []


def test_there_are_no_alerts_before_an_hour_of_flows():
    new = flows(UNTAGGED, LAST, 9)
    for minutes, count in ((50, 0), (60, 1)):
        usual = flows(TAGGED, range(LAST.start - BLOCK - minutes, NOW + 1), 20)
        assert len(Watch().look([usual, new], usual + new, NOW, load())) == count
    assert Watch(Limits(learn=0)).look([new], new, NOW, load()) != []


def test_an_alert_is_repeated_only_after_it_was_not_true_for_some_hours():
    watch, new = Watch(), flows(UNTAGGED, LAST, 9)
    assert len(look(new, watch=watch)) == 1
    assert look(new, watch=watch) == []
    watch.last_true = {key: minute - 360 for key, minute in watch.last_true.items()}
    assert len(look(new, watch=watch)) == 1
    watch.last_true["old"] = NOW - 400
    look(watch=watch)
    assert "old" not in watch.last_true


def test_only_the_largest_alerts_of_a_kind_are_given_and_then_the_number_of_the_others():
    watch, new = Watch(), [flows(9000 + number, LAST, 10 + number) for number in range(8)]
    found = look(*new, watch=watch)
    assert [alert.port for alert in found] == [9007, 9006, 9005, 9004, 9003]
    others = look(*new, watch=watch, newest=NOW + 1)
    assert [str(alert) for alert in others] == [
        "new port: 3 more alerts in the ten minutes from 15 Nov 11:50 UTC."
    ]
    assert look(*new, watch=watch, newest=NOW + 2 + BLOCK) == []


def test_at_the_end_the_number_of_the_others_is_given_too():
    watch = Watch()
    look(*[flows(9000 + number, LAST, 10) for number in range(8)], watch=watch)
    assert [alert.others for alert in watch.rest()] == [3]
    assert watch.rest() == []


def test_an_alert_as_json_has_every_number_and_null_for_what_does_not_apply():
    (alert,) = look(flows(UNTAGGED, LAST, 9))
    assert json.loads(json.dumps(alert.as_json())) == {
        "kind": "new port",
        "from": "2023-11-15T11:50Z",
        "minutes": 10,
        "port": 9092,
        "protocol": "tcp",
        "tag": "Untagged",
        "flows": 90,
        "before": 0,
        "others": 0,
        "text": str(alert),
    }


@given(
    st.lists(
        st.tuples(
            st.sampled_from([TAGGED, UNTAGGED, 25, 9000]),
            st.integers(NOW - SPAN - 5, NOW),
            st.sampled_from([1, 10, 300]),
            st.sampled_from([ACCEPT, REJECT]),
            st.sampled_from([INBOUND, INTERNAL]),
        ),
        max_size=12,
    )
)
def test_how_the_counts_are_split_makes_no_difference(drawn):
    parts = [
        flows(port, [minute], many, action=action, boundary=boundary)
        for port, minute, many, action, boundary in drawn
    ]
    parts.append(USUAL)
    whole = sum(parts)
    apart = Watch().look(parts, whole, NOW, load())
    assert apart == Watch().look([whole], whole, NOW, load())


def test_no_flows_give_no_alerts():
    assert Watch().look([], FlowCounts(), 0, load()) == []


def test_limits_are_set_by_name_with_dashes_or_underscores():
    assert limits_of({"new-port": "3", "growth": 1.5}) == Limits(new_port=3, growth=1.5)
    assert limits_of({"new_port": 3}) == limits_of({"new-port": 3})


@pytest.mark.parametrize("value", ["x", "", "-1", "nan", "inf", True, None, [], {}])
def test_a_limit_that_is_not_a_number_is_refused(value):
    with pytest.raises(
        ChoiceError, match=r"the limit growth is .*, which is not a number of at least 1"
    ):
        limits_of({"growth": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("learn", 121), ("learn", -1), ("outside", 0), ("growth", 0.5), ("repeat", 1e9)],
)
def test_a_limit_out_of_its_range_is_refused(name, value):
    with pytest.raises(ChoiceError, match=r"which is not a number (from|of at least)"):
        limits_of({name: value})


def test_a_limit_that_does_not_exist_is_refused_with_the_names():
    with pytest.raises(ChoiceError, match=r"'grow' is not a limit.*new-port"):
        limits_of({"grow": 1})
