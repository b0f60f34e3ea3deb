"""No number on the page is ever cut off, however wide or narrow the window is."""

import re
from pathlib import Path

import pytest

from tests.conftest import rest
from tests.logs import line

WIDTHS = (1920, 1440, 1280, 1024, 768, 390)
BYTES = {443: 312_345_678_901_234, 25: 212_345_678_901_234, 9092: 412_345_678_901_234}
DRAWN = Path(__file__).with_name("drawn.js").read_text()

# Returns the numbers outside the tables that are cut off, by their own box or by the window.
CUT = """() => {
    const found = document.querySelectorAll(
        "[data-testid=stMetricValue], .untagged span, .key b, [data-testid=stVegaLiteChart] text")
    return [...found].filter(element => {
        if (!/\\d/.test(element.textContent)) return false
        const box = element.getBoundingClientRect()
        const within = element.closest("svg, [class*=st-key-]").getBoundingClientRect()
        const isInline = element instanceof SVGElement || !element.clientWidth
        return !isInline && element.scrollWidth > element.clientWidth + 1
            || box.right > Math.min(within.right, innerWidth) + 1 || box.left < within.left - 1
    }).map(element => element.textContent)
}"""


@pytest.fixture(scope="module")
def tab(browser, page_url, tmp_path_factory):
    """The page with a log in which the bytes of each port and tag have 15 digits."""
    folder = tmp_path_factory.mktemp("numbers")
    log, rules = folder / "large.log", folder / "rules.csv"
    flows = [line(dstport=str(port), volume=str(count)) for port, count in BYTES.items()]
    later = line(dstport="443", start="1700003640")
    log.write_bytes(b"\n".join([*flows, later]))
    rules.write_text("dstport,protocol,tag\n443,tcp,a-tag-with-a-very-long-name\n25,tcp,mail\n")
    page = browser.new_page(viewport={"width": 1920, "height": 2600}, reduced_motion="reduce")
    page.add_init_script(DRAWN)
    page.goto(f"{page_url}/?measure=Bytes")
    page.locator(".st-key-sample button").wait_for()
    rest(page, 900)  # The page asks the browser for its width, and then runs again.
    page.locator("[class*='st-key-logs_and_lookup'] input[type=file]").set_input_files([log, rules])
    page.locator(".st-key-ports canvas").first.wait_for()
    yield page
    page.close()


def settled(page, width):
    """Set the width of the window, and wait until the page has adapted to it."""
    _resize(page, width)
    page.evaluate("drawn.clear()")
    _resize(page, width - 2)  # This redraws the tables completely.


def _resize(page, width):
    page.set_viewport_size({"width": width, "height": 2600})
    known = "width => window.flowtagWindow.known.width === width"
    page.wait_for_function(known, arg=width // 20 * 20)
    rest(page, 900)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_number_is_shown_in_full(tab, width):
    settled(tab, width)
    assert tab.evaluate(CUT) == []
    drawn = dict(tab.evaluate("[...drawn]"))
    assert [text for text, is_whole in drawn.items() if not is_whole] == []
    for table, ports in (("tags", BYTES), ("ports", BYTES), ("untagged", [9092])):
        for port in ports:
            whole = f"{BYTES[port] + 840 * (port == 443):,}"
            form = re.escape(whole)
            if table != "tags" and width < 1024:
                form += rf"|{whole[:3]}\.\dTB"
            assert any(re.fullmatch(rf"{table}\|({form})", text) for text in drawn), sorted(drawn)
