"""The downloads: the result and the lookup, which can also be saved to its file."""

import gzip
import io
import sys

import pytest

from flowtag_core import load_lookup_table
from flowtag_core.page import door, downloads, in_place
from flowtag_core.page.desk import Desk
from flowtag_core.page.messages import Messages
from flowtag_core.page.session import Session
from flowtag_core.tagging.editing import parse_rules
from tests.logs import LOOKUP, line
from tests.page.seen import (
    SAMPLE_LOOKUP,
    buttons,
    drop,
    opened,
    said,
    session,
    tags,
)


def test_a_lookup_is_saved_to_its_file_only_after_a_confirmation(given):
    _, rules = given
    page = drop(opened(), ("better.csv", LOOKUP))
    page.button(key="save_lookup").click().run()
    assert rules.read_bytes() == SAMPLE_LOOKUP
    page.button(key="save_confirmed").click().run()
    assert not page.exception
    assert rules.read_bytes() == LOOKUP
    assert "Saved 4 rules to" in said(page)


@pytest.mark.usefixtures("given")
def test_nothing_can_be_saved_on_a_shared_page(monkeypatch):
    monkeypatch.setattr(door, "is_shared", lambda: True)
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--shared"])
    page = drop(opened(), ("better.csv", LOOKUP))
    assert tags(page)
    assert "save_lookup" not in buttons(page)


def test_a_file_that_has_changed_is_not_overwritten_without_a_warning(given):
    _, rules = given
    page = drop(opened(), ("better.csv", LOOKUP))
    rules.write_bytes(b"443,tcp,colleague\n")
    page.button(key="save_lookup").click().run()
    assert "The file has changed since it was read." in said(page)


def test_a_file_that_never_was_the_lookup_is_never_overwritten(monkeypatch, tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(line())
    monkeypatch.setattr(sys, "argv", ["dashboard.py", "--lookup", str(path)])
    page = drop(opened(), ("lookup.csv", LOOKUP), ("b.log", line()))
    assert tags(page) == {"web": 1, "Untagged": 0}
    assert "save_lookup" not in buttons(page)


@pytest.mark.parametrize("kind", ["services", "gzip"])
def test_a_lookup_that_was_not_plain_csv_is_never_overwritten(monkeypatch, tmp_path, kind):
    path = tmp_path / "services"
    text = b"https 443/tcp\n" if kind == "services" else gzip.compress(b"443,tcp,https\n")
    path.write_bytes(text)
    (tmp_path / "a.log").write_bytes(line())
    monkeypatch.setattr(
        sys, "argv", ["dashboard.py", str(tmp_path / "a.log"), "--lookup", str(path)]
    )
    page = opened()
    assert tags(page) == {"https": 1, "Untagged": 0}
    assert not session(page).desk.has_lookup_to_save
    assert "save_lookup" not in buttons(page)
    assert in_place.content(str(path)) == text


def test_a_file_that_changes_during_the_confirmation_is_not_overwritten(tmp_path):
    home = tmp_path / "rules.csv"
    home.write_bytes(b"443,tcp,colleague\n")
    desk = Desk(home=str(home))
    session = Session(desk=desk)
    desk.take(load_lookup_table(io.BytesIO(LOOKUP), name=str(home)))
    downloads._save(session, str(home), b"443,tcp,what was seen\n")
    assert home.read_bytes() == b"443,tcp,colleague\n"
    assert session.messages.refused == [
        f"{home}: has just changed, so the lookup was not saved. Check the file and try again."
    ]
    downloads._save(session, str(home), home.read_bytes())
    assert home.read_bytes() == LOOKUP
    assert session.messages == Messages(told=[f"Saved 4 rules to {home}."])


def test_a_failed_save_is_reported_and_the_lookup_stays_unsaved(tmp_path):
    path = str(tmp_path / "gone" / "rules.csv")
    session = Session(desk=Desk(home=path, home_content=b""))
    session.desk.tag(parse_rules("22/tcp", "ssh"))
    downloads._save(session, path, None)
    assert "could not be written" in session.messages.refused[0]
    assert not session.desk.versions.is_saved


def test_the_result_has_all_flows_whatever_the_filters(page):
    drop(page, ("a.log", line(action="REJECT") + b"\n" + line(dstport="25")), ("l.csv", LOOKUP))
    page.segmented_control(key="action").set_value("accept").run()
    result = session(page).result.of(session(page).logs, session(page).desk.lookup)
    assert [row in result for row in (b"web,1", b"mail,1")] == [True, True]
