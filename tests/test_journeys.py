"""User journeys in a real browser: drop files, sort and filter, improve the lookup, download the result."""

import base64
import csv
import gzip
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from flowtag_core.shapes.layout import BY_VERSION
from tests.conftest import ROOT, SAMPLE, rest, serving
from tests.crowd import crowd
from tests.logs import line, record

# Wait as long as Playwright's other calls do, because some machines are slow.
expect.set_options(timeout=30_000)

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
FORMS = [("desktop", "light"), ("phone", "dark")]
"""The (size, color scheme) pairs for the journeys that run twice."""


# Clears what Streamlit keeps in the browser for the next visit, so that journeys do not affect each other.
FORGET = """
if (location.protocol === "http:" && !sessionStorage.getItem("journey")) {
    localStorage.clear()
    sessionStorage.setItem("journey", "begun")
}
"""


@pytest.fixture(scope="session")
def window(browser, page_url):
    """Yield a function that returns the browser context for a size, a scheme and settings.

    Journeys with the same ones share a context and its cache.
    """
    windows = {}

    def window(size, scheme, **settings):
        form = size, scheme, *settings.items()
        if form not in windows:
            width, height = SIZES[size]
            windows[form] = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                accept_downloads=True,
                reduced_motion="reduce",  # less to draw
                **settings,
            )
            windows[form].add_init_script(FORGET)
            # Tabs of one site share a process while one is open, and with it all compiled scripts.
            windows[form].new_page().goto(f"{page_url}/_stcore/health")
        return windows[form]

    yield window
    for each in windows.values():
        each.close()


@contextmanager
def visited(window, url, size="desktop", scheme="light", **settings):
    """Open the page in a tab. Check at the end that it loaded nothing from outside and no script failed."""
    page = window(size, scheme, **settings).new_page()
    outside, dialogs, faults = [], [], []
    page.on("request", lambda request: outside.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    try:
        page.goto(url)
        page.get_by_role("heading", name="flowtag").wait_for()
        rest(page)
        yield page
        local = re.compile(rf"(?:{re.escape(url.partition('/?')[0])}|data:|blob:)")
        assert [url for url in outside if not local.match(url)] == []
        assert dialogs == []
        assert faults == []
        assert page.get_by_test_id("stException").count() == 0
    except BaseException:
        page.screenshot(path=Path(tempfile.gettempdir(), "journey.png"))
        raise
    finally:
        page.close()


@pytest.fixture(params=FORMS, ids="-".join)
def page(request, window, page_url):
    with visited(window, page_url, *request.param) as page:
        yield page


@pytest.fixture
def tab(window, page_url):
    """A tab of desktop size, for journeys in which size and colors do not matter."""
    with visited(window, page_url) as page:
        yield page


def drop(page, *paths):
    """Drop files on the drop zone, as a user does with the mouse."""
    zone = page.locator("[class*='st-key-logs_and_lookup'] [data-testid='stFileUploaderDropzone']")
    expect(zone).to_have_count(1)
    handle = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of files) {
                const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
            }
            return transfer;
        }""",
        [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in paths],
    )
    zone.dispatch_event("drop", {"dataTransfer": handle})


def tag_cells(page):
    """Return (tag, flows) for each row of the table of tags."""
    rows = page.locator(".st-key-tags table[role=grid] tbody tr")
    cells = rows.evaluate_all(
        "rows => rows.map(r => [...r.querySelectorAll('td')].map(c => c.textContent))"
    )
    return [(row[1], int(row[2])) for row in cells]


def opened(page, popover):
    """Open one of the popovers at the top of the page."""
    page.locator(f".st-key-{popover} [data-testid=stPopoverButton]").click()
    page.get_by_test_id("stPopoverBody").wait_for()


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
    for _ in range(300):
        if page.locator(".st-key-tags table[role=grid]").count() and tag_cells(page) == [*expected]:
            return
        page.wait_for_timeout(100)
    assert tag_cells(page) == [*expected]


SAMPLE_TAGS = (("email", 3), ("sv_P1", 2), ("sv_P2", 1), ("Untagged", 8))


def test_the_sample_can_be_viewed_sorted_and_downloaded(page, tmp_path):
    page.locator(".st-key-sample button").click()
    wait_for_tags(page, *SAMPLE_TAGS)
    for chart, bars in (("tag_bars", 5), ("port_bars", 14)):
        drawn = page.locator(f".st-key-{chart} path[role=graphics-symbol]")
        expect(drawn).to_have_count(bars)
    assert result_csv(page) == command_line(tmp_path, SAMPLE / "flow.log", SAMPLE / "lookup.csv")
    head = page.locator(".st-key-tags canvas").first
    for _ in ("ascending", "descending"):
        head.click(force=True, position={"x": 110, "y": 16})
        page.wait_for_timeout(500)
    wait_for_tags(page, *reversed(SAMPLE_TAGS))


def test_a_lookup_can_be_improved_and_downloaded_without_a_mouse(window, page_url, tmp_path):
    with visited(window, f"{page_url}/?show_replies=true") as tab:
        tab.locator(".st-key-sample button").press("Enter")
        wait_for_tags(tab, *SAMPLE_TAGS)
        tab.keyboard.press("u")
        expect(tab.locator(".st-key-tag_as input")).to_be_focused()
        for tag in ("first", "second", "third", "fourth", "fifth"):
            tab.keyboard.type(tag)
            tab.keyboard.press("Enter")
        untagged(tab, "21.4%")
        tab.locator(".st-key-more [data-testid=stPopoverButton]").press("Enter")
        tab.get_by_text("16 rules, 5 rules not saved.").wait_for()
        rest(tab)
        with tab.expect_download() as download:
            tab.locator(".st-key-improved_lookup button").press("Enter")
        improved = tmp_path / "improved.csv"
        improved.write_bytes(download.value.path().read_bytes())
        sample = (SAMPLE / "lookup.csv").read_bytes()
        assert improved.read_bytes() == sample.rstrip(b"\n") + (
            b"\n80,tcp,first\n1024,tcp,second\n49153,tcp,third\n49154,tcp,fourth\n49155,tcp,fifth\n"
        )
        tab.get_by_text("16 rules.").wait_for()
        rest(tab)
        tab.keyboard.press("Escape")
        with tab.expect_download() as download:
            tab.locator(".st-key-result_csv button").press("Enter")
        result = download.value.path().read_bytes()
        assert result == command_line(tmp_path, SAMPLE / "flow.log", improved)
        assert b"Untagged,3\n" in result
        tab.locator("h1").click()
        for press, share in (("z", "28.6%"), ("z", "35.7%")):
            tab.keyboard.press(press)
            untagged(tab, share)


def test_a_double_click_on_a_suggestion_adds_only_one_rule(tab):
    tab.locator(".st-key-sample button").click()
    wait_for_tags(tab, *SAMPLE_TAGS)
    tab.wait_for_timeout(1000)
    place = tab.locator(".st-key-untagged canvas").first.bounding_box()
    for _ in range(2):
        tab.mouse.click(place["x"] + 170, place["y"] + 48)
        tab.wait_for_timeout(150)
    untagged(tab, "50.0%")
    tab.wait_for_timeout(1500)
    untagged(tab, "50.0%")
    tab.get_by_text("80/tcp is now http. Untagged went from 57.1% to 50.0% of flows.").wait_for()


def test_dropped_files_give_exactly_the_result_of_the_command_line(tab, tmp_path):
    log, lookup = tmp_path / "mine.log", tmp_path / "mine.csv"
    flows = [line(dstport=str(port), srcport=str(port * 7 % 65536)) for port in range(3000)]
    log.write_bytes(b"\r\n".join([b"# mine", *flows, b"short", line(dstport="x")]))
    lookup.write_bytes(
        'dstport;protocol;tag\n0-99;tcp;<script>alert(1)</script>\n100-199;*;"**b** $x$, 😀"\n'.encode()
    )
    drop(tab, log, lookup)
    wait_for_tags(
        tab, ("**b** $x$, 😀", 100), ("<script>alert(1)</script>", 100), ("Untagged", 2800)
    )
    tab.get_by_text("3,003 records = 0 headers + 1 blank + 3,000 flows").wait_for()
    assert result_csv(tab) == command_line(tmp_path, log, lookup)


def test_an_archive_a_services_list_and_an_offered_layout_give_the_result_of_the_command_line(
    tab, tmp_path
):
    names = BY_VERSION[5]
    archive, lookup, custom = (tmp_path / name for name in ("a.zip", "services.gz", "v5.log"))
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("logs/one.log.gz", gzip.compress(line() + b"\n" + line(dstport="22")))
        files.writestr("logs/two.json", json.dumps({"events": [{"message": line().decode()}]}))
    lookup.write_bytes(gzip.compress(b"ssh 22/tcp\nhttps 443/tcp # secure\n"))
    custom.write_text("".join(f"{record(names, dstport=port)}\n" for port in ("22", "22", "80")))
    drop(tab, archive, lookup, custom)
    wait_for_tags(tab, ("https", 2), ("ssh", 1), ("Untagged", 0))
    tab.get_by_text("3 lines fit a common layout of 29 fields").wait_for()
    tab.get_by_role("button", name="Use this layout").click()
    wait_for_tags(tab, ("ssh", 3), ("https", 2), ("Untagged", 1))
    custom.write_text(" ".join(names) + "\n" + custom.read_text())
    assert result_csv(tab) == command_line(tmp_path, archive, custom, lookup)


def numbers(page):
    return page.get_by_test_id("stMetricValue").all_inner_texts()


def zone(page):
    """Return the file input of the drop zone, once there is exactly one; there may be two while it moves."""
    zones = page.locator("[class*='st-key-logs_and_lookup'] input[type=file]")
    expect(zones).to_have_count(1)
    return zones


def write_log(path, lines, **fields):
    path.write_bytes((line(**fields) + b"\n") * lines)
    return path


def remove(page, name):
    if not page.get_by_test_id("stPopoverBody").count():
        opened(page, "files")
    page.get_by_role("button", name=f"Remove {name}", exact=True).click()


def untagged(page, share):
    """Wait until the page says that this share is untagged."""
    page.locator(".st-key-untagged_line .share").get_by_text(share, exact=True).wait_for()


def card(page, label, value):
    """Wait until the number with this label shows this value."""
    name = page.get_by_test_id("stMetricLabel").get_by_text(label, exact=True)
    cards = page.get_by_test_id("stMetric").filter(has=name)
    cards.get_by_test_id("stMetricValue").get_by_text(value, exact=True).wait_for(timeout=60_000)


def test_adding_and_removing_a_log_updates_the_numbers(tab, tmp_path):
    drop(tab, write_log(tmp_path / "a.log", 10), SAMPLE / "lookup.csv")
    card(tab, "Flows", "10")
    drop(tab, write_log(tmp_path / "b.log", 5, dstport="25"))
    card(tab, "Flows", "15")
    wait_for_tags(tab, ("sv_P2", 10), ("sv_P1", 5), ("Untagged", 0))
    remove(tab, "a.log")
    card(tab, "Flows", "5")
    wait_for_tags(tab, ("sv_P1", 5), ("Untagged", 0))
    remove(tab, "lookup.csv")
    wait_for_tags(tab, ("Untagged", 5))
    remove(tab, "b.log")
    tab.locator(".st-key-sample button").wait_for()


def test_a_reload_and_the_back_button_keep_the_files_and_the_view(tab, tmp_path):
    drop(tab, write_log(tmp_path / "a.log", 7), SAMPLE / "lookup.csv")
    card(tab, "Flows", "7")
    tab.locator(".st-key-measure").get_by_text("Packets", exact=True).click()
    card(tab, "Packets", "70")
    tab.wait_for_url("**measure=Packets**")
    tab.reload()
    card(tab, "Packets", "70")
    tab.goto("about:blank")
    tab.go_back()
    card(tab, "Packets", "70")
    wait_for_tags(tab, ("sv_P2", 70), ("Untagged", 0))
    with tab.context.expect_page() as opened:
        tab.evaluate("window.open(location.href)")
    # A tab that is opened from another one gets its view but not its data.
    opened.value.locator(".st-key-sample button").wait_for()


@pytest.fixture(scope="module")
def slow_page(tmp_path_factory):
    """Yield the URL of a page that reads slowly while a certain file exists, and the path of that file."""
    folder = tmp_path_factory.mktemp("slow")
    with serving(folder, program=("tests.held", str(folder / "hold"))) as (url, _):
        yield url, folder / "hold"


def test_any_click_while_files_are_counted_is_harmless(window, slow_page, tmp_path):
    url, hold = slow_page
    hold.touch()
    with visited(window, url) as tab:
        tab.locator(".st-key-sample button").click()
        wait_for_tags(tab, *SAMPLE_TAGS)
        zone(tab).set_input_files([write_log(tmp_path / f"{name}.log", 60_000) for name in "abc"])
        tab.locator(".st-key-cancel button").wait_for()
        for name, value in (("Bytes", "111 kB"), ("Packets", "174"), ("Flows", "14")):
            tab.locator(".st-key-measure").get_by_text(name, exact=True).click()
            card(tab, name, value)
        tab.locator(".st-key-action").get_by_text("Reject", exact=True).click()
        tab.locator(".st-key-action").get_by_text("All", exact=True).click()
        assert tab.locator(".st-key-cancel button").count() == 1, "reading was not held back"
        hold.unlink()
        card(tab, "Flows", "180,000")
        tab.get_by_text("180,000 records = 0 headers + 0 blank + 180,000 flows").wait_for(
            state="attached"
        )


def test_canceling_halfway_keeps_the_earlier_files_and_names_the_unread_ones(
    window, slow_page, tmp_path
):
    url, hold = slow_page
    hold.unlink(missing_ok=True)
    with visited(window, url) as tab:
        drop(tab, write_log(tmp_path / "small.log", 3))
        card(tab, "Flows", "3")
        hold.touch()
        zone(tab).set_input_files(
            [write_log(tmp_path / "large.log", 60_000), tmp_path / "small.log"]
        )
        tab.get_by_text(re.compile(r"large.log \(1 of 2\): .* kB of 5\.\d+ MB")).wait_for()
        tab.locator(".st-key-cancel button").click()
        tab.get_by_text("small.log (2): cancelled before it was read.").wait_for()
        tab.get_by_text("large.log: cancelled before it was read completely.").wait_for()
        card(tab, "Flows", "3")
        expect(tab.locator(".st-key-cancel")).to_have_count(0)
        hold.unlink()
        drop(tab, write_log(tmp_path / "c.log", 2))
        card(tab, "Flows", "5")


def test_a_file_that_is_too_large_or_not_a_log_is_named_and_the_others_are_counted(tab, tmp_path):
    picture, huge = tmp_path / "picture.log", tmp_path / "huge.log"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with huge.open("wb") as file:
        file.truncate(1_100 << 20)
    sentence = tab.get_by_text("huge.log: was not uploaded because it is larger than 1,024 MB.")
    zone(tab).set_input_files([huge, picture, SAMPLE / "flow.log"])
    card(tab, "Flows", "14")
    sentence.wait_for()
    tab.get_by_text("picture.log: is a picture").wait_for()
    zone(tab).set_input_files([huge, write_log(tmp_path / "a.log", 3)])
    card(tab, "Flows", "17")
    sentence.wait_for()
    tab.wait_for_timeout(1500)  # The same message arrives a second time.
    drop(tab, SAMPLE / "lookup.csv")
    wait_for_tags(tab, ("sv_P2", 4), ("email", 3), ("sv_P1", 2), ("Untagged", 8))
    expect(sentence).to_have_count(0)


def test_files_in_place_need_no_upload_and_the_lookup_can_be_saved_to_its_file(window, tmp_path):
    logs, rules = tmp_path / "logs", tmp_path / "rules.csv"
    logs.mkdir()
    write_log(logs / "a.log", 4)
    write_log(logs / "b.log", 4, dstport="25")
    rules.write_bytes(b"dstport,protocol,tag\n443,tcp,web\n")
    better = tmp_path / "better.csv"
    better.write_bytes(b"# mine\nport;proto;tag\n443;tcp;web\n25;tcp;mail\n")
    with (
        serving(tmp_path, str(logs), "--lookup", str(rules)) as (url, _),
        visited(window, url) as tab,
    ):
        wait_for_tags(tab, ("web", 4), ("Untagged", 4))
        expect(tab.locator(".st-key-save_lookup")).to_have_count(0)
        drop(tab, better)
        wait_for_tags(tab, ("mail", 4), ("web", 4), ("Untagged", 0))
        opened(tab, "more")
        tab.locator(".st-key-save_lookup button").click()
        tab.locator(".st-key-save_confirmed button").click()
        tab.get_by_text("Saved 2 rules to").wait_for()
        assert rules.read_bytes() == better.read_bytes()
        expect(tab.locator(".st-key-save_lookup")).to_have_count(0)
        tab.reload()
        wait_for_tags(tab, ("mail", 4), ("web", 4), ("Untagged", 0))


def test_one_click_shows_who_talks_and_another_narrows_that_to_an_address(page, tmp_path):
    log = tmp_path / "mine.log"
    flows = [line(srcaddr="10.0.0.5"), line(srcaddr="8.8.8.8", dstport="3389", action="REJECT")]
    log.write_bytes(b"\n".join([*flows * 3, flows[0]]))
    drop(page, log)
    page.locator(".st-key-top_talkers button:visible").click()
    panel = page.locator(".st-key-who_panel")
    expect(panel).to_contain_text("7 flows, 5.88 kB, 42.9% rejected.")
    rest(page)
    in_view(panel)
    click_row(page, ".st-key-who_panel", 0, across=40)
    expect(panel.get_by_role("button", name="From or to 10.0.0.5")).to_be_visible()
    expect(panel).to_contain_text("4 flows, 3.36 kB.")
    with page.expect_download() as download:
        panel.get_by_role("button", name="CSV").click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["list"] == "pairs"]
    ends = [(row["source"], row["destination"], row["flows"]) for row in rows]
    assert ends == [("10.0.0.5", "10.0.0.2", "4")]
    panel.get_by_role("button", name="From or to 10.0.0.5").click()
    expect(panel).to_contain_text("7 flows")
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_have_count(0)


def test_a_search_finds_ports_protocols_and_tags(tab):
    tab.locator(".st-key-sample button").click()
    wait_for_tags(tab, *SAMPLE_TAGS)
    for text, pairs in (("4915*", 6), ("email", 3), ("udp", 0)):
        tab.locator(".st-key-search input").fill(text)
        tab.get_by_text(f"{pairs} of 14 ports").wait_for()
        bars = tab.locator(".st-key-port_bars").locator("path[role=graphics-symbol]")
        expect(bars).to_have_count(pairs)
    opened(tab, "ask_start_over")
    tab.locator(".st-key-start_over button").click()
    tab.wait_for_function("location.search === ''")
    tab.locator(".st-key-sample button").wait_for()


# Violations that only Streamlit and Vega can fix: Streamlit's drop zone is marked as presentational but
# accepts files, and Vega's brush is an image without a name.
OTHERS_OWN = {
    ("presentation-role-conflict", "stFileUploaderDropzone"),
    ("svg-img-alt", "brush_brush"),
}


def barriers(page):
    """Return each accessibility rule of axe that the page breaks, with the element that breaks it."""
    broken = Axe().run(page).response["violations"]
    name = r'(?<=data-testid=")\w+|brush_brush'
    return {
        (rule["id"], next(iter(re.findall(name, node["html"])), node["html"]))
        for rule in broken
        for node in rule["nodes"]
    }


def barriers_in(page, *forms):
    """Return what axe finds in these sizes and color schemes of one open page."""
    found = set()
    for size, scheme in forms:
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(
            "theme => document.documentElement.dataset.theme === theme", arg=scheme
        )
        rest(page, 900)  # A new size and a new scheme both make the script run again.
        assert is_dark(page) == (scheme == "dark")
        found |= barriers(page)
    return found


def is_dark(page):
    ground = page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor")
    return sum(map(int, re.findall(r"\d+", ground)[:3])) < 3 * 128


def test_axe_finds_only_what_streamlit_and_vega_would_have_to_fix(tab, tmp_path):
    assert barriers_in(tab, ("phone", "light"), ("desktop", "dark")) <= OTHERS_OWN
    log = write_log(tmp_path / "a.log", 3)
    log.write_bytes(log.read_bytes() + line(status="SKIPDATA") + b"\nshort\n")
    rules, picture = tmp_path / "rules.csv", tmp_path / "picture.log"
    rules.write_bytes(b"dstport,protocol,tag\n443,tcp,web\n443,tcp,mail\n")
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    drop(tab, log, rules, picture)
    wait_for_tags(tab, ("mail", 3), ("Untagged", 0))
    assert barriers_in(tab, ("desktop", "light"), ("phone", "dark")) <= OTHERS_OWN
    tab.locator(".st-key-top_talkers button:visible").click()
    expect(tab.locator(".st-key-who_panel")).to_contain_text("3 flows")
    assert barriers_in(tab, ("phone", "light"), ("desktop", "dark")) <= OTHERS_OWN


def rows_of(page, key):
    """Return the cells of each row of a table, as a screen reader gets them."""
    rows = page.locator(f"{key} table[role=grid] tbody tr")
    return rows.evaluate_all(
        "rows => rows.map(r => [...r.querySelectorAll('td')].map(c => c.textContent))"
    )


def click_row(page, key, row, across=15):
    """Click the checkbox of a row, or the point this many pixels from the left edge of the table."""
    place = page.locator(f"{key} canvas").first.bounding_box()
    page.mouse.click(place["x"] + across, place["y"] + 48 + 32 * row)


def in_address(page, name):
    return page.evaluate("name => new URLSearchParams(location.search).get(name)", name)


def wait_for_address(page, name, value):
    page.wait_for_function(
        "([name, value]) => new URLSearchParams(location.search).get(name) === value",
        arg=[name, value],
    )


def in_view(element):
    """Scroll an element into the middle of the window."""
    element.evaluate("element => element.scrollIntoView({block: 'center'})")


def timeline(page):
    """Return the bounding box of the timeline's plot, without its axes."""
    chart = page.locator("[class*=st-key-timeline_]").get_by_test_id("stVegaLiteChart")
    rest(page)  # There may be two charts while it is redrawn.
    expect(chart).to_have_count(1)
    in_view(chart)
    chart.locator("path[role=graphics-symbol]").first.wait_for()
    rest(page)
    return chart.locator(".mark-group.role-frame.root > g > .background").first.bounding_box()


def drag_over(page, first, last):
    """Drag over a part of the timeline; its left end is 0 and its right end is 1."""
    plot = timeline(page)
    y = plot["y"] + plot["height"] / 3
    page.mouse.move(plot["x"] + plot["width"] * first, y)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] * (first + last) / 2, y, steps=4)
    page.mouse.move(plot["x"] + plot["width"] * last, y, steps=4)
    page.mouse.up()


def hours(path):
    """Write a log with one flow in the first minute, two in the second and so on, for 40 minutes."""
    ports = ("443", "25", "9092")
    flows = [
        line(dstport=ports[minute % 3], start=str(1_700_000_040 + 60 * minute))
        for minute in range(40)
        for _ in range(minute + 1)
    ]
    path.write_bytes(b"\n".join(flows))
    return path


def test_dragging_over_the_timeline_limits_the_whole_page_to_that_time(window, page_url, tmp_path):
    # In Tokyo it is already the next day, but the times stay in UTC.
    with visited(window, page_url, timezone_id="Asia/Tokyo") as tab:
        drop(tab, hours(tmp_path / "a.log"), SAMPLE / "lookup.csv")
        card(tab, "Flows", "820")
        tab.get_by_text("1-minute bars \u00b7 UTC").wait_for()
        drag_over(tab, 0.252, 0.497)
        wait_for_address(tab, "time", "2023-11-14T22:24/2023-11-14T22:34")
        kept = range(10, 20)
        card(tab, "Flows", str(sum(minute + 1 for minute in kept)))
        wait_for_tags(
            tab,
            *(
                (tag, sum(m + 1 for m in kept if m % 3 == n))
                for n, tag in ((1, "sv_P1"), (0, "sv_P2"))
            ),
            ("Untagged", sum(m + 1 for m in kept if m % 3 == 2)),
        )
        tab.locator(".st-key-clear_time").get_by_text(
            "14 Nov 2023 22:24 \u2013 22:34 UTC"
        ).wait_for()
        tab.reload()
        card(tab, "Flows", "155")
        timeline(tab)
        dimmed = tab.locator("[class*=st-key-timeline_] path[role=graphics-symbol][opacity='0.3']")
        expect(dimmed).to_have_count(30)
        drag_over(tab, 0.752, 0.998)
        wait_for_address(tab, "time", "2023-11-14T22:44/2023-11-14T22:54")
        card(tab, "Flows", str(sum(range(31, 41))))
        tab.locator(".st-key-clear_time button").click()
        card(tab, "Flows", "820")
        assert in_address(tab, "time") is None
        drag_over(tab, 0.001, 0.02)
        card(tab, "Flows", "1")
        plot = timeline(tab)
        tab.mouse.dblclick(plot["x"] + plot["width"] / 2, plot["y"] + 20)
        card(tab, "Flows", "820")


def test_a_link_opens_the_view_it_was_copied_from(window, page_url):
    view = "measure=Packets&action=Accept&view=By+service&tag=email&search=993"
    with visited(window, f"{page_url}/?{view}&time=2021-05-04T15:04/2021-05-04T15:06") as tab:
        tab.locator(".st-key-sample button").click()
        card(tab, "Packets", "71")
        tab.locator(".st-key-clear_tag").get_by_text("email").wait_for()
        expect(tab.locator(".st-key-search input")).to_have_value("993")
        in_view(tab.locator(".st-key-ports"))
        tab.locator(".st-key-ports table[role=grid] tbody tr").wait_for(state="attached")
        assert [row[2:4] for row in rows_of(tab, ".st-key-ports")] == [["tcp", "email"]]
        tab.get_by_role("button", name="4 May 2021 15:04 \u2013 15:06 UTC").wait_for()
        assert in_address(tab, "tag") == "email"


def test_a_selected_tag_stays_selected_when_its_row_moves(window, page_url):
    with visited(window, f"{page_url}/?show_replies=true") as tab:
        _follow_a_selected_tag(tab)


def _follow_a_selected_tag(tab):
    tab.locator(".st-key-sample button").click()
    wait_for_tags(tab, *SAMPLE_TAGS)
    rest(tab)
    click_row(tab, ".st-key-tags", 2, across=150)  # its name
    tab.locator(".st-key-clear_tag").get_by_text("sv_P2").wait_for()
    wait_for_address(tab, "tag", "sv_P2")
    box = tab.locator(".st-key-tag_as input")
    for share in ("50.0%", "42.9%", "35.7%"):
        box.fill("sv_P2")
        box.press("Enter")
        untagged(tab, share)
        rest(tab)
    wait_for_tags(tab, ("sv_P2", 4), ("email", 3), ("sv_P1", 2), ("Untagged", 5))
    tab.locator(".st-key-clear_tag").get_by_text("sv_P2").wait_for()
    tab.get_by_text("4 of 14 ports").wait_for()
    rest(tab)
    # A second click on the tag, in its new row, deselects it.
    click_row(tab, ".st-key-tags", 0)
    expect(tab.locator(".st-key-clear_tag")).to_have_count(0)
    assert in_address(tab, "tag") is None


def test_a_new_rule_keeps_the_order_and_scroll_position_of_the_untagged_ports(tab, tmp_path):
    log = tmp_path / "a.log"
    flows = [line(dstport=str(port)) for port in range(2000, 2100) for _ in range(port - 1990)]
    log.write_bytes(b"\n".join(flows))
    drop(tab, log)
    card(tab, "Ports", "100")
    rest(tab)
    head = tab.locator(".st-key-untagged canvas").first
    head.click(force=True, position={"x": 60, "y": 17})  # by port, the smallest first
    tab.wait_for_timeout(500)
    assert rows_of(tab, ".st-key-untagged")[0][0] == "2000/tcp"
    place = head.bounding_box()
    tab.mouse.move(place["x"] + 100, place["y"] + 200)
    tab.mouse.wheel(0, 35 * 20)
    tab.wait_for_timeout(500)
    before = rows_of(tab, ".st-key-untagged")[3][0]
    tab.locator(".st-key-tag_as textarea").fill("2099/tcp")
    box = tab.locator(".st-key-tag_as input")
    box.fill("mine")
    box.press("Enter")
    tab.get_by_text("2099/tcp is now mine").first.wait_for()
    rest(tab)
    tab.wait_for_timeout(1000)
    after = [row[0] for row in rows_of(tab, ".st-key-untagged")]
    assert after[3:4] == [before], after
    tab.locator(".st-key-undo button").click()
    tab.get_by_text("Undone. Untagged went").wait_for()
    tab.wait_for_timeout(1000)
    assert rows_of(tab, ".st-key-untagged")[3][0] == before


def test_three_tabs_never_show_each_others_data(browser, page_url, tmp_path):
    crowd(browser, page_url, tmp_path, tabs=3, times=1, seed=3)
