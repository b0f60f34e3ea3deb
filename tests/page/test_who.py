"""The second look on the page: of a port, of the view, of a ready question, of an address."""

import sys
from dataclasses import replace

import pytest

from flowtag_core.page.session import Who
from tests.logs import LOOKUP, line
from tests.page.made import files_below
from tests.page.seen import captions, drop, html, opened, said, session, settled, table

LINES = b"\n".join(
    [
        line(srcaddr="10.0.0.5"),
        line(srcaddr="10.0.0.5", action="REJECT"),
        line(srcaddr="8.8.8.8", dstport="25", action="REJECT"),
        line(srcaddr="8.8.4.4", dstport="3389", volume="9000"),
    ]
)
pytestmark = pytest.mark.usefixtures("temporary")


@pytest.fixture
def talkers(page):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    return click(page, "top_talkers")


def click(page, key):
    page.button(key=key).click().run()
    return looked(page)


def looked(page):
    session(page).looks.wait(60)
    return settled(page)


def ask(page, question):
    (pills,) = (each for each in page.button_group if each.key == "who_question")
    pills.set_value(question).run()


def pairs(page):
    found = table(page, "Source", "Destination", "Flows")
    return found[["Source", "Destination", "Flows"]].to_numpy().tolist()


def test_top_talkers_of_an_upload_replace_the_bars_and_close_again(talkers):
    assert "Top talkers" in html(talkers)
    assert "4 flows, 11.5 kB, 50.0% rejected." in html(talkers)
    assert pairs(talkers)[0] == ["10.0.0.5", "10.0.0.2", 2]
    assert "Flows by port" not in html(talkers)
    talkers.button(key="close_who").click().run()
    assert "Flows by port" in html(talkers)


def test_the_filters_of_the_page_apply(talkers):
    talkers.segmented_control(key="action").set_value("reject").run()
    assert {(source, flows) for source, _, flows in pairs(looked(talkers))} == {
        ("10.0.0.5", 1),
        ("8.8.8.8", 1),
    }


def test_a_tag_narrows_the_view_and_so_what_is_looked_for(talkers):
    talkers.query_params["tag"] = "mail"
    talkers.run()
    assert pairs(looked(talkers)) == [["8.8.8.8", "10.0.0.2", 1]]


def test_one_port_has_its_own_talkers(page):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    session(page).asked = 443, 6
    page.run()
    click(page, "who_port")
    assert "Top talkers on 443/tcp" in html(page)
    assert pairs(page) == [["10.0.0.5", "10.0.0.2", 2]]


def test_the_search_applies_to_top_talkers_too_and_is_said(talkers):
    talkers.text_input(key="search").set_value("3389").run()
    assert pairs(looked(talkers)) == [["8.8.4.4", "10.0.0.2", 1]]
    assert "Only these: search 3389." in html(talkers)


def test_the_filters_in_force_are_said(talkers):
    talkers.segmented_control(key="action").set_value("reject").run()
    assert "Only these: rejected." in html(looked(talkers))
    ask(talkers, "out")
    assert "Only these: outbound." in html(looked(talkers))


def test_an_address_narrows_the_look_to_its_flows_and_can_be_taken_back(talkers):
    session(talkers).who = Who(address="8.8.4.4")
    talkers.run()
    assert pairs(looked(talkers)) == [["8.8.4.4", "10.0.0.2", 1]]
    click(talkers, "who_address")
    assert len(pairs(talkers)) == 3


def test_a_ready_question_shows_the_list_that_answers_it(talkers):
    ask(talkers, "admin")
    found = table(looked(talkers), "Source", "Destinations", "Ports")
    assert found["Source"].tolist() == ["8.8.4.4"]
    assert "Who tried administration and database ports" in html(talkers)
    ask(talkers, "untagged")
    assert table(looked(talkers), "Port", "Flows")["Port"].tolist() == ["3389/tcp"]


def test_each_list_can_be_chosen(talkers):
    (lists,) = (each for each in talkers.segmented_control if each.key.startswith("who_list"))
    lists.set_value("sources").run()
    found = table(talkers, "Source", "Destinations", "Ports", "Flows", "Bytes", "Rejected")
    assert found["Source"].tolist()[0] == "10.0.0.5"


def test_without_kept_uploads_a_sentence_says_what_to_do_and_counting_goes_on(page, temporary):
    session(page).kept.is_on = False
    drop(page, ("a.log", LINES))
    click(page, "top_talkers")
    assert "turn on *Keep uploads for a second look*" in said(page)
    assert files_below(temporary) == []


def test_turning_the_switch_off_removes_what_was_kept(talkers, temporary):
    assert len(files_below(temporary)) == 1
    talkers.toggle(key="keep_uploads").set_value(False).run()
    assert files_below(temporary) == []
    assert "turn on" in said(settled(talkers))


def test_nothing_is_left_after_a_log_is_removed_or_everything_is(talkers, temporary):
    drop(talkers, ("b.log", LINES + b"\n" + line()))
    assert len(files_below(temporary)) == 2
    session(talkers).remove_log("b.log")
    assert len(files_below(temporary)) == 1
    talkers.button(key="start_over").click().run()
    assert files_below(temporary) == []


def test_a_log_without_a_copy_is_named_beside_what_was_found(talkers):
    own = session(talkers)
    drop(talkers, ("b.log", LINES + b"\n" + line()))
    other = own.logs.by_name["b.log"]
    own.logs = own.logs.plus([replace(other, again=())])
    talkers.run()
    assert "Not included, because not kept: b.log." in captions(looked(talkers))


@pytest.mark.usefixtures("given")
def test_addresses_have_the_names_that_the_page_was_started_with(monkeypatch, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("cidr,name\n10.0.1.0/24,<b>office</b>\nx,y\n")
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--names", str(names)])
    page = opened()
    click(page, "top_talkers")
    assert "10.0.1.201 <b>office</b>" in {source for source, _, _ in pairs(page)}
    assert f"{names}:3: 'x' is not an address range" in said(page)


def test_local_files_are_looked_at_in_place(given, temporary):
    page = opened()
    click(page, "top_talkers")
    assert {*files_below(temporary)} == {*given}
    assert "14 flows" in html(page)
