"""Every tag typed on the workbench, in a real browser, becomes a rule for the port that was shown."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.conftest import rest
from tests.logs import line

PORTS = range(2000, 2030)
SERVICES = {443: "https", 8125: "statsd"}


@pytest.fixture
def log(tmp_path):
    """A log of thirty untagged ports, the largest first, and replies of a web server to forty clients."""
    path = tmp_path / "a.log"
    flows = [line(dstport=str(port)) for port in PORTS for _ in range(2100 - port)]
    replies = [line(srcport="443", dstport=str(port)) for port in range(60000, 60040)]
    path.write_bytes(b"\n".join(flows + replies))
    return path


@pytest.fixture
def tab(desk, page_url, log):
    """A tab with that log. Check at the end that no script has failed."""
    page = desk.new_page()
    faults = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(page_url)
    page.locator(".st-key-sample button").wait_for()
    rest(page)
    page.locator("input[type=file]").first.set_input_files(log)
    on_offer(page, "2000/tcp")
    yield page
    assert faults == []
    assert page.get_by_test_id("stException").count() == 0
    page.close()


def box(page):
    """Return the input field for the tag."""
    return page.locator(".st-key-tag_as input")


def ports(page):
    return page.get_by_role("textbox", name="Ports to tag")


def on_offer(page, name):
    """Wait until the box offers to tag these ports."""
    expect(ports(page)).to_have_attribute("placeholder", name, timeout=30_000)


def says(page, text):
    """Wait until the line below the box contains this text."""
    expect(page.locator(".st-key-tag_as [role=status]")).to_contain_text(text, timeout=30_000)


def rules(page):
    """Download the lookup and return (port, protocol, tag) for each rule."""
    rest(page)
    page.locator(".st-key-more [data-testid=stPopoverButton]").click()
    with page.expect_download() as download:
        page.locator(".st-key-improved_lookup button").click()
    page.keyboard.press("Escape")
    text = Path(download.value.path()).read_text(encoding="utf-8")
    return [tuple(row) for row in csv.reader(io.StringIO(text))][1:]


def test_twenty_tags_typed_without_a_pause_become_twenty_rules_in_the_same_order(tab):
    typed = [f"tag{number}" for number in range(20)]
    box(tab).focus()
    for tag in typed:
        tab.keyboard.type(tag, delay=40)
        tab.keyboard.press("Enter")
    expect(box(tab)).to_be_focused()
    on_offer(tab, "2020/tcp")
    says(tab, "2019/tcp is now tag19")
    assert rules(tab) == [
        (str(port), "tcp", tag) for port, tag in zip(PORTS[:20], typed, strict=True)
    ]


def test_typed_ports_get_the_tag_and_invalid_input_stays_in_its_field(tab):
    for wait in (0, 1000):  # Press Enter before the page can say what is wrong, and after.
        ports(tab).fill("2005")
        tab.wait_for_timeout(wait)
        box(tab).fill("batch")
        box(tab).press("Enter")
        says(tab, "443/tcp")
        rest(tab)
        expect(ports(tab)).to_have_value("2005")
        expect(box(tab)).to_have_value("batch")
    ports(tab).focus()
    tab.keyboard.press("End")
    tab.keyboard.type("-2009/tcp, icmp", delay=40)
    says(tab, "Would tag 465 flows (17.9%).")
    tab.keyboard.press("Enter")
    expect(box(tab)).to_be_focused()
    tab.keyboard.press("Enter")
    tab.keyboard.type("first", delay=40)
    tab.keyboard.press("Enter")
    on_offer(tab, "2001/tcp")
    expect(ports(tab)).to_have_value("")
    says(tab, "2000/tcp is now first")
    # If nothing is untagged, ports must be typed.
    ports(tab).fill("*/*")
    box(tab).fill("all")
    box(tab).press("Enter")
    says(tab, "to 0.0% of flows.")
    box(tab).fill("more")
    box(tab).press("Enter")
    expect(box(tab)).to_have_value("more")
    ports(tab).fill("2000/tcp")
    says(tab, "Replaces the tag of 100.")
    box(tab).press("Enter")
    says(tab, "2000/tcp is now more")
    assert rules(tab) == [
        ("2005-2009", "tcp", "batch"),
        ("0", "icmp", "batch"),
        ("2000", "tcp", "more"),
        ("*", "*", "all"),
    ]


def test_each_tag_goes_to_the_port_shown_even_after_a_refusal_an_undo_or_a_reload(tab):
    box(tab).focus()
    tab.keyboard.type("Untagged")
    tab.keyboard.press("Enter")
    says(tab, "Use another tag.")
    on_offer(tab, "2000/tcp")
    expect(box(tab)).to_have_value("Untagged")
    tab.keyboard.insert_text("x" * 201)  # The refused text is selected, so this replaces it.
    tab.keyboard.press("Enter")
    says(tab, "1 to 200 visible characters")
    on_offer(tab, "2000/tcp")
    shown = []
    for tag in ("untagged", "second", "third", "fourth"):
        tab.keyboard.type(tag, delay=40)
        shown.append(ports(tab).get_attribute("placeholder"))
        tab.keyboard.press("Enter")
    says(tab, "is now fourth")
    assert shown[0] == "2000/tcp"
    expected = [*zip(shown[1:], ("second", "third", "fourth"), strict=True)]
    assert given(tab) == expected
    # The box offers the largest port without a rule, with and without the last rule.
    after, before = (first_but(expected[:count]) for count in (3, 2))
    on_offer(tab, after)
    tab.locator(".st-key-undo button").click()
    on_offer(tab, before)
    says(tab, "Undone")
    tab.locator(".st-key-redo button").click()
    on_offer(tab, after)
    tab.locator(".st-key-undo button").click()
    on_offer(tab, before)
    tab.reload()
    on_offer(tab, before)
    box(tab).fill("other")
    box(tab).press("Enter")
    says(tab, f"{before} is now other")
    assert given(tab) == [*expected[:2], (before, "other")]


def first_but(tagged):
    """Return the largest port that has none of these rules."""
    names = [name for name, _ in tagged]
    return next(f"{port}/tcp" for port in PORTS if f"{port}/tcp" not in names)


def given(page):
    """Download the lookup and return (port/protocol, tag) for each rule."""
    return [(f"{port}/{protocol}", tag) for port, protocol, tag in rules(page)]


def test_selected_ports_share_a_tag_and_keys_accept_known_tags_and_suggestions(tab):
    rest(tab)
    for row, name in enumerate(("2001/tcp", "2001/tcp, 2002/tcp", "2001/tcp, 2002/tcp, 2003/tcp")):
        table = tab.locator(".st-key-untagged canvas").first.bounding_box()
        tab.mouse.click(table["x"] + 17, table["y"] + 32 * row + 80)
        on_offer(tab, name)
        rest(tab)
    says(tab, "Would tag 294 flows (11.3%).")
    box(tab).focus()
    for tag in ("Web front", "web back"):
        tab.keyboard.type(tag)
        tab.keyboard.press("Enter")
    says(tab, "2000/tcp is now web back")
    options = tab.get_by_role("listbox", name="Tags").get_by_role("option")
    tab.keyboard.type("B")
    expect(options).to_have_text(["Web front", "web back"])
    tab.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(box(tab)).to_have_value("B")
    tab.keyboard.type(" c")
    tab.keyboard.press("Enter")
    for key, step in (("Enter", "ArrowDown"), ("Space", "ArrowUp")):
        tab.keyboard.type("WEB")
        tab.keyboard.press(step)
        tab.keyboard.press(key)
    tab.keyboard.type("fron")
    options.click()
    says(tab, "2007/tcp is now Web front")
    ports(tab).fill("2008-2028/tcp")
    box(tab).fill("most")
    box(tab).press("Enter")
    on_offer(tab, "2029/tcp")
    tab.locator(".st-key-show_replies label").click()
    tab.get_by_text("41 ports", exact=True).wait_for()
    rest(tab)
    suggestion = tab.locator(".st-key-tag_as button")
    taken = []
    for take in (
        lambda: suggestion.press("Enter"),
        lambda: suggestion.press("Space"),
        suggestion.click,
        suggestion.dblclick,
    ):
        name, text = ports(tab).get_attribute("placeholder"), suggestion.inner_text()
        taken.append((name, text.removeprefix("+ ")))
        take()
    rest(tab)
    assert [name for name, _ in taken] == ["2029/tcp", "60000/tcp", "60001/tcp", "60002/tcp"]
    assert given(tab) == [
        *((f"{port}/tcp", "Web front") for port in (2001, 2002, 2003)),
        ("2000/tcp", "web back"),
        ("2004/tcp", "B c"),
        ("2005/tcp", "Web front"),
        ("2006/tcp", "web back"),
        ("2007/tcp", "Web front"),
        ("2008-2028/tcp", "most"),
        *taken,
    ]
