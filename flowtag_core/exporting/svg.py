"""Altair chart -> SVG, drawn without a browser."""

from __future__ import annotations

import re
from typing import Any, Final
from xml.etree import ElementTree as ET

from flowtag_core.errors import OutputError

_VERSION: Final = "6.4"
"""The version of Vega-Lite that Altair 6 makes charts for."""
_REFERENCE: Final = re.compile(r"url\(#(\w+)\)")
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Source: Extensible Markup Language 1.0, production 2, Char."""
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
    try:
        picture = vl_convert.vegalite_to_svg(
            _clean(drawn), vl_version=_VERSION, allowed_base_urls=[]
        )
    except ValueError as error:
        why = str(error).partition("\n")[0][:200]
        raise OutputError(f"a chart of the report could not be drawn: {why}.") from error
    root = ET.fromstring(picture)  # noqa: S314  (vl-convert made it)
    ids: dict[str, str] = {}
    for element in root.iter():
        _tidy(element, ids, name)
    return ET.tostring(root, encoding="unicode")


def _clean(value: Any) -> Any:
    """Replace the characters that XML does not allow: vl-convert would end the process, which nobody could catch."""
    if isinstance(value, str):
        return _NOT_IN_XML.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_clean(key): _clean(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return value


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
