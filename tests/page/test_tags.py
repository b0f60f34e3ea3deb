"""The tags section."""

from flowtag_core.page import tags as section
from flowtag_core.page.picks import Picks
from flowtag_core.showing.tables import SWATCH
from tests.logs import LOOKUP, line
from tests.page.seen import drop, html, table, tags

LINES = b"\n".join([line(), line(), line(dstport="25"), line(dstport="9092")])


def test_the_table_has_the_rows_of_the_result_and_untagged_has_its_own_line(page):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    assert [*tags(page).items()] == [("web", 2), ("mail", 1), ("Untagged", 1)]
    assert '<span class="count">1</span>' in html(page)


def test_the_untagged_line_selects_and_deselects_untagged(page):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    page.button(key="pick_untagged").click().run()
    assert page.query_params["tag"] == "Untagged"
    assert table(page, SWATCH, "Port")["Port"].tolist() == [9092]
    page.button(key="pick_untagged").click().run()
    assert "tag" not in page.query_params


def test_a_click_on_a_bar_selects_its_tag_and_a_second_deselects_it(monkeypatch):
    chosen = []
    address = section.address
    monkeypatch.setattr(address, "tag", lambda: chosen[-1] if chosen else None)
    monkeypatch.setattr(address, "select_tag", chosen.append)
    picks = Picks()
    for name in ("web", "web", "Other (3 tags)", "mail"):
        monkeypatch.setattr(picks, "clicked", lambda _chart, name=name: {name})
        section._clicked(picks, ("web", "mail", "Untagged"))
    assert chosen == ["web", None, "mail"]
