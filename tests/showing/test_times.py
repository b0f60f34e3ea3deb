"""Times are said in UTC, and one in a link is read again."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.showing import times
from tests.showing.made import course


@given(st.integers(0, 1 << 26), st.integers(1, 1 << 24))
def test_a_time_in_a_link_is_read_again(first, length):
    time = first * 60, (first + length) * 60
    assert times.from_link(times.to_link(time)) == time


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2021-05-04T15:06",
        "2021-05-04T15:06/2021-05-04T15:06",
        "2021-05-04T15:06/2021-05-04T14:06",
        "2021-13-04T15:06/2022-05-04T14:06",
        "2021-05-04T15:06:00/2021-05-04T16:06:00",
        "0000-05-04T15:06/2021-05-04T14:06",
        "1969-12-31T23:59/2021-05-04T14:06",
        "2021-05-04T14:06/9999-12-31T23:59",
        " 2021-05-04T15:06/2021-05-04T16:06",
        "\u0662021-05-04T15:06/2021-05-04T16:06",
        "<b>/**",
    ],
)
def test_what_is_no_time_in_a_link_is_passed_over(text):
    assert times.from_link(text) is None


def test_times_are_said_in_utc():
    assert times.span((1620140760, 1620142200)) == "4 May 2021 15:06 \u2013 15:30"
    assert times.span((1620140760, 1620228600)) == "4 May 2021 15:06 \u2013 5 May 2021 15:30"
    said = times.about(course([27_000_000]), "flows")
    assert said.startswith("3 May 2021 00:00 \u2013 00:01 UTC, 1 minute a bar.")


def test_a_width_is_said_in_the_largest_whole_unit():
    said = {
        1: "1 minute",
        5: "5 minutes",
        60: "1 hour",
        90: "90 minutes",
        720: "12 hours",
        1440: "1 day",
        10080: "7 days",
    }
    assert {minutes: times.width(minutes) for minutes in said} == said


def test_the_extent_of_a_course_ends_with_its_last_window():
    assert times.extent(course([27_000_000, 27_000_007])) == (1_620_000_000, 1_620_000_480)
    assert times.extent(course([27_000_007], 10)) == (1_620_000_000, 1_620_000_600)


def test_what_has_no_known_time_is_said_and_so_is_that_there_is_nothing():
    empty, some = course([]), course([27_000_000])
    assert times.about(empty, "flows") == "No flow is left."
    unknown = "1,234 bytes without a known time: not shown in the timeline."
    assert times.about(replace(empty, unknown=1234), "bytes") == unknown
    assert times.about(replace(some, unknown=1234), "bytes").endswith(f"of the time. {unknown}")
    assert times.about(some, "bytes").endswith("to keep a part of the time.")


def test_where_one_window_holds_all_time_that_is_said():
    apart = replace(course([0]), width=0)
    assert times.about(apart, "flows") == (
        "The times lie so far apart that they cannot be told from each other."
    )


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1970-01-01T00:00/1970-01-01T00:01", (0, 60)),
        ("2199-12-31T23:59/2200-01-01T00:00", (7_258_118_340, 7_258_118_400)),
        ("2199-12-31T23:59/2200-01-01T00:01", None),
        ("2023-02-29T00:00/2023-03-01T00:00", None),
    ],
)
def test_a_time_of_a_link_is_one_that_a_flow_can_have(text, time):
    assert times.from_link(text) == time
    assert time is None or times.to_link(time) == text


@given(st.integers(0, 1 << 32))
def test_the_parts_of_a_moment_are_those_of_the_calendar_in_utc(seconds):
    said = f"{times.day(seconds)} {times.clock(seconds)} +0000"
    moment = datetime.strptime(said, "%d %b %Y %H:%M %z")
    assert moment.timestamp() == seconds // 60 * 60
    assert times.day(seconds).startswith(f"{times.day_of_year(seconds)} ")
