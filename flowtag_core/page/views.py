"""The view of a tab, of which only what has changed is computed again."""

from __future__ import annotations

from dataclasses import dataclass

from flowtag_core.counts import FlowCounts, Measure
from flowtag_core.showing.view import View, view_of
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import Filters


@dataclass
class Views:
    """The last view, and the filters that it was made for."""

    _last: tuple[Filters, View] | None = None

    def of(
        self,
        counts: FlowCounts,
        lookup: Lookup,
        measure: Measure,
        filters: Filters,
        tag: str | None,
    ) -> View:
        """Return the view of these counts; whatever has not changed is reused from the last one."""
        last = self._last
        if last and last[0] == filters and last[1].counts is counts:
            view = last[1] if last[1].report.measure == measure else last[1].by(measure)
            view = view.under(lookup, tag)
        else:
            view = view_of(counts, lookup, measure, filters, tag)
        self._last = filters, view
        return view
