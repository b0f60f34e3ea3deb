"""A copy is recognized by the name and the first lines of a file that was known before it."""

import pytest

from flowtag_core.counting.file_count import FileCount
from flowtag_core.reading.copies import Copies
from flowtag_core.reading.tail import Tail
from tests.logs import DEFAULT_HEADER, line

HEAD = b"\n".join([line(), line(dstport="25"), b""])


def tail(name="a.log", path=None, head=HEAD, born=1):
    return Tail(name, path or name, FileCount(name), head=head, born=born)


@pytest.fixture
def copies():
    found = Copies()
    found.note([tail()])
    return found


@pytest.mark.parametrize("path", ["a.log.1", "a.log.1.gz", "a.log-20261129"])
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


def test_the_file_itself_and_a_header_alone_are_not_copies():
    copies, header = Copies(), DEFAULT_HEADER.encode() + b"\n"
    copies.note([tail(path="a.log.1"), tail("b.log", head=header)])
    assert copies.original("a.log.1", HEAD, 2) is None
    assert copies.original("b.log.1", header, 2) is None


def test_only_the_last_files_that_are_gone_are_remembered():
    copies = Copies()
    for number in range(300):
        copies.add_gone(tail(f"{number}.log"))
    copies.note([])
    assert len(copies.gone) == 200
    assert copies.original("299.log.gz", HEAD, 2).name == "299.log"
    assert copies.original("9.log.gz", HEAD, 2) is None
