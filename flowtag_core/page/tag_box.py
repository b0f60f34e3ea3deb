"""The box in which ports are tagged: the data that it gets, and the entries that were typed in it.

The browser keeps sending all entries that are not yet processed. Each entry has a number and is
processed once, even if runs overlap. The browser may send anything, so its input is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from flowtag_core.errors import LookupFileError, RuleError
from flowtag_core.page.desk import Desk
from flowtag_core.showing import lookup_notes
from flowtag_core.tagging.editing import LONGEST_TAG, parse_rules
from flowtag_core.tagging.lookup import Lookup, Rule
from flowtag_core.tagging.report import Report

MOST_ENTRIES: Final = 1_000
"""The most entries that are processed in one run; the browser sends the rest again."""
MOST_TAGS: Final = 1_000
_LONGEST_PORTS: Final = 4_000
_LARGEST_NUMBER: Final = 1 << 53


class Entry(NamedTuple):
    """A typed tag and its ports, each with its protocol number: `443/17,9092/6`."""

    number: int
    ports: str
    tag: str


@dataclass(frozen=True)
class Typed:
    """A message from the browser: the name of the bench, the entries in order, the ports being typed."""

    bench: str = ""
    log: tuple[Entry, ...] = ()
    ports: str = ""


def typed(said: object) -> Typed:
    """Read a message from the browser, leaving out anything that our script would never send."""
    if not isinstance(said, dict):
        return Typed()
    bench, log, ports = (said.get(name) for name in ("bench", "log", "ports"))
    return Typed(
        bench if isinstance(bench, str) else "",
        tuple(sorted(_entries(log[:MOST_ENTRIES]))) if isinstance(log, list) else (),
        ports if isinstance(ports, str) and len(ports) <= _LONGEST_PORTS else "",
    )


def _entries(log: Iterable[object]) -> Iterator[Entry]:
    for said in log:
        match said:
            case [int(number), str(ports), str(tag)] if (
                number is not True and 0 < number <= _LARGEST_NUMBER
            ):
                # One character over the limit is enough to have the tag refused.
                yield Entry(number, ports, tag[: LONGEST_TAG + 1])


def take(desk: Desk, typed: Typed) -> None:
    """Process the new entries in order, and show on the bench why the last one failed."""
    with desk.lock:
        if typed.bench != desk.bench.name:
            return  # It was typed before the user started over.
        desk.bench.see(desk.lookup)
        faults = [_take(desk, entry) for entry in desk.bench.new(typed.log)]
        desk.bench.left = desk.lookup
        desk.bench.refuse(next(filter(None, reversed(faults)), ""))


def _take(desk: Desk, entry: Entry) -> str:
    """Process an entry; return a sentence if that failed."""
    desk.bench.taken = entry.number
    desk.bench.refuse("")
    fault = ports_fault(entry.ports)
    if not fault:
        desk.tag(parse_rules(entry.ports, entry.tag.strip()))
        fault = desk.bench.wrong
    if fault:
        desk.bench.give_back(entry.number)
    return fault


def ports_fault(ports: str) -> str:
    """Return a sentence on what is wrong with the ports, empty if nothing is."""
    if len(ports) > _LONGEST_PORTS:
        return f"Enter at most {_LONGEST_PORTS:,} characters of ports at once."
    try:
        return "" if parse_rules(ports, "") else "Enter ports with a protocol, as in 443/tcp."
    except RuleError as error:
        return str(error)


def written_ports(desk: Desk, typed: Typed) -> str:
    """Return the ports that are being typed for this bench."""
    return typed.ports.strip() if typed.bench == desk.bench.name else ""


def told(desk: Desk, lookup: Lookup, report: Report, ports: str, line: str) -> dict[str, Any]:
    """Return the data for the browser: everything that it needs to work by itself until the next run.

    `lookup` is the one that the report was made with. If another run has changed it since, the
    browser gets the older state of the entries, which matches the report.
    """
    with desk.lock:
        bench = desk.bench
        if lookup is desk.lookup:
            bench.see(lookup)
            bench.told = {"taken": bench.taken, "epoch": bench.epoch, "refused": bench.refused}
        wrong_ports = ports if ports and ports_fault(ports) else ""
        return {
            "bench": bench.name,
            **bench.told,
            "targets": [(pair.key, pair.name, pair.suggestion) for pair in bench.pairs],
            "ticked": [pair.key for pair in bench.pairs if pair.numbers in bench.ticked],
            "known": lookup_notes.tags_to_choose(report)[:MOST_TAGS],
            "aim": (bench.aims, bench.aimed),
            "line": line,
            "isWrong": bool(bench.wrong or wrong_ports),
            "wrongPorts": wrong_ports,
        }


def sentence(desk: Desk, report: Report, ports: str, nothing: str) -> str:
    """Return a sentence on what a tag would cover, on the effect of the last change, or on what failed.

    `nothing` is the sentence for when no port is on offer.
    """
    bench = desk.bench
    if bench.wrong or (ports and ports_fault(ports)):
        return bench.wrong or ports_fault(ports)
    if bench.said and not ports and not bench.ticked:
        return bench.said
    try:
        return _preview(desk, report, ports) or nothing
    except (RuleError, LookupFileError) as error:
        return str(error)


def _preview(desk: Desk, report: Report, ports: str) -> str:
    tag = lookup_notes.placeholder_tag(desk.lookup)
    rules: list[Rule] = (
        parse_rules(ports, tag) if ports else [pair.rule(tag) for pair in desk.bench.offered]
    )
    return lookup_notes.preview(report, desk.lookup, rules) if rules else ""
