"""What is untagged gets a tag, and what that came to is said."""

from types import SimpleNamespace

import pytest

from flowtag_core.page import workbench
from flowtag_core.page.session import Session
from flowtag_core.showing.workbench import UntaggedPair
from flowtag_core.tagging.editing import parse_rules
from tests.logs import line
from tests.page.seen import captions, drop, said, session


def test_a_rule_lowers_untagged_and_undo_brings_back_lookup_and_number(page):
    page.button(key="sample").click().run()
    before, share = session(page).desk.lookup.content, page.metric[0].value
    session(page).desk.tag(parse_rules("49153/tcp", "mine"))
    page.run()
    assert page.metric[0].value != share
    assert any("1 rule not saved" in caption.value for caption in page.caption)
    assert any(r"49153/tcp is now mine" in c.value.replace("\\", "") for c in page.caption)
    page.button(key="undo").click().run()
    assert (session(page).desk.lookup.content, page.metric[0].value) == (before, share)
    page.button(key="redo").click().run()
    assert page.metric[0].value != share
    assert not page.exception


def test_what_a_rule_came_to_is_said_until_other_flows_are_counted(page):
    page.button(key="sample").click().run()
    session(page).desk.tag(parse_rules("49153/tcp", "mine"))
    page.run()
    said_of_it = "49153/tcp is now mine: Untagged 57.1% to 50.0% of flows."
    assert said_of_it in captions(page)
    page.segmented_control(key="measure").set_value("bytes").run()
    assert "49153/tcp is now mine" not in captions(page)


def test_ports_that_are_written_get_the_tag_and_the_boxes_are_empty_again(page):
    page.button(key="sample").click().run()
    page.text_input(key="tag_ports").set_value("49153-49154/tcp, icmp").run()
    assert "49153-49154/tcp" in captions(page)
    page.selectbox(key="tag_as").set_value("email").run()
    assert not page.exception
    tagged = session(page).desk.lookup.tag_of
    assert [tagged(49153, 6), tagged(49154, 6), tagged(0, 1)] == ["email"] * 3
    assert page.text_input(key="tag_ports").value == ""
    assert page.selectbox(key="tag_as").value is None


def test_ports_that_cannot_be_stay_in_their_box_and_the_reason_is_said(page):
    page.button(key="sample").click().run()
    before = session(page).desk.lookup
    page.text_input(key="tag_ports").set_value("49153").run()
    page.selectbox(key="tag_as").set_value("email").run()
    assert "Write 443/tcp" in captions(page)
    assert page.text_input(key="tag_ports").value == "49153"
    assert session(page).desk.lookup is before
    page.text_input(key="tag_ports").set_value("").run()
    assert "Write 443/tcp" not in captions(page)


@pytest.fixture
def state(monkeypatch):
    """What the browser tells of the workbench."""
    state = {}
    monkeypatch.setattr(workbench, "st", SimpleNamespace(session_state=state))
    return state


def on_the_bench(*pairs):
    session = Session()
    session.desk.bench.show([UntaggedPair(*pair) for pair in pairs])
    return session


@pytest.mark.parametrize(("ticked", "tags"), [([], ["x", "", ""]), ([1, 2], ["", "x", "x"])])
def test_without_ports_a_tag_is_for_the_ticked_rows_or_else_for_the_first(state, ticked, tags):
    session = on_the_bench((22, 6, "ssh"), (25, 6, "smtp"), (53, 17, "dns"))
    session.desk.bench.tick(ticked)
    state |= {"tag_as": " x ", "tag_ports": None}
    workbench._tag_as(session)
    tagged = [session.desk.lookup.tag_of(*pair) for pair in ((22, 6), (25, 6), (53, 17))]
    assert tagged == [tag or "Untagged" for tag in tags]
    assert state == {"tag_as": None, "tag_ports": ""}


@pytest.mark.parametrize("tag", [None, "", "  "])
def test_without_a_tag_nothing_is_done(state, tag):
    session = on_the_bench((22, 6, "ssh"))
    state |= {"tag_as": tag, "tag_ports": "25/tcp"}
    workbench._tag_as(session)
    assert session.desk.given is None
    assert state["tag_ports"] == "25/tcp"


def test_a_tag_that_cannot_be_leaves_the_ports_in_their_box(state):
    session = on_the_bench((22, 6, "ssh"))
    state |= {"tag_as": "untagged", "tag_ports": "25/tcp"}
    workbench._tag_as(session)
    assert session.desk.given is None
    assert session.desk.bench.wrong
    assert state == {"tag_as": None, "tag_ports": "25/tcp"}


@pytest.mark.parametrize(
    ("click", "tag"),
    [
        ({"row": 0, "label": "+ ssh"}, "ssh"),
        ({"row": 0, "label": "+ smtp"}, "Untagged"),
        ({"row": 9, "label": "+ ssh"}, "Untagged"),
        (None, "Untagged"),
    ],
)
def test_a_click_on_a_name_takes_it_for_the_pair_that_it_stands_at(state, click, tag):
    state["take"] = click
    session = on_the_bench((22, 6, "ssh"))
    workbench._take(session)
    assert session.desk.lookup.tag_of(22, 6) == tag


def test_a_lookup_that_tags_every_flow_leaves_nothing_to_do(page):
    drop(page, ("a.log", line()), ("l.csv", b"dstport,protocol,tag\n*,*,all\n"))
    assert "No flow is untagged." in said(page)
    assert "tag_as" not in [box.key for box in page.selectbox]
