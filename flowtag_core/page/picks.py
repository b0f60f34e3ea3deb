"""Clicks on the bars of a chart.

The browser reports its own selection of bars, which follows neither the table nor the address. So the
clicked bars are those that were added to the selection or removed from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from flowtag_core.showing.charts import PICK


@dataclass
class Picks:
    """The bars that each chart last reported as selected."""

    _before: dict[str, set[str]] = field(default_factory=dict)

    def clicked(self, chart: str) -> set[str]:
        """Return the names of the bars that were clicked since the last call."""
        told = st.session_state[chart]["selection"].get(PICK) or []
        names = {str(bar["name"]) for bar in told}
        before, self._before[chart] = self._before.get(chart, set()), names
        return names.symmetric_difference(before)
