"""A second look is taken in a thread, once, and a look that cannot be taken says why."""

import os
import threading

import pytest

from flowtag_core import parse_flow_log
from flowtag_core.evidence import Wanted
from flowtag_core.page import looks
from flowtag_core.page.intake import CountedLog
from flowtag_core.page.looks import Looks
from flowtag_core.reading.evidence import look
from flowtag_core.sources.places import log_at
from tests.logs import line, text

EVERY = Wanted()


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(text([line(), line(dstport="53", protocol="17")]))
    return counted(path)


def counted(path):
    return CountedLog("a.log", parse_flow_log(path), 0.0, again=log_at(str(path)).places)


def taken(own, wanted, logs):
    own.ask(wanted, logs)
    own.wait(60)
    return own.found(wanted, logs)


def test_it_finds_what_a_look_from_the_library_finds(log, tmp_path):
    found = taken(Looks(), EVERY, [log, log])
    whole = look(tmp_path / "a.log")
    assert found.flows == 2 * whole.flows == 4
    assert {sample.text for sample in found.samples} == {each.text for each in whole.samples}


def test_what_was_asked_before_is_not_read_again(log, monkeypatch):
    own, read = Looks(), []
    monkeypatch.setattr(
        looks, "look", lambda *given, **named: read.append(1) or look(*given, **named)
    )
    other = Wanted(actions=frozenset([1]))
    for wanted in (EVERY, other, EVERY, other, EVERY):
        assert taken(own, wanted, [log]) is not None
    assert len(read) == 2
    own.clear()
    assert own.found(EVERY, [log]) is None


def test_another_question_stops_the_look_that_is_being_taken(log, monkeypatch):
    own, began, stopped = Looks(), threading.Event(), threading.Event()

    def endless(*given, cancel, **named):
        if named["wanted"] != EVERY:
            return look(*given, cancel=cancel, **named)
        began.set()
        while not cancel():
            pass
        stopped.set()
        return look(*given, cancel=cancel, **named)

    monkeypatch.setattr(looks, "look", endless)
    own.ask(EVERY, [log])
    assert began.wait(60)
    assert own.standing() is not None
    assert taken(own, Wanted(by_service=True), [log]).flows == 2
    assert stopped.wait(60)
    assert own.found(EVERY, [log]) is None
    assert own.standing() is None


def test_a_question_that_was_answered_before_stops_another_look_too(log, monkeypatch):
    own, began, stopped = Looks(), threading.Event(), threading.Event()
    answered = taken(own, EVERY, [log])

    def endless(*given, cancel, **named):
        began.set()
        while not cancel():
            pass
        stopped.set()
        return look(*given, cancel=cancel, **named)

    monkeypatch.setattr(looks, "look", endless)
    own.ask(Wanted(by_service=True), [log])
    assert began.wait(60)
    own.ask(EVERY, [log])
    assert stopped.wait(60)
    assert own.standing() is None
    assert own.found(EVERY, [log]) is answered


def test_the_oldest_results_are_forgotten_once_they_have_too_many_rows(log, monkeypatch):
    own, wanted = Looks(), [Wanted(minutes=(0, last)) for last in range(1 << 26, (1 << 26) + 3)]
    monkeypatch.setattr(looks, "_MOST_KEPT", 2 * taken(own, wanted[0], [log]).rows)
    for each in wanted[1:]:
        assert taken(own, each, [log]) is not None
    assert [own.found(each, [log]) is not None for each in wanted] == [False, True, True]
    monkeypatch.setattr(looks, "_MOST_KEPT", 0)
    assert taken(own, wanted[0], [log]) is not None
    assert [own.found(each, [log]) is not None for each in wanted] == [True, False, False]


def test_a_cancelled_look_keeps_what_it_has_found_and_can_be_asked_again(log, monkeypatch):
    own, began = Looks(), threading.Event()

    def slow(*given, cancel, so_far, **named):
        so_far(look(*given, **named))
        began.set()
        while not cancel():
            pass
        return look(*given, cancel=cancel, **named)

    with monkeypatch.context() as patched:
        patched.setattr(looks, "look", slow)
        own.ask(EVERY, [log])
        assert began.wait(60)
        own.cancel()
        own.wait(60)
    assert own.found(EVERY, [log]).flows == 2
    assert own.error(EVERY, [log]).startswith("Stopped.")
    assert own.standing() is None
    assert taken(own, EVERY, [log]).flows == 2
    assert own.error(EVERY, [log]) == ""


def test_a_file_that_changed_or_vanished_is_named(log, tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(text([line()] * 3))
    changed = taken(Looks(), EVERY, [log])
    assert changed.flows == 3
    assert any("has changed since it was counted" in sentence for sentence in changed.damage)
    os.unlink(path)
    gone = taken(Looks(), EVERY, [log])
    assert gone.flows == 0
    assert any("no such file" in sentence for sentence in gone.damage)


def test_a_log_that_was_not_kept_has_no_evidence(log):
    assert taken(Looks(), EVERY, [CountedLog("b.log", log.counts, 0.0)]).flows == 0


def test_a_bug_ends_the_look_with_a_sentence_and_it_can_be_asked_again(log, monkeypatch):
    own = Looks()
    with monkeypatch.context() as patched:
        patched.setattr(looks, "look", lambda *_, **__: 1 // 0)
        patched.setattr(threading, "excepthook", lambda _: None)
        own.ask(EVERY, [log])
        own.wait(60)
    assert own.error(EVERY, [log]) == "Something went wrong; see the terminal."
    assert own.standing() is None
    assert taken(own, EVERY, [log]).flows == 2


def test_a_look_that_ends_after_everything_was_forgotten_is_forgotten_too(log, monkeypatch):
    own = Looks()

    def forgetful(*given, **named):
        own.clear()
        named["cancel"] = lambda: False
        return look(*given, **named)

    monkeypatch.setattr(looks, "look", forgetful)
    assert taken(own, EVERY, [log]) is None
