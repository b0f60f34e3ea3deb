"""A look of `flowtag follow`: count, tag, write the result, the state and the alerts, and show a summary."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

from flowtag_core.commands.terminal import printable, say, show
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import LookupFileError, OutputError
from flowtag_core.exporting.by_suffix import content_for, is_csv
from flowtag_core.exporting.result_csv import result_csv, time_csv
from flowtag_core.output import append_whole, write_whole
from flowtag_core.reading.live import Live, version_of
from flowtag_core.showing import times
from flowtag_core.showing.handout import Handout
from flowtag_core.showing.log_notes import cautions, equation, offers, remarks, useless
from flowtag_core.showing.lookup_notes import problems, to_check
from flowtag_core.showing.view import view_of
from flowtag_core.showing.words import duration, few, number, short
from flowtag_core.sources.places import DASH
from flowtag_core.tagging.alerts import Alert, Watch
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table
from flowtag_core.tagging.report import Report, Time, map_tags

_TAGS_SHOWN: Final = 8
_MOST_WAITING: Final = 1000
"""The most alerts that wait until their file can be written; older ones are lost, with a message."""
_NOT_SEEN: Final = "not seen"
_AGAIN: Final = " flowtag will try again."
_REST: Final = 200
"""After the state was written, it is not written again between two looks for this many times as long."""
_MOST_DOUBTED: Final = 1000
"""Files of which it is said that some of their lines cannot be counted."""


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
    is_json: bool = False
    report: Report = field(init=False)
    _waiting: list[Alert] = field(default_factory=list)
    _newest: int = 0
    _found_at: int = 0
    _lookup_seen: object = _NOT_SEEN
    is_written: bool = False
    is_kept: bool = False
    _keep_after: float = 0.0
    _doubted: set[str] = field(default_factory=set)
    _remedy: str = _AGAIN

    def poll(self) -> None:
        """Count what was appended between two looks, and keep the state if that takes little time.

        A file that is truncated, and a process that is killed, between two looks then lose nothing.
        """
        is_new = self.live.poll()
        begun = time.monotonic()
        if is_new and self.state is not None and begun >= self._keep_after:
            self.live.add_up()
            self._keep(self.state)
            self._keep_after = begun + _REST * (time.monotonic() - begun)

    def look(self, seconds: float, *, is_last: bool = False) -> None:
        """Count for at most about `seconds`, load the lookup again if it has changed, and write everything."""
        self._remedy = "" if is_last else _AGAIN
        is_new = self.live.look(seconds)
        say(*self.live.follower.take_messages(), *few(list(self._doubts())))
        has_new_lookup = self._has_new_lookup()
        minute = int(time.monotonic()) // 60
        if self.live.recent.newest != self._newest or (is_new and minute != self._found_at):
            self._found_at = minute
            self._find_alerts()
        if is_last:
            self._tell(self.watch.rest())
        self._write_alerts()
        if self.state is not None and (is_new or not self.is_kept):
            self._keep(self.state)
        if has_new_lookup or is_new or not self.is_written or not os.path.exists(self.output):
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

    def _doubts(self) -> Iterator[str]:
        """Yield a sentence on each file whose lines cannot be counted, or only some of them; each file once."""
        added, whole = self.live.added, self.live.sum
        for name, file in added.files.items():
            if not file.faults or name in self._doubted or len(self._doubted) >= _MOST_DOUBTED:
                continue
            self._doubted.add(name)
            first = next((fault for fault in added.faults if fault.file == name), None)
            some = FlowCounts(
                files={name: whole.files.get(name, file)}, faults=(first,) if first else ()
            )
            doubts = [sentence for _, sentence in useless(some)]
            if first and not doubts:
                doubts = [f"{name}:{first.line}: {first.reason}: {first.text}"]
            yield " ".join([*doubts, *offers(some)])

    def _find_alerts(self) -> None:
        """Look for alerts in each block since the last look, which may have had a backlog, and in the newest one."""
        recent = self.live.recent
        found = self.watch.since(
            self._newest,
            recent.newest,
            recent.keep,
            recent.spans().items(),
            self.live.sum,
            self.lookup,
        )
        self._newest = recent.newest
        self._tell(found)

    def _tell(self, found: list[Alert]) -> None:
        if self.alerts is not None:
            self._waiting += found
        if not self.is_quiet and self.alerts != DASH:
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
            say(f"flowtag: {error}{self._remedy}")

    def _keep(self, path: str) -> None:
        try:
            self.live.save(path, self.watch.last_true)
            self.is_kept = True
        except OutputError as error:
            self.is_kept = False
            say(f"flowtag: {error}{self._remedy}")

    def _write(self) -> None:
        try:
            write_whole(self._content(), self.output)
            self.is_written = True
        except OutputError as error:  # It may be possible at the next look.
            self.is_written = False
            say(f"flowtag: {error}{self._remedy}")

    def _content(self) -> Iterable[bytes]:
        if is_csv(self.output):
            end = [] if self.keep is None else time_csv(self.covered)
            return chain(result_csv(self.report), end)
        counts = self.counts
        messages: tuple[str, ...] = (*remarks(counts), *cautions(counts))
        if self.keep is not None and self.covered:
            messages = (f"This covers only {times.span_in(self.covered)}.", *messages)
        view = view_of(counts, self.lookup)
        return content_for(self.output, Handout(view, datetime.now(UTC), messages=messages))

    def _has_new_lookup(self) -> bool:
        """Load the lookup again if its file has changed; return whether it did. A bad one changes nothing."""
        before, self._lookup_seen = self._lookup_seen, version_of(self.lookup_path)
        if before in (_NOT_SEEN, self._lookup_seen):
            return False
        try:
            if os.path.exists(self.lookup_path) and not os.path.isfile(self.lookup_path):
                raise LookupFileError(f"{self.lookup_path}: is not a file any more.")
            self.lookup = load_lookup_table(self.lookup_path)
        except LookupFileError as error:
            say(f"flowtag: {error} The previous lookup is still used.")
            return False
        rules = number(len(self.lookup), "rule")
        if not self.is_quiet:
            say(f"{self.lookup_path}: loaded again, {rules}.")
        self.say_about_lookup()
        return True

    def say_about_lookup(self) -> None:
        """Say what is wrong with the lookup: each problem, or how many there are if it is quiet."""
        if not self.is_quiet:
            say(*problems(self.lookup), *self.lookup.notices)
        elif self.lookup.problems:
            say(f"{self.lookup.name}: {to_check(self.lookup)}.")


@contextmanager
def shown(followed: LiveResult) -> Iterator[Callable[[], None]]:
    """Yield a function that shows each look: as JSON, as a table in a terminal, or as one line."""
    if followed.is_json:
        yield lambda: show(json.dumps(look_document(followed)))
    elif followed.is_quiet:
        yield lambda: None
    elif sys.stderr is None or not sys.stderr.isatty() or followed.alerts == DASH:
        yield lambda: say(line(followed))
    else:
        from rich.console import Console
        from rich.live import Live as Screen

        with Screen(console=Console(stderr=True), auto_refresh=False) as screen:
            yield lambda: screen.update(_screen(followed), refresh=True)


def line(followed: LiveResult) -> str:
    """Return one line about a look, for the journal of a service."""
    return ", ".join([f"{_iso(int(time.time()))} {_amount(followed)}", *_time(followed)])


def look_document(followed: LiveResult) -> dict[str, Any]:
    """Return a look as a document for JSON; times are in UTC, and `lag` is in seconds."""
    report, live = followed.report, followed.live
    first, behind = followed.covered or (None, None)
    return {
        "time": _iso(int(time.time())),
        "flows": report.total,
        "untagged": report.untagged,
        "flows_per_second": round(live.added.total.flows / live.seconds) if live.seconds else None,
        "faults": live.sum.total.faults,
        "from": _iso(first),
        "to": _iso(behind),
        "lag": live.lag,
        "catching_up": live.follower.is_behind,
    }


def _iso(seconds: int | None) -> str | None:
    return None if seconds is None else f"{times.at(seconds):%Y-%m-%dT%H:%M:%SZ}"


def _amount(followed: LiveResult) -> str:
    report, live = followed.report, followed.live
    parts = [number(report.total, "flow")]
    if live.seconds:
        parts.append(f"{live.added.total.flows / live.seconds:,.0f}/s")
    if report.total:
        parts.append(f"{UNTAGGED} {100 * report.untagged / report.total:.1f}%")
    if faults := live.sum.total.faults:
        parts.append(f"{number(faults, 'line')} with a fault")
    return ", ".join(parts)


def _time(followed: LiveResult) -> Iterator[str]:
    """Yield the time that the result covers, and how far it is behind."""
    if followed.covered:
        yield times.span_in(followed.covered)
    if followed.live.lag is not None:
        yield f"lag {_lag(followed.live.lag)}"
    if followed.live.follower.is_behind:
        yield "catching up"


def _screen(followed: LiveResult) -> Any:
    """Return the live table as rich draws it, of constant height; tags are text, never markup."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    report = followed.report
    table = Table(box=None)
    for name in ("Tag", "Flows", "Share"):
        table.add_column(name, justify="left" if name == "Tag" else "right")
    largest = [*list(report.tag_counts.items())[:-1][:_TAGS_SHOWN], (UNTAGGED, report.untagged)]
    for tag, flows in largest:
        share = f"{100 * flows / max(report.total, 1):.1f}%"
        table.add_row(Text(printable(short(tag, 40))), f"{flows:,}", share)
    heads = (_amount(followed), ", ".join(_time(followed)))
    return Group(*(Text(head, no_wrap=True, overflow="ellipsis") for head in heads), table)


def _lag(seconds: int) -> str:
    return duration(seconds) if seconds < times.DAY else number(seconds // times.DAY, "day")


def ending(followed: LiveResult) -> Iterator[str]:
    """Yield sentences on how far the logs were counted."""
    follower, counts = followed.live.follower, followed.live.sum
    yield from few([*cautions(counts), *offers(counts)])
    yield f"Stopped. {equation(counts.total)}."
    if follower.is_behind:
        yield "There is more to count: flowtag was stopped before it had counted everything."
    yield from few(
        [
            *(
                f"{name}: its last line is incomplete, and is not counted."
                for name in follower.half_lines
            ),
            *(
                f"{name}: is incomplete or too new, and is not counted."
                for name in follower.uncounted
            ),
        ]
    )
    covers = f", which covers {times.span_in(followed.covered)}" if followed.covered else ""
    if followed.is_written:
        yield f"The result is in {followed.output}{covers}."
    elif os.path.exists(followed.output):
        yield f"{followed.output}: is out of date, because it could not be written."
