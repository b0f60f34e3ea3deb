"""The style sheet has the same colors as the charts."""

import re

import pytest

from flowtag_core.page.style import SHEET
from flowtag_core.showing import legend

CSS = SHEET.read_text(encoding="utf-8")


def colours(selector):
    """The colors that a rule defines."""
    rule = re.search(rf"{re.escape(selector)} {{([^}}]*)}}", CSS)[1]
    return dict(re.findall(r"--([\w-]+): (#\w+);", rule))


LIGHT, DARK = colours(":root"), colours(':root[data-theme="dark"]')


@pytest.mark.parametrize(("theme", "named"), [("light", LIGHT), ("dark", DARK)])
def test_the_style_sheet_and_the_charts_have_the_same_colors(theme, named):
    assert named["amber"] == legend.AMBER
    assert named["pale"] == legend.PALE[theme]
    assert named["amber-ink"] == legend.AMBER_INK[theme]


def test_every_color_in_use_is_defined_for_both_themes():
    assert {*LIGHT} == {*DARK}
    assert set(re.findall(r"var\(--([\w-]+)\)", CSS)) - {"up"} == {*LIGHT}


def test_until_the_theme_is_known_the_systems_theme_applies():
    assert colours(":root:not([data-theme])") == DARK
