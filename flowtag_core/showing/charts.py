"""Altair bar charts of a report, with clickable bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import pandas as pd
from altair.utils.schemapi import disable_debug_mode

from flowtag_core.showing.coverage import parts
from flowtag_core.showing.legend import PALE, Legend
from flowtag_core.showing.words import measured, pair_name, quantity
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import Report, sums_at

# Altair would check every part of a chart against Vega-Lite's schema, and then the whole chart. That takes a
# third of the script's time after a click, so the tests check the charts instead.
disable_debug_mode()

MOST_BARS: Final = 16
"""The most bars in the ports chart. A browser cannot draw thousands, and the table lists the rest."""
INK: Final = {"light": "#0c1a20", "dark": "#e4ecee", "report": "var(--ink)"}
QUIET: Final = {"light": "#54646b", "dark": "#9aabb1", "report": "var(--quiet)"}
FONT: Final = "Source Sans, sans-serif"
PICK: Final = "pick"
"""The name of the Vega selection that contains the clicked bars, by their `name`."""

_NAME: Final = "bars"
"""Without a name, Altair makes one from the data, and the chart would be another one for other data."""
_FADED: Final = 0.35
_LABEL_WIDTH: Final = 130
_LABEL_PART: Final = 0.4
"""The largest fraction of the chart's width that the names may take."""
_BEFORE_NUMBER: Final = 6
_FOR_NUMBER: Final = 62
"""The width in pixels that the longest short number needs next to its bar: `999,999`, `9,223 PB`."""
_LEAST_BAR: Final = 12
_COLUMNS: Final = "name place colour start end full number part label shade spoken".split()


class Layers(alt.LayerChart):
    """A layered chart that skips Altair's validation against the Vega-Lite schema by default."""

    def to_dict(self, validate: bool = False, **given: Any) -> dict[str, Any]:
        """Return the chart as a Vega-Lite specification, validated only if `validate` is true."""
        drawn: dict[str, Any] = super().to_dict(validate, **given)
        return drawn


@dataclass(frozen=True)
class Bar:
    """A bar, or a segment of a stacked bar: its name, count and color.

    A segment also has a name of its own, `part`, and the sign AT_LEAST or AT_MOST if its count is a bound.
    """

    name: str
    count: int
    colour: str
    part: str = ""
    bound: str = ""


def tag_bars(report: Report, service: Report, legend: Legend, theme: str) -> list[Bar]:
    """Return a bar for each name in the legend. Untagged comes first, in two segments if it has replies."""
    counts = sums_at((len(legend.names),), legend.place[report.tag], report.count).tolist()
    named = [Bar(*each) for each in zip(legend.names, counts, legend.colours, strict=True)]
    *tags, untagged = named
    _, *rest = parts(report, service)
    if len(rest) == 1:
        return [untagged, *tags]
    replies, unexplained = rest
    return [
        Bar(UNTAGGED, unexplained.amount, untagged.colour, unexplained.name, unexplained.bound),
        Bar(UNTAGGED, replies.amount, PALE[theme], replies.name, replies.bound),
        *tags,
    ]


def port_bars(report: Report, colours: Sequence[str]) -> list[Bar]:
    """Return a bar for each of the largest ports. `colours` has a color for each tag of the report."""
    most = (-report.count).argsort(kind="stable")[:MOST_BARS]
    return [
        Bar(
            pair_name(int(report.port[row]), int(report.protocol[row])),
            int(report.count[row]),
            colours[report.tag[row]],
        )
        for row in most.tolist()
    ]


def others_share(report: Report, bars: Sequence[Bar], total: int) -> str:
    """Return a note on the ports that the chart leaves out: `top 16 of 54,999; all others 62.1%`."""
    if len(bars) >= len(report.port):
        return ""
    rest = max(report.total - sum(bar.count for bar in bars), 0)
    share = 100 * rest / max(total, 1)
    return f"top {len(bars)} of {len(report.port):,}; all others {share:.1f}%"


def chart(
    bars: Sequence[Bar],
    measure: str,
    theme: str,
    width: int,
    picked: str | None = None,
    step: int = 22,
) -> Layers:
    """Return a chart of horizontal bars in the given order, labeled with their counts.

    Only its data depend on the bars: a browser that gets other bars draws them in the chart that it has. The chart is about `width` pixels wide. Consecutive bars with the same name are stacked as one bar. If
    `picked` names a bar, the others are faded.
    """
    frame = _frame(bars, measure, picked)
    base = alt.Chart(frame, height=alt.Step(step)).encode(
        alt.Y(
            "name:N",
            sort=alt.EncodingSortField(field="place", op="min", order="ascending"),
            axis=_axis(theme, width),
            scale=alt.Scale(paddingInner=0.28, paddingOuter=0.14),
        )
    )
    config = alt.Config(view=alt.ViewConfig(stroke=None))
    return Layers(
        layer=[_marks(base, measure), _numbers(base, theme), _scale(frame)], config=config
    )


def _axis(theme: str, width: int) -> alt.Axis:
    return alt.Axis(
        title=None,
        labelLimit=min(_LABEL_WIDTH, int(_LABEL_PART * width)),
        labelColor=INK[theme],
        labelFont=FONT,
        labelFontSize=12.5,
        labelPadding=8,
        ticks=False,
        domain=False,
    )


def _marks(base: alt.Chart, measure: str) -> alt.Chart:
    """Return the clickable bars, short enough that any number fits to the right of its bar."""
    pick = alt.selection_point(name=PICK, fields=["name"], toggle="true", clear=False, on="click")
    scale = alt.Scale(
        rangeMax=alt.expr(f"max(width - {_FOR_NUMBER}, {_LEAST_BAR})"),
        nice=False,
    )
    marks: alt.Chart = (
        base.mark_bar(cornerRadiusEnd=2, cursor="pointer")
        .encode(
            alt.X("start:Q", axis=None, scale=scale),
            alt.X2("end:Q"),
            alt.Color("colour:N", scale=None),
            opacity=alt.Opacity("shade:Q", scale=None),
            description=alt.Description("spoken:N"),
            tooltip=[
                alt.Tooltip("name:N", title="Name"),
                alt.Tooltip("number:N", title=measure.capitalize()),
                alt.Tooltip("part:N", title="Part"),
            ],
        )
        .add_params(pick)
        .properties(name=_NAME)
    )
    return marks


def _numbers(base: alt.Chart, theme: str) -> alt.Chart:
    text: alt.Chart = (
        base.transform_filter("datum.label != ''")
        .mark_text(
            align="left",
            dx=_BEFORE_NUMBER,
            color=QUIET[theme],
            font=FONT,
            fontSize=12,
            aria=False,
        )
        .encode(alt.X("end:Q"), alt.Text("label:N"))
    )
    return text


def _scale(frame: pd.DataFrame) -> alt.Chart:
    """Return invisible marks that make the scale end at the longest bar, or at 1 if all are 0."""
    marks: alt.Chart = alt.Chart(frame).mark_point(opacity=0, aria=False).encode(alt.X("full:Q"))
    return marks


def _frame(bars: Sequence[Bar], measure: str, picked: str | None) -> pd.DataFrame:
    """Return a row for each bar or segment: where it starts and ends, and its visible and spoken texts."""
    ends: dict[str, int] = {}
    places = {name: place for place, name in enumerate(dict.fromkeys(bar.name for bar in bars))}
    rows: list[dict[str, Any]] = []
    for place, bar in enumerate(bars):
        start = ends.get(bar.name, 0)
        ends[bar.name] = end = start + bar.count
        is_last = place + 1 == len(bars) or bars[place + 1].name != bar.name
        rows.append(
            {
                "name": bar.name,
                "place": places[bar.name],
                "colour": bar.colour,
                "start": start,
                "end": end,
                "number": f"{bar.bound}{bar.count:,}",
                "part": bar.part or "all",
                "label": quantity(end, measure) if is_last else "",
                "shade": 1.0 if picked in (None, bar.name) else _FADED,
                "spoken": _spoken(bar, measure),
            }
        )
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    frame["full"] = max(ends.values(), default=0) or 1
    return frame


def _spoken(bar: Bar, measure: str) -> str:
    part = f", {bar.part.lower()}" if bar.part else ""
    return f"{bar.name}{part}: {bar.bound}{measured(bar.count, measure)}"
