"""Show what counting some logs would take, before they are counted: flowtag plan LOG [LOG ...]."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any, Final, NamedTuple

from flowtag_core.arguments import add_days, parsed
from flowtag_core.commands.filters import days_of
from flowtag_core.commands.terminal import (
    DAMAGED,
    DONE,
    logs_of,
    new_parser,
    say,
    show,
    show_json,
)
from flowtag_core.counting import threads
from flowtag_core.errors import LogError
from flowtag_core.reading import cost
from flowtag_core.reading.cost import Expected, Fetching, Money, Work
from flowtag_core.reading.flow_log import MOST_TOLD
from flowtag_core.reading.sample import MOST_BYTES, Look, Sample, sample_of
from flowtag_core.settings import settings_for
from flowtag_core.shapes.layout import format_layout
from flowtag_core.showing.words import duration, few, number, size
from flowtag_core.sources.places import Log, Place
from flowtag_core.sources.uris import URI, day_of, is_uri

_EPILOG: Final = f"""\
At most the first {MOST_BYTES >> 10} KB of a few files are read. The numbers come from a
model, not from a measurement; docs/planning.md explains it.
exit code: 0 done; 1 done, but some files cannot be counted; 2 not done.
"""
_PRICED: Final = "s3"


class Plan(NamedTuple):
    """The plan for some logs: the work, the requests, the time and the money. `money` is None if the prices of the store are not known, or no log is in a store."""

    work: Work
    fetching: Fetching
    expected: Expected
    money: Money | None
    sample: Sample
    days: tuple[date, date] | None
    refusals: tuple[str, ...]

    @property
    def troubles(self) -> list[str]:
        """Sentences about the files that cannot be counted, as far as they are known."""
        return [*self.refusals, *(each.trouble for each in self.sample.looks if each.trouble)]


def parser() -> ArgumentParser:
    """Return the parser of `flowtag plan`."""
    new = new_parser(
        "plan",
        "[OPTION ...] LOG [LOG ...]",
        "Show what counting logs would take, before you count them: time, requests, money.",
        _EPILOG,
    )
    new.add_argument("paths", nargs="*", metavar="LOG", help="logs, folders, patterns and URIs")
    add_days(new)
    new.add_argument(
        "--format", metavar="FIELDS", help="the fields of logs without a header, or a format's name"
    )
    new.add_argument("--json", action="store_true", help="print the plan as JSON")
    return new


def run(words: Sequence[str]) -> int:
    """Find the logs, look at a sample, and print what counting them would take; return the exit code."""
    given = parsed(parser(), words)
    if not given.paths:
        parser().error("give at least one LOG")
    plan = _planned(given)
    if given.json:
        show_json(_document(plan))
    else:
        show(*_lines(plan))
    say(*few(plan.troubles))
    return DAMAGED if plan.troubles else DONE


def _planned(given: Namespace) -> Plan:
    """Return the plan. Raises FlowtagError, also if nothing in the sample can be counted."""
    settings = settings_for(given.paths)
    fields, _ = settings.beneath(given.format, None)
    if fields is not None:
        format_layout(fields)
    kept = [path for path in (settings.lookup, *settings.files) if path]
    days = days_of(given)
    logs = logs_of(given.paths, kept, days)
    places = [place for log in logs for place in log.places]
    _refuse_pipes(places)
    sample = sample_of(places, fields)
    if all(each.is_refused for each in sample.looks):
        raise LogError(" ".join(each.trouble for each in sample.looks[:MOST_TOLD]))
    work = cost.all_work(
        cost.work_on(place.size or 0, sample.looks[look])
        for place, look in zip(places, sample.stands_for, strict=True)
    )
    fetching = cost.all_fetching(map(_fetching_of, logs))
    # flowtag has no more threads than this, however many processors there are.
    processors = min(os.cpu_count() or 1, threads.count() + 1)
    expected = cost.expected(work, fetching, processors)
    is_priced = fetching.objects and all(_scheme(path) in (_PRICED, "") for path in given.paths)
    return Plan(
        work,
        fetching,
        expected,
        cost.money_for(fetching, expected.processor_seconds) if is_priced else None,
        sample,
        _days_in(places),
        tuple(refusal.sentence for log in logs for refusal in log.refusals),
    )


def _refuse_pipes(places: Sequence[Place]) -> None:
    for place in places:
        if place.size is None or not place.can_open_again:
            raise LogError(
                f"{place.name}: can be read only once, so there is no plan for it. Name a file."
            )


def _scheme(path: str) -> str:
    found = URI.match(path)
    return found[1].lower() if found else ""


def _fetching_of(log: Log) -> Fetching:
    """Return what is fetched for a log: nothing if it is not in a store."""
    if not log.places or not is_uri(log.places[0].name):
        return Fetching()
    return cost.fetching_of([place.size or 0 for place in log.places])


def _days_in(places: Sequence[Place]) -> tuple[date, date] | None:
    days = [day for place in places if (day := day_of(place.name)) is not None]
    return (min(days), max(days)) if days else None


def _lines(plan: Plan) -> Iterator[str]:
    """Yield the plan as lines for a terminal."""
    work, noun = plan.work, "object" if plan.fetching.objects else "file"
    days = f", {plan.days[0]} to {plan.days[1]}" if plan.days else ""
    yield f"{number(work.files, noun)}, {size(work.packed)}{days}."
    yield ""
    looks = plan.sample.looks
    read = size(sum(each.read for each in looks))
    yield f"Sample: the beginnings of {number(len(looks), noun)}, {read}"
    yield from _in_columns(_kinds(looks))
    yield ""
    yield "Expected, from the model in docs/planning.md"
    yield from _in_columns(_expectations(plan))
    if plan.money is not None:
        yield ""
        yield "Money, at list prices that may differ from yours"
        yield from _in_columns(_prices(plan.money))


def _kinds(looks: Sequence[Look]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each kind of file in a sample: how many there are, what they are, how they unpack."""
    for kind, found in groupby(sorted(looks, key=_kind), key=_kind):
        alike = list(found)
        yield f"{len(alike)} of {len(looks)}", kind, _unpacking(alike)


def _kind(look: Look) -> str:
    if look.is_refused:
        return "cannot be counted, see below"
    shape = "shape unknown" if look.shape is None else look.shape
    words = [shape, look.packing, "see below" if look.trouble else ""]
    return ", ".join(filter(None, words))


def _unpacking(alike: Sequence[Look]) -> str:
    """Return how many times larger some packed files of one kind become; empty if they are not packed."""
    if not alike[0].packing or alike[0].is_refused:
        return ""
    ratio = _ratio(alike)
    return f"unpacks to about {cost.RATIO if ratio is None else ratio:.1f} times its size" + (
        " (assumed)" if ratio is None else ""
    )


def _ratio(alike: Sequence[Look]) -> float | None:
    read = sum(each.read for each in alike if each.ratio is not None)
    return sum(each.unpacked for each in alike) / read if read else None


def _expectations(plan: Plan) -> Iterator[tuple[str, ...]]:
    work, fetching, expected = plan.work, plan.fetching, plan.expected
    if any(each.packing for each in plan.sample.looks):
        yield "Unpacked", f"about {size(round(work.unpacked))}"
    yield "Processor time", _about(expected.processor_seconds)
    on = f"on {number(expected.processors, 'processor')}"
    if fetching.objects:
        assumed = f"at {size(round(cost.BANDWIDTH))}/s and {1000 * cost.LATENCY:.0f} ms a request"
        yield "Download", f"{_about(expected.download_seconds)} {assumed}"
        yield "Requests", f"{fetching.lists:,} LIST, {fetching.gets:,} GET"
    yield "Time", f"{_about(expected.seconds)} {on}"


def _prices(money: Money) -> Iterator[tuple[str, ...]]:
    yield "Requests", _dollars(money.requests), ""
    yield "Processor time", _dollars(money.processor_time), "if the machine is rented"
    yield "Transfer", _dollars(money.transfer), "if the machine is outside the bucket's region"
    yield "Athena", _dollars(money.athena), "for one query over the same objects"


def _in_columns(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows as lines, each column as wide as its widest cell."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


def _about(seconds: float) -> str:
    """Return a duration with no more digits than the model justifies."""
    if seconds < 0.1:
        return "under 0.1 s"
    if seconds < 10:
        return f"about {seconds:.1f} s"
    step = 1 if seconds < 60 else 10 if seconds < 600 else 60
    return f"about {duration(round(seconds / step) * step)}"


def _dollars(amount: float) -> str:
    if amount < 0.0001:
        return "under $0.0001"
    return f"${amount:,.2f}" if amount >= 0.01 else f"${amount:.4f}"


def _document(plan: Plan) -> dict[str, Any]:
    looks = plan.sample.looks
    return {
        "files": plan.work.files,
        "bytes": plan.work.packed,
        "days": [day.isoformat() for day in plan.days] if plan.days else None,
        "unpacked_bytes": round(plan.work.unpacked),
        "sample": [{**each._asdict(), "ratio": each.ratio} for each in looks],
        "objects": plan.fetching.objects,
        "requests": {"GET": plan.fetching.gets, "LIST": plan.fetching.lists},
        "expected": plan.expected._asdict(),
        "dollars": plan.money._asdict() if plan.money else None,
        "messages": plan.troubles,
    }
