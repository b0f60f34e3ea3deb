"""The style sheet of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

SHEET: Final = Path(__file__).parent.joinpath("style.css")


def style() -> None:
    """Load the style sheet."""
    st.html(SHEET)
