"""A copy is recognized by the name and the first lines of a file that was known before it."""

import pytest

from flowtag_core.counting.file_count import FileCount
from flowtag_core.reading.copies import Copies
from flowtag_core.reading.tail import Tail
from flowtag_core.reading.whole import Whole
from tests.logs import DEFAULT_HEADER, line

HEAD = b"\n".join([line(), line(dstport="25"), b""])
HEADER = DEFAULT_HEADER.encode() + b"\n"


def tail(name="a.log", path=None, head=HEAD, born=1):
    return Tail(name, path or name, FileCount(name), head=head, born=born)


@pytest.fixture
def copies():
    one = tail()
    return Copies(lambda: [one])


@pytest.mark.parametrize("path", ["a.log.1", "a.log.1.gz", "a.log-20261129", "a.log.2026-11-29.gz"])
def test_a_copy_has_the_name_with_a_suffix_and_the_same_first_lines(copies, path):
    assert copies.original(path, HEAD, 2).name == "a.log"
    assert copies.original(path, HEAD[: len(line()) + 1], 2).name == "a.log"
    assert copies.original(path, HEAD + line(), 2).name == "a.log"


@pytest.mark.parametrize(
    ("path", "head", "born"),
    [
        ("a.log", HEAD, 2),
        ("b.log.1", HEAD, 2),
        ("a.lo", HEAD, 2),
        ("a.log.1", line(dstport="9") + b"\n", 2),
        ("a.log.1", line()[:50], 2),
        ("a.log.1", b"", 2),
        ("a.log.1", HEAD, 1),
    ],
    ids=["same name", "other name", "shorter name", "other line", "half a line", "empty", "newer"],
)
def test_anything_else_is_not_a_copy(copies, path, head, born):
    assert copies.original(path, head, born) is None


def test_rotated_files_are_copies_of_one_another_and_of_packed_ones():
    text = tail("a.log.1")
    packed = Whole("b.log.2.gz", text=HEAD)
    copies = Copies(lambda: [text, packed])
    assert copies.original("a.log.2.gz", HEAD, 2) is text
    assert copies.original("b.log.3", HEAD, 2) is packed


def test_a_header_is_not_enough_and_the_file_itself_is_not_a_copy():
    with_header = tail("b.log", head=HEADER + HEAD)
    copies = Copies(lambda: [tail(path="a.log.1"), with_header])
    assert copies.original("a.log.1", HEAD, 2) is None
    assert copies.original("b.log.1", HEADER, 2) is None
    assert copies.may_have_original("b.log.1", HEADER, 2)
    assert copies.original("b.log.1", HEADER + HEAD[:-9], 2) is with_header
    assert not copies.may_have_original("b.log.1", HEADER + b"2 9", 2)


def test_only_the_last_files_that_are_gone_are_remembered(monkeypatch):
    monkeypatch.setattr("flowtag_core.reading.copies._MOST_GONE", 200)
    copies = Copies(list)
    tails = [tail(f"{number}.log") for number in range(300)]
    for each in tails:
        copies.add_gone(each)
    assert len(copies.gone) == 200
    assert copies.original("299.log.gz", HEAD, 2) is tails[299]
    assert copies.original("9.log.gz", HEAD, 2) is None
    assert (copies.is_gone(tails[299]), copies.is_gone(tails[9])) == (True, False)
    copies.remove_gone(tails[299])
    assert not copies.is_gone(tails[299])


def test_files_are_those_at_the_beginning_of_a_look():
    tails = []
    copies = Copies(lambda: tails)
    assert copies.at("a.log") == []
    tails.append(tail())
    assert copies.at("a.log") == []
    copies.begin_look()
    assert copies.at("a.log") == tails
