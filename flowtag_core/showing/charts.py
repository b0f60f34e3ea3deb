"""Report -> Altair bar charts."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from flowtag_core.showing.notes import compact, number, pair_name
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import Report

MOST_BARS: Final = 15
"""Bars before the rest becomes one bar "Other": a browser gives up on thousands."""

_ACCENT: Final = {"light": "#0b6b75", "dark": "#4cc3cf"}
AMBER: Final = {"light": "#b45f06", "dark": "#f5a742"}
"""The colour of Untagged and of nothing else, for each theme."""
_OTHER: Final = {"light": "#8a979d", "dark": "#7d8a90"}
_INK: Final = {"light": "#15232b", "dark": "#e6eef0"}
_BAR_HEIGHT: Final = 26
_LABEL_WIDTH: Final = 150

Bar = tuple[str, int, str]
"""Its name, its count and its kind: tag, untagged or other."""


def tag_chart(report: Report, theme: str = "light") -> alt.LayerChart:
    """A bar for each of the largest tags, one for the other tags, and Untagged last."""
    *tags, (_, untagged) = report.tag_counts.items()
    bars = [(tag, count, "tag") for tag, count in tags[:MOST_BARS]]
    rest = [count for _, count in tags[MOST_BARS:]]
    bars += _other(len(rest), sum(rest), "tag")
    return _chart([*bars, (UNTAGGED, untagged, "untagged")], report.measure, theme)


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
        for row in most[:MOST_BARS].tolist()
    ]
    rest = report.count[most[MOST_BARS:]]
    return _chart([*bars, *_other(len(rest), int(rest.sum()), "pair")], report.measure, theme)


def _other(things: int, count: int, noun: str) -> list[Bar]:
    """The bar for all that have no bar of their own, if there are any."""
    return [(f"Other ({number(things, noun)})", count, "other")] if things else []


def _chart(bars: list[Bar], measure: str, theme: str) -> alt.LayerChart:
    """Horizontal bars in the given order, each with its number behind it."""
    # The rest of thousands would flatten every other bar: where it is much the longest it is cut.
    most = max((count for _, count, kind in bars if kind != "other"), default=0)
    rows = [
        (name, kind, f"{count:,}", *_drawn(count, longest=1.5 * most if kind == "other" else count))
        for name, count, kind in bars
    ]
    frame = pd.DataFrame(rows, columns=["name", "kind", "number", "drawn", "label"])
    colors = {"tag": _ACCENT, "untagged": AMBER, "other": _OTHER}
    axis = alt.Axis(
        title=None, labelLimit=_LABEL_WIDTH, labelColor=_INK[theme], ticks=False, domain=False
    )
    base = alt.Chart(frame, height=alt.Step(_BAR_HEIGHT)).encode(
        alt.Y("name:N", sort=[name for name, _, _ in bars], axis=axis),
        alt.X("drawn:Q", axis=None, scale=alt.Scale(domain=[0, _room(rows)], nice=False)),
    )
    marks = base.mark_bar(cornerRadiusEnd=2).encode(
        alt.Color(
            "kind:N",
            scale=alt.Scale(domain=list(colors), range=[color[theme] for color in colors.values()]),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("name:N", title="Name"),
            alt.Tooltip("number:N", title=measure.capitalize()),
        ],
    )
    numbers = base.mark_text(align="left", dx=5, color=_INK[theme]).encode(alt.Text("label:N"))
    chart: alt.LayerChart = alt.layer(marks, numbers).configure_view(stroke=None)
    return chart


def _room(rows: list[tuple[str, str, str, float, str]]) -> float:
    """As long as the longest bar, and room for the number behind it."""
    return max((drawn * (1.2 + len(label) / 50) for *_, drawn, label in rows), default=0) or 1


def _drawn(count: int, longest: float) -> tuple[float, str]:
    """How long a bar is drawn, and what is written behind it."""
    if count <= longest:
        return count, compact(count)
    return longest, f"{compact(count)} (not to scale)"
