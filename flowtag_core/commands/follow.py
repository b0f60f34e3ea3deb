"""Count logs as they grow: flowtag follow LOG [LOG ...] LOOKUP OUTPUT."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from flowtag_core.arguments import add_reading, parsed
from flowtag_core.boundary import Inside, ranges_of
from flowtag_core.commands.roles import add_roles, roles_of
from flowtag_core.commands.terminal import DONE, new_parser, say
from flowtag_core.counting.total import Total
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import FlowtagError, LookupFileError, OutputError, StateError
from flowtag_core.exporting.result_csv import write_results
from flowtag_core.output import check_writable
from flowtag_core.reading.follow import Follower
from flowtag_core.reading.state import State, load, save
from flowtag_core.settings import settings_for
from flowtag_core.shapes.layout import ASSUMED, Layout, format_layout
from flowtag_core.showing import times
from flowtag_core.showing.log_notes import equation
from flowtag_core.showing.words import short
from flowtag_core.sources.places import DASH
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table
from flowtag_core.tagging.report import Report, map_tags

_USAGE: Final = "[--every TIME] [--state FILE] LOG [LOG ...] LOOKUP OUTPUT"
_EPILOG: Final = """\
LOG is a file that grows, a folder in which files appear, or - for standard input.
OUTPUT is written again, completely, whenever there is something new.
Ctrl+C or SIGTERM stops it after the lines that are there have been counted.
With --state, each line is counted once even if it is stopped or killed in between.
"""
_EVERY: Final = re.compile(r"(\d{1,4})(s|m|h|)", re.ASCII)
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}
_TAGS_SHOWN: Final = 8


def parser() -> ArgumentParser:
    """Return the parser of `flowtag follow`."""
    new = new_parser("follow", _USAGE, "Count logs as they grow, until it is stopped.", _EPILOG)
    add_roles(new)
    add_reading(new)
    new.add_argument(
        "--every",
        type=_seconds,
        default=5,
        metavar="TIME",
        help="how often to look: 5s (default), 1m",
    )
    new.add_argument(
        "--state", metavar="FILE", help="keep counts and positions there, and continue from it"
    )
    new.add_argument("-q", "--quiet", action="store_true", help="only warnings and errors")
    return new


def _seconds(text: str) -> int:
    found = _EVERY.fullmatch(text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not a time such as 5s, 1m or 1h")
    return seconds


@dataclass
class Followed:
    """The counts so far, the report on them, and where the result goes.

    `added` is what the last look found, `seconds` the time since the look before it. `newest` is the start
    of the latest window in seconds since 1970, 0 if no time is known.
    """

    follower: Follower
    lookup_path: str
    lookup: Lookup
    output: str
    state: str | None = None
    layout: Layout = ASSUMED
    report: Report = field(init=False)
    sum: FlowCounts = field(default_factory=FlowCounts)
    added: FlowCounts = field(default_factory=FlowCounts)
    seconds: float = 0.0
    newest: int = 0
    _total: Total = field(default_factory=Total)
    _at: float = field(default_factory=time.monotonic)
    _lookup_seen: object = None
    _is_written: bool = False
    _is_kept: bool = False

    def look(self) -> None:
        """Count what has come, load the lookup again if it has changed, and write the result."""
        self.added = self.follower.look()
        now = time.monotonic()
        self.seconds, self._at = now - self._at, now
        is_new = bool(self.added.total.records or self.added.files)
        if is_new or not self._is_written:
            self._total.add(self.added)
            self.sum = self._total.counts()
            self.newest = max(self.newest, _newest(self.added))
        if self.state is not None and (is_new or not self._is_kept):
            self._keep(self.state)
        if self._has_new_lookup() or is_new or not self._is_written:
            self.report = map_tags(self.sum, self.lookup)
            self._write()
        say(*self.follower.take_messages())

    def resume(self, state: State) -> None:
        """Continue from a state; nothing has been counted yet."""
        self.follower.resume(state.places)
        self._total.add(state.counts)
        self.sum = state.counts
        self.newest = _newest(state.counts)

    def _keep(self, path: str) -> None:
        try:
            save(State(self.sum, self.follower.places, self.layout.names), path)
            self._is_kept = True
        except OutputError as error:
            self._is_kept = False
            say(f"flowtag: {error} It will be tried again.")

    def _write(self) -> None:
        try:
            write_results(self.report, self.output)
            self._is_written = True
        except OutputError as error:  # It may be possible at the next look.
            self._is_written = False
            say(f"flowtag: {error} It will be tried again.")

    def _has_new_lookup(self) -> bool:
        """Load the lookup if its file has changed. One that cannot be used leaves the last one in force."""
        before, self._lookup_seen = self._lookup_seen, _state_of(self.lookup_path)
        if before in (None, self._lookup_seen):
            return False
        try:
            self.lookup = load_lookup_table(self.lookup_path)
        except LookupFileError as error:
            say(f"flowtag: {error} The lookup that was loaded before is still used.")
            return False
        return True


def run(words: Sequence[str]) -> int:
    """Follow the logs until it is stopped, or until standard input ends if only that is followed."""
    given = parsed(parser(), words)
    followed = _followed(given)
    stop = threading.Event()
    with _stopped_by_signals(stop), _shown(is_quiet=given.quiet) as show:
        while True:
            followed.look()
            show(followed)
            if followed.follower.is_over or stop.wait(given.every):
                break
        followed.look()
    followed.follower.close()
    if not given.quiet:
        say(*_ending(followed))
    return DONE


def _followed(given: Namespace) -> Followed:
    settings = settings_for(given.paths)
    paths, lookup, output = roles_of(parser(), given, settings.lookup)
    if DASH in (lookup, output):
        raise FlowtagError("follow needs files for the lookup and the result. Only a log can be -.")
    fields, internal = settings.beneath(given.format, given.internal)
    check_writable(output)
    layout = ASSUMED if fields is None else format_layout(fields)
    ranges = ranges_of(internal)
    others = (lookup, output, *settings.files, *([given.state] if given.state else []))
    follower = Follower(paths, layout, Inside(ranges), others)
    followed = Followed(follower, lookup, load_lookup_table(lookup), output, given.state, layout)
    if given.state is not None:
        check_writable(given.state)
        if DASH in paths:
            raise FlowtagError("standard input (-) cannot be continued, so it has no --state.")
        if os.path.exists(given.state):
            followed.resume(_fitting(load(given.state), given.state, layout, ranges))
    return followed


def _fitting(state: State, path: str, layout: Layout, ranges: tuple[str, ...]) -> State:
    """Return the state if it was made with the same format and ranges; raise StateError if not."""
    if tuple(state.layout) != layout.names or state.counts.internal not in (None, ranges):
        raise StateError(
            f"{path}: was written with another --format or --internal. Use the same ones, or another file."
        )
    return state


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


@contextmanager
def _shown(*, is_quiet: bool) -> Iterator[Callable[[Followed], None]]:
    """Yield what shows each look: a table on a terminal, otherwise one line."""
    if is_quiet:
        yield lambda _: None
    elif sys.stderr is None or not sys.stderr.isatty():
        yield lambda followed: say(line(followed))
    else:
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(stderr=True), auto_refresh=False) as live:
            yield lambda followed: live.update(_table(followed), refresh=True)


def line(followed: Followed) -> str:
    """Return one line on a look, for the journal of a service."""
    report = followed.report
    share = f"{100 * report.untagged / report.total:.1f}%" if report.total else "-"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"{now} {report.total:,} flows, {_rate(followed)}, Untagged {share}"
        f"{f', newest {times.moment(followed.newest)}' if followed.newest else ''}"
    )


def _table(followed: Followed) -> Any:
    """Return the live table as rich draws it; tags are text, never markup."""
    from rich.table import Table
    from rich.text import Text

    report = followed.report
    table = Table(title=Text(line(followed)), title_justify="left", box=None)
    for name in ("Tag", "Flows", "Share"):
        table.add_column(name, justify="left" if name == "Tag" else "right")
    largest = [*list(report.tag_counts.items())[:-1][:_TAGS_SHOWN], (UNTAGGED, report.untagged)]
    for tag, flows in largest:
        share = f"{100 * flows / max(report.total, 1):.1f}%"
        table.add_row(Text(short(tag, 40)), f"{flows:,}", share)
    return table


def _rate(followed: Followed) -> str:
    per_second = followed.added.total.flows / max(followed.seconds, 0.001)
    return f"{per_second:,.0f}/s"


def _newest(counts: FlowCounts) -> int:
    """Return the start of the latest window in seconds since 1970, 0 if no time is known."""
    tables = (table for table in (counts.requests, counts.replies) if len(table) and table.width)
    return max((int(table.window.max(initial=0)) for table in tables), default=0)


def _state_of(path: str) -> object:
    try:
        status = os.stat(path)
    except OSError:
        return "missing"
    return status.st_size, status.st_mtime_ns, status.st_ino


def _ending(followed: Followed) -> Iterator[str]:
    """Yield sentences on how far the logs were counted."""
    total = followed.sum.total
    yield f"Stopped. {equation(total)}."
    for name in followed.follower.half_lines:
        yield f"{name}: its last line is not complete, and is not counted."
    yield f"The result is in {followed.output}."
