"""The bar at the top."""

from tests.logs import LOOKUP, line
from tests.page.seen import buttons, drop, html, session


def test_the_bar_names_the_covered_time_and_the_lookup(page):
    drop(page, ("a.log", line()), ("mine.csv", LOOKUP))
    assert '<span class="where">14 Nov 2023 UTC \u00b7 mine.csv</span>' in html(page)


def test_a_lookup_whose_name_is_markup_is_shown_as_text(page):
    drop(page, ("a.log", line()), ("<b>x<b>.csv", LOOKUP))
    assert "&lt;b&gt;x&lt;b&gt;.csv</span>" in html(page)


def test_the_result_is_one_click_away_and_start_over_two(page):
    drop(page, ("a.log", line()))
    assert [each.proto.label for each in page.get("download_button")] == [
        *("Result CSV", "Report (HTML)", "CSV of ports", "JSON", "Parquet"),
        "Lookup with your changes",
    ]
    assert "start_over" in buttons(page)
    page.button(key="start_over").click().run()
    assert buttons(page) == ["sample"]
    assert not session(page).logs
