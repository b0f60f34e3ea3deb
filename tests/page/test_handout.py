"""The exports of the page have what the page shows: its filters, its search, its open panel."""

import json

import pytest

from flowtag_core.exporting.result_json import document, result_json
from flowtag_core.page import downloads
from tests.logs import LOOKUP
from tests.page.seen import drop
from tests.page.test_who import LINES, ask, click, looked

pytestmark = pytest.mark.usefixtures("temporary")


@pytest.fixture
def given(monkeypatch):
    """The handouts that the page's buttons were given, the last one last."""
    handouts = []
    monkeypatch.setattr(downloads, "exports", lambda _, handout: handouts.append(handout))
    return handouts


def last(given):
    return json.loads(b"".join(result_json(document(given[-1]))))


def test_every_filter_and_the_search_apply(page, given):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    assert last(given)["total"]["flows"] == 4
    page.segmented_control(key="action").set_value("reject").run()
    page.segmented_control(key="measure").set_value("bytes").run()
    page.text_input(key="search").set_value("tcp").run()
    page.query_params["tag"] = "mail"
    page.run()
    found = last(given)
    assert found["total"] == {"flows": 2, "packets": 20, "bytes": 1680}
    assert [row["port"] for row in found["ports"]] == [25]
    chosen = {"measure": "bytes", "group_by": "destination", "action": "REJECT", "boundary": None}
    assert found["filters"] == {**chosen, "tag": "mail", "search": "tcp"}
    ports = page.dataframe(key="ports").value
    assert ports["Bytes"].tolist() == [row["bytes"] for row in found["ports"]]
    assert found["who"] is None


def test_what_the_open_panel_has_found_is_included(page, given):
    drop(page, ("a.log", LINES), ("l.csv", LOOKUP))
    click(page, "top_talkers")
    assert last(given)["who"]["flows"] == 4
    assert given[-1].findings.title == "Top talkers"
    ask(page, "rejected")
    looked(page)
    found = given[-1].findings
    assert found.title == "Which outside sources were rejected?"
    assert "Only these: rejected, inbound." in found.sentences
    assert last(given)["who"]["flows"] == 1
    page.button(key="close_who").click().run()
    assert last(given)["who"] is None
