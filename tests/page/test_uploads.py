"""Dropped files are read once, in the custom format if there is one."""

import io
from types import SimpleNamespace

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from flowtag_core.page import uploads
from flowtag_core.page.session import Session
from tests.logs import line
from tests.page.seen import LOG, SAMPLE_LOOKUP, SMALL, drop, log_with, metrics, said, session, tags


def test_an_upload_is_counted_once_and_its_bytes_are_freed(page, counted):
    drop(page, ("a.log", LOG))
    page.run()
    drop(page, ("l.csv", SAMPLE_LOOKUP))
    page.run()
    assert counted == ["a.log"]
    assert page.file_uploader(key="logs_and_lookup_2").value == []


def test_a_custom_format_applies_to_later_files_until_it_is_cleared(page):
    small = log_with(SMALL, 3)
    drop(page, ("a.log", small))
    assert "a.log: no flows were found" in said(page)
    page.text_input(key="format").set_value("${start} ${dstport}, protocol srcport").run()
    drop(page, ("b.log", small), ("headed.log", b"dstport protocol\n25 6\n"))
    assert tags(page) == {"Untagged": 4}
    assert "b.log: read as 4 fields, given as a format." in said(page)
    session(page)  # After a reload, the field is new and shows the format in use.
    assert page.text_input(key="format").value == "${start} ${dstport}, protocol srcport"
    page.text_input(key="format").set_value("").run()
    assert metrics(drop(page, ("c.log", line())))["Flows"] == "5"


def test_an_invalid_format_is_reported_and_changes_nothing(page):
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
    """What the browser reports on its drops and zones."""
    state = {}
    option = {"server.maxUploadSize": 2_000}.get
    monkeypatch.setattr(uploads, "st", SimpleNamespace(session_state=state, get_option=option))
    return state


@pytest.fixture
def sent(monkeypatch):
    """The uploads of a browser, as Streamlit keeps them."""
    manager = MemoryUploadedFileManager("/upload")
    context = SimpleNamespace(session_id="connection", uploaded_file_mgr=manager)
    monkeypatch.setattr(uploads, "get_script_run_ctx", lambda: context)
    return manager


def send(sent, *ids):
    for name in ids:
        sent.add_file("connection", UploadedFileRec(name, "file", "", line()))


def tell(state, **drops):
    """Report for each drop the names of its files by id, and the files that were not uploaded."""
    batches = [
        {"name": name, "files": [*files.items()], "unsent": unsent}
        for name, (files, unsent) in drops.items()
    ]
    state["drops"] = {"sent": {"turn": 1, "batches": batches}}


def taken(session):
    uploads.take_dropped(session)
    session.intake.wait(60)
    session.collect()
    return list(session.logs.by_name)


def test_files_left_in_a_zone_are_not_taken_twice_and_late_ones_are_not_lost(state):
    session, first, late = Session(), Upload("a"), Upload("b")
    state["logs_and_lookup_0"] = [first]
    assert taken(session) == taken(session) == ["a"]
    assert session.drops == 1
    # It was dropped on the previous zone while that was being emptied.
    state["logs_and_lookup_0"] = [first, late]
    state["logs_and_lookup_1"] = [Upload("c")]
    assert taken(session) == ["a", "b", "c"]
    assert session.drops == 2
    assert first.closed
    assert late.closed


def test_an_empty_zone_gives_no_files(state):
    session = Session()
    state["logs_and_lookup_0"] = None
    assert taken(session) == []
    assert session.drops == 0


def test_a_drop_is_taken_once_all_of_its_files_are_there_and_never_again(state, sent):
    session = Session()
    tell(state, first=({"1": "a.log", "2": "dir/b.log"}, []))
    send(sent, "1")
    assert taken(session) == []
    answer = uploads._answer(session)
    assert (answer["taken"], answer["missing"], answer["turn"]) == ([], ["first"], 1)
    send(sent, "2")
    assert taken(session) == taken(session) == ["a.log", "b.log"]
    assert sent.get_files("connection", ["1", "2"]) == []
    answer = uploads._answer(session)
    assert (answer["taken"], answer["missing"]) == (["first"], [])
    send(sent, "1", "2")
    assert taken(session) == ["a.log", "b.log"]


def test_the_size_of_a_drop_is_known_while_it_is_read(state, sent, monkeypatch):
    sizes = []
    monkeypatch.setattr(Session, "take", lambda _, arrivals: sizes.extend(a.size for a in arrivals))
    tell(state, first=({"1": "a.log"}, []))
    send(sent, "1")
    uploads.take_dropped(Session())
    assert sizes == [len(line())]


def test_drops_that_are_reported_together_are_all_taken(state, sent):
    session = Session()
    tell(state, first=({"1": "a.log"}, []), second=({"2": "a.log"}, []))
    send(sent, "1", "2")
    assert taken(session) == ["a.log", "a.log (2)"]


@pytest.mark.usefixtures("state", "sent")
def test_the_browser_gets_the_upload_address_and_the_size_limit():
    answer = uploads._answer(Session())
    assert (answer["address"], answer["megabytes"]) == ("/upload/connection/", 2_000)
    assert (answer["taken"], answer["missing"], answer["turn"]) == ([], [], None)


def test_a_file_that_two_runs_find_is_claimed_by_only_one():
    session = Session()
    assert session.claim(["a", "b"]) == {"a", "b"}
    assert session.claim(["b", "c"]) == {"c"}


def test_files_that_were_not_uploaded_are_named_until_other_files_come(state, sent):
    session = Session()
    send(sent, "1", "2")
    tell(state, first=({"1": "a"}, [["../big.log", "large"], ["gone.log", "unreadable"]]))
    assert taken(session) == taken(session) == ["a"]
    large, unreadable = session.messages.refusals
    assert large.startswith("big.log: was not uploaded because it is larger than 2,000 MB. Start")
    assert unreadable == "gone.log: was not uploaded because the browser could not read it."
    tell(state, second=({}, [["more.log", "large"]]))
    assert taken(session) == ["a"]
    assert len(session.messages.refusals) == 3
    tell(state, third=({"2": "b"}, []))
    assert taken(session) == ["a", "b"]
    assert session.messages.refusals == []


@pytest.mark.parametrize("told", [None, {}, {"sent": None}, {"sent": {"turn": 1, "batches": []}}])
def test_a_browser_that_reports_no_drop_is_ignored(state, told):
    session = Session()
    state["drops"] = told
    assert taken(session) == []
    assert session.messages.refusals == []
