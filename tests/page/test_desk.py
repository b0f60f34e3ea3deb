"""Changes to the lookup are made one at a time, and leaving the sample restores the previous lookup."""

import sys
import threading
from dataclasses import replace

import pytest

from flowtag_core.page.desk import Desk
from flowtag_core.page.session import Session
from flowtag_core.tagging.editing import parse_rules
from tests.page.made import lookup

OWN, SAMPLE = lookup("443,tcp,own\n", "own.csv"), lookup("443,tcp,sample\n", "sample.csv")
NOTHING = {"edited_rows": {}, "added_rows": [], "deleted_rows": []}
CHANGES = {
    "take": lambda desk: desk.take(SAMPLE),
    "remove": Desk.remove,
    "tag": lambda desk: desk.tag(parse_rules("22/tcp", "ssh")),
    "table": Desk.table,
    "look_at": lambda desk: desk.look_at("around", 1),
    "stage": lambda desk: desk.stage(lambda _: {**NOTHING, "deleted_rows": [0]}),
    "apply": Desk.apply,
    "discard": Desk.discard,
    "undo": Desk.undo,
    "redo": Desk.redo,
    "downloaded": lambda desk: desk.downloaded(SAMPLE),
    "saved": Desk.saved,
    "show_sample": lambda desk: desk.show_sample(SAMPLE),
    "leave_sample": Desk.leave_sample,
    "start_over": Desk.start_over,
}


def desk_with(*lookups, **given):
    desk = Desk(**given)
    for each in lookups:
        desk.take(each)
    return desk


def tag(desk, port, name):
    desk.tag(parse_rules(f"{port}/tcp", name))


def tag_of(desk, port=443):
    return desk.lookup.tag_of(port, 6)


@pytest.fixture
def hurried():
    """Make threads take turns as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hurried")
def test_no_rule_is_lost_when_many_threads_tag_at_once():
    desk, start = desk_with(OWN), threading.Barrier(8)

    def tag_some(first):
        start.wait(60)
        for port in range(first, first + 5):
            tag(desk, port, f"t{port}")

    threads = [threading.Thread(target=tag_some, args=(first,)) for first in range(0, 40, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [tag_of(desk, port) for port in range(40)] == [f"t{port}" for port in range(40)]
    for _ in range(40):
        desk.undo()
    assert desk.lookup.content == OWN.content


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_waits_while_another_one_is_in_progress(name):
    desk = desk_with(OWN, replace(OWN, content=OWN.content + b"25,tcp,mail\n"))
    desk.undo()
    desk.table()
    before = [desk.versions, desk.lookup.content, desk.versions.can_redo, desk.home_content]
    change = threading.Thread(target=CHANGES[name], args=[desk])
    with desk.lock:
        change.start()
        change.join(0.05)
        assert change.is_alive()
        now = [desk.versions, desk.lookup.content, desk.versions.can_redo, desk.home_content]
        assert now == before
    change.join(10)
    assert not change.is_alive()


def test_every_change_that_a_desk_offers_is_tested_here():
    methods = {name for name, method in vars(Desk).items() if callable(method)}
    assert {name for name in methods if not name.startswith("_")} == {*CHANGES}


def test_taking_a_lookup_names_the_one_that_it_replaced():
    desk = Desk()
    assert desk.take(OWN) == ""
    assert desk.take(SAMPLE) == "sample.csv replaced own.csv."
    assert desk.take(replace(SAMPLE, name="same.csv")) == ""
    desk.remove()
    assert desk.take(OWN) == ""


def test_replacing_or_removing_a_lookup_can_be_undone():
    desk = desk_with(OWN, SAMPLE)
    desk.remove()
    assert desk.given is None
    assert len(desk.lookup) == 0
    desk.undo()
    assert tag_of(desk) == "sample"
    desk.undo()
    assert tag_of(desk) == "own"


def test_the_first_rule_on_a_desk_without_a_lookup_creates_one():
    desk = Desk()
    tag(desk, 22, "ssh")
    assert desk.given.content == b"dstport,protocol,tag\n22,tcp,ssh\n"
    assert desk.versions.unsaved == 1


def test_an_invalid_rule_is_reported_and_leaves_the_lookup_unchanged():
    desk = desk_with(lookup("tag,dstport,protocol\nweb,443,tcp\n"))
    before = desk.lookup
    tag(desk, 22, "#ssh")
    assert "Use another tag" in desk.bench.wrong
    assert desk.lookup is before
    tag(desk, 22, "ssh")
    assert desk.bench.wrong == ""


def test_a_rule_that_changes_nothing_leaves_nothing_to_undo():
    desk = desk_with(OWN)
    tag(desk, 443, "own")
    assert not desk.versions.can_undo
    assert desk.bench.pending == ""


def test_the_workbench_is_told_of_each_change():
    desk = desk_with(OWN)
    told = []
    for change in (lambda: tag(desk, 22, "ssh"), desk.undo, desk.redo):
        change()
        told.append(desk.bench.pending)
    assert told == ["22/tcp is now ssh", "Undone", "Redone"]


def stage(desk, **done):
    desk.table()
    desk.stage(lambda _: {**NOTHING, **done})


def test_staged_edits_change_nothing_until_they_are_applied_as_one_change():
    desk = desk_with(lookup("443,tcp,own\r\n25,tcp,mail\r\n"))
    before = desk.lookup.content
    stage(
        desk,
        edited_rows={0: {"2": "site"}},
        added_rows=[{"0": "22", "1": "tcp", "2": "ssh"}],
        deleted_rows=[1],
    )
    assert desk.lookup.content == before
    desk.apply()
    assert desk.lookup.content == b"443,tcp,site\r\n22,tcp,ssh\r\n"
    assert desk.bench.pending == "443/tcp is now site, 22/tcp is now ssh, 25/tcp has no rule now"
    assert len(desk.edits.staged) == 0
    desk.undo()
    assert desk.lookup.content == before
    assert not desk.versions.can_undo


def test_discarded_edits_are_not_applied():
    desk = desk_with(OWN)
    stage(desk, edited_rows={0: {"2": "site"}})
    desk.discard()
    desk.apply()
    assert desk.lookup.content == OWN.content
    assert not desk.versions.can_undo


def test_no_edit_is_applied_while_one_makes_a_row_unusable():
    desk = desk_with(lookup("443,tcp,own\n25,tcp,mail\n"))
    stage(desk, edited_rows={0: {"2": "site"}, 1: {"0": "99999"}})
    desk.apply()
    assert tag_of(desk) == "own"
    assert len(desk.edits.staged) == 2


def test_edits_that_leave_no_lookup_are_refused_with_the_reason_and_stay_pending():
    desk = desk_with(OWN)
    stage(desk, deleted_rows=[0])
    desk.apply()
    assert "a lookup needs the three columns" in desk.edits.wrong
    assert desk.lookup.content == OWN.content
    assert len(desk.edits.staged) == 1


def test_edits_are_applied_to_the_lookup_that_the_workbench_has_changed():
    desk = desk_with(OWN)
    stage(desk, edited_rows={0: {"2": "site"}})
    tag(desk, 22, "ssh")
    desk.apply()
    assert (tag_of(desk), tag_of(desk, 22)) == ("site", "ssh")
    desk.undo()
    assert (tag_of(desk), tag_of(desk, 22)) == ("own", "ssh")


def test_edits_of_a_row_that_the_workbench_has_changed_are_not_applied():
    desk = desk_with(OWN)
    stage(desk, edited_rows={0: {"2": "site"}})
    tag(desk, 443, "other")
    desk.apply()
    assert tag_of(desk) == "other"
    assert "Make them again" in desk.edits.wrong


def test_without_a_line_the_rows_around_the_last_one_are_shown():
    desk = desk_with(OWN)
    desk.look_at("around", 7)
    desk.look_at("all")
    desk.look_at("around")
    assert (desk.edits.part, desk.edits.line) == ("around", 7)


def test_the_number_of_a_table_is_never_reused():
    desk = desk_with(OWN)
    number = desk.table().number
    desk.start_over()
    assert desk.table().number > number


def test_leaving_the_sample_restores_the_users_lookup_and_its_history():
    desk = desk_with(OWN)
    tag(desk, 22, "ssh")
    own = desk.lookup
    desk.show_sample(SAMPLE)
    assert (tag_of(desk), desk.versions.is_saved, desk.versions.can_undo) == ("sample", True, False)
    desk.leave_sample()
    assert desk.lookup is own
    assert desk.versions.unsaved == 1
    desk.undo()
    assert desk.lookup.content == OWN.content


def test_leaving_a_changed_sample_restores_the_users_lookup_too():
    desk = desk_with(OWN)
    desk.show_sample(SAMPLE)
    tag(desk, 22, "ssh")
    desk.leave_sample()
    assert desk.lookup is OWN


def test_without_another_lookup_the_samples_is_kept_only_if_it_was_changed():
    for port, is_kept in ((None, False), (22, True)):
        desk = Desk()
        desk.show_sample(SAMPLE)
        if port is not None:
            tag(desk, port, "ssh")
        desk.leave_sample()
        assert (desk.given is not None) == is_kept
        assert desk.sample is None


def test_a_lookup_added_while_the_sample_is_shown_is_the_users_own():
    desk = desk_with(OWN)
    desk.show_sample(SAMPLE)
    better = lookup("443,tcp,better\n")
    assert desk.take(better) == "lookup.csv replaced sample.csv."
    desk.leave_sample()
    assert desk.lookup is better


def test_a_rule_added_to_the_sample_is_unsaved_until_it_is_undone():
    session = Session()
    session.show_sample()
    session.desk.tag(parse_rules("49153/tcp", "mine"))
    assert session.desk.lookup.tag_of(49153, 6) == "mine"
    assert session.desk.versions.unsaved == 1
    session.desk.undo()
    assert session.desk.versions.is_saved


def test_a_lookup_can_be_saved_only_to_a_file_that_was_read_unconverted():
    assert not desk_with(OWN).has_lookup_to_save
    assert not desk_with(OWN, home="other.csv").has_lookup_to_save
    assert not desk_with(replace(OWN, form="services"), home="own.csv").has_lookup_to_save
    assert desk_with(OWN, home="own.csv").has_lookup_to_save
    # A later lookup can be saved there too.
    assert desk_with(OWN, SAMPLE, home="own.csv").has_lookup_to_save
    assert not Desk(home="own.csv").has_lookup_to_save


def test_without_a_lookup_or_with_the_unchanged_sample_nothing_can_be_saved():
    desk = desk_with(OWN, home="own.csv")
    desk.remove()
    assert not desk.has_lookup_to_save
    desk.show_sample(SAMPLE)
    assert not desk.has_lookup_to_save
    tag(desk, 22, "ssh")
    assert desk.has_lookup_to_save


def test_the_files_known_content_changes_only_when_a_lookup_is_saved():
    desk = desk_with(OWN, replace(SAMPLE, name="own.csv"), home="own.csv")
    assert desk.home_content == OWN.content
    assert desk.saved() == "Saved 1 rule to own.csv."
    assert desk.home_content == SAMPLE.content
    assert desk.versions.is_saved


def test_a_downloaded_version_counts_as_saved_and_a_later_one_does_not():
    desk = desk_with(OWN)
    tag(desk, 22, "ssh")
    desk.downloaded(desk.lookup)
    assert (desk.versions.is_saved, desk.versions.unsaved) == (True, 0)
    tag(desk, 23, "telnet")
    assert (desk.versions.is_saved, desk.versions.unsaved) == (False, 1)
    desk.undo()
    assert desk.versions.is_saved


def test_starting_over_keeps_only_the_path_of_the_lookups_file():
    desk = desk_with(OWN, home="own.csv")
    desk.show_sample(SAMPLE)
    tag(desk, 22, "ssh")
    desk.start_over()
    assert (desk.given, desk.sample, desk.before_sample) == (None, None, None)
    assert not desk.versions.can_undo
    assert desk.bench.pending == ""
    assert desk.home == "own.csv"
    desk.leave_sample()
    assert desk.given is None
