"""Times are shown in any zone. Times in links are in UTC and can be read back."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.showing import times
from tests.showing.made import course

BERLIN, TOKYO = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
ZONES = [UTC, BERLIN, TOKYO, *map(ZoneInfo, ("America/St_Johns", "Asia/Kathmandu"))]


def moment(text, zone=UTC, fold=0):
    return int(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp())


def time(text, zone=UTC):
    return tuple(moment(part, zone) for part in text.split("/"))


def weighed(minutes, counts, width=1):
    """Return a course with these counts in these windows."""
    windows = np.arange(len(counts), dtype=np.int32)
    made = course(minutes, width)
    return replace(made, pair=windows * 0, window=windows, count=np.array(counts, np.int64))


@given(st.integers(0, 1 << 26), st.integers(1, 1 << 24))
def test_a_time_in_a_link_can_be_read_back(first, length):
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
def test_an_invalid_time_in_a_link_is_ignored(text):
    assert times.from_link(text) is None


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1970-01-01T00:00/1970-01-01T00:01", (0, 60)),
        ("2199-12-31T23:59/2200-01-01T00:00", (7_258_118_340, 7_258_118_400)),
        ("2199-12-31T23:59/2200-01-01T00:01", None),
        ("2023-02-29T00:00/2023-03-01T00:00", None),
    ],
)
def test_a_time_in_a_link_is_between_1970_and_2200(text, time):
    assert times.from_link(text) == time
    assert time is None or times.to_link(time) == text


def test_times_can_be_shown_in_utc_or_in_another_zone():
    short, long = (1620140760, 1620142200), (1620140760, 1620228600)
    assert times.span(short) == "4 May 2021 15:06 \u2013 15:30"
    assert times.span(long) == "4 May 2021 15:06 \u2013 5 May 2021 15:30"
    assert times.span(short, TOKYO) == "5 May 2021 00:06 \u2013 00:30"


def test_an_hour_that_occurs_twice_is_shown_with_its_offset():
    summer, winter = (moment("2026-10-25T02:30", BERLIN, fold) for fold in (0, 1))
    assert winter == summer + 3600
    assert [times.clock(each, BERLIN) for each in (summer, winter)] == [
        "02:30 UTC+2",
        "02:30 UTC+1",
    ]
    assert times.clock(winter + 1800, BERLIN) == "03:00"
    before = moment("2026-10-25T01:30", BERLIN)
    assert times.span((before, winter), BERLIN) == ("25 Oct 2026 01:30 UTC+2 \u2013 02:30 UTC+1")


@given(st.integers(0, 1 << 32), st.sampled_from(ZONES))
def test_the_day_and_the_clock_time_of_a_moment_are_correct_in_any_zone(seconds, zone):
    clock = times.clock(seconds, zone).split(" ")[0]
    said = datetime.strptime(f"{times.day(seconds, zone)} {clock} +0000", "%d %b %Y %H:%M %z")
    ahead = times.offset(seconds, zone)
    assert said.timestamp() - ahead == (seconds + ahead) // 60 * 60 - ahead
    assert times.day(seconds, zone).startswith(f"{times.day_of_year(seconds, zone)} ")


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Asia/Tokyo", "Asia/Tokyo (UTC+9)"),
        ("Asia/Kathmandu", "Asia/Kathmandu (UTC+5:45)"),
        ("America/New_York", "America/New York (UTC\u22125)"),
        ("America/St_Johns", "America/St Johns (UTC\u22123:30)"),
        ("Europe/London", "Europe/London (UTC+0)"),
    ],
)
def test_a_zone_is_shown_with_its_name_and_its_offset_at_that_time(zone, name):
    assert times.zone_name(times.zone_of(zone), time("2026-11-23/2026-11-26")) == name


def test_a_zone_is_shown_with_both_offsets_if_its_clocks_change_in_that_time():
    said = {
        "2026-10-24/2026-10-26": "Europe/Berlin (UTC+1/+2)",
        "2026-01-01/2026-12-31": "Europe/Berlin (UTC+1/+2)",
        "2026-07-01/2026-07-02": "Europe/Berlin (UTC+2)",
    }
    assert {text: times.zone_name(BERLIN, time(text)) for text in said} == said


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "Mars/Olympus",
        "Europe",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe/../Europe/Berlin",
        "a\0b",
        "A" * 5000,
        "A/" * 30,
        "<b>x</b>",
        "tzdata.zi",
        "\u0430",
    ],
)
def test_an_invalid_zone_name_gives_none(name):
    assert times.zone_of(name) is None


@given(st.text(max_size=80))
def test_any_text_gives_a_zone_or_none(name):
    zone = times.zone_of(name)
    assert zone is None or times.offset(0, zone) is not None


def test_the_width_of_bars_is_given_in_the_largest_unit_without_fractions():
    said = {1: "1-minute", 5: "5-minute", 60: "1-hour", 90: "90-minute", 720: "12-hour"}
    said |= {1440: "1-day", 10080: "7-day"}
    assert {minutes: times.bars(minutes) for minutes in said} == {
        minutes: f"{words} bars" for minutes, words in said.items()
    }


def test_a_length_is_given_in_a_suitable_unit():
    said = {
        60: "1 minute",
        5400: "90 minutes",
        7200: "2 hours",
        129_600: "36 hours",
        172_800: "2 days",
        86_400 * 700: "700 days",
        31_557_600 * 2: "2 years",
        31_557_600 * 56 // 10: "5.6 years",
    }
    assert {seconds: times.length(seconds) for seconds in said} == said


def test_the_extent_of_a_course_ends_with_its_last_window():
    assert times.extent(course([27_000_000, 27_000_007])) == (1_620_000_000, 1_620_000_480)
    assert times.extent(course([27_000_007], 10)) == (1_620_000_000, 1_620_000_600)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2026-11-23T10:00/2026-11-23T12:00", "23 Nov 2026"),
        ("2026-11-23T00:00/2026-11-24T00:00", "23 Nov 2026"),
        ("2026-11-23T10:00/2026-11-25T00:01", "23 \u2013 25 Nov 2026"),
        ("2026-11-30T10:00/2026-12-02T12:00", "30 Nov \u2013 2 Dec 2026"),
        ("2025-11-02T10:00/2026-11-02T12:00", "2 Nov 2025 \u2013 2 Nov 2026"),
        ("2025-12-30T10:00/2026-01-02T12:00", "30 Dec 2025 \u2013 2 Jan 2026"),
    ],
)
def test_days_name_the_month_and_the_year_only_once_if_they_are_the_same(text, days):
    assert times.days(time(text)) == days
    assert times.days(time(text, BERLIN), BERLIN) == days


def test_the_covered_days_leave_out_strays_at_both_ends():
    day = moment("2026-11-23") // 60
    minutes = [16_000_000, *range(day, day + 2880, 60), 60_000_000]
    assert times.covered(weighed(minutes, [1, *[100] * 48, 1])) == "23 \u2013 24 Nov 2026 UTC"
    # At the end of a day in UTC, the next day has already begun in Tokyo.
    assert (
        times.covered(weighed(minutes, [1, *[100] * 48, 1]), TOKYO)
        == "23 \u2013 25 Nov 2026 Asia/Tokyo (UTC+9)"
    )
    # If there are only a few flows, none is a stray.
    assert times.covered(weighed([day, day + 1440], [1, 13])) == "23 \u2013 24 Nov 2026 UTC"


def test_the_covered_days_are_given_if_the_measure_is_0_but_not_if_no_time_is_known():
    minute = moment("2026-11-23T10:00") // 60
    assert times.covered(weighed([minute, minute + 1440], [0, 0])) == "23 \u2013 24 Nov 2026 UTC"
    assert times.covered(weighed([minute], [1])) == "23 Nov 2026 UTC"
    assert times.covered(course([])) == ""
    assert times.covered(replace(weighed([0], [3]), width=0)) == ""


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60))
def test_the_main_part_contains_nearly_all_of_the_measure(counts):
    minutes = range(0, len(counts) * 7, 7)
    made = weighed([*minutes], counts)
    first, behind = times.main_part(made)
    is_kept = (made.start >= first) & (made.start < behind)
    assert made.count[~is_kept].sum() * 250 <= made.count.sum()
