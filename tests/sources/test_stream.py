"""An open file is read from its current position, once or repeatedly; an early end is reported."""

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
def test_pieces_add_up_to_the_file_and_end_with_a_line_if_lines_are_short(
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


def test_a_log_with_fewer_bytes_than_its_stated_size_is_damaged():
    members = gzip.compress(LINES[0] + b"\n") + gzip.compress(LOG[len(LINES[0]) + 1 :])
    for content in (LOG, gzip.compress(LOG), members):
        log = io.BytesIO(content)
        log.size = len(content) + 1
        file = parse_flow_log(log, names=["log"]).files["log"]
        assert file.flows == 5
        assert "became shorter while it was being read" in next(iter(file.damage))
        log.seek(0)
        log.size = len(content)
        assert not parse_flow_log(log).total.damage


def test_a_non_blocking_pipe_without_data_is_not_mistaken_for_the_end():
    class Unready(io.RawIOBase):
        def read(self, _size=-1):
            return None

    with pytest.raises(LogError, match="does not return bytes"):
        parse_flow_log(Unready())


def read(pieces):
    return b"".join(pieces)


@given(content=st.binary(max_size=99), start=st.integers(0, 99), place=st.integers(0, 120))
def test_every_read_of_a_stream_begins_at_the_original_position_of_the_file(content, start, place):
    file = io.BytesIO(content)
    source = Stream("a.log", file, None, start)
    rest = content[start:]
    assert read(source.pieces()) == rest
    assert read(source.again(place)) == rest[place:]
    assert source.whole().read() == rest
    assert read(source.pieces()) == rest


def test_positions_in_a_seekable_stream_count_from_its_start():
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


def test_a_stream_that_is_not_seekable_can_be_read_only_once():
    source = Stream("a.log", Dribble(LOG, 7), None, None)
    assert source.again(0) is None
    assert source.whole() is None
    assert read(source.pieces()) == LOG


@pytest.mark.parametrize("start", [0, 4, None])
@pytest.mark.parametrize("missing", [0, 1, 100])
def test_a_stream_with_fewer_bytes_than_its_size_yields_them_all_before_it_is_damaged(
    start, missing
):
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


def test_a_failed_read_is_an_error_that_names_the_log():
    class Broken(io.RawIOBase):
        def read(self, _size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(LogError, match=r"^a\.log: cannot be read: Input/output error\.$"):
        next(Stream("a.log", Broken(), None, None).pieces())


def test_closing_a_stream_closes_only_a_file_that_was_opened_for_it(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    with (tmp_path / "a.log").open("rb") as file:
        Stream("a.log", file, len(LOG), 0).close()
        assert not file.closed
        Stream("a.log", file, len(LOG), 0, close=file.close).close()
        assert file.closed


def watched(content, start=0):
    """Return a watched log, and a list that gets its `bytes_read` at each read."""
    told = []
    source = Watched(
        Stream("a.log", io.BytesIO(content), len(content), start),
        lambda: told.append(source.bytes_read),
    )
    return source, told


def test_a_watched_log_counts_each_read_before_it_is_reported():
    source, told = watched(b"x" * (3 << 18))
    sizes = [len(piece) for piece in source.pieces()]
    assert len(sizes) > 1
    assert told == [sum(sizes[: n + 1]) for n in range(len(sizes))]
    assert (source.name, source.size) == ("a.log", 3 << 18)


def test_a_watched_log_counts_each_read_of_its_seekable_file():
    source, told = watched(LOG)
    whole = source.whole()
    whole.seek(10)
    assert whole.read(5) + whole.read() == LOG[10:]
    assert told == [5, len(LOG) - 10]


def test_a_watched_log_does_not_count_bytes_that_are_read_again():
    source, told = watched(LOG)
    next(source.pieces())
    assert read(source.again(3)) == LOG[3:]
    assert told == [len(LOG)]


def test_watching_does_not_make_a_log_seekable():
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


def test_a_seekable_file_starts_at_its_current_position():
    file = io.BytesIO(LOG)
    file.seek(7)
    assert start_of(file) == 7
    assert start_of(Dribble(LOG, 1)) is None
    assert start_of(object()) is None
    file.close()
    assert start_of(file) is None


def test_bytes_that_are_read_repeatedly_count_once_in_came():
    for size in (None, len(LOG)):
        source = Watched(Stream("a.log", io.BytesIO(LOG), size, 0))
        for _ in range(3):
            list(source.pieces())
            whole = source.whole()
            assert whole.read() == LOG
            whole.seek(3)
            whole.read(5)
        assert (source.came, source.bytes_read) == (len(LOG), 6 * len(LOG) + 15)
