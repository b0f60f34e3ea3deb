"""Times in words and in links, always in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from flowtag_core.showing.words import measured
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import Time

_MINUTE: Final = "%Y-%m-%dT%H:%M"
_LINK: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)/(\d{4}-\d\d-\d\dT\d\d:\d\d)", re.ASCII)

_END: Final = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())


def at(seconds: int) -> datetime:
    """The moment, in UTC, so many seconds after 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def day_of_year(seconds: int) -> str:
    """`4 May`."""
    moment = at(seconds)
    return f"{moment.day} {moment:%b}"


def day(seconds: int) -> str:
    """`4 May 2021`."""
    return f"{day_of_year(seconds)} {at(seconds):%Y}"


def clock(seconds: int) -> str:
    """`15:06`."""
    return f"{at(seconds):%H:%M}"


def span(time: Time) -> str:
    """`4 May 2021 15:06-15:30`, with both days if the time ends on another one."""
    first, behind = time
    end = clock(behind) if day(first) == day(behind) else f"{day(behind)} {clock(behind)}"
    return f"{day(first)} {clock(first)} \u2013 {end}"


def to_link(time: Time) -> str:
    """`2021-05-04T15:06/2021-05-04T15:30`: an interval of ISO 8601, to the minute."""
    return "/".join(at(seconds).strftime(_MINUTE) for seconds in time)


def from_link(text: str) -> Time | None:
    """The time that `to_link` wrote, None where the text is none that ends after it begins.

    A time that no flow can have, before 1970 or after 2200, is none either.
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
    return (first, behind) if 0 <= first < behind <= _END else None


def width(minutes: int) -> str:
    """A window's width: `1 minute`, `12 hours`, `7 days`."""
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            count = minutes // size
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    raise ValueError(minutes)


def extent(course: Course) -> Time:
    """From the first window of a course, which has one, to the end of its last."""
    first, last = course.start[[0, -1]].tolist()
    return first, last + course.width * 60


def about(course: Course, measure: str) -> str:
    """When the flows of a course began, how wide its windows are, and what has no time."""
    unknown = (
        f"{measured(course.unknown, measure)} without a known time: not shown in the timeline."
        if course.unknown
        else ""
    )
    if not len(course.start):
        return unknown or "No flow is left."
    if not course.width:
        return f"The times lie so far apart that they cannot be told from each other. {unknown}".strip()
    return (
        f"{span(extent(course))} UTC, {width(course.width)} a bar. "
        f"Drag over it to keep a part of the time. {unknown}"
    ).strip()
