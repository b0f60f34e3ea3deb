"""Handout -> the content of an output, in the form that its suffix chooses."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Final

from flowtag_core.errors import OutputError
from flowtag_core.showing.handout import Handout


def content_for(path: str, handout: Handout) -> Iterable[bytes]:
    """Return the content of an output file; the result CSV, unless its suffix is one of SUFFIXES."""
    return SUFFIXES.get(suffix_of(path), _csv)(handout)


def is_csv(path: str) -> bool:
    """Whether an output is the result CSV, which needs nothing but a report."""
    return suffix_of(path) not in SUFFIXES


def check_libraries(path: str) -> None:
    """Raise OutputError if a library that an output needs is not installed."""
    for module, package in _NEEDED.get(suffix_of(path), ()):
        if find_spec(module) is None:
            raise OutputError(f"{path}: needs {package}. Run: pip install {package}")


def suffix_of(path: str) -> str:
    """Return the suffix of a file name in lower case, with its dot."""
    return os.path.splitext(path)[1].lower()


# Each is imported only when it is used, because its libraries take longer to load than a small log takes to count.
def _csv(handout: Handout) -> Iterable[bytes]:
    from flowtag_core.exporting.result_csv import result_csv

    return result_csv(handout.view.report)


def _json(handout: Handout) -> Iterable[bytes]:
    from flowtag_core.exporting.result_json import document, result_json

    return result_json(document(handout))


def _parquet(handout: Handout) -> Iterable[bytes]:
    from flowtag_core.exporting.ports_parquet import ports_parquet

    return [ports_parquet(handout)]


def _html(handout: Handout) -> Iterable[bytes]:
    from flowtag_core.exporting.report_html import report_html

    return report_html(handout)


SUFFIXES: Final[dict[str, Callable[[Handout], Iterable[bytes]]]] = {
    ".json": _json,
    ".parquet": _parquet,
    ".html": _html,
}
_NEEDED: Final = {
    ".parquet": (("pyarrow", "pyarrow"),),
    ".html": (
        ("jinja2", "jinja2"),
        ("pandas", "pandas"),
        ("altair", "altair"),
        ("vl_convert", "vl-convert-python"),
    ),
}
WITH_FINDINGS: Final = (".json", ".html")
"""The suffixes of the outputs that can contain evidence."""
