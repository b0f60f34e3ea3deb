"""Untagged ports get a tag, and the page shows the effect."""

from types import SimpleNamespace

import pytest

from flowtag_core.page import tag_box, workbench
from flowtag_core.page.session import Session
from flowtag_core.showing.workbench import UntaggedPair
from flowtag_core.tagging.editing import parse_rules
from tests.logs import line
from tests.page.seen import captions, drop, session, summary


def test_a_rule_lowers_untagged_and_undo_restores_the_lookup_and_the_share(page):
    page.button(key="sample").click().run()
    before, share = session(page).desk.lookup.content, summary(page)
    session(page).desk.tag(parse_rules("49153/tcp", "mine"))
    page.run()
    assert summary(page) != share
    assert any("1 rule not saved" in caption.value for caption in page.caption)
    assert session(page).desk.bench.said.startswith("49153/tcp is now mine")
    page.button(key="undo").click().run()
    assert (session(page).desk.lookup.content, summary(page)) == (before, share)
    page.button(key="redo").click().run()
    assert summary(page) != share
    assert not page.exception


def test_the_effect_of_a_rule_is_shown_until_other_flows_are_counted(page):
    page.button(key="sample").click().run()
    session(page).desk.tag(parse_rules("49153/tcp", "mine"))
    page.run()
    bench = session(page).desk.bench
    assert bench.said == "49153/tcp is now mine. Untagged went from 57.1% to 50.0% of flows."
    page.segmented_control(key="measure").set_value("bytes").run()
    assert bench.said == ""


@pytest.fixture
def state(monkeypatch):
    """What the browser reports on the workbench."""
    state = {}
    monkeypatch.setattr(workbench, "st", SimpleNamespace(session_state=state))
    return state


def on_the_bench(*pairs):
    session = Session()
    session.desk.bench.show([UntaggedPair(*pair) for pair in pairs])
    return session


def test_typed_entries_are_taken_only_by_the_bench_that_they_name(state):
    session = on_the_bench((22, 6, "ssh"))
    entry = [1, "22/6", "remote"]
    for said in (
        None,
        {},
        {"typed": None},
        {"typed": {"bench": "no", "log": [entry], "ports": ""}},
    ):
        state["tag_as"] = said
        tag_box.take(session.desk, workbench._typed())
    assert session.desk.given is None
    state["tag_as"] = {"typed": {"bench": session.desk.bench.name, "log": [entry], "ports": ""}}
    tag_box.take(session.desk, workbench._typed())
    assert session.desk.lookup.tag_of(22, 6) == "remote"


@pytest.mark.parametrize(
    ("click", "tag"),
    [
        ({"row": 0, "label": "+ ssh"}, "ssh"),
        ({"row": 0, "label": "+ smtp"}, "Untagged"),
        ({"row": 9, "label": "+ ssh"}, "Untagged"),
        (None, "Untagged"),
    ],
)
def test_a_click_on_a_suggestion_applies_only_to_its_own_pair(state, click, tag):
    state["take"] = click
    session = on_the_bench((22, 6, "ssh"))
    workbench._take(session)
    assert session.desk.lookup.tag_of(22, 6) == tag


def listed(page):
    return page.dataframe(key="untagged").value["Port"].tolist()


def test_likely_replies_are_hidden_and_counted_until_the_user_asks_for_them(page):
    page.button(key="sample").click().run()
    assert listed(page) == ["80/tcp"]
    assert "8 ports · 7 hidden (likely replies)" in captions(page)
    page.toggle(key="show_replies").set_value(True).run()
    assert listed(page)[:3] == ["80/tcp", "1024/tcp", "49153/tcp"]
    assert len(listed(page)) == 8
    assert "8 ports" in captions(page).split("\n")
    page.segmented_control(key="view").set_value("service").run()
    assert page.toggle(key="show_replies").disabled
    assert not page.exception


def test_a_lookup_that_tags_every_flow_leaves_the_box_and_no_table(page):
    drop(page, ("a.log", line()), ("l.csv", b"dstport,protocol,tag\n*,*,all\n"))
    assert "0 ports" in captions(page)
    assert session(page).desk.bench.told["taken"] == 0
    assert "untagged" not in [table.key for table in page.dataframe]
