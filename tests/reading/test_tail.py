"""A file of text is counted line by line, and a copy of it has the rest."""

import gzip
import os

import pytest

from flowtag_core.counting.file_count import FileCount
from flowtag_core.errors import LogError
from flowtag_core.reading.tail import HEAD, Tail, feed_from, feed_from_copies
from tests.logs import line


@pytest.fixture
def tail():
    return Tail("a.log", "a.log", FileCount("a.log"))


def flows(tail):
    return tail.count.take(0).counts.total.flows


def test_a_line_is_counted_once_it_is_complete(tail):
    text = line() + b"\n"
    tail.feed(text + text[:30])
    tail.count_lines()
    assert (tail.offset, tail.line_start) == (len(text) + 30, len(text))
    tail.feed(text[30:])
    tail.count_lines()
    assert tail.line_start == tail.offset == 2 * len(text)
    assert tail.count.lines == 2


def test_the_rest_is_the_last_line_without_its_end(tail):
    tail.feed(line())
    tail.count_lines()
    assert tail.count.lines == 0
    tail.count_rest()
    assert tail.count.lines == 1


def test_the_first_and_the_last_bytes_are_kept_and_no_others(tail):
    text = (line() + b"\n") * 100
    for place in range(0, len(text), 333):
        tail.feed(text[place : place + 333])
    assert tail.head == text[:HEAD]
    assert text.endswith(tail.mark)
    assert len(tail.mark) == 256


def test_a_line_that_is_too_long_begins_where_it_begins(tail):
    tail.feed(line() + b"\n" + b"x" * 3_000_000)
    tail.count_lines()
    assert tail.line_start == len(line()) + 1


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_copy_has_what_was_not_read(tail, tmp_path, pack):
    read, more = (line() + b"\n") * 3, (line(dstport="25") + b"\n") * 2
    tail.feed(read)
    tail.count_lines()
    copy = tmp_path / "a.log.1"
    copy.write_bytes(pack(read + more))
    tail.copies = [str(tmp_path / "nowhere"), str(copy)]
    assert feed_from_copies(tail)
    tail.count_lines()
    assert flows(tail) == 5


@pytest.mark.parametrize("content", [b"", b"short", line(dstport="9") + b"\n" + line() * 5])
def test_another_file_is_no_copy(tail, tmp_path, content):
    tail.feed((line() + b"\n") * 3)
    tail.count_lines()
    (tmp_path / "a.log.1").write_bytes(content)
    tail.copies = [str(tmp_path / "a.log.1")]
    assert not feed_from_copies(tail)
    assert flows(tail) == 3


def test_a_copy_that_is_not_complete_gives_what_it_has_and_then_an_error(tail, tmp_path):
    read, more = (line() + b"\n") * 3, b"".join(line(dstport=str(n)) + b"\n" for n in range(9999))
    tail.feed(read)
    copy = tmp_path / "a.log.1.gz"
    copy.write_bytes(gzip.compress(read + more)[:-2000])
    with pytest.raises(LogError):
        feed_from(str(copy), tail)
    tail.count_lines()
    assert 3 < flows(tail) < 9999
    copy.write_bytes(gzip.compress(read + more))
    assert feed_from(str(copy), tail)
    tail.count_lines()
    assert tail.count.lines == 10_002


def test_a_file_is_itself_if_it_is_open_or_has_its_path_or_its_first_bytes(tail, tmp_path):
    one, other = tmp_path / "a.log", tmp_path / "b.log"
    one.write_bytes(line() + b"\n")
    other.write_bytes(line(dstport="9") + b"\n")
    tail.feed(one.read_bytes())
    tail.path = str(tmp_path / "gone.log")
    assert tail.is_at(str(one), os.stat(one))
    assert not tail.is_at(str(other), os.stat(other))
    tail.path = str(other)
    assert tail.is_at(str(other), os.stat(other))
    tail.path = str(one)
    tail.file = one.open("rb", buffering=0)
    assert tail.is_at(str(other), os.stat(other))
    tail.close()
    other.write_bytes(b"")
    assert not tail.is_at(str(other), os.stat(other))


def test_a_file_that_comes_back_has_at_least_what_was_read(tail, tmp_path):
    text, path = (line() + b"\n") * 3, tmp_path / "a.log"
    tail.feed(text)
    for content, is_back in (
        (text, True),
        (text + b"more", True),
        (text[:-1], False),
        (line(dstport="9") + text, False),
        (text[:-9] + b"x" * 20, False),
    ):
        path.write_bytes(content)
        assert tail.contains_all(str(path), os.stat(path)) is is_back
    status = os.stat(path)
    path.unlink()
    assert not tail.contains_all(str(path), status)
