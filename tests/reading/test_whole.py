"""A file that is counted as a whole is told apart from a new one with the same inode number."""

import gzip
import os

import pytest

from flowtag_core.reading.whole import Whole, unpacked_head
from tests.logs import line

LINES = (line() + b"\n") * 9


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(LINES))
    return tmp_path / "a.gz"


def whole(path):
    status = os.stat(path)
    seen = status.st_size, status.st_mtime_ns
    return Whole(str(path), path.read_bytes()[:512], b"", seen)


def test_a_file_that_is_renamed_or_grows_is_the_same(path):
    known = whole(path)
    assert known.is_at(str(path.rename(path.with_name("b.gz"))), os.stat(path.with_name("b.gz")))
    path.with_name("b.gz").rename(path)
    with path.open("ab") as file:
        file.write(b"more")
    assert known.is_at(str(path), os.stat(path))


def test_a_file_that_is_renamed_and_grows_is_the_same_and_one_with_another_head_is_not(path):
    known = whole(path)
    other = path.rename(path.with_name("b.gz"))
    with other.open("ab") as file:
        file.write(b"more")
    assert known.is_at(str(other), os.stat(other))
    path.write_bytes(b"something else")
    assert not known.is_at(str(path), os.stat(path))


def test_a_file_that_comes_back_has_the_same_size_and_head(path):
    known, other = whole(path), path.with_name("b.gz")
    other.write_bytes(path.read_bytes())
    assert known.contains_all(str(other), os.stat(other))
    for content in (path.read_bytes() + b"more", bytes(known.seen[0])):
        other.write_bytes(content)
        assert not known.contains_all(str(other), os.stat(other))
    status = os.stat(other)
    other.unlink()
    assert not known.contains_all(str(other), status)


def test_a_file_with_another_name_and_head_is_a_different_file_even_with_the_same_size_and_time(
    path,
):
    known, status = whole(path), os.stat(path)
    other = path.with_name("b.gz")
    other.write_bytes(bytes(status.st_size))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not known.is_at(str(other), os.stat(other))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_first_bytes_are_unpacked(path, pack):
    path.write_bytes(pack(LINES))
    assert unpacked_head(str(path)) == LINES[:1024]


@pytest.mark.parametrize("content", [b"", gzip.compress(LINES)[:10]], ids=["empty", "cut"])
def test_a_file_that_cannot_be_unpacked_yet_has_no_first_bytes(path, content):
    path.write_bytes(content)
    assert unpacked_head(str(path)) == b""
    path.unlink()
    assert unpacked_head(str(path)) == b""
