"""The row of filters: the measure, the action, the boundary, and the port to group by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from flowtag_core.counts import FlowCounts, Measure
from flowtag_core.page import address
from flowtag_core.showing import log_notes
from flowtag_core.tagging.report import Filters

GROUPINGS: Final = {"destination": "Destination port", "service": "Service port"}
_SERVICE_BEFORE: Final = "By service"


def filters(counts: FlowCounts) -> tuple[Measure, Filters]:
    """Draw the filters and return the choices, with the time from the address."""
    _read_old_links()
    with st.container(key="filters", horizontal=True, vertical_alignment="center"):
        measure: Measure = switch("Measure", log_notes.measures(counts), key="measure")
        actions = log_notes.actions(counts)
        action = switch("Action", [*actions], key="action")
        boundaries = log_notes.boundaries(counts)
        boundary = "all"
        if len(boundaries) > 1:
            boundary = switch(
                "Boundary", [*boundaries], key="boundary", help=log_notes.boundary_help(counts)
            )
        grouping = switch(
            "Group by",
            [*GROUPINGS],
            key="view",
            shown=GROUPINGS.__getitem__,
            help=log_notes.REPLIES,
        )
    return measure, Filters(actions[action], boundaries[boundary], address.time(), grouping)


def _read_old_links() -> None:
    """Accept links from a time when the groupings had other names."""
    if st.query_params.get("view") == _SERVICE_BEFORE:
        st.query_params["view"] = GROUPINGS["service"]
        st.rerun()


def switch(
    label: str,
    options: list[Any],
    key: str,
    shown: Callable[[str], str] = str.capitalize,
    help: str | None = None,
) -> Any:
    """Draw a choice and return the chosen option, by default the first; the address keeps it."""
    chosen_option = st.segmented_control(
        label,
        options,
        # Always the same: if a second run follows at once, the browser sees only what that one draws.
        default=options[0],
        required=True,
        format_func=shown,
        key=key,
        help=help,
        bind="query-params",
    )
    # An empty value in a link chooses nothing, even if a choice is required.
    return options[0] if chosen_option is None else chosen_option
