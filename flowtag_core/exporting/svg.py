"""Altair chart -> SVG, drawn without a browser."""

from __future__ import annotations

import re
from typing import Any, Final
from xml.etree import ElementTree as ET

from flowtag_core.errors import OutputError

_VERSION: Final = "6.4"
"""The version of Vega-Lite that Altair 6 makes charts for."""
_REFERENCE: Final = re.compile(r"url\(#(\w+)\)")
_SPACE: Final = "http://www.w3.org/2000/svg"
ET.register_namespace("", _SPACE)


def svg(chart: Any, width: int, name: str) -> str:
    """Return a chart as an SVG of this width in pixels, without scripts, links, roles or a background.

    Its ids begin with `name`, so that one document can contain several charts. Nothing is fetched. Raises
    OutputError if vl-convert is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise OutputError(
            "an HTML report needs vl-convert to draw its charts. Run: pip install vl-convert-python"
        ) from error
    drawn = chart.to_dict() | {"width": width, "background": None}
    drawn["config"] = {**drawn.get("config", {}), "aria": False}
    picture = vl_convert.vegalite_to_svg(drawn, vl_version=_VERSION, allowed_base_urls=[])
    root = ET.fromstring(picture)  # noqa: S314  (vl-convert made it)
    ids: dict[str, str] = {}
    for element in root.iter():
        _tidy(element, ids, name)
    return ET.tostring(root, encoding="unicode")


def _tidy(element: ET.Element, ids: dict[str, str], name: str) -> None:
    """Rename ids, because vl-convert keeps counting from chart to chart, and remove roles, whose labels are missing."""
    for key, value in [*element.attrib.items()]:
        if key == "role" or key.startswith("aria-"):
            del element.attrib[key]
        elif key == "id":
            element.attrib[key] = _renamed(value, ids, name)
        elif found := _REFERENCE.fullmatch(value):
            element.attrib[key] = f"url(#{_renamed(found[1], ids, name)})"


def _renamed(value: str, ids: dict[str, str], name: str) -> str:
    return ids.setdefault(value, f"{name}-{len(ids)}")
