"""A look of `flowtag follow`: count, tag, write the result, the state and the alerts, and show a summary."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

from flowtag_core.commands.terminal import say, show
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import LookupFileError, OutputError
from flowtag_core.exporting.result_csv import result_csv, time_csv
from flowtag_core.output import append_whole, write_whole
from flowtag_core.reading.live import Live
from flowtag_core.showing import times
from flowtag_core.showing.log_notes import equation
from flowtag_core.showing.words import duration, number, short
from flowtag_core.sources.places import DASH
from flowtag_core.tagging.alerts import SPAN, Alert, Watch
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table
from flowtag_core.tagging.report import Report, Time, map_tags

_TAGS_SHOWN: Final = 8

_MOST_WAITING: Final = 1000
"""The most alerts that wait until their file can be written; older ones are lost, with a message."""
_AGAIN: Final = "flowtag will try again."


@dataclass
class LiveResult:
    """The counts so far, the report on them, and where everything goes.

    `keep` is how many of the last minutes the result covers, None for everything.
    """

    live: Live
    lookup_path: str
    lookup: Lookup
    output: str
    keep: int | None = None
    state: str | None = None
    alerts: str | None = None
    watch: Watch = field(default_factory=Watch)
    is_quiet: bool = False
    report: Report = field(init=False)

    _waiting: list[Alert] = field(default_factory=list)
    _newest: int = 0
    _lookup_seen: object = None
    is_written: bool = False
    _is_kept: bool = False

    def look(self, seconds: float) -> None:
        """Count for at most about `seconds`, load the lookup again if it has changed, and write everything."""
        is_new = self.live.look(seconds)
        say(*self.live.follower.take_messages())
        has_new_lookup = self._has_new_lookup()
        if self.live.recent.newest != self._newest:
            self._find_alerts()
        self._write_alerts()
        if self.state is not None and (is_new or not self._is_kept):
            self._keep(self.state)
        if has_new_lookup or is_new or not self.is_written:
            self.report = map_tags(self.counts, self.lookup)
            self._write()

    def resume(self, path: str) -> None:
        """Continue from a state, before anything has been counted. Raises StateError if it cannot be used."""
        state = self.live.resume(path)
        self.watch.last_true.update(state.last_true)
        self._newest = self.live.recent.newest

    @property
    def counts(self) -> FlowCounts:
        """The counts that the result covers."""
        return self.live.sum if self.keep is None else self.live.last(self.keep)

    @property
    def covered(self) -> Time | None:
        """The time that the result covers, in seconds since 1970; None if no time is known."""
        recent = self.live.recent
        if self.keep is not None:
            found = recent.covered(self.keep)
            return (60 * found[0], 60 * found[1]) if found else None
        tables = (self.live.sum.requests, self.live.sum.replies)
        starts = [table.window[table.window >= 0] for table in tables if table.width]
        first = min((int(start.min()) for start in starts if len(start)), default=None)
        return None if first is None else (first, 60 * (recent.newest + 1))

    def _find_alerts(self) -> None:
        recent = self.live.recent
        self._newest = recent.newest
        spans = recent.spans(recent.newest + 1 - SPAN).values()
        found = self.watch.look([*spans], self.live.sum, recent.newest, self.lookup)

        if self.alerts is not None:
            self._waiting += found
        if not self.is_quiet:
            say(*(f"Alert: {alert}" for alert in found))

    def _write_alerts(self) -> None:
        lines = [json.dumps(alert.as_json()) for alert in self._waiting]
        if not lines or self.alerts is None:
            return
        try:
            if self.alerts == DASH:
                show(*lines)
            else:
                append_whole("".join(f"{line}\n" for line in lines).encode(), self.alerts)
            self._waiting.clear()
        except OutputError as error:
            lost = len(self._waiting) - _MOST_WAITING
            if lost > 0:
                del self._waiting[:lost]
                say(f"flowtag: {number(lost, 'alert')} could not be written and are lost.")
            say(f"flowtag: {error} {_AGAIN}")

    def _keep(self, path: str) -> None:
        try:
            self.live.save(path, self.watch.last_true)
            self._is_kept = True
        except OutputError as error:
            self._is_kept = False
            say(f"flowtag: {error} {_AGAIN}")

    def _write(self) -> None:
        content = result_csv(self.report)
        if self.keep is not None:
            content = chain(content, time_csv(self.covered))
        try:
            write_whole(content, self.output)
            self.is_written = True
        except OutputError as error:  # It may be possible at the next look.
            self.is_written = False
            say(f"flowtag: {error} {_AGAIN}")

    def _has_new_lookup(self) -> bool:
        """Load the lookup again if its file has changed; return whether it did. A bad one changes nothing."""
        before, self._lookup_seen = self._lookup_seen, _version_of(self.lookup_path)
        if before in (None, self._lookup_seen):
            return False
        try:
            self.lookup = load_lookup_table(self.lookup_path)
        except LookupFileError as error:
            say(f"flowtag: {error} The previous lookup is still used.")
            return False
        return True


def _version_of(path: str) -> object:
    try:
        status = os.stat(path)
    except OSError:
        return "missing"
    return status.st_size, status.st_mtime_ns, status.st_ino


@contextmanager
def shown(*, is_quiet: bool) -> Iterator[Callable[[LiveResult], None]]:
    """Yield a function that shows each look: as a table in a terminal, otherwise as one line."""
    if is_quiet:
        yield lambda _: None
    elif sys.stderr is None or not sys.stderr.isatty():
        yield lambda followed: say(line(followed))
    else:
        from rich.console import Console
        from rich.live import Live as Screen

        with Screen(console=Console(stderr=True), auto_refresh=False) as screen:
            yield lambda followed: screen.update(_table(followed), refresh=True)


def line(followed: LiveResult) -> str:
    """Return one line about a look, for the journal of a service."""
    report, live = followed.report, followed.live
    share = f"{100 * report.untagged / report.total:.1f}%" if report.total else "-"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    per_second = live.added.total.flows / max(live.seconds, 0.001)
    parts = [f"{now} {number(report.total, 'flow')}", f"{per_second:,.0f}/s", f"{UNTAGGED} {share}"]
    if followed.covered:
        parts.append(times.span_in(followed.covered))
    if live.lag is not None:
        parts.append(f"lag {_lag(live.lag)}")
    if live.follower.is_behind:
        parts.append("catching up")
    return ", ".join(parts)


def _table(followed: LiveResult) -> Any:
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


def _lag(seconds: int) -> str:
    return duration(seconds) if seconds < times.DAY else number(seconds // times.DAY, "day")


def ending(followed: LiveResult) -> Iterator[str]:
    """Yield sentences on how far the logs were counted."""
    follower = followed.live.follower
    yield f"Stopped. {equation(followed.live.sum.total)}."
    if follower.is_behind:
        yield "There is more to count: flowtag was stopped before it had counted everything."
    for name in follower.half_lines:
        yield f"{name}: its last line is incomplete, and is not counted."
    covers = f", which covers {times.span_in(followed.covered)}" if followed.covered else ""
    if followed.is_written:
        yield f"The result is in {followed.output}{covers}."
    else:
        yield f"{followed.output}: the last result could not be written. It may be out of date."
