"""The script gets the window's width, the shortcuts do what their list says, the link can be copied."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from flowtag_core.page import window
from tests.conftest import rest


def widths():
    import streamlit as st

    from flowtag_core.page import window

    st.text(window.width())


def test_until_the_browser_sends_the_width_a_usual_one_is_assumed():
    assert AppTest.from_function(widths).run().text[0].value == str(window.UNKNOWN)


@pytest.fixture(scope="module")
def sample(browser, page_url):
    """The page with the sample, in a window of an odd width."""
    context = browser.new_context(viewport={"width": 1111, "height": 800})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.goto(page_url)
    tab.locator(".st-key-sample button").click()
    tab.locator(".st-key-result_csv button").wait_for()
    yield tab
    assert tab.get_by_test_id("stException").count() == 0
    context.close()


@pytest.fixture
def tab(sample):
    """The page with the sample, with nothing open."""
    sample.keyboard.press("Escape")
    rest(sample)
    return sample


def focused(tab):
    return tab.evaluate(
        "document.activeElement.closest('[class*=st-key-]')?.className.match(/st-key-(\\w+)/)[1]"
    )


def press(tab, key):
    """Press a key outside of any text field."""
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press(key)


def test_the_keys_do_what_the_list_says(tab):
    keys = tab.locator(".ft-keys")
    press(tab, "?")
    expect(keys).to_be_visible()
    listed = keys.locator("kbd").all_inner_texts()
    assert listed == ["/", "u", "z", "?", "Esc"]
    tab.keyboard.press("/")
    expect(keys).to_be_visible()  # The page behind the dialog gets no keys.
    tab.keyboard.press("?")
    expect(keys).to_be_hidden()
    press(tab, "?")
    tab.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    press(tab, "/")
    assert focused(tab) == "search"
    tab.keyboard.type("u/z?")  # In a text field, these are only text.
    expect(tab.locator(".st-key-search input")).to_have_value("u/z?")
    rest(tab)
    press(tab, "/")
    assert tab.evaluate("getSelection().toString()") == "u/z?"
    tab.keyboard.press("Backspace")
    rest(tab)
    press(tab, "u")
    assert focused(tab) == "tag_as"
    tab.keyboard.type("mine")
    tab.keyboard.press("Enter")
    tab.get_by_text("is now mine").first.wait_for()
    rest(tab)
    press(tab, "Control+z")
    expect(tab.get_by_text("is now mine").first).to_be_visible()
    press(tab, "z")
    tab.get_by_text("Undone").first.wait_for()
    rest(tab)
    press(tab, "z")  # Nothing is left to undo.
    rest(tab)


def test_the_script_gets_the_width_of_the_window(tab):
    known = "width => window.flowtagWindow.known.width === width"
    tab.wait_for_function(known, arg=1100)
    tab.set_viewport_size({"width": 1519, "height": 800})
    tab.wait_for_function(known, arg=1500)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_in_the_list_of_keys(tab, scheme):
    tab.emulate_media(color_scheme=scheme)
    rest(tab)
    press(tab, "?")
    tab.wait_for_timeout(300)
    found = Axe().run(tab, context=".ft-keys").response["violations"]
    assert [rule["id"] for rule in found] == []


def test_the_list_of_keys_stays_open_when_the_script_runs(tab):
    press(tab, "?")
    tab.evaluate("document.querySelectorAll('.st-key-measure button')[1].click()")
    tab.wait_for_function("location.search.includes('measure=Packets')")
    rest(tab)
    expect(tab.locator(".ft-keys")).to_be_visible()


def test_the_link_is_copied_and_the_button_says_so(tab):
    button = tab.locator(".ft-copy")
    width = button.bounding_box()["width"]
    button.click()
    expect(button).to_have_text("Copied")
    assert button.bounding_box()["width"] == width
    assert tab.evaluate("navigator.clipboard.readText()") == tab.url
    expect(button).to_have_text("Copy link")
    # A page served over http from another machine has no clipboard to write to.
    tab.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    button.click()
    expect(button).to_have_text(re.compile("Copied"))
