"""The view of a tab, made anew only as far as something has changed."""

from __future__ import annotations

from dataclasses import dataclass

from flowtag_core.counts import FlowCounts
from flowtag_core.showing.view import View, view_of
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import Filters, Measure


@dataclass
class Views:
    """The last view, and the measure and filters that it was made for."""

    _last: tuple[Measure, Filters, View] | None = None

    def of(
        self,
        counts: FlowCounts,
        lookup: Lookup,
        measure: Measure,
        filters: Filters,
        tag: str | None,
    ) -> View:
        """The view of these counts; if only the lookup or the tag is another, the sums are kept."""
        last = self._last
        if last and last[:2] == (measure, filters) and last[2].counts is counts:
            view = last[2].under(lookup, tag)
        else:
            view = view_of(counts, lookup, measure, filters, tag)
        self._last = measure, filters, view
        return view
