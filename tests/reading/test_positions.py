"""A position is restored as it was saved, at the beginning of a line, and converted again only if it changed."""

import json

import pytest

from flowtag_core.counting.file_count import FileCount
from flowtag_core.reading.positions import position, resumed, saved
from flowtag_core.reading.tail import Tail
from flowtag_core.reading.whole import Whole
from tests.logs import DEFAULT_HEADER, line


def new(name, path):
    return Tail(name, path, FileCount(name))


@pytest.fixture
def tail():
    found = new("a.log", "a.log.1")
    found.feed(DEFAULT_HEADER.encode() + b"\n" + line() + b"\n" + line()[:30])
    found.count_lines()
    found.copies = ["a.log.2"]
    found.count.take(0)
    return found


def test_a_text_file_continues_at_the_beginning_of_its_last_line(tail):
    identity, again = resumed(json.loads(json.dumps(position((1, 2), tail))), new)
    assert identity == (1, 2)
    for name in ("name", "path", "line_start", "copies"):
        assert getattr(again, name) == getattr(tail, name)
    assert again.head == tail.head[: tail.line_start]
    assert again.offset == tail.line_start
    assert tail.mark == again.mark + line()[:30]
    assert again.count.reached == tail.count.reached


@pytest.mark.parametrize("is_counted", [True, False])
def test_a_file_that_was_not_counted_must_again_be_seen_twice(is_counted):
    whole = Whole("a.gz", b"\x1f\x8b", line(), (10, 20), is_counted=is_counted)
    _, again = resumed(json.loads(json.dumps(position((1, 2), whole))), new)
    assert again.seen == ((10, 20) if is_counted else None)
    for name in ("path", "head", "text", "is_counted", "is_copy"):
        assert getattr(again, name) == getattr(whole, name)


def test_half_a_line_longer_than_the_mark_leaves_no_mark(tail):
    tail.feed(b"x" * 300)
    _, again = resumed(json.loads(json.dumps(position((1, 2), tail))), new)
    assert (again.mark, again.offset) == (b"", tail.line_start)


def test_a_position_is_converted_again_only_if_it_has_changed(tail):
    tail.head += b"x" * 1024
    before = saved((1, 2), tail)
    tail.feed(line()[30:])
    assert saved((1, 2), tail) is before
    tail.feed(b"\n")
    tail.count_lines()
    tail.count.take(0)
    assert json.loads(saved((1, 2), tail))["offset"] == tail.offset
    whole = Whole("a.gz", seen=(1, 2))
    assert not json.loads(saved((1, 3), whole))["is_counted"]
    whole.is_counted = True
    assert json.loads(saved((1, 3), whole))["is_counted"]
    assert json.loads(saved((1, 4), whole))["number"] == 4


@pytest.mark.parametrize("found", [{}, {"path": "a", "device": 1, "number": 2, "head": "é"}])
def test_an_invalid_position_is_refused(found):
    with pytest.raises((KeyError, ValueError)):
        resumed(found, new)
