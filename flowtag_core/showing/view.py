"""Counts, a lookup and filters -> everything that one view of the logs shows, made once.

The page draws it, and whatever else shows the same view takes its numbers from here too.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from flowtag_core.counts import FlowCounts
from flowtag_core.showing import log_notes, lookup_notes
from flowtag_core.showing.cards import Card, cards
from flowtag_core.showing.legend import Legend, legend
from flowtag_core.showing.search import search
from flowtag_core.tagging.course import Course, outward, over_time
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import (
    EVERY_FLOW,
    Filters,
    Measure,
    Report,
    Time,
    select,
    tagged,
    untagged_replies,
    with_tag,
)


@dataclass(frozen=True)
class View:
    """One view: what is chosen, and the reports that come of it.

    `report` and `course` are of the chosen time, `whole` and `whole_course` of all time. `rejected` has
    what was rejected of the same flows, None where that says nothing. `replies` is how much of what is
    untagged looks like replies, 0 where replies are counted by service. `tag` is the selected one, None
    where the lookup has no such tag.
    """

    counts: FlowCounts
    lookup: Lookup
    report: Report
    course: Course
    whole: Report
    whole_course: Course
    rejected: Report | None
    replies: int
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
    def cards(self) -> list[Card]:
        """The row of numbers."""
        return list(cards(self.report, self.counts, self.lookup, self.replies))

    @property
    def cautions(self) -> list[str]:
        """Warnings on why the counts may be incomplete, and on lookup rows that need checking."""
        return [*log_notes.cautions(self.counts), *lookup_notes.doubts(self.lookup)]

    @property
    def replies_hint(self) -> str:
        """Advice where much of what is untagged looks like replies."""
        return log_notes.replies_hint(self.replies, self.report)

    def legend(self, theme: str) -> Legend:
        """The colours of the tags, the same in every chart."""
        return legend(self.report, self.whole, theme, self.tag)

    def ports(self, text: str) -> Report:
        """The ports and protocols of the selected tag that a search text finds."""
        return search(with_tag(self.report, self.tag) if self.tag else self.report, text)


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
    rejected = None
    if filters.action is None and "reject" in log_notes.actions(counts):
        rejected = tagged(select(counts, replace(filters, action="REJECT")), lookup, measure)
    return View(
        counts,
        lookup,
        report,
        course,
        whole,
        whole_course,
        rejected,
        replies=0 if filters.view == "service" else untagged_replies(selection, report),
        tag=tag if tag in whole.tags else None,
    )
