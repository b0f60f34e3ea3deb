"""Typed tags are taken once and in order, and the browser may send anything."""

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.page import tag_box
from flowtag_core.page.desk import Desk
from flowtag_core.page.tag_box import Entry, Typed, sentence, take, told, typed
from flowtag_core.showing.workbench import untagged_pairs, untagged_places
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import retagged
from tests.page.made import lookup
from tests.showing.made import report

REPORT = report(*[9092] * 3, *[9093] * 2, 9094)


def offering(desk=None, rows=()):
    """A desk with untagged ports on its bench, these rows ticked."""
    desk = desk or Desk()
    now = retagged(REPORT, desk.lookup)
    desk.bench.show(untagged_pairs(now, untagged_places(now)))
    desk.bench.tick(rows)
    return desk


def say(desk, *entries, ports="", bench=None):
    """Send these entries as the browser does."""
    take(desk, Typed(bench or desk.bench.name, tuple(Entry(*each) for each in entries), ports))


def shown(desk, ports=""):
    """The data for the browser after a run."""
    now = retagged(REPORT, desk.lookup)
    return told(desk, desk.lookup, now, ports, sentence(desk, now, ports, "nothing"))


def tags(desk):
    return [desk.lookup.tag_of(port, 6) for port in (9092, 9093, 9094)]


def test_entries_are_taken_in_the_order_of_their_numbers_and_each_once():
    desk = offering()
    say(desk, (2, "9093/6", "two"), (1, "9092/6", " one "))
    say(desk, (1, "9092/6", "not again"), (2, "9093/6", "nor this"), (3, "9094/tcp", "three"))
    assert tags(desk) == ["one", "two", "three"]
    assert [rule.tag for rule in desk.lookup.rules] == ["one", "two", "three"]
    assert shown(desk)["taken"] == 3


@given(st.lists(st.integers(1, 12), min_size=1), st.integers(1, 12))
def test_however_entries_are_split_and_repeated_each_is_taken_once(acknowledged, last):
    desk = Desk()
    log = [(number, f"{number}/6", f"tag {number}") for number in range(1, last + 1)]
    for sent, known in enumerate(acknowledged, 1):
        say(desk, *(entry for entry in log[: sent * 3] if entry[0] > min(known, desk.bench.taken)))
    say(desk, *(entry for entry in log if entry[0] > desk.bench.taken))
    assert [rule.tag for rule in desk.lookup.rules] == [tag for _, _, tag in log]


def test_runs_that_overlap_take_every_entry_once():
    desk = Desk()
    log = [(number, f"{number}/6", f"t{number}") for number in range(1, 25)]
    runs = [threading.Thread(target=say, args=(desk, *log[: 3 * (n + 1)])) for n in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [rule.tag for rule in desk.lookup.rules] == [tag for _, _, tag in log]


def test_an_entry_names_its_ports_whatever_is_on_offer_now():
    desk = offering()
    say(desk, (1, "9094/6,9092/6", "ticked"), (2, "53/udp, icmp", "written"))
    assert tags(desk) == ["ticked", UNTAGGED, "ticked"]
    assert [desk.lookup.tag_of(*pair) for pair in ((53, 17), (0, 1))] == ["written"] * 2


def test_entries_typed_before_starting_over_are_ignored():
    desk = offering()
    before = desk.bench.name
    say(desk, (1, "9092/6", "one"))
    desk.start_over()
    say(desk, (1, "9092/6", "one"), (2, "9093/6", "two"), bench=before)
    assert desk.given is None


@pytest.mark.parametrize(
    ("ports", "tag", "why"),
    [
        ("9092/6", "untagged", "Use another tag."),
        ("9092/6", "x" * 201, "1 to 200"),
        ("9092/6", "a\u200bb", "visible characters"),
        ("9092/6", "   ", "cannot be a tag"),
        ("9092", "kafka", "443/tcp"),
        (",", "kafka", "443/tcp"),
        ("1/6," * 2000, "kafka", "at most"),
    ],
)
def test_a_failed_entry_is_given_back_with_the_reason_and_the_next_is_taken(ports, tag, why):
    desk = offering()
    before = shown(desk)
    say(desk, (1, ports, tag[:250]), (2, "9093/6", "two"))
    assert tags(desk) == [UNTAGGED, "two", UNTAGGED]
    after = shown(desk)
    assert why in after["line"]
    assert after["isWrong"]
    assert (after["taken"], after["refused"]) == (2, 1)
    assert after["epoch"] != before["epoch"]
    say(desk, (3, "9094/6", "three"))
    assert not shown(desk)["isWrong"]


def test_the_epoch_changes_when_anything_but_an_entry_changes_the_lookup():
    desk = offering()
    epochs = [shown(desk)["epoch"]]
    say(desk, (1, "9092/6", "one"))
    assert [shown(desk)["epoch"], shown(desk)["epoch"]] == epochs * 2
    for change in (desk.undo, desk.redo, lambda: desk.take(lookup("1,tcp,x\n")), desk.remove):
        change()
        epochs.append(shown(desk)["epoch"])
    assert len(set(epochs)) == 5
    desk.undo()
    say(desk, (2, "9093/6", "two"))
    assert shown(desk)["epoch"] not in epochs


def test_an_outdated_run_sends_no_newer_state_than_its_report():
    desk = offering()
    before, lookup_then = shown(desk), desk.lookup
    say(desk, (1, "9092/6", "one"))
    late = told(desk, lookup_then, REPORT, "", "")
    assert [late[name] for name in ("taken", "epoch", "refused")] == [0, before["epoch"], 0]
    assert shown(desk)["taken"] == 1


def test_the_browser_gets_the_ports_on_offer_the_ticked_ones_and_the_known_tags():
    desk = Desk()
    desk.take(lookup("9094,tcp,kafka\n1,tcp,other\n"))
    data = shown(offering(desk, rows=[1]))
    assert data["targets"] == [("9092/6", "9092/tcp", "kafka"), ("9093/6", "9093/tcp", "kafka")]
    assert data["ticked"] == ["9093/6"]
    assert data["known"] == ["kafka", "other"]
    json.dumps(data)


def test_the_line_says_what_a_tag_would_cover_then_the_effect_of_the_last_one():
    desk = offering()
    assert shown(desk)["line"] == "Would tag 3 flows (50.0%)."
    desk.bench.drawn(REPORT, "view")
    say(desk, (1, "9092/6", "one"))
    desk.bench.drawn(retagged(REPORT, desk.lookup), "view")
    assert shown(offering(desk))["line"] == (
        "9092/tcp is now one. Untagged went from 100.0% to 50.0% of flows."
    )
    assert shown(desk, ports="9092-9093/tcp")["line"] == "Would tag 2 flows (33.3%)."
    assert shown(offering(desk, rows=[0, 1]))["line"] == "Would tag 3 flows (50.0%)."


def test_invalid_ports_are_marked_wrong_until_they_are_changed():
    desk = offering()
    data = shown(desk, ports="9092")
    assert "443/tcp" in data["line"]
    assert (data["isWrong"], data["wrongPorts"]) == (True, "9092")
    data = shown(desk, ports="9092/tcp")
    assert (data["isWrong"], data["wrongPorts"]) == (False, "")


def test_if_nothing_is_on_offer_the_line_says_why():
    desk = Desk()
    desk.take(lookup("*,*,all\n"))
    data = shown(offering(desk))
    assert (data["targets"], data["line"]) == ([], "nothing")


def test_typed_ports_count_only_for_their_own_bench():
    desk = Desk()
    assert tag_box.written_ports(desk, Typed(desk.bench.name, (), " 1/tcp ")) == "1/tcp"
    assert tag_box.written_ports(desk, Typed("another", (), "1/tcp")) == ""


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
)


@given(
    ANYTHING
    | st.fixed_dictionaries(
        {
            "bench": st.just("mine") | ANYTHING,
            "log": st.lists(st.tuples(ANYTHING, ANYTHING, ANYTHING).map(list)) | ANYTHING,
            "ports": ANYTHING,
        }
    )
)
def test_whatever_the_browser_sends_is_taken_or_ignored(said):
    desk = offering()
    desk.bench.name = "mine"
    take(desk, typed(said))
    ports = tag_box.written_ports(desk, typed(said))
    json.dumps(shown(desk, ports))


def test_only_entries_that_the_script_could_have_sent_are_read():
    log = [
        [2, "2/tcp", "b"],
        [1, "1/tcp", "a"],
        [0, "1/tcp", "a"],
        [1.5, "1/tcp", "a"],
        [True, "1/tcp", "a"],
        [1 << 60, "1/tcp", "a"],
        [3, 1, "a"],
        [3, "1/tcp"],
        "3",
    ]
    found = typed({"bench": "x", "log": log, "ports": "1/tcp"})
    assert found == Typed("x", (Entry(1, "1/tcp", "a"), Entry(2, "2/tcp", "b")), "1/tcp")
    many = [[number, "1/tcp", "a"] for number in range(1, 2000)]
    assert len(typed({"log": many}).log) == tag_box.MOST_ENTRIES
    assert typed({"ports": "1" * 5000}).ports == ""
    assert typed([]) == typed(None) == Typed()
