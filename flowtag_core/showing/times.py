"""Times in words, in any time zone, and times in links, always in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from flowtag_core.showing.words import number
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import Time

DAY: Final = 86_400
YEAR: Final = 31_557_600
END: Final = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())
"""The first second of 2200. Flows begin between 1970 and this moment."""
_DASH: Final = "\u2013"
_MINUTE: Final = "%Y-%m-%dT%H:%M"
_LINK: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)/(\d{4}-\d\d-\d\dT\d\d:\d\d)", re.ASCII)
_ZONE: Final = re.compile(r"[A-Za-z][\w+-]*(/[\w+-]+)*", re.ASCII)
_LONGEST_ZONE: Final = 64
_NAMES_OF_UTC: Final = ("UTC", "Etc/UTC", "GMT", "Etc/GMT")
_STRAY: Final = 500
"""Up to one in this many at either end of a log may be a stray, far from the rest."""
_SEASON: Final = 60 * DAY
"""The interval, in seconds, at which a long time is checked for changes of the UTC offset."""


def zone_of(name: str | None) -> tzinfo | None:
    """Return the zone with this IANA name, or None if there is none. The name may be untrusted."""
    if name in _NAMES_OF_UTC:
        return UTC
    if not name or len(name) > _LONGEST_ZONE or not _ZONE.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return None


def zone_name(zone: tzinfo, time: Time) -> str:
    """Return `UTC` or `Asia/Tokyo (UTC+9)`, or `Europe/Berlin (UTC+1/+2)` if clocks change in that time."""
    if zone is UTC:
        return "UTC"
    first, behind = time
    moments = (*range(first, behind, _SEASON), behind)
    signs = sorted({offset(moment, zone) for moment in moments})
    return f"{zone} (UTC{'/'.join(map(_signed, signs))})".replace("_", " ")


def at(seconds: int, zone: tzinfo = UTC) -> datetime:
    """Return the date and time in a zone for a moment in seconds since 1970."""
    return datetime.fromtimestamp(seconds, zone)


def offset(seconds: int, zone: tzinfo) -> int:
    """Return how many seconds a zone is ahead of UTC at a moment."""
    ahead = at(seconds, zone).utcoffset()
    return int(ahead.total_seconds()) if ahead else 0


def day_of_year(seconds: int, zone: tzinfo = UTC) -> str:
    """Return the day without its year: `4 May`."""
    moment = at(seconds, zone)
    return f"{moment.day} {moment:%b}"


def day(seconds: int, zone: tzinfo = UTC) -> str:
    """Return the day: `4 May 2021`."""
    moment = at(seconds, zone)
    return f"{moment.day} {moment:%b %Y}"


def clock(seconds: int, zone: tzinfo = UTC) -> str:
    """Return the clock time: `15:06`, or `02:30 UTC+1` in an hour that occurs twice as clocks go back."""
    return _clock(seconds, zone, _is_twice(seconds, zone))


def moment(seconds: int) -> str:
    """Return a moment in UTC: `23 Nov 2026 10:00 UTC`."""
    return f"{day(seconds)} {clock(seconds)} UTC"


def clocks(time: Time, zone: tzinfo = UTC) -> tuple[str, str]:
    """Return the clock times of both ends, both with their UTC offset if either occurs twice."""
    first, behind = time
    is_twice = _is_twice(first, zone) or _is_twice(behind, zone)
    return _clock(first, zone, is_twice), _clock(behind, zone, is_twice)


def span(time: Time, zone: tzinfo = UTC) -> str:
    """Return both ends of a time: `4 May 2021 15:06 - 15:30`, with both days if they differ."""
    first, last = (day(seconds, zone) for seconds in time)
    start, end = clocks(time, zone)
    return f"{first} {start} {_DASH} {end if last == first else f'{last} {end}'}"


def span_in(time: Time, zone: tzinfo = UTC) -> str:
    """Return both ends of a time and its zone: `4 May 2021 15:06 - 15:30 UTC`."""
    return f"{span(time, zone)} {zone_name(zone, time)}"


def days(time: Time, zone: tzinfo = UTC) -> str:
    """Return the days that a time touches: `23 Nov 2026`, `23 - 25 Nov 2026`, `30 Nov - 2 Dec 2026`."""
    first, last = time[0], time[1] - 1
    end = day(last, zone)
    if day(first, zone) == end:
        return end
    start = day(first, zone)
    for same in (f"{at(last, zone):%b %Y}", f"{at(last, zone):%Y}"):
        if start.endswith(f" {same}"):
            start = start.removesuffix(f" {same}")
            break
    return f"{start} {_DASH} {end}"


def to_link(time: Time) -> str:
    """Return an ISO 8601 interval, to the minute: `2021-05-04T15:06/2021-05-04T15:30`."""
    return "/".join(at(seconds).strftime(_MINUTE) for seconds in time)


def from_link(text: str) -> Time | None:
    """Parse a time that `to_link` wrote. Return None if the text is invalid.

    A time must end after it starts, and must be between 1970 and 2200.
    """
    found = _LINK.fullmatch(text)
    if found is None:
        return None
    try:
        first, behind = (
            int(datetime.strptime(part, _MINUTE).replace(tzinfo=UTC).timestamp())
            for part in found.groups()
        )
    except ValueError:
        return None
    return (first, behind) if 0 <= first < behind <= END else None


def bars(minutes: int) -> str:
    """Describe bars of this width: `1-minute bars`, `12-hour bars`, `7-day bars`."""
    sizes = ((1440, "day"), (60, "hour"), (1, "minute"))
    size, unit = next((size, unit) for size, unit in sizes if minutes % size == 0)
    return f"{minutes // size}-{unit} bars"


def length(seconds: int) -> str:
    """Return an approximate length in words: `5.6 years`, `12 days`, `36 hours`, `90 minutes`."""
    if seconds >= 2 * YEAR:
        return f"{seconds / YEAR:.1f}".removesuffix(".0") + " years"
    units = ((DAY, "day"), (3600, "hour"))
    size, unit = next((unit for unit in units if seconds >= 2 * unit[0]), (60, "minute"))
    return number(round(seconds / size), unit)


def extent(course: Course) -> Time:
    """Return the time from the start of a course's first window to the end of its last. It must have one."""
    first, last = course.start[[0, -1]].tolist()
    return first, last + course.width * 60


def main_part(course: Course) -> Time:
    """Return the extent of a course without strays: from the 0.2% to the 99.8% quantile of its measure.

    The course must have a window. If its measure is 0 throughout, the result is its whole extent.
    """
    sums = np.cumsum(np.bincount(course.window, course.count, len(course.start)))
    if not sums[-1]:
        return extent(course)
    ends = sums[-1] / _STRAY, sums[-1] * (1 - 1 / _STRAY)
    first = np.searchsorted(sums, ends[0], side="right")
    last = np.searchsorted(sums, ends[1])
    return int(course.start[first]), int(course.start[last]) + course.width * 60


def covered(course: Course, zone: tzinfo = UTC) -> str:
    """Return the days that the main part of a course covers, with the zone, or "" if no time is known."""
    if not len(course.start) or not course.width:
        return ""
    time = main_part(course)
    return f"{days(time, zone)} {zone_name(zone, time)}"


def _signed(offset: int) -> str:
    """Return an offset from UTC in hours and minutes: `+9`, `+5:30`."""
    hours, minutes = divmod(abs(offset) // 60, 60)
    return ("\u2212" if offset < 0 else "+") + (f"{hours}:{minutes:02}" if minutes else f"{hours}")


def _is_twice(seconds: int, zone: tzinfo) -> bool:
    """Whether the clock time at this moment occurs twice that day, because clocks go back."""
    moment = at(seconds, zone)
    return moment.utcoffset() != moment.replace(fold=1 - moment.fold).utcoffset()


def _clock(seconds: int, zone: tzinfo, is_exact: bool) -> str:
    """Return `15:06`, or `15:06 UTC+1` if `is_exact`."""
    shown = f"{at(seconds, zone):%H:%M}"
    return f"{shown} UTC{_signed(offset(seconds, zone))}" if is_exact else shown
