"""The pictures of the page in README and docs are not older than the page."""

import pytest
from PIL import Image, ImageChops, ImageStat

from tests import pictures

COARSE = (90, 56)
"""The size at which two pictures are compared: fonts differ a little from one machine to the next."""
MOST_APART = 1
"""How far apart two pictures may be, on average over all pixels and colors, of 255."""


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory):
    """Yield a tab that shows the page of the pictures."""
    folder = tmp_path_factory.mktemp("days")
    with pictures.page_of_days(folder) as url, pictures.opened(browser, url) as tab:
        yield tab


@pytest.mark.parametrize("scheme", pictures.SCHEMES)
def test_a_picture_shows_the_page_as_it_is_now(tab, scheme, tmp_path):
    text = pictures.taken(tab, scheme, tmp_path / "now.png")
    with Image.open(pictures.picture(scheme)) as kept, Image.open(tmp_path / "now.png") as now:
        advice = "take the pictures again: python -m tests.pictures"
        assert kept.text["page"] == text, advice
        assert apart(kept, now) < MOST_APART, advice


def apart(one, other):
    """How far apart two pictures are on average, if they are looked at from afar."""
    coarse = [image.convert("RGB").resize(COARSE, Image.Resampling.BOX) for image in (one, other)]
    return sum(ImageStat.Stat(ImageChops.difference(*coarse)).mean) / 3


def test_another_color_or_a_missing_section_is_noticed():
    with (
        Image.open(pictures.picture("light")) as light,
        Image.open(pictures.picture("dark")) as dark,
    ):
        assert apart(light, dark) > 100
        without = light.convert("RGB")
        without.paste((255, 255, 255), (0, 230, 1440, 400))  # the timeline
        assert apart(light, without) > MOST_APART
