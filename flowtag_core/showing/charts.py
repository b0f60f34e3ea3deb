"""Report -> Altair bar charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import altair as alt
import pandas as pd
from altair.utils.schemapi import disable_debug_mode

from flowtag_core.counts import sum_of
from flowtag_core.showing.legend import GREY, Legend
from flowtag_core.showing.words import compact, measured, number, pair_name
from flowtag_core.tagging.report import Report, sums_at

# Each part of a chart would be checked against Vega-Lite's schema while it is put together, which takes
# a third of a click's time; the whole chart is checked when it is drawn.
disable_debug_mode()

MOST_BARS: Final = 15
"""Bars before the rest becomes one bar "Other": a browser gives up on thousands."""

_INK: Final = {"light": "#15232b", "dark": "#e6eef0"}
_BAR_HEIGHT: Final = 26
_LABEL_WIDTH: Final = 150


@dataclass(frozen=True)
class Bar:
    """A bar's name, its count and its colour; `is_rest` if it stands for all that have none."""

    name: str
    count: int
    colour: str
    is_rest: bool = False


def tag_chart(report: Report, legend: Legend, theme: str = "light") -> alt.LayerChart:
    """A bar for each name of the legend, in its colour."""
    counts = sums_at((len(legend.names),), legend.place[report.tag], report.count)
    bars = [
        Bar(name, count, colour, colour == GREY[theme])
        for name, count, colour in zip(legend.names, counts.tolist(), legend.colours, strict=True)
    ]
    return _chart(bars, report.measure, theme)


def port_chart(report: Report, legend: Legend, theme: str = "light") -> alt.LayerChart:
    """A bar for each of the largest ports with protocol in its tag's colour, one for all others."""
    most = (-report.count).argsort(kind="stable")
    bars = [
        Bar(
            pair_name(int(report.port[row]), int(report.protocol[row])),
            int(report.count[row]),
            legend.colours[legend.place[report.tag[row]]],
        )
        for row in most[:MOST_BARS].tolist()
    ]
    rest = report.count[most[MOST_BARS:]]
    if len(rest):
        name = f"Other ({number(len(rest), 'pair')})"
        bars.append(Bar(name, sum_of(rest), GREY[theme], is_rest=True))
    return _chart(bars, report.measure, theme)


def _chart(bars: list[Bar], measure: str, theme: str) -> alt.LayerChart:
    """Horizontal bars in the given order, each with its number behind it."""
    # The rest of thousands would flatten every other bar: where it is much the longest it is cut.
    most = max((bar.count for bar in bars if not bar.is_rest), default=0)
    rows = [
        (
            bar.name,
            bar.colour,
            f"{bar.count:,}",
            f"{bar.name}: {measured(bar.count, measure)}",
            *_drawn(bar.count, longest=1.5 * most if bar.is_rest else bar.count),
        )
        for bar in bars
    ]
    frame = pd.DataFrame(rows, columns=["name", "colour", "number", "spoken", "drawn", "label"])
    axis = alt.Axis(
        title=None, labelLimit=_LABEL_WIDTH, labelColor=_INK[theme], ticks=False, domain=False
    )
    base = alt.Chart(frame, height=alt.Step(_BAR_HEIGHT)).encode(
        alt.Y("name:N", sort=[bar.name for bar in bars], axis=axis),
        alt.X("drawn:Q", axis=None, scale=alt.Scale(domain=[0, _room(rows)], nice=False)),
    )
    marks = base.mark_bar(cornerRadiusEnd=2).encode(
        alt.Color("colour:N", scale=None),
        description=alt.Description("spoken:N"),
        tooltip=[
            alt.Tooltip("name:N", title="Name"),
            alt.Tooltip("number:N", title=measure.capitalize()),
        ],
    )
    numbers = base.mark_text(align="left", dx=5, color=_INK[theme], aria=False).encode(
        alt.Text("label:N")
    )
    chart: alt.LayerChart = alt.layer(marks, numbers).configure_view(stroke=None)
    return chart


def _room(rows: list[tuple[str, str, str, str, float, str]]) -> float:
    """As long as the longest bar, and room for the number behind it."""
    return max((drawn * (1.2 + len(label) / 50) for *_, drawn, label in rows), default=0) or 1


def _drawn(count: int, longest: float) -> tuple[float, str]:
    """The length of a bar, and the text behind it."""
    if count <= longest:
        return count, compact(count)
    return longest, f"{compact(count)} (not to scale)"
