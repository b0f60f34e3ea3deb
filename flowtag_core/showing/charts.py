"""Report -> Altair bar charts."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from flowtag_core.showing.notes import pair_name
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import Report

MOST_BARS: Final = 15
"""Bars before the rest becomes one bar "Other": a browser gives up on thousands."""

_ACCENT: Final = {"light": "#0b6b75", "dark": "#4cc3cf"}
_UNTAGGED: Final = {"light": "#b45f06", "dark": "#f5a742"}
_OTHER: Final = {"light": "#8a979d", "dark": "#7d8a90"}
_INK: Final = {"light": "#15232b", "dark": "#e6eef0"}
_BAR_HEIGHT: Final = 26
_LABEL_WIDTH: Final = 160


def tag_chart(report: Report, theme: str = "light") -> alt.LayerChart:
    """A bar for each of the largest tags, one for the other tags, and Untagged last."""
    *tags, (_, untagged) = report.tag_counts.items()
    bars = [(tag, count, "tag") for tag, count in tags]
    return _bars([*_top(bars, "tags"), (UNTAGGED, untagged, "untagged")], theme)


def port_chart(report: Report, theme: str = "light") -> alt.LayerChart:
    """A bar for each of the largest ports with protocol, and one for all others."""
    most = (-report.count).argsort(kind="stable")
    untagged = len(report.tags) - 1
    bars = [
        (
            pair_name(int(report.port[row]), int(report.protocol[row])),
            int(report.count[row]),
            "untagged" if report.tag[row] == untagged else "tag",
        )
        for row in most[: MOST_BARS + 1].tolist()
    ]
    rest = int(report.count[most[MOST_BARS:]].sum())
    if len(most) > MOST_BARS:
        bars[MOST_BARS:] = [(f"Other ({len(most) - MOST_BARS:,} pairs)", rest, "other")]
    return _bars(bars, theme)


def _top(bars: list[tuple[str, int, str]], things: str) -> list[tuple[str, int, str]]:
    if len(bars) <= MOST_BARS:
        return bars
    rest = bars[MOST_BARS:]
    other = (f"Other ({len(rest):,} {things})", sum(count for _, count, _ in rest), "other")
    return [*bars[:MOST_BARS], other]


def _bars(bars: list[tuple[str, int, str]], theme: str) -> alt.LayerChart:
    """Horizontal bars in the given order, each with its number behind it."""
    # The rest of thousands would flatten every other bar: where it is much the longest it is cut.
    most = max((count for _, count, kind in bars if kind != "other"), default=0)
    rows = [
        (name, kind, f"{count:,}", *_drawn(count, longest=1.5 * most if kind == "other" else count))
        for name, count, kind in bars
    ]
    frame = pd.DataFrame(rows, columns=["name", "kind", "number", "drawn", "label"])
    colors = {"tag": _ACCENT, "untagged": _UNTAGGED, "other": _OTHER}
    axis = alt.Axis(
        title=None, labelLimit=_LABEL_WIDTH, labelColor=_INK[theme], ticks=False, domain=False
    )
    base = alt.Chart(frame, height=alt.Step(_BAR_HEIGHT)).encode(
        alt.Y("name:N", sort=[name for name, _, _ in bars], axis=axis),
        # Room behind the longest bar for its number.
        alt.X("drawn:Q", axis=None, scale=alt.Scale(domain=[0, max(most, 1) * 1.6], nice=False)),
    )
    marks = base.mark_bar(cornerRadiusEnd=2).encode(
        alt.Color(
            "kind:N",
            scale=alt.Scale(domain=list(colors), range=[color[theme] for color in colors.values()]),
            legend=None,
        ),
        tooltip=[alt.Tooltip("name:N", title="Name"), alt.Tooltip("number:N", title="Flows")],
    )
    numbers = base.mark_text(align="left", dx=5, color=_INK[theme]).encode(alt.Text("label:N"))
    chart: alt.LayerChart = alt.layer(marks, numbers).configure_view(stroke=None)
    return chart


def _drawn(count: int, longest: float) -> tuple[float, str]:
    """How long a bar is drawn, and what is written behind it."""
    if count <= longest:
        return count, f"{count:,}"
    return longest, f"{count:,} (bar cut)"
