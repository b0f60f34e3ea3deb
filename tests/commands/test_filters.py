"""--from and --to mean the same times as they say, in UTC unless they have an offset."""

from argparse import ArgumentParser
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.commands.filters import add_filters, time_of
from flowtag_core.errors import FlowtagError
from flowtag_core.showing.times import DAY, END

days = st.dates(date(1970, 1, 1), date(2199, 12, 31))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)


def seconds(moment):
    return int(moment.timestamp())


def read(*words):
    parser = ArgumentParser()
    add_filters(parser)
    return time_of(parser.parse_args(words))


def test_without_options_there_is_no_time():
    assert read() is None


@given(days, st.integers(0, 400))
def test_a_day_alone_is_counted_from_its_start_to_its_end(first, more):
    last = min(first + timedelta(days=more), date(2199, 12, 31))
    start = seconds(datetime(first.year, first.month, first.day, tzinfo=UTC))
    assert read("--from", f"{first}", "--to", f"{last}") == (
        start,
        start + DAY * ((last - first).days + 1),
    )


@given(moments, st.integers(-12, 14))
def test_a_clock_time_is_in_utc_unless_it_has_an_offset(moment, ahead):
    there = moment + timedelta(hours=ahead)
    words = f"{moment:%Y-%m-%dT%H:%M}", f"{there:%Y-%m-%dT%H:%M}{ahead:+03}:00"
    assert {read("--from", each) for each in words} == {(seconds(moment), END)}


@given(moments)
def test_an_end_that_is_not_given_is_open(moment):
    text = f"{moment:%Y-%m-%d %H:%M}"
    assert read("--from", text) == (seconds(moment), END)
    if seconds(moment):
        assert read("--to", text) == (0, seconds(moment))


def test_seconds_since_1970_can_be_given():
    assert read("--from", "1700000000", "--to", "1700000001") == (1_700_000_000, 1_700_000_001)


@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize(
    "text", ["", "tomorrow", "10:00", "2026-02-30", "2026-11-23T25:00", "11/12/2026", "x" * 999]
)
def test_a_time_that_is_not_valid_is_named_with_its_option(option, text):
    with pytest.raises(FlowtagError) as refused:
        read(option, text)
    said = str(refused.value)
    assert said.startswith(f"{option}: {text[:60]!r} is not a valid time. ")
    assert "Type it like 2026-11-23" in said


@pytest.mark.parametrize("text", ["1969-12-31", "2200-01-02"])
def test_a_time_before_1970_or_after_2199_is_refused(text):
    with pytest.raises(FlowtagError, match="between 1970 and 2200"):
        read("--from", text)


@given(moments, st.integers(0, 10**6))
def test_an_end_that_is_not_after_the_start_is_refused(moment, less):
    end = max(seconds(moment) - less, 0)
    with pytest.raises(FlowtagError, match="--to must be after --from"):
        read(
            "--from",
            f"{moment:%Y-%m-%dT%H:%M}",
            "--to",
            f"{datetime.fromtimestamp(end, UTC):%Y-%m-%dT%H:%M:%S}",
        )
