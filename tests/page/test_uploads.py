"""What is dropped is read once, in the format that is given beside the zone."""

import io
from types import SimpleNamespace

import pytest

from flowtag_core.page import uploads
from flowtag_core.page.session import Session
from tests.logs import line
from tests.page.seen import LOG, SAMPLE_LOOKUP, SMALL, drop, log_with, metrics, said, session, tags


def test_an_upload_is_counted_once_and_its_bytes_are_let_go(page, counted):
    drop(page, ("a.log", LOG))
    page.run()
    drop(page, ("l.csv", SAMPLE_LOOKUP))
    page.run()
    assert counted == ["a.log"]
    assert page.file_uploader(key="logs_and_lookup_2").value == []


def test_a_format_given_by_hand_holds_for_what_comes_then_until_it_is_emptied(page):
    small = log_with(SMALL, 3)
    drop(page, ("a.log", small))
    assert "a.log: not one flow was found" in said(page)
    page.text_input(key="format").set_value("${start} ${dstport}, protocol srcport").run()
    drop(page, ("b.log", small), ("headed.log", b"dstport protocol\n25 6\n"))
    assert tags(page) == {"Untagged": 4}
    assert "b.log: read as 4 fields, given as a format." in said(page)
    session(page)  # as after a reload, the field is another one and says what holds
    assert page.text_input(key="format").value == "${start} ${dstport}, protocol srcport"
    page.text_input(key="format").set_value("").run()
    assert metrics(drop(page, ("c.log", line())))["Flows"] == "5"


def test_a_format_that_cannot_be_is_told_and_changes_nothing(page):
    page.text_input(key="format").set_value("${version} <b>action</b>").run()
    assert "The format names 2 fields but not both dstport and protocol" in said(page)
    assert metrics(drop(page, ("c.log", line())))["Flows"] == "1"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.log", "a.log"),
        ("../../etc/a.log", "a.log"),
        ("C:\\logs\\a.log", "a.log"),
        ("folder/", "folder"),
        ("  a.log ", "a.log"),
        ("/", "file"),
        ("", "file"),
    ],
)
def test_the_name_of_a_file_is_never_a_path(name, shown):
    assert uploads._name(name) == shown


class Upload(io.BytesIO):
    def __init__(self, name, content=None):
        super().__init__(content or line())
        self.name, self.file_id = name, f"id of {name}"


@pytest.fixture
def state(monkeypatch):
    """What the browser tells of the zones."""
    state = {}
    option = {"server.maxUploadSize": 200}.get
    monkeypatch.setattr(uploads, "st", SimpleNamespace(session_state=state, get_option=option))
    return state


def taken(session):
    uploads.take_dropped(session)
    session.intake.wait(60)
    session.collect()
    return list(session.logs.by_name)


def test_what_a_zone_still_holds_is_not_taken_twice_and_what_comes_late_is_not_lost(state):
    session, first, late = Session(), Upload("a"), Upload("b")
    state["logs_and_lookup_0"] = [first]
    assert taken(session) == taken(session) == ["a"]
    assert session.drops == 1
    # It was let go of over the zone before while that was being taken.
    state["logs_and_lookup_0"] = [first, late]
    state["logs_and_lookup_1"] = [Upload("c")]
    assert taken(session) == ["a", "b", "c"]
    assert session.drops == 2
    assert first.closed
    assert late.closed


def test_nothing_is_dropped_on_an_empty_zone(state):
    session = Session()
    state["logs_and_lookup_0"] = None
    assert taken(session) == []
    assert session.drops == 0


def test_what_the_browser_did_not_send_is_named_until_other_files_come(state):
    session = Session()
    state["unsent"] = {"files": [{"drop": 0, "name": "../big.log"}]}
    uploads._tell_unsent(session)
    (sentence,) = session.messages.refusals
    assert sentence.startswith("big.log: was not sent, since it is larger than 200 MB.")
    # The other files of the same drop leave the sentence, those of the next one do not.
    state["logs_and_lookup_0"] = [Upload("a")]
    assert taken(session) == ["a"]
    assert session.messages.refusals == [sentence]
    state["logs_and_lookup_1"] = [Upload("b")]
    assert taken(session) == ["a", "b"]
    assert session.messages.refusals == []


@pytest.mark.parametrize("told", [None, "", {}, []])
def test_a_browser_that_tells_of_no_file_is_passed_over(state, told):
    session = Session()
    state["unsent"] = {"files": told}
    uploads._tell_unsent(session)
    assert session.messages.refusals == []
