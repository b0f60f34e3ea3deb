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


def test_fifty_undos_restore_the_lookup_byte_for_byte():
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


def test_the_first_lookup_cannot_be_undone_and_the_next_one_can():
    versions = versions_of(A)
    assert (versions.can_undo, versions.can_redo, versions.unsaved) == (False, False, 0)
    versions.take(lookup(B, "1.csv"))
    assert (versions.can_undo, versions.is_saved) == (True, True)
    versions.undo()
    # The lookup comes back with its name, but the user's saved file is still the other one.
    assert (versions.current.name, versions.current.content) == ("0.csv", A.encode())
    assert (versions.is_saved, versions.unsaved) == (False, 1)


def test_without_a_lookup_there_is_an_empty_one_that_counts_as_saved():
    versions = Versions()
    assert versions.current is None
    assert (len(versions.lookup), versions.unsaved, versions.is_saved) == (0, 0, True)


def test_removing_a_lookup_can_be_undone_and_redone():
    versions = versions_of(A)
    versions.take(None)
    assert versions.is_saved
    versions.undo()
    assert versions.current.content == A.encode()
    versions.redo()
    assert versions.current is None


def test_another_change_clears_the_redo_history():
    versions = versions_of(A, B)
    versions.undo()
    versions.change(lookup(C))
    assert not versions.can_redo
    versions.redo()
    assert versions.lookup.content == C.encode()
    versions.undo()
    assert versions.lookup.content == A.encode()


def test_undo_and_redo_without_a_history_change_nothing():
    versions = versions_of(A)
    before = versions.current
    versions.undo()
    versions.redo()
    assert versions.current is before
    assert not versions.can_undo
    assert not versions.can_redo


def test_another_spelling_of_the_same_rules_is_unsaved_although_no_rule_differs():
    versions = versions_of(A)
    versions.change(lookup(A + "# a comment\n"))
    assert (versions.unsaved, versions.is_saved) == (0, False)


def test_the_undo_history_is_limited_in_bytes_and_loses_the_oldest_first(monkeypatch):
    monkeypatch.setattr(versions_room, "MOST_KEPT", 2 * len(A))
    versions = versions_of(A, B, C, D)
    back = []
    while versions.can_undo:
        versions.undo()
        back.append(versions.lookup.content.decode())
    assert back == [C, B]


def test_changing_a_lookup_larger_than_the_limit_cannot_be_undone(monkeypatch):
    monkeypatch.setattr(versions_room, "MOST_KEPT", len(A) - 1)
    versions = versions_of(A, B)
    assert versions.lookup.content == B.encode()
    assert not versions.can_undo
