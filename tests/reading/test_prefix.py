"""Each object under a followed URI is counted once, whatever the order in which they arrive."""

import gzip
import json
from concurrent.futures import Future
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import LogError
from flowtag_core.reading import prefix as reading
from flowtag_core.reading.follow import Follower
from flowtag_core.reading.live import Live
from flowtag_core.reading.prefix import Prefix
from flowtag_core.sources.places import logs_at
from tests.logs import line
from tests.sources.bucket import Bucket, serving

TODAY = date(2026, 11, 29)
URI = "s3://logs/AWSLogs/"


@pytest.fixture(scope="module")
def served():
    bucket = Bucket()
    with serving(bucket) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(reading, "_LIST_EVERY", 0)
        patch.setattr(reading, "on_a_thread_of_its_own", at_once)
        yield bucket


@pytest.fixture
def bucket(served, monkeypatch):
    served.objects, served.refusals = {}, {}
    monkeypatch.setattr(reading, "_today", lambda: TODAY)
    return served


def key(day=TODAY, name="a", region="eu"):
    return f"AWSLogs/1/vpcflowlogs/{region}/{day:%Y/%m/%d}/{name}.log.gz"


def packed(*ports):
    return gzip.compress(b"".join(line(dstport=str(port)) + b"\n" for port in ports))


def at_once(do):
    """Do at once what another thread would do."""
    future = Future()
    try:
        future.set_result(do())
    except LogError as error:
        future.set_exception(error)
    return future


def looked(follower, looks=1):
    total = FlowCounts()
    for _ in range(looks):
        total += follower.look()
    return total


def test_what_is_there_and_what_arrives_is_counted_once(bucket):
    bucket.objects = {key(): packed(443, 25), key(date(2024, 1, 1)): packed(53)}
    follower = Follower([URI])
    assert looked(follower).total.flows == 3
    # Objects do not arrive in the order of their keys, accounts or regions.
    bucket.objects[key(name="0")] = packed(80)
    bucket.objects[key(region="us")] = packed(81)
    bucket.objects[key(TODAY - timedelta(1), "late")] = packed(82)
    bucket.objects["AWSLogs/undated.log"] = line(dstport="83")
    found = looked(follower)
    assert sorted(found.requests.port) == [80, 81, 82, 83]
    assert looked(follower).total.records == 0
    assert not follower.is_behind
    assert not follower.is_over
    assert follower.uncounted == []


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.booleans()), max_size=5),
        max_size=5,
    ),
    st.booleans(),
)
def test_objects_in_any_order_over_days_and_restarts_give_the_table_of_all_of_them(
    bucket, arrivals, restart
):
    bucket.objects = {}
    follower, total = Follower([URI]), FlowCounts()
    for passed, some in enumerate(arrivals):
        reading_day = TODAY + timedelta(passed // 2)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reading, "_today", lambda day=reading_day: day)
            for late, name, dated in some:
                day = reading_day - timedelta(min(late, 1))
                bucket.objects.setdefault(
                    key(day, name) if dated else f"AWSLogs/{name}.gz", packed(1 + name)
                )
            total += looked(follower)
            if restart:
                positions = json.loads(follower.positions)
                follower = Follower([URI])
                follower.resume(json.dumps(positions))
    if bucket.objects:
        assert total.requests == parse_flow_log(URI).requests
        assert total.files.keys() == parse_flow_log(URI).files.keys()
    else:
        assert total.total.records == 0


def test_old_days_are_not_listed_again_and_not_remembered(bucket):
    days = [TODAY - timedelta(back) for back in range(400)]
    bucket.objects = {key(day): packed(443) for day in days}
    follower = Follower([URI])
    assert looked(follower).total.flows == 400
    looked(follower)
    bucket.requests.clear()
    looked(follower)
    (prefix,) = follower._prefixes
    assert prefix._seen.keys() == {key(day) for day in days[:2]}
    assert len(bucket.requests) < 12


def test_an_object_that_waits_does_not_let_earlier_days_count_again(bucket):
    before, late = TODAY - timedelta(2), TODAY - timedelta(1)
    bucket.objects = {key(before): packed(1), key(TODAY): packed(2)}
    follower = Follower([URI])
    assert looked(follower, looks=2).total.flows == 2
    bucket.objects[key(late, "late")] = packed(3)
    bucket.refusals[key(late, "late")] = (403, "AccessDenied")
    assert looked(follower, looks=3).total.flows == 0
    positions, again = follower.positions, Follower([URI])
    again.resume(positions)
    assert looked(again, looks=3).total.flows == 0
    bucket.refusals.clear()
    for each in (follower, again):
        assert list(looked(each, looks=9).requests.port) == [3]


def test_an_object_that_stays_archived_does_not_let_everything_be_listed_again(bucket):
    days = [TODAY - timedelta(back) for back in range(100)]
    bucket.objects = {key(day): packed(443) for day in days}
    bucket.refusals[key(days[-1])] = (403, "InvalidObjectState")
    follower = Follower([URI])
    assert looked(follower).total.flows == 99
    looked(follower)
    bucket.requests.clear()
    looked(follower)
    assert len(bucket.requests) < 12
    assert follower.uncounted == [f"s3://logs/{key(days[-1])}"]


@pytest.mark.parametrize("wrong", [-400, 400])
def test_a_clock_that_is_wrong_for_a_while_loses_nothing_and_counts_nothing_twice(
    bucket, monkeypatch, wrong
):
    days = [TODAY - timedelta(back) for back in range(5)]
    bucket.objects = {key(day): packed(443) for day in days}
    follower, total = Follower([URI]), 0
    for number, off in enumerate((0, 0, wrong, wrong, 0, 0)):
        monkeypatch.setattr(reading, "_today", lambda off=off: TODAY + timedelta(off))
        bucket.objects[key(name=f"n{number}")] = packed(443)
        total += looked(follower, looks=2).total.flows
    assert total == len(bucket.objects)


def test_a_first_look_that_is_interrupted_goes_on_where_it_was(bucket):
    bucket.objects = {key(TODAY - timedelta(back)): packed(443) for back in range(20)}
    total, follower = FlowCounts(), Follower([URI])
    for _ in range(60):
        for part in follower.parts(0):
            total += part
        positions, follower = follower.positions, Follower([URI])
        follower.resume(positions)
    assert total.total.flows == 20


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("change", [{"seen": 3}, {"first": "x"}, {"failed": [1]}])
def test_a_position_that_makes_no_sense_is_refused(change):
    prefix = Prefix(URI, None, print, print)
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        prefix.resume({**prefix.position, **change})


def test_since_leaves_out_what_is_older(bucket):
    bucket.objects = {key(TODAY - timedelta(back)): packed(443) for back in range(10)}
    assert looked(Follower([URI], since=TODAY - timedelta(3))).total.flows == 4


def test_an_object_that_the_store_does_not_give_is_asked_for_again(bucket):
    bucket.objects = {key(name="bad"): packed(443), key(name="good"): packed(25)}
    bucket.refusals[key(name="bad")] = (403, "AccessDenied")
    follower = Follower([URI])
    assert list(looked(follower).requests.port) == [25]
    assert follower.uncounted == [f"s3://logs/{key(name='bad')}"]
    (message,) = follower.take_messages()
    assert "bad.log.gz: access is denied (AccessDenied)" in message
    assert message.endswith(" flowtag will try again.")
    # The object is still tried after a restart, even days later.
    positions, again = follower.positions, Follower([URI])
    again.resume(positions)
    bucket.refusals.clear()
    assert list(looked(again).requests.port) == [443]
    assert list(looked(follower, looks=5).requests.port) == [443]


def test_a_listing_that_fails_is_told_once_and_tried_again(bucket):
    bucket.objects = {key(): packed(443)}
    follower = Follower([URI])
    looked(follower)
    bucket.refusals[""] = (400, "ExpiredToken")
    looked(follower, looks=3)
    (message,) = follower.take_messages()
    assert "does not accept these credentials (ExpiredToken)" in message
    bucket.refusals.clear()
    bucket.objects[key(name="b")] = packed(25)
    assert list(looked(follower).requests.port) == [25]


def test_what_is_no_log_is_named_and_a_changed_object_is_not_counted_twice(bucket):
    bucket.objects = {key(): packed(443), "AWSLogs/picture.png": b"\x89PNG\r\n\x1a\n" * 9}
    follower = Follower([URI])
    found = looked(follower)
    assert found.total.flows == 1
    assert "AWSLogs/picture.png" in " ".join(found.total.damage)
    bucket.objects[key()] = packed(443, 25)
    assert looked(follower).total.records == 0
    assert any("has changed since it was counted" in each for each in follower.take_messages())


def test_an_empty_prefix_can_be_followed_but_not_a_wrong_one_or_an_object(bucket):
    assert looked(Follower(["s3://logs/nothing/yet"])).total.records == 0
    bucket.objects = {"a.log": line()}
    with pytest.raises(LogError, match="is an object, which does not grow"):
        Prefix("s3://logs/a.log", None, print, print)
    with pytest.raises(LogError, match="there is no bucket elsewhere"):
        Follower(["s3://elsewhere/a/"])


def test_the_live_counts_of_a_bucket_survive_a_restart(bucket, tmp_path):
    bucket.objects = {key(): packed(443)}
    live = Live(Follower([URI]))
    live.look()
    live.save(str(tmp_path / "state"), {})
    bucket.objects[key(name="b")] = packed(25)
    again = Live(Follower([URI]))
    again.resume(str(tmp_path / "state"))
    again.look()
    assert again.sum.requests == parse_flow_log(*logs_at(URI)).requests


def test_a_prefix_with_nothing_under_it_is_told_until_something_arrives(bucket):
    follower = Follower([URI], since=TODAY)
    looked(follower, looks=2)
    said = f"{URI}: there is nothing under it from 2026-11-29 on yet. Check the URI."
    assert follower.take_messages() == [said]
    bucket.objects[key()] = packed(443)
    assert looked(follower).total.flows == 1
    assert follower.messages == []


def test_a_state_that_begins_later_says_that_earlier_days_are_not_counted(bucket):
    bucket.objects = {key(): packed(443), key(TODAY - timedelta(1)): packed(25)}
    follower = Follower([URI], since=TODAY)
    looked(follower)
    for since, is_told in ((None, True), (TODAY - timedelta(1), True), (TODAY, False)):
        again = Follower([URI], since=since)
        again.resume(follower.positions)
        assert looked(again).total.flows == 0
        assert any("use another state file" in each for each in again.messages) == is_told


def test_another_spelling_of_a_prefix_continues_and_nested_ones_are_refused(bucket):
    bucket.objects = {key(): packed(443)}
    follower = Follower(["s3://logs/AWSLogs"])
    assert looked(follower).total.flows == 1
    again = Follower(["S3://logs/AWSLogs/"])
    again.resume(follower.positions)
    assert looked(again).total.flows == 0
    for other in ("s3://logs/AWSLogs", "s3://logs/AWSLogs/1/"):
        with pytest.raises(LogError, match="which is followed too"):
            Follower([URI, other])


def test_the_first_day_of_all_is_a_day_too(bucket):
    bucket.objects = {"AWSLogs/0001/01/01/a.log": line(), "AWSLogs/0001/01/02/a.log": line()}
    follower = Follower([URI])
    assert looked(follower, looks=3).total.flows == 2
    again = Follower([URI])
    again.resume(follower.positions)
    assert looked(again, looks=3).total.flows == 0
