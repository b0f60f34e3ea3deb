"""The ports section."""

from unittest import mock

from flowtag_core.page import ports
from flowtag_core.showing.tables import SWATCH
from tests.logs import LOOKUP, line
from tests.page.seen import drop, html, opened, session, table

LINES = b"\n".join(
    [line(), line(action="REJECT"), line(dstport="25"), line(dstport="0", protocol="1")]
)


def asked(page, port, protocol=6):
    session(page).asked = port, protocol
    return page.run()


def test_the_table_has_each_port_with_its_protocol_and_tag(page):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    found = table(page, SWATCH, "Port", "Protocol", "Tag")
    rows = found[["Protocol", "Tag", "Flows"]].to_numpy().tolist()
    assert rows == [["tcp", "web", 2], ["icmp", "Untagged", 1], ["tcp", "mail", 1]]
    assert found["Port"].tolist()[::2] == [443, 25]


def test_the_details_of_a_port_replace_the_bars(page):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    assert "Flows by port" in html(page)
    asked(page, 443)
    assert "Flows by port" not in html(page)
    for fact in ("443/tcp", "443,tcp (line", "2 flows, 50.0% of the view", "50.0%"):
        assert fact in html(page)
    page.button(key="close_details").click().run()
    assert "Flows by port" in html(page)


def test_a_selected_row_that_is_not_there_any_more_selects_nothing(page):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    with mock.patch.object(ports.rows, "selected", return_value=[7]):
        ports._pick(session(page), [(443, 6)])
    assert session(page).asked is None


def test_a_port_that_the_filters_leave_out_has_no_details(page):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    asked(page, 25)
    page.segmented_control(key="action").set_value("reject").run()
    assert not page.exception
    assert "Flows by port" in html(page)


def test_one_click_shows_only_the_port_and_another_selects_it_for_the_next_tag(page):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    asked(page, 443)
    page.button(key="only_port").click().run()
    assert page.text_input(key="search").value == "443/tcp"
    assert table(page, SWATCH, "Port")["Port"].tolist() == [443]
    page.button(key="retag").click().run()
    assert session(page).desk.bench.aimed == "443/tcp"


def test_in_a_narrow_window_port_and_protocol_are_one_column():
    page = opened()
    page.session_state["window"] = {"width": 380}
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    assert table(page, SWATCH, "Port", "Tag")["Port"].tolist() == ["443/tcp", "icmp", "25/tcp"]
