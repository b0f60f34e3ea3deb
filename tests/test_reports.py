"""A report in a browser: it opens at once and offline, in both color schemes, is accessible, and prints well."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from flowtag_core.exporting.report_html import report_html
from tests.exporting.made import handout_of
from tests.exporting.test_report_html import hostile_handout
from tests.logs import line

MOST_BYTES = 5_000_000
PORTS = """[...document.querySelectorAll("table")]
    .filter(table => table.caption.textContent.startsWith("Ports"))
    .reduce((rows, table) => rows + table.tBodies[0].rows.length, 0)"""
SIZES = {"phone": (390, 844), "desktop": (1440, 900)}


def written(path, ports):
    """Write the report of a log with this many ports over several hours, and some flows from outside."""
    lines = [
        line(
            dstport=str(port),
            srcaddr="8.8.8.8" if port % 3 else "10.0.0.1",
            action="REJECT" if port % 5 == 0 else "ACCEPT",
            start=str(1_700_000_000 + 60 * (port % 240)),
        )
        for port in range(1, ports + 1)
    ]
    path.write_bytes(b"".join(report_html(handout_of(*lines, b"short"))))
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return written(tmp_path_factory.mktemp("large") / "report.html", 5_000)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A report in which each kind of table has rows to unfold; axe takes too long on a larger one."""
    return written(tmp_path_factory.mktemp("small") / "report.html", 60)


@pytest.fixture
def opened(browser):
    """Return a function that opens a file offline and checks that it requests nothing else and logs nothing."""
    contexts = []

    def opens(path, size="desktop", scheme="light"):
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("dialog", lambda dialog: page.said.append(dialog.message))
        page.goto(path.as_uri())
        assert page.asked == [path.as_uri()]
        assert page.said == []
        return page

    yield opens
    for context in contexts:
        context.close()


def test_a_report_with_five_thousand_ports_is_small_and_opens_within_a_second(large, opened):
    assert large.stat().st_size < MOST_BYTES
    page = opened(large)
    took = page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
    assert took < 1_000
    assert page.evaluate(PORTS) == 5_000


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(small, opened, size, scheme):
    page = opened(small, size, scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Axe is a script, which the report itself forbids.
    page.evaluate("document.querySelector('meta[http-equiv]').remove()")
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert [each["id"] for each in found.response["violations"]] == []


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_a_printed_report_has_a_few_pages_whatever_the_number_of_ports(large, opened, paper):
    printed = opened(large).pdf(format=paper, prefer_css_page_size=True)
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", printed))
    assert 2 <= pages <= 8


def test_hostile_text_is_shown_and_does_nothing(tmp_path, opened):
    path = tmp_path / "report.html"
    path.write_bytes(b"".join(report_html(hostile_handout(tmp_path))))
    page = opened(path)
    page.wait_for_timeout(300)
    assert page.asked == [path.as_uri()]
    assert page.said == []
    assert page.locator("script, img, a").count() == 0
    assert "<script>alert(1)</script>" in page.locator("main").inner_text()
