"""A tab takes each message once, keeps its news until they are dismissed, and stands still while it is paused."""

import time
from dataclasses import replace

from flowtag_core.counts import FlowCounts
from flowtag_core.page.following import WINDOWS, Paused, Standing, Told
from flowtag_core.page.seat import NAME, Seat
from flowtag_core.sources.places import Place
from flowtag_core.tagging.alerts import Alert

ALERT = Alert("new port", 28_000_000, "Untagged", 9092, 6, 120)


class Follower:
    """What a seat asks of a follower."""

    def __init__(self):
        self.now, self.messages = FlowCounts(), []

    def counts(self, _):
        return self.now

    def standing(self):
        return Standing(7, None, None, None, is_behind=False, error="broken")

    def pause(self):
        return Paused(dict.fromkeys(WINDOWS, self.now), self.standing())

    def told(self, since):
        return [each for each in self.messages if each.number > since]

    def places(self):
        return (Place("a.log", None),)


def test_each_message_is_taken_once_and_news_stay_until_they_are_dismissed():
    follower = Follower()
    seat = Seat(follower)
    follower.messages = [Told(1, "gone."), Told(2, ALERT), Told(3, "back."), Told(4, ALERT)]
    assert seat.take_messages() == ["gone.", "back."]
    assert seat.take_messages() == []
    assert [each.number for each in seat.news] == [4, 2]
    seat.dismiss(4)
    assert [each.number for each in seat.news] == [2]
    assert seat.take_messages() == []
    assert [each.number for each in seat.news] == [2]
    seat.dismiss()
    assert seat.news == []


def test_a_paused_seat_shows_the_moment_of_the_pause():
    follower = Follower()
    seat = Seat(follower)
    seat.pause()
    before, follower.now = follower.now, FlowCounts(internal=("10.0.0.0/8",))
    assert seat.counts("day") is before
    assert seat.log("day").name == NAME
    seat.go_on()
    assert seat.counts("day") is follower.now


def test_an_error_is_taken_once():
    seat = Seat(Follower())
    assert (seat.take_error(), seat.take_error()) == (["broken"], [])


def test_a_tab_that_takes_long_to_draw_is_drawn_less_often():
    seat = Seat(Follower())
    assert seat.every == 1000
    seat.seconds = 0.5
    assert seat.every == 4000


def test_a_second_look_is_at_the_log_as_it_was_when_it_was_asked_for():
    seat = Seat(Follower())
    first = seat.frozen("who", seat.log("all"))
    assert [place.name for place in first.again] == ["a.log"]
    seat.following.now = FlowCounts(internal=("10.0.0.0/8",))
    assert seat.frozen("who", seat.log("all")) is first
    assert seat.frozen("who else", seat.log("all")).counts is seat.following.now


def test_an_alert_of_more_than_an_hour_ago_needs_the_last_day():
    seat, minute = Seat(Follower()), int(time.time()) // 60
    assert seat.window_of(replace(ALERT, minute=minute - 30)) == "hour"
    assert seat.window_of(replace(ALERT, minute=minute - 90)) == "day"
