"""The page on logs that are followed: numbers move, and nothing that the user does is lost."""

import time

import pytest
from playwright.sync_api import expect

from tests.conftest import rest, serving
from tests.logs import LOOKUP, line
from tests.test_journeys import rows_of
from tests.ticking import Traffic, flows, opened, waited_for, watched

TICKS = 4
NUMBERS = ".st-key-numbers [data-testid=stMetricValue]"


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """Yield the URL of a page that follows a log, the traffic in that log, and the server."""
    folder = tmp_path_factory.mktemp("followed")
    (folder / "lookup.csv").write_bytes(LOOKUP)
    traffic = Traffic(folder / "a.log", ports=300, before=2_000)
    arguments = "--follow", str(folder / "a.log"), "--lookup", str(folder / "lookup.csv")
    with serving(folder, *arguments) as (url, _):
        yield url, traffic


@pytest.fixture
def tab(browser, followed):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    opened(page, followed[0])
    yield page
    context.close()


def test_while_numbers_move_nothing_fades_or_jumps_and_all_that_the_user_did_stays(tab, followed):
    _, traffic = followed
    box = tab.locator(".st-key-tag_as input").last
    tags = tab.locator(".st-key-tags canvas").first
    with traffic:
        tags.click(position={"x": 150, "y": 52}, force=True)
        expect(tab.locator(".st-key-chips")).to_contain_text("Tag: ")
        rest(tab, 100)
        scroller = tab.locator(".st-key-untagged .dvn-scroller")
        scroller.evaluate("scroller => scroller.scrollTo(0, 200)")
        box.click()
        box.press_sequentially("half a ta")
        main = tab.get_by_test_id("stMain")
        main.evaluate("main => main.scrollTo(0, 250)")
        rest(tab, 100)
        before = flows(tab)
        found = watched(tab, TICKS)
        assert flows(tab) > before
        assert {key: found[key] for key in ("faded", "embedded", "jumps")} == {
            "faded": 0,
            "embedded": 0,
            "jumps": 0,
        }
        expect(box).to_have_value("half a ta")
        assert tab.evaluate("document.activeElement.value") == "half a ta"
        assert scroller.evaluate("scroller => scroller.scrollTop") == 200
        assert main.evaluate("main => main.scrollTop") == 250
        expect(tab.locator(".st-key-chips")).to_contain_text("Tag: ")


def test_a_sorted_table_stays_sorted_and_a_selected_port_selected(tab, followed):
    _, traffic = followed
    table = tab.locator(".st-key-ports")
    table.scroll_into_view_if_needed()
    rest(tab, 300)
    grid = table.locator("canvas").first
    with traffic:
        grid.click(position={"x": 110, "y": 17}, force=True)
        rest(tab, 300)
        ports = [int(row[1]) for row in rows_of(tab, ".st-key-ports")]
        assert len(ports) > 3
        assert ports == sorted(ports)
        grid.click(position={"x": 300, "y": 52}, force=True)
        details = tab.locator(".st-key-detail_panel")
        expect(details).to_be_visible()
        chosen = details.locator("h3").first.inner_text()
        rest(tab, 300)
        watched(tab, 3)
        ports = [int(row[1]) for row in rows_of(tab, ".st-key-ports")]
        assert len(ports) > 3
        assert ports == sorted(ports)
        assert details.locator("h3").first.inner_text() == chosen
        tab.locator(".st-key-close_details button").click()


def test_a_press_anywhere_stops_the_numbers_even_if_it_takes_the_focus_from_a_field(tab, followed):
    _, traffic = followed
    tab.locator(".st-key-search input").click()
    heading = tab.locator(".st-key-ports_head h2").bounding_box()
    with traffic:
        tab.mouse.move(heading["x"] + 5, heading["y"] + 5)
        tab.mouse.down()
        tab.wait_for_timeout(500)
        before = flows(tab)
        tab.wait_for_timeout(2_500)
        assert flows(tab) == before
        tab.mouse.up()
        watched(tab, 1)


def test_a_brush_that_is_held_stops_the_numbers_and_stays_on_its_time(tab, followed):
    _, traffic = followed
    chart = tab.locator(".st-key-timebox svg.marks")
    box = chart.bounding_box()
    mouse, y = tab.mouse, box["y"] + 40
    with traffic:
        mouse.move(box["x"] + 300, y)
        mouse.down()
        mouse.move(box["x"] + 500, y, steps=4)
        tab.wait_for_timeout(300)
        before = flows(tab)
        tab.wait_for_timeout(2_000)
        assert flows(tab) == before
        mouse.up()
        chip = tab.locator(".st-key-clear_time")
        expect(chip).to_be_visible()
        chosen = chip.inner_text()
        rest(tab, 100)
        found = watched(tab, 3)
        assert found["embedded"] == 0
        assert chip.inner_text() == chosen
        shown = flows(tab)
        tab.wait_for_timeout(1_500)
        assert flows(tab) == shown  # New flows are not in a time that is past.
        tab.locator(".st-key-clear_time button").click()
        expect(chip).to_have_count(0)


def test_a_paused_tab_stands_still_while_another_one_moves(tab, followed, browser):
    url, traffic = followed
    other = browser.new_page(viewport={"width": 1440, "height": 900})
    opened(other, url)
    for each in (tab, other):
        each.locator(".st-key-live").get_by_text("All", exact=True).click()
        rest(each, 300)
    tab.get_by_role("button", name="Pause").click()
    expect(tab.locator(".live")).to_contain_text("Paused")
    rest(tab, 300)
    before = flows(tab)
    assert waited_for(other, traffic.path, traffic.flow(int(time.time())) * 5) < 10
    tab.wait_for_timeout(1_500)
    assert (flows(tab), flows(other)) == (before, before + 5)
    tab.get_by_role("button", name="Go on").click()
    expect(tab.locator(".live")).to_contain_text("Live")
    expect(tab.locator(NUMBERS).first).to_have_text(f"{before + 5:,}")
    other.close()


def test_a_changed_lookup_a_log_that_vanishes_and_one_that_comes_back_lose_nothing(tab, followed):
    _, traffic = followed
    lookup = traffic.path.with_name("lookup.csv")
    lookup.write_bytes(LOOKUP + b"20000-20400,tcp,others\n")
    expect(tab.locator(".st-key-messages")).to_contain_text("was loaded again", timeout=30_000)
    tab.locator(".st-key-live").get_by_text("All", exact=True).click()
    rest(tab, 500)
    before = flows(tab)
    away = traffic.path.with_name("away.log")
    traffic.path.rename(away)
    tab.wait_for_timeout(2_500)
    assert flows(tab) == before
    away.rename(traffic.path)
    waited_for(tab, traffic.path, line(start=str(int(time.time()))) + b"\n")
    assert flows(tab) == before + 1
    lookup.write_bytes(LOOKUP)
