"""What is counted: records, each with its number and its text."""

from __future__ import annotations

from typing import NamedTuple

from flowtag_core.counts import Reason
from flowtag_core.reading.layout import Layout

NumberedTexts = list[tuple[int, bytes]]
"""Records, each with its line, or with its place where there are no lines."""


class Records(NamedTuple):
    """Records that were taken out of something else: the line or place of each, and its text.

    `layout` names their words where the shape says what they are; `shape` is for people. With a
    `reason` they are none, and are set aside.
    """

    numbered: NumberedTexts
    shape: str
    layout: Layout | None = None
    reason: Reason | None = None
