"""A typed time is understood as it was meant, or a message says how to type it."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowtag_core.showing import times
from flowtag_core.showing.typed_times import UnclearTime, read, read_end, written
from tests.showing.test_times import BERLIN, TOKYO, UTC, ZONES, moment, time

LOG = time("2026-11-23/2026-11-26")


def read_in(zone, text):
    return read(text, zone, LOG, LOG)


MORNING = [
    "2026-11-23T10:00/2026-11-23T12:00",
    "2026-11-23 10:00 - 12:00",
    "2026-11-23 10:00-12:00",
    "  2026-11-23   10:00 \u2013 12:00 ",
    "2026/11/23 10:00 to 12:00",
    "10:00-12:00",
    "10:00 until 12:00",
    "10am - 12pm",
    "23 Nov 10:00 to 23 Nov 12:00",
    "10:00 - 23 Nov 12:00",
    "23 november 2026 10:00..12:00",
    "Nov 23, 2026 10am to 12pm",
    "nov 23 10:00 - 12:00",
    "23.11.2026 10-12",
    "2026-11-23 10:00:30 - 11:59:01",
]


@pytest.mark.parametrize("zone", [UTC, TOKYO, BERLIN], ids=str)
@pytest.mark.parametrize("text", MORNING)
def test_a_time_is_understood_in_all_usual_forms_in_the_zone_shown(text, zone):
    assert read_in(zone, text) == time("2026-11-23T10:00/2026-11-23T12:00", zone)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("23 Nov", "2026-11-23/2026-11-24"),
        ("2026-11-23", "2026-11-23/2026-11-24"),
        ("Nov 24", "2026-11-24/2026-11-25"),
        ("23 Nov - 24 Nov", "2026-11-23/2026-11-25"),
        ("2026-11-23/2026-11-24", "2026-11-23/2026-11-25"),
        ("23 \u2013 25 Nov 2026", "2026-11-23/2026-11-26"),
        ("23 Nov 22:00 - 24:00", "2026-11-23T22:00/2026-11-24"),
        ("23 Nov 22:00 - 24 Nov", "2026-11-23T22:00/2026-11-25"),
        ("30 Nov \u2013 2 Dec 2026", "2026-11-30/2026-12-03"),
        ("30 Dec - 2 Jan 2026", "2025-12-30/2026-01-03"),
        ("30 Dec 2025 - 2 Jan", "2025-12-30/2026-01-03"),
    ],
)
def test_days_last_from_midnight_to_midnight(text, days):
    for zone in (UTC, TOKYO):
        assert read_in(zone, text) == time(days, zone)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_day_on_which_clocks_change_has_23_or_25_hours(day):
    first, behind = read(day, BERLIN, LOG, LOG)
    assert (behind - first) // 3600 == {"2026-03-29": 23, "2026-10-25": 25}[day]


def test_a_typed_hour_that_occurs_twice_includes_both_occurrences():
    first, behind = read("2026-10-25 02:00 - 02:30", BERLIN, LOG, LOG)
    assert behind - first == 5400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("last hour", 3600),
        ("last 2 hours", 7200),
        ("the last 90 minutes", 5400),
        ("Last 3 days", 3 * 86_400),
        ("last week", 7 * 86_400),
    ],
)
def test_the_last_hours_end_with_the_log(text, seconds):
    assert read_in(TOKYO, text) == (LOG[1] - seconds, LOG[1])


@pytest.mark.parametrize(
    "text", ["1795392000/1795395600", "1795392000 1795395600", "1795392000 - 1795395600"]
)
def test_two_numbers_are_seconds_since_1970(text):
    assert read_in(TOKYO, text) == (1_795_392_000, 1_795_395_600)


@pytest.mark.parametrize(
    "text",
    [
        "10:00-12:00Z",
        "2026-11-23T10:00Z/2026-11-23T12:00Z",
        "2026-11-23 10:00 - 12:00 UTC",
        "10:00 UTC - 12:00 UTC",
        "2026-11-23 19:00 - 21:00 UTC+9",
        "2026-11-23T19:00+09:00/2026-11-23T21:00+09:00",
        "2026-11-23 06:30 - 08:30 UTC\u22123:30",
    ],
)
def test_a_zone_after_a_time_overrides_the_zone_shown(text):
    assert read_in(BERLIN, text) == time("2026-11-23T10:00/2026-11-23T12:00")


def test_clock_times_without_a_day_are_on_the_first_day_shown():
    shown = time("2026-11-24T15:00/2026-11-25T09:00")
    assert read("10:00-12:00", UTC, shown, LOG) == time("2026-11-24T10:00/2026-11-24T12:00")
    # Late on the 24th in UTC, it is already the 25th in Tokyo.
    there = time("2026-11-25T10:00/2026-11-25T12:00", TOKYO)
    assert read("10:00-12:00", TOKYO, shown, LOG) == there


def test_a_day_without_a_year_is_in_the_log_if_possible():
    turn = time("2025-12-30/2026-01-03")
    assert read("30 Dec", UTC, turn, turn) == time("2025-12-30/2025-12-31")
    assert read("2 Jan", UTC, turn, turn) == time("2026-01-02/2026-01-03")
    year = time("2026-01-01/2027-01-01")
    assert read("20 Dec", UTC, (year[0], year[0] + 60), year) == time("2026-12-20/2026-12-21")
    # A stray flow from years ago does not move the day to its year.
    stray = (moment("2021-05-04"), LOG[1])
    assert read("23 Nov", UTC, LOG, stray) == time("2026-11-23/2026-11-24")
    assert read("29 Feb", UTC, LOG, time("2024-01-01/2027-01-01"))[0] == moment("2024-02-29")


EXAMPLE = "Type it like 2026-11-23 10:00 - 12:00."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("yesterday", EXAMPLE),
        ("no time", EXAMPLE),
        ("10-12", EXAMPLE),
        ("25:00 - 26:00", EXAMPLE),
        ("13pm - 2pm", EXAMPLE),
        ("10:60 - 11:00", EXAMPLE),
        ("30 Feb", EXAMPLE),
        ("2026-02-30", EXAMPLE),
        ("2026-13-01", EXAMPLE),
        ("23 Foo", EXAMPLE),
        ("9999-12-31", EXAMPLE),
        ("10:00 - 12:00 UTC+99", EXAMPLE),
        ("10:00 - 12:00 - 13:00", EXAMPLE),
        ("\u0661\u0660:00 - 12:00", EXAMPLE),
        ("last 0 hours", "The end must be after the start."),
        ("12:00 - 10:00", "The end must be after the start."),
        ("24 Nov 2020 - 23 Nov 2020", "The end must be after the start."),
        ("1969-12-30", "The time must be between 1970 and 2200."),
        ("last 999999 weeks", "The time must be between 1970 and 2200."),
        ("2300-01-01", "The time must be between 1970 and 2200."),
        ("10:00", f"The end is missing. {EXAMPLE}"),
        ("2026-11-23 10:00", f"The end is missing. {EXAMPLE}"),
        ("11/23/2026 10:00", f"With slashes, day and month are easily confused. {EXAMPLE}"),
        ("3/4 10:00 - 12:00", f"With slashes, day and month are easily confused. {EXAMPLE}"),
    ],
)
def test_the_message_for_an_invalid_time_says_what_to_type(text, sentence):
    with pytest.raises(UnclearTime) as unclear:
        read_in(UTC, text)
    assert str(unclear.value) == sentence


moments = st.integers(2880, 2_000_000_000 // 60).map(lambda minute: minute * 60)
# Times around the days on which clocks change in Berlin and St. John's in 2026.
changes = st.integers(0, 3000).map(lambda minute: moment("2026-10-24T20:00") + minute * 60)


@given(st.one_of(moments, changes), st.integers(1, 10**6), st.sampled_from(ZONES))
@example(moment("2026-10-25T00:00"), 30, BERLIN)
@example(moment("2026-10-25T01:00"), 30, BERLIN)
def test_every_time_shown_is_read_back_as_the_same_time(first, minutes, zone):
    time = first, first + minutes * 60
    assert read(times.span(time, zone), zone, LOG, LOG) == time
    assert read(written(time, zone), zone, LOG, LOG) == time
    assert read(f"{times.to_link(time)}Z", zone, LOG, LOG) == time
    days = read(times.days(time, zone), zone, LOG, LOG)
    assert days[0] <= time[0] < time[1] <= days[1]
    assert times.days(days, zone) == times.days(time, zone)


words = st.lists(
    st.sampled_from(
        "2026-11-23 10:00 - to / until T Z UTC +9 23 Nov Nov. 1795392000 last 3 hours am 24:00 .. , 31 99".split()
    ),
    max_size=8,
).map(" ".join)


@given(st.one_of(st.text(max_size=100), words), st.sampled_from([*ZONES, ZoneInfo("Asia/Gaza")]))
def test_any_text_is_a_time_or_gets_a_message(text, zone):
    try:
        first, behind = read(text, zone, LOG, LOG)
    except UnclearTime:
        return
    assert 0 <= first < behind <= times.END
    assert first % 60 == behind % 60 == 0


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("-00:30", 30),
        ("-01:30", 90),
        ("+00:30", -30),
        ("+05:45", -345),
        (" utc-0:15", 15),
        ("z", 0),
    ],
)
def test_an_offset_is_west_if_it_begins_with_a_minus_even_if_its_hours_are_zero(text, minutes):
    whole = read_end("2023-11-14T22:00", is_last=False)
    assert read_end(f"2023-11-14T22:00{text}", is_last=False) == whole + 60 * minutes


@pytest.mark.parametrize("text", ["2023-11-14T22:00+05:99", f"2023-11-14T22:00{' ' * 9}{'x' * 80}"])
def test_an_offset_of_over_59_minutes_and_a_text_that_is_too_long_are_unclear(text):
    with pytest.raises(UnclearTime):
        read_end(text, is_last=False)


def test_an_end_is_exact_to_the_second():
    assert read_end("2023-11-14T22:00:17", is_last=True) % 60 == 17
