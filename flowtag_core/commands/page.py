"""Open the page in the browser: flowtag page [PATH ...]."""

from __future__ import annotations

import runpy
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import flowtag_core
from flowtag_core.arguments import add_page, parsed
from flowtag_core.commands.terminal import DONE, new_parser
from flowtag_core.errors import FlowtagError

_SCRIPT: Final = "dashboard.py"
_USAGE: Final = "[PATH ...] [--lookup CSV] [--format FIELDS] [--internal CIDR,...] [--port PORT]"
_EPILOG: Final = """\
The page answers this machine only. Ctrl+C stops it. Streamlit's own settings may be given as
environment variables, such as STREAMLIT_SERVER_ADDRESS; see docs/security.md first.
"""


def parser() -> ArgumentParser:
    """What `flowtag page` takes."""
    new = new_parser("page", _USAGE, "Open the page in the browser, with logs or without.", _EPILOG)
    add_page(new)
    new.add_argument("--port", type=int, metavar="PORT", help="the port to listen on, if not 8501")
    new.add_argument("--no-browser", action="store_true", help="only start the page")
    return new


def run(words: Sequence[str]) -> int:
    """Run Streamlit with the page, as `streamlit run dashboard.py` does, until it is stopped.

    The settings come from the folder of the script, which beats the current folder and the user's own.
    """
    given = parsed(parser(), words)
    options = ["--server.headless=true"] if given.no_browser else []
    if given.port is not None:
        options.append(f"--server.port={given.port}")
    script = str(folder() / _SCRIPT)
    sys.argv = ["streamlit", "run", script, *options, "--", *_for_the_page(given)]
    runpy.run_module("streamlit", run_name="__main__")
    return DONE


def folder() -> Path:
    """The folder of the page's script and its settings: in the installed package, or the checkout."""
    package = Path(flowtag_core.__file__).parent
    for place in (package / "page" / "served", package.parent):
        if (place / _SCRIPT).is_file():
            return place
    raise FlowtagError(f"The page's script {_SCRIPT} is missing. Install flowtag again.")


def _for_the_page(given: Namespace) -> list[str]:
    """The words for the page's script: its options, then the paths."""
    options = [
        ("--lookup", given.lookup),
        ("--format", given.format),
        ("--internal", given.internal),
    ]
    words = [f"{name}={value}" for name, value in options if value is not None]
    return [*words, *(["--shared"] if given.shared else []), "--", *given.paths]
