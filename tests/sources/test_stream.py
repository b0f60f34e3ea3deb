"""An open file is read from where it stands, once or again, and says so where it ends too early."""

import gzip
import io
import os
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.sources import stream
from flowtag_core.sources.stream import Stream, Watched, regular_size, start_of, status_of
from tests.logs import line
from tests.sources.made import LINES, LOG, Dribble


@given(
    lines=st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"\n", b"")), max_size=60),
    has_end=st.booleans(),
    size=st.integers(24, 100),
    last=st.integers(1, 24),
)
def test_what_is_read_at_once_is_the_file_and_ends_with_a_line_where_lines_are_short(
    lines, has_end, size, last
):
    text = b"\n".join(lines) + b"\n" * has_end
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "READ_SIZE", size)
        patch.setattr(stream, "_LAST", last)
        pieces = list(stream.Stream("a.log", io.BytesIO(text), len(text), 0).pieces())
    assert b"".join(pieces) == text
    if last > 20:
        assert all(piece.endswith(b"\n") for piece in pieces[:-1])


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("pack", [bytes, partial(gzip.compress, compresslevel=0)])
def test_a_log_that_becomes_shorter_while_it_is_read_is_damaged(tmp_path, pack, is_open):
    path = tmp_path / "flow.log"
    path.write_bytes(pack((line() + b"\n") * 30_000))
    size = path.stat().st_size

    def truncate(_):
        os.truncate(path, size // 2)

    with path.open("rb") as opened:
        log = opened if is_open else path
        file = parse_flow_log(log, names=["log"], progress=truncate).files["log"]
    assert 5_000 < file.flows < 30_000
    assert file.records == file.flows + file.set_aside[Reason.CUT_SHORT]
    (damage,) = file.damage
    assert (f"ends at byte {size // 2:,} of {size:,}" in damage) == (pack is bytes)
    assert ("is cut short: the gzip data stops at" in damage) == (pack is not bytes)


def test_a_log_that_gives_fewer_bytes_than_its_size_promises_is_damaged():
    members = gzip.compress(LINES[0] + b"\n") + gzip.compress(LOG[len(LINES[0]) + 1 :])
    for content in (LOG, gzip.compress(LOG), members):
        log = io.BytesIO(content)
        log.size = len(content) + 1
        file = parse_flow_log(log, names=["log"]).files["log"]
        assert file.flows == 5
        assert "became shorter while it was read" in next(iter(file.damage))
        log.seek(0)
        log.size = len(content)
        assert not parse_flow_log(log).total.damage


def test_a_pipe_that_does_not_wait_is_never_taken_for_the_end():
    class Unready(io.RawIOBase):
        def read(self, _size=-1):
            return None

    with pytest.raises(LogError, match="gives no bytes"):
        parse_flow_log(Unready())


def read(pieces):
    return b"".join(pieces)


@given(content=st.binary(max_size=99), start=st.integers(0, 99), place=st.integers(0, 120))
def test_a_stream_begins_where_the_file_stood_each_time_that_it_is_read(content, start, place):
    file = io.BytesIO(content)
    source = Stream("a.log", file, None, start)
    rest = content[start:]
    assert read(source.pieces()) == rest
    assert read(source.again(place)) == rest[place:]
    assert source.whole().read() == rest
    assert read(source.pieces()) == rest


def test_a_whole_stream_counts_its_places_from_its_start():
    whole = Stream("a.log", io.BytesIO(b"before" + LOG), None, 6).whole()
    assert whole.tell() == 0
    assert whole.read(5) == LOG[:5]
    assert whole.tell() == 5
    assert whole.seek(2) == 2
    assert whole.read(3) == LOG[2:5]
    assert whole.seek(1, os.SEEK_CUR) == 6
    assert whole.seek(-4, os.SEEK_END) == len(LOG) - 4
    assert whole.read() == LOG[-4:]
    assert whole.seekable()
    assert whole.readable()


def test_what_is_not_seekable_is_read_once():
    source = Stream("a.log", Dribble(LOG, 7), None, None)
    assert source.again(0) is None
    assert source.whole() is None
    assert read(source.pieces()) == LOG


@pytest.mark.parametrize("start", [0, 4, None])
@pytest.mark.parametrize("missing", [0, 1, 100])
def test_a_stream_with_fewer_bytes_than_its_size_is_damaged_after_all_of_them(start, missing):
    size = (start or 0) + len(LOG) + missing
    source = Stream("a.log", io.BytesIO(LOG.rjust(len(LOG) + (start or 0))), size, start)
    got = []
    if missing:
        with pytest.raises(
            DamagedLogError, match=f"a.log: ends at byte {len(LOG)} of {size - (start or 0)}"
        ):
            got.extend(source.pieces())
    else:
        got.extend(source.pieces())
    assert read(got) == LOG


def test_a_read_that_fails_is_an_error_that_names_the_log():
    class Broken(io.RawIOBase):
        def read(self, _size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(LogError, match=r"^a\.log: cannot be read: Input/output error\.$"):
        next(Stream("a.log", Broken(), None, None).pieces())


def test_what_is_opened_for_a_stream_is_closed_with_it(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    with (tmp_path / "a.log").open("rb") as file:
        Stream("a.log", file, len(LOG), 0).close()
        assert not file.closed
        Stream("a.log", file, len(LOG), 0, close=file.close).close()
        assert file.closed


def watched(content, start=0):
    """A watched log, and how far it was each time that it was told of a read."""
    told = []
    source = Watched(
        Stream("a.log", io.BytesIO(content), len(content), start),
        lambda: told.append(source.bytes_read),
    )
    return source, told


def test_of_a_watched_log_each_read_counts_before_it_is_told():
    source, told = watched(b"x" * (3 << 18))
    sizes = [len(piece) for piece in source.pieces()]
    assert len(sizes) > 1
    assert told == [sum(sizes[: n + 1]) for n in range(len(sizes))]
    assert (source.name, source.size) == ("a.log", 3 << 18)


def test_of_a_watched_log_that_is_read_whole_each_read_counts_too():
    source, told = watched(LOG)
    whole = source.whole()
    whole.seek(10)
    assert whole.read(5) + whole.read() == LOG[10:]
    assert told == [5, len(LOG) - 10]


def test_of_a_watched_log_what_is_read_again_counts_once():
    source, told = watched(LOG)
    next(source.pieces())
    assert read(source.again(3)) == LOG[3:]
    assert told == [len(LOG)]


def test_a_watched_log_that_is_not_seekable_is_not_whole_either():
    source = Watched(Stream("a.log", Dribble(LOG, 7), None, None), lambda: None)
    assert source.whole() is None
    assert source.again(0) is None


def test_only_a_regular_file_has_a_size_of_its_own(tmp_path):
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(LOG))
    with path.open("rb") as file, path.open("rb", buffering=0) as raw, gzip.open(path) as unpacking:
        assert regular_size(file) == regular_size(raw) == path.stat().st_size
        assert regular_size(unpacking) is None
        assert status_of(file).st_ino == path.stat().st_ino
    assert regular_size(io.BytesIO(LOG)) is None
    out, into = os.pipe()
    os.close(into)
    with open(out, "rb") as pipe:
        assert regular_size(pipe) is None


def test_a_file_starts_where_it_stands_if_it_can_seek():
    file = io.BytesIO(LOG)
    file.seek(7)
    assert start_of(file) == 7
    assert start_of(Dribble(LOG, 1)) is None
    assert start_of(object()) is None
    file.close()
    assert start_of(file) is None


def test_what_is_read_again_and_again_came_in_once():
    for size in (None, len(LOG)):
        source = Watched(Stream("a.log", io.BytesIO(LOG), size, 0))
        for _ in range(3):
            list(source.pieces())
            whole = source.whole()
            assert whole.read() == LOG
            whole.seek(3)
            whole.read(5)
        assert (source.came, source.bytes_read) == (len(LOG), 6 * len(LOG) + 15)
