"""Everything that one view of the logs shows, computed once from counts, a lookup and filters.

The page draws a view. Everything that shows the same view takes its numbers from here.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import NamedTuple

from flowtag_core.counts import FlowCounts, Measure
from flowtag_core.showing import coverage, log_notes, lookup_notes
from flowtag_core.showing.legend import Colours, Legend, legend
from flowtag_core.showing.search import search
from flowtag_core.tagging.course import Course, by_measure, outward, over_time
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import (
    EVERY_FLOW,
    Filters,
    Numbers,
    Report,
    Selection,
    Time,
    measured,
    places_in,
    retagged,
    select,
    tagged,
    with_tag,
)


class Selections(NamedTuple):
    """The selected rows of the counts that each report of a view is made from, named like the reports."""

    report: Selection
    whole: Selection
    service: Selection
    rejected: Selection | None


@dataclass(frozen=True)
class View:
    """One view: the user's choices, and the reports that result from them.

    `report` and `course` are for the chosen time, `whole` and `whole_course` for all time. `service` is
    the report by service port. `rejected` is the report of the same flows that were rejected, or None if an
    action is chosen or no action is known. `tag` is the selected tag, or None if the lookup has no such tag.
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
        """The chosen time in whole windows, or None for all time."""
        return self.report.filters.time

    @property
    def identity(self) -> Hashable:
        """A key that is equal for views that count the same flows in the same way, whatever the lookup."""
        return self.report.measure, self.report.filters, id(self.counts)

    @property
    def numbers(self) -> list[coverage.Number]:
        """The small numbers next to the bar that shows how much is explained."""
        return list(coverage.numbers(self.report, self.selections.report, self.counts, self.lookup))

    @property
    def parts(self) -> list[coverage.Part]:
        """The parts of the bar: tagged, replies of tagged services, and unexplained."""
        return coverage.parts(self.report, self.service)

    @property
    def cautions(self) -> list[str]:
        """Warnings on why the counts may be incomplete, and on lookup rows that need checking."""
        return [*log_notes.cautions(self.counts), *lookup_notes.doubts(self.lookup)]

    @property
    def by_every_measure(self) -> dict[Measure, Report]:
        """The report by each measure that the logs have, with the same rows in the same order."""
        return {
            measure: measured(self.report, self.selections.report, measure)
            for measure in log_notes.measures(self.counts)
        }

    def sums(self, port: Numbers, protocol: Numbers) -> dict[Measure, list[int]]:
        """Return the sums of each of these ports and protocols, by each measure that the logs have."""
        places = places_in(self.report, port, protocol)
        return {
            measure: report.count[places].tolist()
            for measure, report in self.by_every_measure.items()
        }

    def legend(self, colours: Colours) -> Legend:
        """Return the names that have a color, the same in every chart."""
        return legend(self.report, self.whole, colours, self.tag)

    def ports(self, text: str) -> Report:
        """Return the ports and protocols that a search text finds, among those of the selected tag if any."""
        return search(with_tag(self.report, self.tag) if self.tag else self.report, text)

    def under(self, lookup: Lookup, tag: str | None) -> View:
        """Return the view of the same flows with another lookup. Only their tags are recomputed."""
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
        """Return the view of the same flows by another measure. Only their sums are recomputed."""
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
    """Return a view. The time of the filters is widened to whole windows."""
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
