"""Count logs as they grow: flowtag follow LOG [LOG ...] LOOKUP OUTPUT."""

from __future__ import annotations

import os
import signal
import threading
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from flowtag_core.arguments import add_reading, add_since, minutes, parsed, seconds
from flowtag_core.boundary import Inside, ranges_of
from flowtag_core.commands.live_result import LiveResult, ending, shown
from flowtag_core.commands.roles import add_roles, roles_of
from flowtag_core.commands.terminal import DAMAGED, DONE, FAILED, new_parser, say, source_of
from flowtag_core.counting.recent import DAY
from flowtag_core.errors import FlowtagError
from flowtag_core.exporting.by_suffix import check_libraries
from flowtag_core.output import append_whole, check_writable
from flowtag_core.reading.follow import Follower
from flowtag_core.reading.live import Live
from flowtag_core.settings import settings_for
from flowtag_core.shapes.layout import ASSUMED, format_layout
from flowtag_core.sources.places import DASH
from flowtag_core.tagging.alerts import Watch, limits_of
from flowtag_core.tagging.lookup_file import load_lookup_table

_USAGE: Final = "[OPTION ...] LOG [LOG ...] LOOKUP OUTPUT"
_EPILOG: Final = """\
LOG is a file that grows, a folder in which files appear, a URI under which objects
appear, such as s3://bucket/prefix/, or - for standard input.
OUTPUT is rewritten as a whole whenever there is something new. Its suffix chooses
its form: .html, .json, .parquet, or else the result CSV.
Ctrl+C or SIGTERM stops flowtag; OUTPUT and the state are then complete.
With --state, each line is counted once, even if flowtag is killed and started again.
"""
_POLL: Final = 1.0
"""Seconds after which the files are read again between two looks."""
_LONGEST_LOOK: Final = 5
"""Seconds after which a look ends and the result is written, even if there is more to count."""


def parser() -> ArgumentParser:
    """Return the parser of `flowtag follow`."""
    new = new_parser("follow", _USAGE, "Count logs as they grow, until stopped.", _EPILOG)
    add_roles(new)
    add_reading(new)
    add_since(new)
    new.add_argument(
        "--every",
        type=seconds,
        default=5,
        metavar="TIME",
        help="how often to rewrite OUTPUT: 5s (default), 1m",
    )
    new.add_argument(
        "--keep",
        type=minutes,
        metavar="TIME",
        help="the result covers only this much time before the newest flow, e.g. 24h",
    )
    new.add_argument(
        "--state",
        metavar="FILE",
        help="save counts and positions to this file, and continue from it",
    )
    new.add_argument(
        "--alerts",
        metavar="FILE",
        help="append alerts to this file as JSON lines; - is standard output",
    )
    new.add_argument(
        "--limit",
        type=_limit,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="change a limit for alerts, e.g. growth=5",
    )
    new.add_argument(
        "--json", action="store_true", help="print each look as a line of JSON on standard output"
    )
    new.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        help="print only warnings and errors; --alerts and --json still work",
    )
    return new


def _limit(text: str) -> tuple[str, str]:
    name, is_there, value = text.partition("=")
    if not is_there:
        raise ArgumentTypeError(f"{text[:60]!r} is not NAME=NUMBER, such as growth=5")
    return name, value


def run(words: Sequence[str]) -> int:
    """Follow the logs until stopped, or until standard input ends if nothing else is followed."""
    given = parsed(parser(), words)
    followed = _followed(given)
    follower = followed.live.follower
    stop = threading.Event()
    with _stopped_by_signals(stop), shown(followed) as show:
        while True:
            followed.look(min(given.every, _LONGEST_LOOK))
            show()
            until = time.monotonic() + given.every
            while not (follower.is_over or follower.is_behind or stop.is_set()):
                left = until - time.monotonic()
                if left <= 0 or stop.wait(min(left, _POLL)) or left <= _POLL:
                    break
                followed.poll()
            if follower.is_over or stop.is_set():
                break
        followed.look(_LONGEST_LOOK, is_last=True)
    follower.close()
    if not given.quiet:
        say(*ending(followed))
    if not followed.is_written or not (followed.is_kept or given.state is None):
        return FAILED
    total = followed.live.sum.total
    return DAMAGED if total.damage or (total.faults and not total.flows) else DONE


def _followed(given: Namespace) -> LiveResult:
    settings = settings_for(given.paths)
    paths, lookup, outputs = roles_of(parser(), given, settings.lookup)
    if len(outputs) > 1:
        parser().error("give only one -o")
    output = outputs[0]
    if DASH in (lookup, output):
        raise FlowtagError("follow needs files for the lookup and the result. Only a log can be -.")
    if given.json and given.alerts == DASH:
        raise FlowtagError(
            "--json and --alerts - both write to standard output. Give --alerts a file."
        )
    fields, internal = settings.beneath(given.format, given.internal)
    check_libraries(output)
    check_writable(output)
    layout = ASSUMED if fields is None else format_layout(fields)
    ranges = ranges_of(internal)
    limits = limits_of({**settings.alerts, **dict(given.limit)})
    named = [path for path in (given.state, given.alerts) if path not in (None, DASH)]
    for path in named:
        check_writable(path)
    _check_distinct([*paths, lookup], [output, *named])
    _check_distinct(paths, [lookup])
    others = (lookup, output, *named, *settings.files)
    follower = Follower(paths, layout, Inside(ranges), others, given.since)
    followed = LiveResult(
        Live(follower, given.keep or DAY),
        lookup,
        load_lookup_table(source_of(lookup)),
        output,
        given.keep,
        given.state,
        given.alerts,
        Watch(limits),
        given.quiet,
        given.json,
    )
    if given.state is not None:
        if DASH in (*paths, given.state):
            raise FlowtagError(
                "--state needs a file, and logs that can be read again. Neither can be -."
            )
        if os.path.exists(given.state):
            followed.resume(given.state)
    if given.alerts not in (None, DASH):
        append_whole(b"", given.alerts)
    followed.say_about_lookup()
    return followed


def _check_distinct(inputs: Sequence[str], others: Sequence[str]) -> None:
    """Raise FlowtagError if one of the other files is among the inputs, or is named twice."""
    seen = {os.path.realpath(path) for path in inputs}
    for path in others:
        real = os.path.realpath(path)
        if real in seen:
            raise FlowtagError(
                f"{path}: is named twice, for different purposes. Name another file."
            )
        seen.add(real)


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Have the first SIGINT or SIGTERM set `stop`; a second one interrupts at once, as usual."""
    before: dict[signal.Signals, Any] = {}

    def end(*_: object) -> None:
        stop.set()
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
