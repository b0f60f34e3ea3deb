"""Times as people type them: days, clock times, `last 2 hours`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final, NamedTuple

from flowtag_core.showing import times
from flowtag_core.tagging.report import Time

LONGEST: Final = 80
"""The most characters that a typed time may have."""
_MONTHS: Final = (
    "january february march april may june july august september october november december"
).split()
_UNITS: Final = {"minute": 60, "hour": 3600, "day": times.DAY, "week": 7 * times.DAY}
_DASHES: Final = re.compile("[\u2010-\u2015\u2212]")
_SLASHED: Final = re.compile(r"(?<![-:t/\d])\d{1,2}/\d{1,2}(?!\d)", re.ASCII)
_LAST: Final = re.compile(r"(?:the )?last (?:(\d{1,6}) )?(minute|hour|day|week)s?", re.ASCII)
_EPOCH: Final = re.compile(r"(\d{9,10})(?: ?[-/,] ?| | to )(\d{9,10})", re.ASCII)
_WEST: Final = re.compile(r"(\d:\d\d) ?(-\d\d:?\d\d)$", re.ASCII)
_SECONDS: Final = re.compile(r"\d{9,10}", re.ASCII)
_DAYS: Final = re.compile(r"(\d{1,2}) ?- ?(\d{1,2}( [a-z]{3,9}(?: \d{4})?))", re.ASCII)
_UNTIL: Final = re.compile(r" ?(?:/|-|\.\.) ?| to | until ")
_YEAR: Final = r"(?:,? (?P<year>\d{4})(?!\d))?(?![a-z])"
_DATES: Final = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})(?!\d)",
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})(?!\d)",
        r"(?P<day>\d{1,2}) (?P<month>[a-z]{3,9})" + _YEAR,
        r"(?P<month>[a-z]{3,9}) (?P<day>\d{1,2})(?!\d)" + _YEAR,
    )
)
_CLOCK: Final = re.compile(r"(?:t|,? )?(\d{1,2})(?::(\d\d))?(?::(\d\d))?(?: ?([ap])m)?", re.ASCII)
_ZONE: Final = re.compile(
    r" ?(?:z|(?:utc|gmt)(?:([-+]\d{1,2})(?::?(\d\d))?)?|(\+\d\d):?(\d\d))$", re.ASCII
)


class UnclearTime(ValueError):
    """A text is not a valid time. The message says what to type instead."""


class _NoEndError(ValueError):
    """A time has a start but no end."""


class _Moment(NamedTuple):
    """One end of a time as typed, perhaps incomplete. `clock` is in seconds after midnight."""

    year: int | None = None
    month: int = 0
    day: int | None = None
    clock: int | None = None
    zone: tzinfo | None = None


def written(time: Time, zone: tzinfo = UTC) -> str:
    """Return a time as the page shows it in the text field: `2026-11-23 10:00 - 12:00`."""
    first, last = (f"{times.at(seconds, zone):%Y-%m-%d}" for seconds in time)
    start, end = times.clocks(time, zone)
    return f"{first} {start} - {end if last == first else f'{last} {end}'}"


def example(shown: Time, zone: tzinfo = UTC) -> str:
    """Return an example of what to type, on the first day of the time that is shown."""
    return f"{times.at(shown[0], zone).date()} 10:00 - 12:00"


def read(text: str, zone: tzinfo, shown: Time, extent: Time) -> Time:
    """Parse a time that was typed on the page, which shows times in this zone. Return whole minutes.

    Clock times without a day are on the first day of the time that is `shown`. Days without a year
    are in the `extent` of the log, and `last 2 hours` means its last two hours. Raises UnclearTime if the
    text is not a valid time.
    """
    today = times.at(shown[0], zone).date()
    advice = f"Type it like {example(shown, zone)}."
    words = _words(text, advice)
    log = times.at(extent[0], zone).date(), times.at(extent[1], zone).date()
    try:
        found = _counted_back(words, extent[1]) or _in_seconds(words)
        first, behind = found or _in_calendar(words, zone, today, log)
    except _NoEndError as missing:
        raise UnclearTime(f"The end is missing. {advice}") from missing
    except (ValueError, OverflowError) as unclear:
        raise UnclearTime(advice) from unclear
    if first >= behind:
        raise UnclearTime("The end must be after the start.")
    if first < 0 or behind > times.END:
        raise UnclearTime("The time must be between 1970 and 2200.")
    return first - first % 60, behind + -behind % 60


def read_end(text: str, *, is_last: bool) -> int:
    """Parse one end of a time, with its date. Return it in seconds since 1970.

    It is in UTC unless the text has a zone. A day alone means the start of the day, or its end if
    `is_last`. Raises UnclearTime if the text is not a valid time.
    """
    advice = "Type it like 2026-11-23 or 2026-11-23T10:00. It is in UTC unless it has an offset such as +01:00."
    words = _words(text, advice)
    words = _WEST.sub(r"\1 utc\2", words)
    try:
        seconds = int(words) if _SECONDS.fullmatch(words) else _at(_moment(words), is_last)
    except (ValueError, OverflowError) as unclear:
        raise UnclearTime(advice) from unclear
    if not 0 <= seconds <= times.END:
        raise UnclearTime("The time must be between 1970 and 2200.")
    return seconds


def _words(text: str, advice: str) -> str:
    """Return a typed text with single spaces, plain dashes and lower-case letters."""
    words = _DASHES.sub("-", " ".join(text.lower().split()))
    if len(words) > LONGEST:
        raise UnclearTime(advice)
    if _SLASHED.search(words):
        raise UnclearTime(f"With slashes, day and month are easily confused. {advice}")
    return words


def _at(moment: _Moment | None, is_last: bool) -> int:
    """Return a moment with a date in seconds since 1970: for a day alone its start, or its end if `is_last`."""
    if moment is None or not moment.year:
        raise ValueError(moment)
    whole = times.DAY if is_last else 0
    clock = whole if moment.clock is None else moment.clock
    midnight = datetime(moment.year, moment.month, moment.day or 0, tzinfo=moment.zone or UTC)
    return int(midnight.timestamp()) + clock


def _counted_back(text: str, end: int) -> Time | None:
    """Parse `last 2 hours`, counted back from `end`."""
    found = _LAST.fullmatch(text)
    return (end - int(found[1] or 1) * _UNITS[found[2]], end) if found else None


def _in_seconds(text: str) -> Time | None:
    """Parse two numbers of seconds since 1970."""
    found = _EPOCH.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def _in_calendar(text: str, zone: tzinfo, today: date, log: tuple[date, date]) -> Time:
    """Parse days and clock times. A day alone means the whole day."""
    first, last = _ends(text)
    begin, end = _days(first, last, today, log)
    start = datetime.combine(begin, time()) + timedelta(seconds=first.clock or 0)
    # A day ends when the next one begins. If the last clock time occurs twice, the second one is meant.
    is_day = last.clock is None
    stop = datetime.combine(end, time()) + timedelta(
        seconds=times.DAY if is_day else last.clock or 0
    )
    return (
        int(start.replace(tzinfo=first.zone or last.zone or zone).timestamp()),
        int(stop.replace(tzinfo=last.zone or first.zone or zone, fold=not is_day).timestamp()),
    )


def _ends(text: str) -> tuple[_Moment, _Moment]:
    """Parse both ends of a time. A day alone is both of them."""
    if found := _DAYS.fullmatch(text):
        text = f"{found[1]}{found[3]} - {found[2]}"
    if alone := _moment(text):
        if alone.clock is not None:
            raise _NoEndError(text)
        return alone, alone
    for until in _UNTIL.finditer(text):
        first, last = _moment(text[: until.start()]), _moment(text[until.end() :])
        # Without a day, a colon or am/pm, `10-12` could be days or hours.
        if first and last and (first.day or last.day or ":" in text or "m" in text):
            return first, last
    raise ValueError(text)


def _moment(text: str) -> _Moment | None:
    """Parse a day, a clock time or both, perhaps with a zone. Return None if the text is none of them."""
    zone = None
    if found := _ZONE.search(text):
        zone, text = _zone(found), text[: found.start()]
    days = (pattern.match(text) for pattern in _DATES)
    day = next(filter(None, days), None)
    rest = text[day.end() :] if day else text
    found = _CLOCK.fullmatch(rest)
    if not found and (rest or not day):
        return None
    clock = _clock(found) if found else None
    if not day:
        return _Moment(clock=clock, zone=zone)
    year = int(day["year"]) if day["year"] else None
    return _Moment(year, _month(day["month"]), int(day["day"]), clock, zone)


def _zone(found: re.Match[str]) -> tzinfo:
    hours, minutes = found[1] or found[3] or "0", int(found[2] or found[4] or 0)
    if minutes > 59:
        raise ValueError(minutes)
    is_west = hours[0] == "-"  # also of -00:30, whose hours are 0
    ahead = timedelta(hours=abs(int(hours)), minutes=minutes)
    return timezone(-ahead if is_west else ahead)


def _clock(found: re.Match[str]) -> int:
    """Return a clock time in seconds after midnight. 24:00 is the midnight at the end of the day."""
    hour, minute, second = (int(found[group] or 0) for group in (1, 2, 3))
    if found[4]:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + (12 if found[4] == "p" else 0)
    seconds = hour * 3600 + minute * 60 + second
    if minute > 59 or second > 59 or seconds > times.DAY:
        raise ValueError(seconds)
    return seconds


def _month(word: str) -> int:
    """Return the number of a month, which may be a number, a name or its first three letters."""
    if word.isdecimal():
        return int(word)
    return 1 + next((place for place, name in enumerate(_MONTHS) if name.startswith(word)), 12)


def _days(first: _Moment, last: _Moment, today: date, log: tuple[date, date]) -> tuple[date, date]:
    """Return the days of both ends. Each end supplies what the other leaves out."""
    if first.day is None and last.day is None:
        return today, today
    first, last = (first if first.day else last), (last if last.day else first)
    if last.year and not first.year:
        end = date(last.year, last.month, last.day or 0)
        return max(
            day for day in _dates(first, range(end.year - 8, end.year + 1)) if day <= end
        ), end
    if first.year:
        begin = date(first.year, first.month, first.day or 0)
    else:
        years = range(min(log[0].year, today.year - 1), max(log[1].year, today.year + 1) + 1)
        begin = min(
            _dates(first, years), key=lambda day: (not log[0] <= day <= log[1], abs(day - today))
        )
    if last.year:
        return begin, date(last.year, last.month, last.day or 0)
    return begin, min(
        day for day in _dates(last, range(begin.year, begin.year + 9)) if day >= begin
    )


def _dates(moment: _Moment, years: Iterable[int]) -> list[date]:
    """Return the day in each of these years that has it, as 29 February is not in every year."""
    found = []
    for year in years:
        try:
            found.append(date(year, moment.month, moment.day or 0))
        except ValueError:
            continue
    return found
