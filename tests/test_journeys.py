"""A user's way through the page in a real browser: files dropped, tables sorted, the CSV taken."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT, SAMPLE
from tests.logs import line

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(params=SIZES)
def page(request, scheme, browser, page_url):
    width, height = SIZES[request.param]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True
    )
    page = context.new_page()
    page.outside, page.dialogs, page.faults = [], [], []
    page.on("request", lambda request: page.outside.append(request.url))
    page.on("dialog", lambda dialog: (page.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda fault: page.faults.append(str(fault)))
    page.goto(page_url)
    page.wait_for_selector(".st-key-sample button")
    yield page
    local = re.compile(rf"(?:{re.escape(page_url)}|data:|blob:)")
    assert [url for url in page.outside if not local.match(url)] == []
    assert page.dialogs == []
    assert page.faults == []
    assert page.get_by_test_id("stException").count() == 0
    context.close()


def drop(page, *paths):
    """Let go of files over the drop zone, as a hand with a mouse does."""
    zone = page.locator("[class*='st-key-logs_and_lookup'] [data-testid='stFileUploaderDropzone']")
    handle = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of files)
                transfer.items.add(new File([new Uint8Array(bytes)], name));
            return transfer;
        }""",
        [[path.name, list(path.read_bytes())] for path in paths],
    )
    zone.dispatch_event("drop", {"dataTransfer": handle})


def tag_cells(page):
    """Tag -> flows, as the table shows them."""
    rows = page.locator(".st-key-tags table[role=grid] tbody tr")
    cells = rows.evaluate_all(
        "rows => rows.map(r => [...r.querySelectorAll('td')].map(c => c.textContent))"
    )
    return [(row[0], int(row[1])) for row in cells]


def result_csv(page):
    with page.expect_download() as download:
        page.locator(".st-key-result_csv button").click()
    with open(download.value.path(), "rb") as file:
        return file.read()


def command_line(tmp_path, *inputs):
    output = tmp_path / "command-line.csv"
    command = [sys.executable, "-m", "flowtag_core", *map(str, inputs), str(output)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return output.read_bytes()


def wait_for_tags(page, *expected):
    for _ in range(100):
        if page.locator(".st-key-tags table[role=grid]").count() and tag_cells(page) == [*expected]:
            return
        page.wait_for_timeout(100)
    assert tag_cells(page) == [*expected]


SAMPLE_TAGS = (("email", 3), ("sv_P1", 2), ("sv_P2", 1), ("Untagged", 8))


def test_from_the_sample_to_the_csv(page, tmp_path):
    page.locator(".st-key-sample button").click()
    wait_for_tags(page, *SAMPLE_TAGS)
    bars = page.locator("[data-testid=stVegaLiteChart] path[role=graphics-symbol]")
    bars.first.wait_for()
    assert bars.count() == 4 + 14
    assert result_csv(page) == command_line(tmp_path, SAMPLE / "flow.log", SAMPLE / "lookup.csv")


def test_dropped_files_give_the_very_bytes_of_the_command_line(page, tmp_path):
    log, lookup = tmp_path / "mine.log", tmp_path / "mine.csv"
    flows = [line(dstport=str(port), srcport=str(port * 7 % 65536)) for port in range(3000)]
    log.write_bytes(b"\r\n".join([b"# mine", *flows, b"short", line(dstport="x")]))
    lookup.write_bytes(
        'dstport;protocol;tag\n0-99;tcp;<script>alert(1)</script>\n100-199;*;"**b** $x$, 😀"\n'.encode()
    )
    drop(page, log, lookup)
    wait_for_tags(
        page, ("**b** $x$, 😀", 100), ("<script>alert(1)</script>", 100), ("Untagged", 2800)
    )
    assert result_csv(page) == command_line(tmp_path, log, lookup)
    page.get_by_text("3,003 records = 0 headers + 1 blank + 3,000 flows").wait_for()


def test_the_tag_table_sorts_by_a_click_on_its_head(page):
    page.locator(".st-key-sample button").click()
    wait_for_tags(page, *SAMPLE_TAGS)
    canvas = page.locator(".st-key-tags canvas").first
    for _ in ("ascending", "descending"):
        canvas.click(force=True, position={"x": 40, "y": 17})
        page.wait_for_timeout(500)
    wait_for_tags(page, *reversed(SAMPLE_TAGS))


def test_a_wrong_file_among_good_ones_gets_its_sentence(page, tmp_path):
    picture = tmp_path / "picture.log"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    drop(page, picture, SAMPLE / "flow.log", SAMPLE / "lookup.csv")
    wait_for_tags(page, *SAMPLE_TAGS)
    assert "picture.log: is a PNG picture" in page.get_by_test_id("stAlert").first.inner_text()


def test_clicks_while_files_are_counted_count_nothing_twice(browser, page_url, tmp_path):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(page_url)
    page.locator(".st-key-sample button").click()
    wait_for_tags(page, *SAMPLE_TAGS)
    logs = [tmp_path / f"{name}.log" for name in "abc"]
    for log in logs:
        log.write_bytes((line() + b"\n") * 200_000)
    zone = page.locator("[class*='st-key-logs_and_lookup'] input[type=file]")
    cell = page.locator(".st-key-tags canvas").first.bounding_box()
    zone.set_input_files(logs)
    for moment in range(10):
        page.wait_for_timeout(550)
        # Now one cell, now the one below: a click on a selected cell would not run the page.
        page.mouse.click(cell["x"] + 40, cell["y"] + 60 + 35 * (moment % 2))
    page.get_by_text("600,000 records = 0 headers + 0 blank + 600,000 flows").wait_for(
        state="attached", timeout=60_000
    )
    page.wait_for_timeout(1000)
    assert page.get_by_text("a.log, b.log, c.log").count() == 1
    page.close()
