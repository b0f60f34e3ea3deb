"""A chart becomes an SVG that loads nothing and says what the chart says."""

import sys
from xml.etree import ElementTree as ET

import altair as alt
import pandas as pd
import pytest

from flowtag_core.errors import OutputError
from flowtag_core.exporting.svg import svg
from tests.exporting.made import HOSTILE


def bars(*names):
    frame = pd.DataFrame({"name": names, "count": range(1, 1 + len(names))})
    return alt.Chart(frame).mark_bar().encode(alt.Y("name:N"), alt.X("count:Q"))


def test_text_is_never_markup_and_nothing_is_loaded():
    drawn = svg(bars("web", HOSTILE), 300, "bars")
    root = ET.fromstring(drawn)  # noqa: S314  (made one line above)
    assert any("<script>alert(1)" in "".join(text.itertext()) for text in root.iter())
    kinds = {element.tag.partition("}")[2] for element in root.iter()}
    assert kinds <= {"svg", "g", "path", "rect", "line", "text", "defs", "clipPath"}
    assert not any("href" in name for element in root.iter() for name in element.attrib)


def test_a_missing_library_is_reported_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(OutputError, match="Run: pip install vl-convert-python"):
        svg(bars("web"), 300, "bars")


def test_two_charts_in_one_document_do_not_share_ids():
    clipped = bars("web", 'clip-path="url(#').mark_bar(clip=True)
    one, two = (svg(clipped, 300, name) for name in ("one", "two"))
    assert one != two
    assert one.replace("one-", "two-") == two
    assert 'id="one-0' in one
    assert 'clip-path="url(#one-0' in one
    assert 'clip-path="url(#</text>' in one
    assert " role=" not in one
    assert " aria-" not in one
