"""Who is behind the flows that fit some filters: flowtag who LOG [LOG ...]."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from typing import Any, Final

from flowtag_core.arguments import add_reading, parsed
from flowtag_core.boundary import ranges_of
from flowtag_core.commands.period import add_time, time_of
from flowtag_core.commands.terminal import (
    DAMAGED,
    DONE,
    bytes_of,
    discard,
    new_parser,
    printable,
    progress_bar,
    say,
    show,
    show_json,
    source_of,
)
from flowtag_core.counts import ACTIONS, BOUNDARIES
from flowtag_core.errors import FlowtagError, OutputError
from flowtag_core.evidence import Evidence, Wanted, port_bits
from flowtag_core.exporting.who_csv import who_csv
from flowtag_core.iana import protocol_number
from flowtag_core.output import check_writable, write_whole
from flowtag_core.reading.evidence import look
from flowtag_core.settings import Settings, settings_for
from flowtag_core.shapes.layout import format_layout
from flowtag_core.showing import times, who
from flowtag_core.showing.words import compact, size
from flowtag_core.sources.places import DASH, file_identity, logs_at
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table
from flowtag_core.tagging.names import Names, load_names
from flowtag_core.tagging.questions import (
    QUESTIONS,
    List,
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
Questions for --ask; other options narrow them:
{_QUESTIONS}
-o FILE writes a CSV, or JSON if its name ends in .json.
TIME is 2026-11-23 or 2026-11-23T10:00, in UTC unless it has an offset: +01:00.
exit code: 0 done; 1 done, but a log is damaged; 2 not done.
"""
_ORDERS: Final[tuple[Order, ...]] = ("flows", "packets", "bytes", "targets", "ports")
_MOST: Final = 10_000
_MOST_PORTS: Final = 1_000


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
    new.add_argument("--action", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    new.add_argument("--boundary", choices=BOUNDARIES, metavar="NAME", help=", ".join(BOUNDARIES))
    new.add_argument("--address", help="only flows from or to this address")
    new.add_argument(
        "--service",
        action="store_true",
        help="count flows that look like replies under their source port",
    )
    add_time(new)
    add_reading(new)
    new.add_argument(
        "--by",
        choices=_ORDERS,
        metavar="ORDER",
        help="sort by: flows (default), packets, bytes, or sources by their targets or ports",
    )
    new.add_argument("--top", type=_count, default=10, metavar="N", help="rows of each list (10)")
    new.add_argument("--names", metavar="CSV", help="names of addresses: a CSV with cidr,name")
    new.add_argument("-o", "--output", metavar="FILE", help="write the lists; - is standard output")
    new.add_argument("--json", action="store_true", help="print the lists as JSON")
    new.add_argument("-q", "--quiet", action="store_true", help="no progress, only warnings")
    return new


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise ArgumentTypeError(f"{text[:60]!r} is not a number from 1 to {_MOST:,}")
    return int(text)


def _port(text: str) -> list[tuple[int, int]]:
    ports, slash, protocol = text.rpartition("/")
    number = protocol_number(protocol)
    first, _, last = (ports if slash else "0").partition("-")
    ends = first, last or first
    if number is None or not all(end.isdecimal() and int(end) <= 65535 for end in ends):
        raise ArgumentTypeError(f"{text[:60]!r} is not a port with a protocol. Write it as 443/tcp")
    if int(ends[0]) > int(ends[1]):
        raise ArgumentTypeError(f"{text[:60]!r} ends before it begins")
    return [(number, port) for port in range(int(ends[0]), int(ends[1]) + 1)]


def run(words: Sequence[str]) -> int:
    """Look at the logs, and show or write who is behind the flows; return the exit code."""
    given = parsed(parser(), words)
    if not given.paths:
        parser().error("give at least one LOG")
    if given.output == DASH and given.json:
        raise FlowtagError("-o - and --json both write to standard output. Give only one of them.")
    settings = settings_for(given.paths)
    fields, internal = settings.beneath(given.format, given.internal)
    if fields is not None:
        format_layout(fields)
    ranges_of(internal)
    question = QUESTIONS[given.ask] if given.ask else Question("")
    wanted = _wanted(given, question, settings)
    names = load_names(given.names) if given.names else Names()
    if given.output not in (None, DASH):
        check_writable(given.output)
    kept = [path for path in (given.lookup, given.names, *settings.files) if path]
    logs = [log for path in given.paths for log in logs_at(path, kept)]
    places = [place for log in logs for place in log.places]
    _refuse_input(given.output, [(place.name, place.identity) for place in places], kept)
    with progress_bar([] if given.quiet else places) as progress:
        found = look(*logs, wanted=wanted, format=fields, internal=internal, progress=progress)
    answer: List = question.answer if given.ask else "pairs"
    lists = who.lists(found, given.by or question.order, given.top, names, answer)
    say(*(f"{given.names}:{line}: {text}." for line, text in names.problems))
    if given.output is not None:
        _write(found, lists, given.output)
    if given.json:
        show_json(who.document(found, lists))
    elif given.output is None:
        _show(found, lists, question)
    said = [] if given.output is None and not given.json else list(who.limits(found))
    say(*said, *sorted(found.damage))
    return DAMAGED if found.damage else DONE


def _wanted(given: Namespace, question: Question, settings: Settings) -> Wanted:
    """Return the flows to look for: those of the question, narrowed by the other options."""
    if given.tag is not None and given.untagged:
        raise FlowtagError("--tag and --untagged exclude each other. Give only one of them.")
    needs_lookup = given.tag is not None or given.untagged or question.is_untagged
    lookup = _lookup(given, settings) if needs_lookup else None
    view: Grouping = "service" if given.service or question.by_service else "destination"
    filters = Filters(given.action, given.boundary, time_of(given), view)
    narrow, asked = wanted_in(filters), wanted_by(question, lookup)
    sets = [asked.ports] if asked.ports is not None else []
    if given.port:
        sets.append(port_bits(pair for pairs in given.port for pair in pairs))
    if lookup is not None and (given.tag is not None or given.untagged):
        if given.tag is not None and given.tag not in lookup.tags:
            raise FlowtagError(f"{lookup.name}: has no tag {given.tag!r:.60}. Check its spelling.")
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


def _lookup(given: Namespace, settings: Settings) -> Lookup:
    path = given.lookup or settings.lookup
    if path is None:
        raise FlowtagError(
            "--tag, --untagged and --ask untagged need --lookup, or a lookup in flowtag.toml."
        )
    return load_lookup_table(source_of(path))


def _refuse_input(
    output: str | None, inputs: Sequence[tuple[str, object]], kept: Sequence[str]
) -> None:
    """Raise OutputError if the output is one of the inputs, which it would destroy."""
    written = file_identity(output) if output not in (None, DASH) else None
    every = [*inputs, *((path, file_identity(path)) for path in kept)]
    if written and any(identity == written for _, identity in every):
        raise OutputError(f"{output}: is an input too. Name another file.")


def _write(found: Evidence, lists: Sequence[who.WhoList], output: str) -> None:
    content: Iterator[bytes]
    if output.endswith(".json"):
        content = iter([json.dumps(who.document(found, lists), indent=2).encode(), b"\n"])
    else:
        content = who_csv(who.csv_lines(lists))
    stream = bytes_of(sys.stdout, "output") if output == DASH else None
    try:
        write_whole(content, stream or output)
    except BrokenPipeError:
        discard(stream)


def _show(found: Evidence, lists: Sequence[who.WhoList], question: Question) -> None:
    """Print the lists as tables."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if sys.stdout is None:
        raise OutputError("standard output is closed.")
    console = Console(markup=False, highlight=False, emoji=False)
    console.width = console.width if console.is_terminal else 200
    head = [question.text] if question.text else []
    blocks: list[Any] = [*head, who.summary(found)]
    for each in lists:
        table = Table(
            title=f"{each.title}{_cut(each)}", title_justify="left", box=None, pad_edge=False
        )
        is_source = each.name == "sources"
        for name in each.heads:
            table.add_column(name, no_wrap=True, overflow="fold")
        for name in ("Flows", "Bytes", "Rejected", *(("Targets", "Ports") if is_source else ())):
            table.add_column(name, justify="right", no_wrap=True)
        for name in ("First", "Last"):
            table.add_column(name, no_wrap=True)
        for row in each.rows:
            ends = (_named(end, name) for end, name in zip(row.ends, row.names, strict=True))
            counts = [compact(row.flows), size(row.bytes), f"{100 * row.rejected / row.flows:.0f}%"]
            if is_source:
                counts += [compact(row.targets or 0), compact(row.ports or 0)]
            seen = (times.moment(at) if at is not None else "" for at in (row.first, row.last))
            table.add_row(*(Text(printable(cell)) for cell in (*ends, *counts, *seen)))
        blocks += ["", table]
    with console.capture() as captured:
        console.print(*blocks, sep="\n")
    tables = (row.rstrip() for row in captured.get().splitlines())
    show(*tables, *_samples(found), *who.limits(found))


def _cut(each: who.WhoList) -> str:
    more = each.total - len(each.rows)
    return f" ({len(each.rows):,} of {'over ' * each.is_cut}{each.total:,})" if more > 0 else ""


def _named(end: str, name: str) -> str:
    return f"{end} {name}" if name else end


def _samples(found: Evidence) -> Iterator[str]:
    if found.samples:
        yield ""
        yield "First lines"
        yield from (f"{each.file}:{each.line}: {each.text}" for each in found.samples)
