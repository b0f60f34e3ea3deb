"""The page shows the logs that it was started to follow, and a click on what is new shows its view."""

import sys
import time

import pytest

from flowtag_core.page.following import Told
from flowtag_core.tagging.alerts import Alert
from tests.logs import LOOKUP, line
from tests.page.seen import html, metrics, opened, said, session
from tests.page.test_following import append, until

pytestmark = pytest.mark.usefixtures("temporary")


@pytest.fixture
def followed(monkeypatch, tmp_path):
    """The log that the page follows, a lookup, and the page."""
    log, lookup = tmp_path / "a.log", tmp_path / "lookup.csv"
    start = int(time.time())
    lines = [line(start=str(start - 60 * minute)) for minute in range(30)]
    lines.append(line(dstport="9092", srcaddr="8.8.8.8", start=str(start - 3 * 3600)))
    log.write_bytes(b"\n".join(lines) + b"\n")
    lookup.write_bytes(LOOKUP)
    monkeypatch.setattr(
        sys, "argv", ["dashboard.py", "--follow", str(log), "--lookup", str(lookup)]
    )
    page = opened()
    until(lambda: session(page).seat.counts("all").total.flows == 31)
    page.run()
    yield log, lookup, page
    session(page).start_over()


def shows(page):
    return metrics(page)["Flows"]


def test_each_run_shows_what_is_new_in_the_chosen_window(followed):
    log, _, page = followed
    assert shows(page) == "30"
    assert '<div class="live on">' in html(page)
    page.segmented_control(key="last").set_value("all").run()
    assert shows(page) == "31"
    append(log, line(start=str(int(time.time()))))
    until(lambda: session(page).seat.counts("all").total.flows == 32)
    page.run()
    assert shows(page) == "32"
    assert not page.exception


def test_a_paused_page_stands_still_until_it_goes_on(followed):
    log, _, page = followed
    page.button(key="pause").click().run()
    assert "Paused" in html(page)
    append(log, line(start=str(int(time.time()))))
    until(lambda: session(page).seat.following.counts("all").total.flows == 32)
    page.run()
    assert shows(page) == "30"
    page.button(key="go_on").click().run()
    assert shows(page) == "31"


def test_a_click_on_what_is_new_shows_its_port_time_and_boundary_and_it_can_be_dismissed(followed):
    _, _, page = followed
    minute = (int(time.time()) // 60 - 180) // 10 * 10
    alerts = [
        Alert("accepted from outside", minute, "Untagged", 9092, 6, 1),
        Alert("more rejected", minute, "web", flows=120, before=3),
        Alert("silent tag", minute, "web", before=3),
    ]
    session(page).seat.news = [Told(number, alert) for number, alert in enumerate(alerts)]
    page.run()
    page.button(key="show_news 0").click().run()
    assert not page.exception
    assert session(page).asked == (9092, 6)
    assert page.query_params["time"]
    assert page.session_state["last"] == "day"
    assert (page.session_state["boundary"], page.session_state["action"]) == ("inbound", "accept")
    assert shows(page) == "1"
    page.button(key="show_news 1").click().run()
    assert page.query_params["tag"] == "web"
    assert page.session_state["action"] == "reject"
    page.button(key="show_news 2").click().run()
    assert "time" not in page.query_params
    page.button(key="remove_news 1").click().run()
    assert [told.number for told in session(page).seat.news] == [0, 2]
    page.button(key="dismiss_all").click().run()
    assert "What is new" not in html(page)


def test_a_changed_lookup_replaces_the_one_before_but_no_unsaved_changes(followed):
    _, lookup, page = followed
    seat = session(page).seat
    lookup.write_bytes(b"dstport,protocol,tag\n443,tcp,site\n")
    until(lambda: seat.following.lookup.tags == ("site",))
    page.run()
    assert session(page).desk.lookup.tags == ("site",)
    assert "was loaded again" in said(page)
    page.session_state["tab"].session.desk.versions.unsaved = 1
    session(page).desk.remove()
    session(page).desk.undo()
    lookup.write_bytes(LOOKUP)
    until(lambda: len(seat.following.lookup.tags) == 4)
    page.run()
    assert not page.exception


def test_a_second_look_covers_what_was_there_when_it_was_asked_for(followed):
    log, _, page = followed
    page.segmented_control(key="last").set_value("all").run()
    page.button(key="top_talkers").click().run()
    session(page).looks.wait(60)
    page.run()
    assert "31 flows" in html(page)
    append(log, line(start=str(int(time.time()))))
    until(lambda: session(page).seat.counts("all").total.flows == 32)
    page.run()
    assert "31 flows" in html(page)
    page.button(key="close_who").click().run()
    page.button(key="top_talkers").click().run()
    session(page).looks.wait(60)
    page.run()
    assert "32 flows" in html(page)


def test_what_cannot_be_followed_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["dashboard.py", "--follow", str(tmp_path / "nowhere")])
    page = opened()
    assert "there is no such file" in said(page)
    monkeypatch.setattr(sys, "argv", ["dashboard.py", "--keep", "24h"])
    assert "--keep needs --follow" in said(opened())


def test_a_lookup_of_the_users_own_is_never_replaced_by_a_changed_file(followed):
    _, lookup, page = followed
    seat = session(page).seat
    session(page).remove_lookup()
    page.run()
    lookup.write_bytes(b"dstport,protocol,tag\n443,tcp,site\n")
    until(lambda: seat.following.lookup.tags == ("site",))
    page.run()
    assert session(page).desk.given is None
    assert "was not loaded again" in said(page)


def test_what_was_dismissed_stays_so_when_the_page_starts_over_on_the_same_follower(followed):
    _, _, page = followed
    following = session(page).seat.following
    following.join("another tab")
    following._tell("something happened.")
    following._tell(Alert("new port", int(time.time()) // 60, "Untagged", 9092, 6, 1))
    page.run()
    assert "something happened." in said(page)
    page.button(key="dismiss_all").click().run()
    page.button(key="start_over").click().run()
    page.run()
    assert session(page).seat.following is following
    assert "What is new" not in html(page)
    assert "something happened." not in said(page)
    following.leave("another tab")


def test_the_newest_message_is_on_top(followed):
    _, _, page = followed
    for number in range(7):
        session(page).seat.following._tell(f"message {number}.")
        page.run()
    assert said(page).index("message 6.") < said(page).index("message 5.")
