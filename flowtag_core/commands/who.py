"""Who is behind the flows that fit some filters: flowtag who LOG [LOG ...]."""

from __future__ import annotations

import ipaddress
import json
import re
import shutil
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from typing import Final

from flowtag_core.arguments import add_days, add_reading, parsed
from flowtag_core.boundary import ranges_of
from flowtag_core.commands.filters import add_filters, days_of, time_of
from flowtag_core.commands.outputs import refuse_inputs, write
from flowtag_core.commands.terminal import (
    DAMAGED,
    DONE,
    logs_of,
    new_parser,
    printable,
    progress_bar,
    say,
    show,
    show_json,
    source_of,
)
from flowtag_core.errors import FlowtagError
from flowtag_core.evidence import Evidence, Wanted, port_bits
from flowtag_core.exporting.who_csv import who_csv
from flowtag_core.iana import WITH_PORTS, protocol_number
from flowtag_core.output import check_writable
from flowtag_core.reading.evidence import look
from flowtag_core.settings import Settings, settings_for
from flowtag_core.shapes.layout import format_layout
from flowtag_core.showing import times, who
from flowtag_core.showing.log_notes import repeated
from flowtag_core.showing.words import compact, few, short, size
from flowtag_core.sources.places import DASH, same_files
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table
from flowtag_core.tagging.names import Names, load_names
from flowtag_core.tagging.questions import (
    NO_QUESTION,
    QUESTIONS,
    Order,
    Question,
    tag_bits,
    wanted_by,
    wanted_in,
)
from flowtag_core.tagging.report import Filters, Grouping

_USAGE: Final = "[OPTION ...] LOG [LOG ...]"
_QUESTIONS: Final = "\n".join(
    f"  {name:<10}{question.text}" for name, question in QUESTIONS.items()
)
_EPILOG: Final = f"""\
Questions for --ask; the other options narrow them:
{_QUESTIONS}
-o FILE writes a CSV, or JSON if its name ends in .json.
TIME is 2026-11-23 or 2026-11-23T10:00, in UTC unless it has an offset: +01:00.
exit code: 0 done; 1 done, but a log is damaged; 2 not done.
"""
_ORDERS: Final[dict[str, Order]] = {
    "flows": "flows",
    "packets": "packets",
    "bytes": "bytes",
    "destinations": "targets",
    "ports": "ports",
}
_MOST: Final = 1_000_000
_PORTS: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?/(\S{1,40})", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,7}", re.ASCII)
_LAST_PORT: Final = 65_535
_LONGEST_NAME: Final = 40


def parser() -> ArgumentParser:
    """Return the parser of `flowtag who`."""
    new = new_parser("who", _USAGE, "Show who the flows come from and go to.", _EPILOG)
    new.add_argument("paths", nargs="*", metavar="LOG", help="logs and folders; - is stdin")
    new.add_argument(
        "--ask", choices=QUESTIONS, metavar="QUESTION", help="a question from the list below"
    )
    new.add_argument(
        "--port",
        type=_port,
        action="append",
        metavar="PORT/PROTOCOL",
        help="only this port, e.g. 9092/tcp, 1000-1999/udp, icmp; may be repeated",
    )
    new.add_argument("--tag", help="only ports with this tag; needs --lookup")
    new.add_argument(
        "--untagged", action="store_true", help="only ports without a tag; needs --lookup"
    )
    new.add_argument(
        "--lookup", metavar="CSV", help="the lookup for --tag, --untagged and --ask untagged"
    )
    new.add_argument("--address", type=_address, help="only flows from or to this address")
    new.add_argument(
        "--service",
        action="store_true",
        help="count flows that look like replies under their source port",
    )
    add_filters(new)
    add_days(new)
    add_reading(new)
    new.add_argument(
        "--by",
        choices=_ORDERS,
        metavar="ORDER",
        help="sort by flows (default), packets or bytes; destinations and ports sort only the sources",
    )
    new.add_argument("--top", type=_count, default=10, metavar="N", help="rows in each list (10)")
    new.add_argument("--names", metavar="CSV", help="names of addresses: a CSV with cidr,name")
    new.add_argument("-o", "--output", metavar="FILE", help="write the lists; - is standard output")
    new.add_argument("--json", action="store_true", help="print the lists as JSON")
    new.add_argument("-q", "--quiet", action="store_true", help="no progress bar and no summary")
    return new


def _count(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= _MOST:
        raise ArgumentTypeError(f"{text[:60]!r} is not a number from 1 to {_MOST:,}")
    return int(text)


def _port(text: str) -> list[tuple[int, int]]:
    found = _PORTS.fullmatch(text)
    protocol = protocol_number(found[3] if found else text)
    if protocol is None or (found is None and protocol in WITH_PORTS):
        raise ArgumentTypeError(
            f"{text[:60]!r} is not a port with a protocol. Write it as 443/tcp, and repeat --port for more"
        )
    if found is None:
        return [(protocol, 0)]
    first, last = int(found[1]), int(found[2] or found[1])
    if last > _LAST_PORT or first > last:
        raise ArgumentTypeError(
            f"{text[:60]!r} is not valid. Ports are from 0 to {_LAST_PORT}, the smaller one first"
        )
    return [(protocol, port) for port in range(first, last + 1)]


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        address = None
    if address is None or "%" in text:
        raise ArgumentTypeError(
            f"{text[:60]!r} is not an IP address. Write it as 10.0.0.1 or 2001:db8::1"
        )
    return str(address)


def run(words: Sequence[str]) -> int:
    """Look at the logs, and show or write who is behind the flows; return the exit code."""
    given = _given(words)
    settings = settings_for(given.paths)
    fields, internal = settings.beneath(given.format, given.internal)
    if fields is not None:
        format_layout(fields)
    ranges_of(internal)
    question = QUESTIONS[given.ask] if given.ask else NO_QUESTION
    wanted = _wanted(given, question, _lookup(given, question, settings))
    names = load_names(given.names) if given.names is not None else Names()
    if given.output not in (None, DASH):
        check_writable(given.output)
    kept = [
        path for path in (given.lookup or settings.lookup, given.names, *settings.files) if path
    ]
    days = days_of(given)
    logs = logs_of(given.paths, kept, days)
    places = [place for log in logs for place in log.places]
    refuse_inputs(given.output, places, kept, is_json=given.json)
    with progress_bar([] if given.quiet else places) as progress:
        found = look(*logs, wanted=wanted, format=fields, internal=internal, progress=progress)
    say(*few([f"{given.names}:{line}: {text}." for line, text in names.problems]))
    say(*few(list(repeated(same_files(places)))))
    _tell(found, given, question, names)
    return DAMAGED if found.damage else DONE


def _given(words: Sequence[str]) -> Namespace:
    """Return the parsed words. Raises FlowtagError, and exits if they make no sense."""
    given = parsed(parser(), words)
    if not given.paths:
        parser().error("give at least one LOG")
    if [*given.paths, given.lookup, given.names].count(DASH) > 1 or given.names == DASH:
        raise FlowtagError(
            "standard input (-) can be only one of the LOGs, or the lookup. Name files for the others."
        )
    if given.output == DASH and given.json:
        raise FlowtagError("-o - and --json both write to standard output. Give only one of them.")
    return given


def _tell(found: Evidence, given: Namespace, question: Question, names: Names) -> None:
    """Write the lists, print them as text or JSON, and say what may be missing."""
    order = _ORDERS[given.by] if given.by else question.order
    lists = who.lists(found, order, given.top, names, question.answer)
    if given.output is not None:
        write([(given.output, _content(found, lists, given.output))])
    if given.json:
        show_json(who.document(found, lists))
    elif given.output is None:
        show(*_lines(found, lists, question, order))
    elif not given.quiet:
        say(
            who.summary(found),
            *([] if given.output == DASH else [f"The lists are in {given.output}."]),
        )
    said = [] if given.output is None and not given.json else list(who.limits(found))
    say(*said, *sorted(found.damage))


def _wanted(given: Namespace, question: Question, lookup: Lookup | None) -> Wanted:
    """Return the flows to look for: those of the question, narrowed by the other options."""
    view: Grouping = "service" if given.service or question.by_service else "destination"
    filters = Filters(given.action, given.boundary, time_of(given), view)
    narrow, asked = wanted_in(filters), wanted_by(question, lookup)
    for option, one, other in (
        ("--action", narrow.actions, asked.actions),
        ("--boundary", narrow.boundaries, asked.boundaries),
    ):
        if one and other and one != other:
            raise FlowtagError(f"{option} contradicts --ask {given.ask}. Leave out one of them.")
    sets = [asked.ports] if asked.ports is not None else []
    if given.port:
        sets.append(port_bits(pair for pairs in given.port for pair in pairs))
    if lookup is not None and (given.tag is not None or given.untagged):
        sets.append(tag_bits(lookup, given.tag))
    return narrow._replace(
        ports=_in_all(sets),
        actions=narrow.actions or asked.actions,
        boundaries=narrow.boundaries or asked.boundaries,
        address=given.address,
    )


def _in_all(sets: Sequence[bytes]) -> bytes | None:
    """Return the bits that are in all sets; None if there is no set."""
    if not sets:
        return None
    size_of = len(sets[0])
    both = int.from_bytes(sets[0], "little")
    for each in sets[1:]:
        both &= int.from_bytes(each, "little")
    return both.to_bytes(size_of, "little")


def _lookup(given: Namespace, question: Question, settings: Settings) -> Lookup | None:
    """Load the lookup if it is given or needed, and check that it has the tag."""
    if given.tag is not None and given.untagged:
        raise FlowtagError("--tag and --untagged contradict each other. Give only one of them.")
    is_needed = given.tag is not None or given.untagged or question.is_untagged
    path = given.lookup if given.lookup is not None or not is_needed else settings.lookup
    if path is None and is_needed:
        raise FlowtagError(
            "--tag, --untagged and --ask untagged need --lookup, or a lookup in flowtag.toml."
        )
    if path is None:
        return None
    lookup = load_lookup_table(source_of(path))
    if given.tag is not None and given.tag not in lookup.tags:
        remedy = "Use --untagged" if given.tag == UNTAGGED else "Check its spelling"
        raise FlowtagError(f"{lookup.name}: has no tag {given.tag!r:.60}. {remedy}.")
    return lookup


def _content(found: Evidence, lists: Sequence[who.WhoList], output: str) -> Iterator[bytes]:
    """Yield the lists as JSON if the name of the output asks for it, else as CSV."""
    if output.lower().endswith(".json"):
        yield json.dumps(who.document(found, lists), indent=2).encode()
        yield b"\n"
    else:
        yield from who_csv(who.csv_lines(lists))


def _lines(
    found: Evidence, lists: Sequence[who.WhoList], question: Question, order: Order
) -> Iterator[str]:
    """Yield the lists as lines for a terminal."""
    if question.text:
        yield question.text
    scope = who.scope(question.action, question.boundary, by_service=question.by_service)
    yield " ".join(filter(None, [who.summary(found), scope]))
    room = shutil.get_terminal_size().columns if sys.stdout and sys.stdout.isatty() else None
    for each in lists:
        yield ""
        yield f"{each.title}{_cut(each)}"
        yield from _table(each, order, room)
    if found.samples:
        yield ""
        yield "First lines"
        yield from (f"{each.file}:{each.line}: {each.text}" for each in found.samples)
    yield from who.limits(found)


def _table(each: who.WhoList, order: Order, room: int | None) -> Iterator[str]:
    """Yield a list as lines in columns; without the times, if there is no room for them."""
    measure = ["Packets"] if order == "packets" else []
    distinct = ["Destinations", "Ports"] if each.name == "sources" else []
    heads = [*each.heads, "Flows", *measure, "Bytes", "Rejected", *distinct, "First", "Last"]
    rows = [heads]
    for row in each.rows:
        ends = [_named(end, name) for end, name in zip(row.ends, row.names, strict=True)]
        packets = [compact(row.packets)] if measure else []
        counts = [compact(row.targets or 0), compact(row.ports or 0)] if distinct else []
        shares = [size(row.bytes), f"{100 * row.rejected / row.flows:.0f}%"]
        seen = ["" if at is None else times.moment(at) for at in (row.first, row.last)]
        rows.append([*ends, compact(row.flows), *packets, *shares, *counts, *seen])
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if room is not None and sum(widths) + 2 * len(widths) - 2 > room:
        widths = widths[:-2]
    numbers = range(len(each.heads), len(heads) - 2)
    for line in rows:
        cells = (
            cell.rjust(width) if place in numbers else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=False))
        )
        yield "  ".join(cells).rstrip()


def _cut(each: who.WhoList) -> str:
    more = each.total - len(each.rows)
    return f" ({len(each.rows):,} of {'over ' * each.is_cut}{each.total:,})" if more > 0 else ""


def _named(end: str, name: str) -> str:
    return f"{end} {short(name, _LONGEST_NAME)}" if name else end
