"""Sentences about logs that are followed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from flowtag_core.showing import times
from flowtag_core.showing.words import duration, few_words, number, short_path, unicode
from flowtag_core.tagging.alerts import Alert
from flowtag_core.tagging.lookup import Lookup

WINDOWS: Final = {"hour": "Last hour", "day": "Last day", "all": "All"}


def standing(
    rate: float | None, arrived: int | None, lag: int | None, zone: tzinfo, *, is_behind: bool
) -> str:
    """Return how live the numbers are: `1,210 flows/s, last lines at 22:15:03, newest flow 12 s old`.

    `rate` is in flows a second, `arrived` in seconds since 1970, `lag` in seconds; each is None if unknown.
    """
    said = []
    if rate is not None:
        said.append(f"{rate:,.0f} flows/s")
    if arrived is not None:
        said.append(f"last lines at {times.at(arrived, zone):%H:%M:%S}")
    if lag is not None:
        old = duration(lag) if lag < times.DAY else number(lag // times.DAY, "day")
        said.append(f"newest flow {old} old")
    if is_behind:
        said.append("catching up")
    return ", ".join(said) or "no flows yet"


def alert(found: Alert, zone: tzinfo) -> str:
    """Return an alert as a sentence: `9092/tcp is new: 120 flows from 10:00 to 10:10.`."""
    start, end = times.clocks(found.time, zone)
    flows = number(found.flows, "flow")
    before = f"at most {found.before:,} in any ten minutes of the two hours before"
    when = f"from {start} to {end}"
    port = f"{found.subject} ({found.tag})"
    said = {
        "accepted from outside": f"{port} accepted {flows} from outside {when}, none in the two hours before.",
        "new port": f"{port} is new: {flows} {when}, none before.",
        "growing port": f"{port} is growing: {flows} {when}, {before}.",
        "more rejected": f"{found.tag} has more rejected flows: {found.flows:,} {when}, {before}.",
        "silent tag": f"{found.tag} is silent: no flows since {start}, at least {found.before:,} in every ten "
        "minutes before that.",
    }
    return said[found.kind]


def more(there: int, shown: int) -> str:
    """Return how many alerts are not shown; empty if all are."""
    return f"and {there - shown:,} more" if there > shown else ""


def loaded_again(lookup: Lookup) -> str:
    """Return a sentence on a lookup whose file has changed."""
    return f"{lookup.name}: has changed, and was loaded again ({number(len(lookup), 'rule')})."


def not_loaded(lookup: Lookup) -> str:
    """Return a sentence on a lookup whose file has changed, while the page had another one."""
    return (
        f"{lookup.name}: has changed, but was not loaded again: this page has another lookup, or changes that are "
        "not saved."
    )


def followed(paths: Sequence[str]) -> str:
    """Return which logs are followed."""
    return f"Following {few_words([short_path(unicode(path), 40) for path in paths])}"
