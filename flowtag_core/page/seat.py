"""A tab's seat at the follower: what it shows of it, and whether it is paused."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Final

from flowtag_core.counts import FlowCounts
from flowtag_core.page.following import Following, Paused, Standing, Told, Window
from flowtag_core.page.intake import CountedLog
from flowtag_core.tagging.alerts import Alert
from flowtag_core.tagging.lookup import Lookup

NAME: Final = "live"
"""The name of the followed logs among the logs of a tab."""
_MOST_NEWS: Final = 50
_HOUR: Final = 3600
_LEAST_WAIT: Final = 1.0
_SHARE: Final = 8
"""A tab is drawn again at most so that it is idle for this many times as long as that takes."""


@dataclass
class Seat:
    """The messages, alerts and counts that one tab has taken from the follower.

    `news` are the alerts that were not dismissed, the newest first. `lookup` is the follower's lookup that the tab
    took last. `seconds` is how long the last run of the script took.
    """

    following: Following
    paused: Paused | None = None
    news: list[Told] = field(default_factory=list)
    lookup: Lookup | None = None
    seconds: float = 0.0
    _taken: int = 0
    _error: str = ""
    _begun: float = 0.0
    _frozen: tuple[Hashable, CountedLog] | None = None

    def counts(self, window: Window) -> FlowCounts:
        """Return the counts of a window, those of the moment of the pause if the tab is paused."""
        return self.paused.counts[window] if self.paused else self.following.counts(window)

    @property
    def standing(self) -> Standing:
        """How far the follower is, or was at the pause."""
        return self.paused.standing if self.paused else self.following.standing()

    def begin(self) -> None:
        """Note that a run of the script begins."""
        self._begun = time.monotonic()

    def end(self) -> None:
        """Note that a run of the script ends."""
        self.seconds = time.monotonic() - self._begun

    @property
    def every(self) -> int:
        """The milliseconds between the beginnings of two runs of the script, at least."""
        return round(1000 * max(_LEAST_WAIT, _SHARE * self.seconds))

    def pause(self) -> None:
        """Show the numbers of now until `go_on`."""
        self.paused = self.following.pause()

    def go_on(self) -> None:
        """Show what comes in again."""
        self.paused = None

    def take_messages(self) -> list[str]:
        """Return the new messages, and keep the new alerts."""
        told = self.following.told(self._taken)
        self._taken = told[-1].number if told else self._taken
        new = [each for each in told if isinstance(each.what, Alert)]
        self.news = [*reversed(new), *self.news][:_MOST_NEWS]
        return [each.what for each in told if isinstance(each.what, str)]

    def take_error(self) -> list[str]:
        """Return why the follower has ended, once."""
        error, before = self.standing.error, self._error
        self._error = error
        return [error] if error and error != before else []

    def dismiss(self, number: int | None = None) -> None:
        """Dismiss the alert with this number, or all of them."""
        self.news = [each for each in self.news if number is not None and each.number != number]

    def window_of(self, alert: Alert) -> Window:
        """Return the shortest window that has all of an alert's ten minutes: the last hour or the last day."""
        return "hour" if alert.time[0] >= time.time() - _HOUR else "day"

    def log(self, window: Window) -> CountedLog:
        """Return the followed logs as one log of the tab."""
        return CountedLog(NAME, self.counts(window), 0.0)

    def frozen(self, question: Hashable, log: CountedLog) -> CountedLog:
        """Return the log as it was when a question was asked first, so that a second look at it can end."""
        if self._frozen is None or self._frozen[0] != question:
            self._frozen = question, replace(log, again=self.following.places())
        return self._frozen[1]
