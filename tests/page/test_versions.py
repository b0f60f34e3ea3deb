"""Undo and redo restore a lookup byte for byte."""

import io

from flowtag_core import load_lookup_table
from flowtag_core.page import versions as versions_room
from flowtag_core.page.versions import Versions
from flowtag_core.tagging.editing import parse_rules, with_rules
from tests.page.made import lookup

ODD = "owner;Port;Proto;Tag\r\n a ;443;tcp;web\r\n# kept\r\n\r\nb;80-90; udp;b\xe9\r\n"
A, B, C, D = (f"443,tcp,{tag}\n" for tag in "abcd")


def loaded(content, name="lookup.csv"):
    return load_lookup_table(io.BytesIO(content), name)


def test_fifty_undos_give_back_the_lookup_byte_for_byte():
    content = ODD.encode("cp1252")
    versions = Versions()
    versions.take(loaded(content))
    for port in range(50):
        versions.change(with_rules(versions.lookup, parse_rules(f"{port}/tcp", f"t{port}")))
    assert versions.unsaved == 50
    last = versions.lookup.content
    for _ in range(50):
        versions.undo()
    assert (versions.lookup.content, versions.unsaved, versions.is_saved) == (content, 0, True)
    for _ in range(50):
        versions.redo()
    assert versions.lookup.content == last
    versions.saved(versions.lookup)
    assert versions.unsaved == 0


def versions_of(*texts):
    versions = Versions()
    for number, text in enumerate(texts):
        versions.take(lookup(text, f"{number}.csv"))
    return versions


def test_the_first_lookup_is_nothing_to_go_back_from_and_the_next_one_is():
    versions = versions_of(A)
    assert (versions.can_undo, versions.can_redo, versions.unsaved) == (False, False, 0)
    versions.take(lookup(B, "1.csv"))
    assert (versions.can_undo, versions.is_saved) == (True, True)
    versions.undo()
    # A lookup comes back with its name, and the file that the user has is the other one.
    assert (versions.current.name, versions.current.content) == ("0.csv", A.encode())
    assert (versions.is_saved, versions.unsaved) == (False, 1)


def test_where_none_was_given_there_is_one_without_rules_which_is_saved():
    versions = Versions()
    assert versions.current is None
    assert (len(versions.lookup), versions.unsaved, versions.is_saved) == (0, 0, True)


def test_that_a_lookup_was_taken_out_can_be_undone_and_done_again():
    versions = versions_of(A)
    versions.take(None)
    assert versions.is_saved
    versions.undo()
    assert versions.current.content == A.encode()
    versions.redo()
    assert versions.current is None


def test_what_was_undone_is_gone_after_another_change():
    versions = versions_of(A, B)
    versions.undo()
    versions.change(lookup(C))
    assert not versions.can_redo
    versions.redo()
    assert versions.lookup.content == C.encode()
    versions.undo()
    assert versions.lookup.content == A.encode()


def test_to_go_back_or_forth_with_nothing_there_changes_nothing():
    versions = versions_of(A)
    before = versions.current
    versions.undo()
    versions.redo()
    assert versions.current is before
    assert not versions.can_undo
    assert not versions.can_redo


def test_another_spelling_of_the_same_rules_is_not_saved_though_no_rule_differs():
    versions = versions_of(A)
    versions.change(lookup(A + "# a comment\n"))
    assert (versions.unsaved, versions.is_saved) == (0, False)


def test_only_so_many_bytes_are_kept_to_go_back_to_and_the_oldest_go_first(monkeypatch):
    monkeypatch.setattr(versions_room, "MOST_KEPT", 2 * len(A))
    versions = versions_of(A, B, C, D)
    back = []
    while versions.can_undo:
        versions.undo()
        back.append(versions.lookup.content.decode())
    assert back == [C, B]


def test_a_lookup_larger_than_what_is_kept_can_be_changed_but_not_gone_back_to(monkeypatch):
    monkeypatch.setattr(versions_room, "MOST_KEPT", len(A) - 1)
    versions = versions_of(A, B)
    assert versions.lookup.content == B.encode()
    assert not versions.can_undo
