"""Edits in the lookup's table stay pending, whatever the table shows in the meantime."""

import pytest

from flowtag_core.page import edits as edits_room
from flowtag_core.page.edits import Edits
from flowtag_core.tagging.editing import parse_rules, with_rules
from flowtag_core.tagging.staging import Staged
from tests.page.made import lookup

TEXT = "dstport,protocol,tag\n443,tcp,web\n25,tcp,mail\n99999,tcp,bad\n"
NOTHING = {"edited_rows": {}, "added_rows": [], "deleted_rows": []}


def shown(text=TEXT):
    edits = Edits()
    edits.show(lookup(text))
    return edits


def told(edits, **done):
    edits.stage({**NOTHING, **done})
    return edits.staged


def test_changed_cells_and_added_and_removed_rows_are_pending():
    edits = shown()
    assert told(
        edits,
        edited_rows={0: {"2": " site "}, 1: {"0": "25"}},
        added_rows=[{"0": "22", "1": "tcp", "2": "ssh"}, {}],
        deleted_rows=[2],
    ) == Staged({0: {2: "site"}}, (("22", "tcp", "ssh"),), frozenset({2}))


def test_a_cell_changed_back_to_its_old_text_is_not_pending():
    edits = shown()
    assert len(told(edits, edited_rows={0: {"2": "site"}})) == 1
    assert len(told(edits, edited_rows={0: {"2": "web"}})) == 0


def test_an_emptied_cell_is_a_pending_change():
    assert told(shown(), edited_rows={0: {"2": None}}) == Staged({0: {2: ""}})


def test_edits_of_cells_that_were_never_shown_are_ignored():
    edits = shown()
    odd = {0: {"Line": "7", "9": "x", "2": "\ud83d"}, 99: {"2": "x"}}
    assert told(edits, edited_rows=odd, deleted_rows=[99]) == Staged({0: {2: "\\ud83d"}})


def test_the_table_stays_while_cells_are_typed():
    edits = shown()
    for text in ("a", "b"):
        told(edits, edited_rows={0: {"2": text}})
        edits.show(edits.lookup)
    assert edits.number == 1


def test_the_next_table_includes_the_pending_edits_and_adds_to_them():
    edits = shown()
    told(edits, edited_rows={0: {"2": "site"}}, added_rows=[{"0": "22"}], deleted_rows=[1])
    edits.part = "problems"
    edits.show(edits.lookup)
    assert (edits.number, edits.places) == (2, (2,))
    assert edits.rows["0"].tolist() == ["99999", "22"]
    # The second row of this table is the one that was added in the previous table.
    staged = told(edits, edited_rows={0: {"0": "99"}, 1: {"1": "tcp", "2": "ssh"}})
    assert staged == Staged({0: {2: "site"}, 2: {0: "99"}}, (("22", "tcp", "ssh"),), frozenset({1}))
    assert told(edits, deleted_rows=[0, 1]) == Staged({0: {2: "site"}}, (), frozenset({1, 2}))


def test_a_table_that_the_browser_has_lost_is_sent_again_with_the_pending_edits():
    edits = shown()
    told(edits, edited_rows={0: {"2": "site"}})
    edits.stage(None)
    edits.show(edits.lookup)
    assert edits.number == 2
    assert edits.rows["2"].tolist()[0] == "site"
    edits.stage(None)
    edits.show(edits.lookup)
    assert edits.number == 2


def test_pending_edits_survive_a_rule_that_is_added_elsewhere():
    edits = shown()
    told(edits, edited_rows={0: {"2": "site"}})
    edits.show(with_rules(edits.lookup, parse_rules("22/tcp", "ssh")))
    assert edits.number == 2
    assert edits.wrong == ""
    assert edits.rows["2"].tolist() == ["site", "mail", "bad", "ssh"]


def test_an_edit_of_a_row_that_was_changed_elsewhere_is_dropped_with_a_message():
    edits = shown()
    told(edits, edited_rows={0: {"2": "site"}, 1: {"2": "post"}})
    edits.show(with_rules(edits.lookup, parse_rules("443/tcp", "other")))
    assert edits.staged == Staged({1: {2: "post"}})
    assert "Make them again" in edits.wrong
    told(edits, edited_rows={1: {"2": "post2"}})
    assert edits.wrong == ""


def test_after_edits_are_applied_their_table_stays_if_no_row_has_moved():
    edits = shown()
    done = {"edited_rows": {0: {"2": "site"}}}
    edits.made(told(edits, **done).made(edits.sheet))
    assert len(told(edits, **done)) == 0
    edits.show(edits.lookup)
    assert edits.number == 1
    # The old text is a change now.
    assert told(edits, edited_rows={0: {"2": "web"}}) == Staged({0: {2: "web"}})


@pytest.mark.parametrize(
    "done",
    [
        {"deleted_rows": [0]},
        {"added_rows": [{"0": "22", "1": "tcp", "2": "ssh"}]},
        {"edited_rows": {2: {"0": "99"}}},
    ],
)
def test_after_edits_that_move_a_row_or_change_a_problem_the_table_is_new(done):
    edits = shown()
    edits.made(told(edits, **done).made(edits.sheet))
    assert len(told(edits, **done)) == 0
    edits.show(edits.lookup)
    assert edits.number == 2
    assert len(edits.rows) == len(edits.sheet.rows)


def test_discarded_edits_are_gone_from_the_table_too():
    edits = shown()
    told(edits, edited_rows={0: {"2": "site"}})
    edits.discard()
    # The browser reports on the old table until it has the new one.
    told(edits, edited_rows={0: {"2": "site"}})
    edits.show(edits.lookup)
    assert (edits.number, len(edits.staged)) == (2, 0)
    assert edits.rows["2"].tolist()[0] == "web"


def test_without_problems_all_rows_are_shown():
    edits = Edits(part="problems")
    edits.show(lookup("dstport,protocol,tag\n1,tcp,a\n"))
    assert edits.part == "all"


def test_a_table_that_is_too_large_for_a_browser_is_not_sent_but_a_part_can_be(monkeypatch):
    monkeypatch.setattr(edits_room, "MOST_CELLS", 5)
    edits = shown()
    assert edits.rows is None
    edits.part = "problems"
    edits.show(edits.lookup)
    assert len(edits.rows) == 1
