"""Counts, a lookup and filters -> everything that one view of the logs shows, made once.

The page draws it, and anything else that shows the same view takes its numbers from here too.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import NamedTuple

from flowtag_core.counts import FlowCounts
from flowtag_core.showing import coverage, log_notes, lookup_notes
from flowtag_core.showing.legend import Colours, Legend, legend
from flowtag_core.showing.search import search
from flowtag_core.tagging.course import Course, by_measure, outward, over_time
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import (
    EVERY_FLOW,
    Filters,
    Measure,
    Report,
    Selection,
    Time,
    measured,
    retagged,
    select,
    tagged,
    with_tag,
)


class Selections(NamedTuple):
    """The rows that the reports of a view are made of, by the reports' names."""

    report: Selection
    whole: Selection
    service: Selection
    rejected: Selection | None


@dataclass(frozen=True)
class View:
    """One view: the choices, and the reports that result from them.

    `report` and `course` are for the chosen time, `whole` and `whole_course` for all time. `service` is
    the report by service port. `rejected` has the rejected part of the same flows, None if the action is
    chosen or unknown. `tag` is the selected tag, None if the lookup has no such tag.
    """

    counts: FlowCounts
    lookup: Lookup
    selections: Selections
    report: Report
    course: Course
    whole: Report
    whole_course: Course
    service: Report
    rejected: Report | None
    tag: str | None

    @property
    def time(self) -> Time | None:
        """The chosen time in whole windows."""
        return self.report.filters.time

    @property
    def identity(self) -> Hashable:
        """Equal for views that count the same flows in the same way, whatever the lookup."""
        return self.report.measure, self.report.filters, id(self.counts)

    @property
    def numbers(self) -> list[coverage.Number]:
        """The small numbers beside the bar."""
        return list(coverage.numbers(self.report, self.selections.report, self.counts, self.lookup))

    @property
    def parts(self) -> list[coverage.Part]:
        """The parts of the bar: tagged, explained, unexplained."""
        return coverage.parts(self.report, self.service)

    @property
    def cautions(self) -> list[str]:
        """Warnings on why the counts may be incomplete, and on lookup rows that need checking."""
        return [*log_notes.cautions(self.counts), *lookup_notes.doubts(self.lookup)]

    def legend(self, colours: Colours) -> Legend:
        """The names with a colour, the same in every chart."""
        return legend(self.report, self.whole, colours, self.tag)

    def ports(self, text: str) -> Report:
        """The ports and protocols of the selected tag that a search text finds."""
        return search(with_tag(self.report, self.tag) if self.tag else self.report, text)

    def under(self, lookup: Lookup, tag: str | None) -> View:
        """The same flows under another lookup: only their tags are new."""
        if lookup is self.lookup:
            return replace(self, tag=tag if tag in self.report.tags else None)
        report = retagged(self.report, lookup)
        return replace(
            self,
            lookup=lookup,
            report=report,
            whole=report if self.whole is self.report else retagged(self.whole, lookup),
            service=report if self.service is self.report else retagged(self.service, lookup),
            rejected=self.rejected and retagged(self.rejected, lookup),
            tag=tag if tag in report.tags else None,
        )

    def by(self, measure: Measure) -> View:
        """The same flows by another measure: only their sums are new."""
        of = self.selections
        report = measured(self.report, of.report, measure)
        course = by_measure(self.course, of.report, measure)
        is_whole, is_by_service = self.whole is self.report, self.service is self.report
        rejected = self.rejected
        if rejected and of.rejected:
            rejected = measured(rejected, of.rejected, measure)
        return replace(
            self,
            report=report,
            course=course,
            whole=report if is_whole else measured(self.whole, of.whole, measure),
            whole_course=course if is_whole else by_measure(self.whole_course, of.whole, measure),
            service=report if is_by_service else measured(self.service, of.service, measure),
            rejected=rejected,
        )


def view_of(
    counts: FlowCounts,
    lookup: Lookup,
    measure: Measure = "flows",
    filters: Filters = EVERY_FLOW,
    tag: str | None = None,
) -> View:
    """Make a view; the time of the filters is widened to whole windows."""
    always = select(counts, replace(filters, time=None))
    time = outward(filters.time, always.width) if filters.time else None
    filters = replace(filters, time=time)
    chosen = select(counts, filters) if time else always
    is_by_service = filters.view == "service"
    service = chosen if is_by_service else select(counts, replace(filters, view="service"))
    can_be_rejected = filters.action is None and "reject" in log_notes.actions(counts)
    rejected = select(counts, replace(filters, action="REJECT")) if can_be_rejected else None
    whole = tagged(always, lookup, measure)
    report = tagged(chosen, lookup, measure) if time else whole
    whole_course = over_time(always, whole)
    return View(
        counts,
        lookup,
        Selections(chosen, always, service, rejected),
        report,
        over_time(chosen, report) if time else whole_course,
        whole,
        whole_course,
        report if is_by_service else tagged(service, lookup, measure),
        tagged(rejected, lookup, measure) if rejected else None,
        tag if tag in whole.tags else None,
    )
