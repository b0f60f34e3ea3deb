"""The page's own components, for what Streamlit's widgets cannot do; their code is in `browser/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

_BROWSER: Final = Path(__file__).parent.joinpath("browser")


def component(name: str) -> Any:
    """Return the component made of `browser/<name>.js`, `.html` and `.css`; the last two are optional."""
    html, css = (_read(f"{name}.{kind}") for kind in ("html", "css"))
    return st.components.v2.component(
        f"flowtag_{name}", html=html, css=css, js=_read(f"{name}.js"), isolate_styles=False
    )


@cache
def _read(file: str) -> str | None:
    path = _BROWSER.joinpath(file)
    return path.read_text(encoding="utf-8") if path.exists() else None
