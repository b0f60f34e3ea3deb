"""The tags section: Untagged pinned at the top, the table, the bars."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import streamlit as st

from flowtag_core.page import address, rows
from flowtag_core.page.columns import fitted
from flowtag_core.page.picks import Picks
from flowtag_core.showing import charts, log_notes, lookup_notes, markup, tables, widths
from flowtag_core.showing.legend import MOST_TAGS, Colours, Legend
from flowtag_core.showing.view import View
from flowtag_core.tagging.lookup import UNTAGGED

_TEXT: Final = {"Tag": 88}


def tags(view: View, colours: Colours, legend: Legend, picks: Picks, room: widths.Rooms) -> None:
    """Draw the section; a selected row or a clicked bar selects its tag."""
    with st.container(key="tags_section"):
        _heading(view)
        _untagged(view)
        _table(view, colours, room.tags)
        _bars(view, legend, picks, room.tag_bars)


def _heading(view: View) -> None:
    about = (
        lookup_notes.why_tag(view.lookup, view.tag) if view.tag else log_notes.in_use(view.report)
    )
    st.html(markup.heading("Tags", about))


def _untagged(view: View) -> None:
    """Draw Untagged on its own line, which sorting does not move."""
    with st.container(
        key="untagged_line", horizontal=True, vertical_alignment="center", wrap=False
    ):
        st.html(markup.untagged_line(view.report), width="stretch")
        is_selected = view.tag == UNTAGGED
        st.button(
            "Show all tags" if is_selected else "Show its ports",
            key="pick_untagged",
            type="tertiary",
            on_click=address.select_tag,
            args=[None if is_selected else UNTAGGED],
        )


def _table(view: View, colours: Colours, room: int) -> None:
    report = view.report
    names = [*report.tag_counts]
    table = tables.tag_table(report, colours.of(names), view.rejected, view.course)
    shown, columns = fitted(table, report.measure, room, _TEXT)
    rows.select("tags", [names.index(view.tag)] if view.tag in names else [])
    st.dataframe(
        shown,
        key="tags",
        height=widths.height(len(names), MOST_TAGS),
        row_height=widths.ROW,
        hide_index=True,
        column_config=columns,
        on_select=partial(_pick, names),
        selection_mode=["single-row", "single-cell"],
        alt=f"{report.measure.capitalize()} of each tag",
    )


def _pick(shown: Sequence[str]) -> None:
    """Select the tag that is selected in the table."""
    selected = rows.selected("tags")
    if selected is not None:
        address.select_tag(next((shown[row] for row in selected), None))


def _bars(view: View, legend: Legend, picks: Picks, room: int) -> None:
    theme = st.context.theme.type or "light"
    measure = view.report.measure
    bars = charts.tag_bars(view.report, view.service, legend, theme)
    with st.container(key="tag_panel", border=True):
        st.html(markup.heading(f"{measure.capitalize()} by tag", "click a bar to filter", level=3))
        st.altair_chart(
            charts.chart(bars, measure, theme, widths.in_panel(room), view.tag),
            key="tag_bars",
            on_select=partial(_clicked, picks, view.report.tags),
            selection_mode=charts.PICK,
            alt=f"{measure.capitalize()} by tag, bars",
        )


def _clicked(picks: Picks, known: Sequence[str]) -> None:
    """Select the tag of a clicked bar, or deselect it; ignore a click on Other."""
    for name in picks.clicked("tag_bars"):
        if name in known:
            address.select_tag(None if address.tag() == name else name)
