"""The columns of the page's tables, each as wide as its content."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import streamlit as st

from flowtag_core.showing import tables, widths

OPTIONAL: Final = ("Share", "Inbound", "Rejected", "Trend")
"""Columns that are left out if there is no room, the least important last."""
_WIDTHS: Final = {tables.SWATCH: 50, "Share": 104, "Inbound": 76, "Rejected": 80, "Trend": 96}
_PORT: Final = 66


def fitted(
    table: Any,
    measure: str,
    room: int,
    text: Mapping[str, int],
    own: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[Any, dict[Any, Any]]:
    """Return the columns that fit, and the configuration of each.

    `table` is a pandas frame, `text` has the widths of the text columns in pixels. `own` says how to draw
    the columns that only this table has.
    """
    name = measure.capitalize()
    known = {"Port": _PORT, **_WIDTHS, **text, name: widths.of_numbers(table[name].tolist())}
    fit = widths.fitted({column: known[column] for column in map(str, table)}, name, OPTIONAL, room)
    drawn = {column: _drawn(column, table, text, width) for column, width in fit.widths.items()}
    if fit.is_short:
        unit = "bytes" if measure == "bytes" else "compact"
        drawn[name] = st.column_config.NumberColumn(format=unit, width=fit.widths[name])
    drawn |= {column: own[column] for column in fit.widths if column in own}
    return table[[*fit.widths]], drawn


def _drawn(column: str, table: Any, text: Mapping[str, int], width: int) -> Any:
    config = st.column_config
    if column in text:
        return config.TextColumn(width=width)
    if column == tables.SWATCH:
        return config.ImageColumn(width=width)
    if column == "Share":
        return share(table, width)
    if column == "Trend":
        return config.AreaChartColumn(y_min=0, width=width, color="gray")
    shown = _FORMATS.get(column, "localized")
    return config.NumberColumn(format=shown, width=width, help=_HELP.get(column))


_FORMATS: Final = {"Port": "%d", "Inbound": "%d%%", "Rejected": "%.1f%%"}
_HELP: Final = {
    "Inbound": "The share that came from outside your network and was not rejected. A high share on an "
    "untagged port deserves a look."
}


def share(table: Any, width: int, color: Any = None) -> Any:
    """A column of shares in percent, drawn as bars; the largest fills the column."""
    return st.column_config.ProgressColumn(
        format="%.1f%%",
        min_value=0,
        max_value=tables.full(table["Share"]),
        width=width,
        color=color,
    )
