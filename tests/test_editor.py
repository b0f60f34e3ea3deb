"""The lookup editor in a real browser: typed cells are complete, and pending until they are applied."""

import pytest
from playwright.sync_api import expect

from tests.conftest import rest, serving
from tests.logs import line

expect.set_options(timeout=30_000)

LINE, PORT, PROTOCOL, TAG = 60, 200, 330, 450
"""The distance in pixels from the left edge of the table to a point in each column."""
LOOKUP = "dstport,protocol,tag\r\n" + "".join(f"{port},tcp,t{port}\r\n" for port in range(1, 21))
TROUBLED = LOOKUP.replace("\r\n15,tcp", "\r\n99999,tcp") + '3,tcp,"**new** <b>x</b>"\r\n'


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The URL of a page that was started with a log and a lookup with problems."""
    folder = tmp_path_factory.mktemp("editor")
    log = folder / "a.log"
    log.write_bytes(b"".join(line(dstport=str(port)) + b"\n" for port in range(1, 21)))
    lookup = folder / "lookup.csv"
    lookup.write_bytes(TROUBLED.encode())
    with serving(folder, str(log), "--lookup", str(lookup)) as (url, _):
        yield url


@pytest.fixture
def page(desk, address):
    page = desk.new_page()
    dialogs, faults = [], []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(address)
    grid(page).locator("canvas").first.wait_for()
    rest(page)
    in_view(page)
    yield page
    assert (dialogs, faults) == ([], [])
    assert page.get_by_test_id("stException").count() == 0
    page.close()


def grid(page):
    return page.locator("[class*='st-key-rules_']:not([data-retained])")


def in_view(page):
    grid(page).evaluate("element => element.scrollIntoView({block: 'center'})")


def pick(page, column, row):
    """Click the cell in this row of the table, 0 for the first below the header."""
    in_view(page)
    place = grid(page).locator("canvas").first.bounding_box()
    page.mouse.click(place["x"] + column, place["y"] + 48 + 32 * row)
    page.wait_for_timeout(200)


def write(page, *cells, end="Enter"):
    """Type cells one after another, like a fast typist."""
    for cell in cells:
        page.keyboard.type(cell, delay=60)
        page.keyboard.press(end)
        page.wait_for_timeout(60)


def waiting(page):
    """The texts of the pending changes; the page draws them after their number."""
    rest(page)
    return page.locator(".st-key-rules li").all_inner_texts()


def says(page, text):
    page.locator(".st-key-rules").get_by_text(text).first.wait_for()


def saved(page):
    """The bytes of the lookup with all applied changes."""
    page.locator(".st-key-more [data-testid=stPopoverButton]").click()
    with page.expect_download() as download:
        page.locator(".st-key-improved_lookup button").click()
    page.keyboard.press("Escape")
    return download.value.path().read_bytes().decode()


def apply(page):
    page.locator(".st-key-apply_edits button").click()


def test_eight_cells_typed_one_after_another_are_complete_and_one_change(page):
    tags = [f"word-{number}" for number in range(8)]
    pick(page, TAG, 0)
    write(page, *tags)
    says(page, "8 pending changes. Apply or discard them.")
    assert [text.split()[-1] for text in waiting(page)] == tags
    assert saved(page) == TROUBLED
    apply(page)
    says(page, "is now word-0")
    rest(page)
    text = TROUBLED
    for port, tag in enumerate(tags, start=1):
        text = text.replace(f"tcp,t{port}\r\n", f"tcp,{tag}\r\n")
    assert saved(page) == text
    page.locator(".st-key-undo_rows button").click()
    rest(page)
    assert page.locator(".st-key-undo_rows button").is_disabled()
    assert saved(page) == TROUBLED


def test_cells_typed_with_the_tab_key_are_checked_by_row_and_gone_when_discarded(page):
    pick(page, PORT, 1)
    write(page, "2222", "udp", "**x** <b>y</b>", end="Tab")
    says(page, "1 pending change. Apply or discard it.")
    change = "Line 3 dstport: 2 → 2222, protocol: tcp → udp, tag: t2 → **x** <b>y</b>"
    assert waiting(page) == [change]
    assert page.locator(".st-key-rules li b").count() == 0
    pick(page, PORT, 0)
    write(page, "99999")
    says(page, "1 row cannot be used. Correct it first.")
    says(page, "port '99999' is not a port 0-65535")
    expect(page.locator(".st-key-apply_edits button")).to_be_disabled()
    pick(page, PORT, 0)
    write(page, "999")
    says(page, "2 pending changes. Apply or discard them.")
    expect(page.locator(".st-key-apply_edits button")).to_be_enabled()
    page.locator(".st-key-discard_edits button").click()
    says(page, "No pending changes.")
    rest(page)
    assert "2222" not in grid(page).locator("table[role=grid]").inner_text()
    assert waiting(page) == []


def test_apply_includes_the_open_cell_and_edits_that_were_pending_when_a_rule_was_added(
    page,
):
    pick(page, TAG, 0)
    write(page, "other")
    says(page, "1 pending change")
    page.locator(".st-key-tag_as input").fill("new")
    page.keyboard.press("Enter")
    says(page, "1 pending change")
    rest(page)
    pick(page, TAG, 1)
    page.keyboard.type("second", delay=60)
    apply(page)
    says(page, "is now other, 2/tcp is now second")
    assert waiting(page) == []
    text = saved(page)
    assert "\r\n1,tcp,other\r\n2,tcp,second\r\n" in text
    assert text.endswith(",tcp,new\r\n")


def test_a_click_on_a_problem_shows_its_row_and_pending_edits_stay_pending(page):
    pick(page, TAG, 0)
    page.keyboard.type("other", delay=60)
    problems = page.locator("[class*='st-key-problems_'] canvas").first.bounding_box()
    page.mouse.click(problems["x"] + 15, problems["y"] + 48)
    says(page, "Around line 16")
    rest(page)
    cells = grid(page).locator("table[role=grid] tbody tr").nth(4).locator("td")
    assert cells.all_inner_texts()[:4] == ["▶", "16", "99999", "tcp"]
    assert [text.split()[-1] for text in waiting(page)] == ["other"]
    pick(page, PORT + 30, 4)
    page.keyboard.type("15", delay=60)
    apply(page)
    says(page, "is now other, 15/tcp is now t15")
