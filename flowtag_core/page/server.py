"""The page's server: Streamlit, started with the page's script and only the page's own settings."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streamlit import file_util

import flowtag_core
from flowtag_core.errors import FlowtagError

_SCRIPT: Final = "dashboard.py"


def serve(options: Sequence[str], words: Sequence[str]) -> None:
    """Run Streamlit with the page until it is stopped, as `streamlit run dashboard.py` does.

    `options` are Streamlit's, `words` are for the script. Raises FlowtagError if the script is missing.
    """
    home = folder()
    _use_settings_of(home)
    sys.argv = ["streamlit", "run", str(home.joinpath(_SCRIPT)), *options, "--", *words]
    runpy.run_module("streamlit", run_name="__main__")


def folder() -> Path:
    """Return the folder of the page's script and its settings: in the installed package or the checkout."""
    package = Path(flowtag_core.__file__).parent
    for place in (package.joinpath("page", "served"), package.parent):
        if place.joinpath(_SCRIPT).is_file():
            return place
    raise FlowtagError(f"The page's script {_SCRIPT} is missing. Install flowtag again.")


def _use_settings_of(home: Path) -> None:
    """Have Streamlit read its project settings from the page's folder instead of the current folder.

    The current folder may have come with the logs, and settings in it could fetch fonts from elsewhere.
    """
    file_util.get_project_streamlit_file_path = lambda *names: str(
        home.joinpath(".streamlit", *names)
    )
