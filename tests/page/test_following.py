"""One follower for all tabs counts every line, says what happens, and ends with its last tab."""

import os
import threading
import time
from datetime import date

import pytest

from flowtag_core import parse_flow_log
from flowtag_core.errors import FlowtagError
from flowtag_core.page import following
from flowtag_core.page.following import Following, Job, shared
from flowtag_core.reading import prefix
from flowtag_core.tagging.alerts import Alert
from tests.logs import LOOKUP, line


def now(ago=0):
    return str(int(time.time()) - ago)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(line(start=now()) + b"\n")
    return path


@pytest.fixture
def follow():
    """Return a function that starts a follower, which ends with the test."""
    started = []

    def start(*paths, **options):
        started.append(Following(Job(tuple(map(str, paths)), **options)))
        started[-1].join("a tab")
        return started[-1]

    yield start
    for each in started:
        each.leave("a tab")
        each.wait(10)
        assert each.is_ended


def until(what, seconds=10):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def append(path, *lines):
    with path.open("ab") as file:
        file.write(b"".join(each + b"\n" for each in lines))


def flows(followed, window="all"):
    return followed.counts(window).total.flows if window == "all" else rows(followed, window)


def rows(followed, window):
    counts = followed.counts(window)
    return int(counts.requests.flows.sum() + counts.replies.flows.sum())


def test_every_line_is_counted_once_and_each_step_has_a_new_number(log, follow):
    followed = follow(log)
    until(lambda: flows(followed) == 1)
    for number in range(2, 5):
        before = followed.number
        append(log, line(start=now(), dstport=str(number)))
        until(lambda number=number: flows(followed) == number)
        assert followed.number > before
    found, expected = followed.counts("all"), parse_flow_log(str(log))
    assert (found.requests, found.total.records) == (expected.requests, expected.total.records)
    assert followed.counts("all") is followed.counts("all")
    assert followed.standing().arrived <= time.time()
    assert followed.standing().lag <= 60


def test_the_windows_have_the_last_hour_and_the_last_day(tmp_path, follow):
    log = tmp_path / "a.log"
    ages = 60, 3000, 3 * 3600, 10 * 3600, 40 * 3600
    log.write_bytes(b"".join(line(start=now(age)) + b"\n" for age in ages))
    followed = follow(log)
    until(lambda: flows(followed) == 5)
    assert (rows(followed, "hour"), rows(followed, "day")) == (2, 4)
    kept = follow(log, keep=6 * 60)
    until(lambda: kept.counts("all").total.flows == 5)
    assert (rows(kept, "hour"), rows(kept, "day")) == (2, 3)
    assert int(kept.counts("all").requests.flows.sum()) == 3


def test_a_pause_keeps_the_counts_of_its_moment(log, follow):
    followed = follow(log)
    until(lambda: flows(followed) == 1)
    paused = followed.pause()
    append(log, line(start=now()))
    until(lambda: flows(followed) == 2)
    assert {each.total.flows for each in paused.counts.values()} == {1}
    assert paused.standing.number < followed.number


def test_a_log_that_vanishes_is_reported_and_counted_on_when_it_is_back(log, follow):
    followed = follow(log)
    until(lambda: flows(followed) == 1)
    away = log.with_name("away")
    log.rename(away)
    until(lambda: any("is gone" in str(each.what) for each in followed.told(0)))
    assert followed.places() == ()
    away.rename(log)
    append(log, line(start=now()))
    until(lambda: flows(followed) == 2)
    last = followed.told(0)[-1].number
    assert followed.told(last) == []
    assert [place.name for place in followed.places()] == [str(log)]


def test_a_changed_lookup_is_loaded_again_and_a_broken_one_leaves_the_previous(log, follow):
    lookup = log.with_name("lookup.csv")
    lookup.write_bytes(LOOKUP)
    followed = follow(log, lookup=str(lookup))
    lookup.write_bytes(b"dstport,protocol,tag\n443,tcp,site\n")
    until(lambda: followed.lookup.tags == ("site",))
    lookup.write_bytes(b"nonsense\n")
    until(lambda: any("previous lookup" in str(each.what) for each in followed.told(0)))
    assert followed.lookup.tags == ("site",)


def test_a_state_that_cannot_be_written_is_reported_once_and_written_later(
    log, follow, monkeypatch
):
    monkeypatch.setattr(following, "_SAVED", 0.1)
    folder = log.with_name("later")
    followed = follow(log, state=str(folder / "kept"))
    until(lambda: flows(followed) == 1)
    time.sleep(0.5)
    said = [each.what for each in followed.told(0)]
    assert len(said) == 1
    assert "could not be written" in said[0]
    assert "flowtag will try again" in said[0]
    folder.mkdir()
    until((folder / "kept").exists)


def test_a_new_follower_goes_on_where_the_state_ends(log, follow):
    kept = str(log.with_name("kept"))
    first = follow(log, state=kept)
    until(lambda: flows(first) == 1)
    first.leave("a tab")
    first.wait(10)
    append(log, line(start=now()))
    again = follow(log, state=kept)
    until(lambda: flows(again) == 2)
    assert again.counts("all").total.records == 2


def test_what_is_new_is_told_as_alerts(tmp_path, follow):
    log = tmp_path / "a.log"
    usual = [line(start=now(60 * minute)) for minute in range(150, 0, -1)]
    log.write_bytes(b"\n".join(usual) + b"\n")
    followed = follow(log)
    until(lambda: flows(followed) == 150)
    append(log, *[line(start=now(), dstport="9092")] * 50)
    until(lambda: any(isinstance(each.what, Alert) for each in followed.told(0)))
    (alert,) = (each.what for each in followed.told(0) if isinstance(each.what, Alert))
    assert (alert.kind, alert.port, alert.flows) == ("new port", 9092, 50)


def test_tabs_share_one_follower_which_ends_with_the_last_of_them(log):
    job = Job((str(log),))
    one = shared(job)
    assert shared(job) is one
    tabs = "one tab", "another tab"
    for tab in tabs:
        one.join(tab)
    one.leave(tabs[0])
    assert not one.is_ended
    one.leave(tabs[1])
    one.wait(10)
    assert one.is_ended
    again = shared(job)
    assert again is not one
    assert following.newest() >= again.number
    again.leave("a tab")
    again.wait(10)


def test_a_follower_that_is_kept_on_goes_on_without_tabs(log):
    job = Job((str(log),), is_kept_on=True)
    one = shared(job)
    one.join("a tab")
    one.leave("a tab")
    append(log, line(start=now()))
    until(lambda: flows(one) == 2)
    one._ended.set()
    one.wait(10)


def test_what_cannot_be_followed_is_one_sentence(tmp_path, log, capsys):
    with pytest.raises(FlowtagError, match="there is no such file"):
        Following(Job((str(tmp_path / "nowhere"),)))
    followed = Following(Job((str(log),)))
    until(lambda: flows(followed) == 1)
    with followed._lock:

        def fail(*_):
            raise FlowtagError("the disk is on fire.")

        followed._live.poll = followed._live.look = fail
    followed.wait(10)
    assert followed.is_ended
    assert followed.standing().error == "the disk is on fire."
    assert not [each for each in threading.enumerate() if each.name == "follow" and each.is_alive()]
    assert os.path.exists(log)
    assert capsys.readouterr().err == ""


def test_a_bucket_is_followed_and_read_again_for_a_second_look(follow, bucket, monkeypatch):
    monkeypatch.setattr(prefix, "_LIST_EVERY", 0.2)
    bucket.objects = {"a/2026/11/22/x.log": line(), "a/2026/11/23/x.log": line(start=now())}
    bucket.objects["lookup.csv"] = LOOKUP
    since = date(2026, 11, 23)
    followed = follow("s3://logs/a/", since=since, lookup="s3://logs/lookup.csv")
    until(lambda: flows(followed) == 1)
    assert len(followed.lookup) == 4
    bucket.objects["a/2099/11/23/y.log"] = line(start=now())
    until(lambda: flows(followed) == 2)
    assert [place.name for place in followed.places()] == [
        "s3://logs/a/2026/11/23/x.log",
        "s3://logs/a/2099/11/23/y.log",
    ]
