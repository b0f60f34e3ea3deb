"""A view to export: with the search, the time, and evidence if it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property

from flowtag_core.evidence import Evidence
from flowtag_core.showing import times, who
from flowtag_core.showing.view import View
from flowtag_core.showing.who import WhoList
from flowtag_core.tagging.names import Names
from flowtag_core.tagging.report import Report, Time


@dataclass(frozen=True)
class Findings:
    """Who is behind the flows of a view: the evidence, its largest rows as lists, and which flows it is about."""

    evidence: Evidence
    lists: Sequence[WhoList]
    title: str = "Top talkers"
    scope: str = ""
    names: Names = field(default_factory=Names)

    @property
    def sentences(self) -> list[str]:
        """Sentences on the sums of the flows, on which flows they are, and on what may be missing."""
        evidence = self.evidence
        said = [who.summary(evidence), self.scope, *who.limits(evidence), *sorted(evidence.damage)]
        return [*filter(None, said)]


@dataclass(frozen=True)
class Handout:
    """A view and all else that an export shows, so that every export has the numbers of the page.

    `search` limits the ports, as the page's search box does. `made` is when the handout was made, and
    `messages` are sentences on how the logs were read and on what may be missing.
    """

    view: View
    made: datetime
    search: str = ""
    zone: tzinfo = UTC
    messages: Sequence[str] = ()
    findings: Findings | None = None

    @cached_property
    def ports(self) -> Report:
        """The ports that the page lists: those of the selected tag that the search finds."""
        return self.view.ports(self.search)

    @property
    def bounds(self) -> tuple[int | None, int | None]:
        """The chosen time in seconds since 1970; an end that was not chosen is None."""
        time: Time | None = self.view.report.filters.time
        first, behind = time or (0, times.END)
        return first or None, behind if behind < times.END else None

    @property
    def covered(self) -> Time | None:
        """The time from the first to the last window with flows, or None if there is none or it is unknown."""
        course = self.view.course
        return times.extent(course) if len(course.start) and course.width else None
