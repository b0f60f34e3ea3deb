"""Counts, a lookup and filters -> everything that one view of the logs shows, made once.

The page draws it, and anything else that shows the same view takes its numbers from here too.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from flowtag_core.counts import FlowCounts
from flowtag_core.showing import coverage, log_notes, lookup_notes
from flowtag_core.showing.legend import Colours, Legend, legend
from flowtag_core.showing.search import search
from flowtag_core.tagging.course import Course, outward, over_time
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import (
    EVERY_FLOW,
    Filters,
    Measure,
    Report,
    Selection,
    Time,
    retagged,
    select,
    tagged,
    with_tag,
)


@dataclass(frozen=True)
class View:
    """One view: the choices, and the reports that result from them.

    `selection`, `report` and `course` are for the chosen time, `whole` and `whole_course` for all time.
    `service` is the report by service port. `rejected` has the rejected part of the same flows, None if
    the action is chosen or unknown. `tag` is the selected tag, None if
    the lookup has no such tag.
    """

    counts: FlowCounts
    lookup: Lookup
    selection: Selection
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
        return list(coverage.numbers(self.report, self.selection, self.counts, self.lookup))

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


def view_of(
    counts: FlowCounts,
    lookup: Lookup,
    measure: Measure = "flows",
    filters: Filters = EVERY_FLOW,
    tag: str | None = None,
) -> View:
    """Make a view; the time of the filters is widened to whole windows."""
    always = select(counts, replace(filters, time=None))
    whole = tagged(always, lookup, measure)
    whole_course = over_time(always, whole)
    time = outward(filters.time, always.width) if filters.time else None
    filters = replace(filters, time=time)
    selection, report, course = always, whole, whole_course
    if time:
        selection = select(counts, filters)
        report = tagged(selection, lookup, measure)
        course = over_time(selection, report)
    service = report
    if filters.view != "service":
        service = tagged(select(counts, replace(filters, view="service")), lookup, measure)
    rejected = None
    if filters.action is None and "reject" in log_notes.actions(counts):
        rejected = tagged(select(counts, replace(filters, action="REJECT")), lookup, measure)
    return View(
        counts,
        lookup,
        selection,
        report,
        course,
        whole,
        whole_course,
        service,
        rejected,
        tag=tag if tag in whole.tags else None,
    )
