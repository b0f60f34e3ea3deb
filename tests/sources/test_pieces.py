"""Peeking at a source loses no byte, and a source can be opened as a seekable file."""

import io
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.sources import pieces
from flowtag_core.sources.pieces import File, peeked, seekable
from flowtag_core.sources.stream import Stream
from tests.sources.made import LOG


def given_out(some, error=None):
    yield from some
    if error:
        raise error


@given(
    some=st.lists(st.binary(max_size=6), max_size=9),
    head_size=st.integers(1, 20),
    is_damaged=st.booleans(),
)
def test_peeking_keeps_all_pieces_and_any_damage_in_its_place(some, head_size, is_damaged):
    damage = DamagedLogError("ends early") if is_damaged else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "HEAD_SIZE", head_size)
        head, every = peeked(given_out(some, damage))
    got, raised = [], None
    try:
        got.extend(every)
    except DamagedLogError as error:
        raised = error
    assert head == b"".join(some)[:head_size]
    assert got == some
    assert raised is damage


def test_peeking_reads_no_more_than_the_head_needs():
    read = []
    some = (read.append(n) or b"x" * pieces.HEAD_SIZE for n in range(9))
    head, _ = peeked(some)
    assert len(head) == pieces.HEAD_SIZE
    assert read == [0]


def test_peeking_at_an_unreadable_log_raises_its_error():
    with pytest.raises(LogError, match="no log"):
        peeked(given_out([b"x"], LogError("no log")))


def test_a_seekable_source_is_not_copied(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    file = io.BytesIO(LOG)
    file.seek(9)
    with seekable(Stream("a.log", file, len(LOG), 0)) as whole:
        assert whole.read() == LOG


def test_a_source_that_is_not_seekable_is_copied_from_its_beginning():
    with seekable(File("a.log", iter([LOG[:9], b"", LOG[9:]]))) as whole:
        assert whole.read() == LOG
        assert whole.seek(5) == 5
        assert whole.read(4) == LOG[5:9]


def test_a_damaged_source_cannot_be_opened_as_a_seekable_file():
    damaged = File("a.log", given_out([LOG], DamagedLogError("a.log: is cut short.")))
    with (
        pytest.raises(LogError, match=r"a\.log: is cut short\. .* without its end") as raised,
        seekable(damaged),
    ):
        pass
    assert not isinstance(raised.value, DamagedLogError)


def test_a_full_disk_is_an_error_that_names_the_file_to_be_copied(monkeypatch):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    full = pytest.raises(LogError, match=r"a\.log: cannot be unpacked: No space left on device\.")
    with full, seekable(File("a.log", iter([LOG]))):
        pass


def test_a_file_that_was_not_packed_can_be_read_again_and_is_seekable_like_its_source():
    stream = io.BytesIO(LOG)
    source = Stream("a.log", stream, len(LOG), 0, close=stream.close)
    file = File("a.log", source.pieces(), source=source)
    assert b"".join(file.pieces()) == LOG
    assert b"".join(file.again(5)) == LOG[5:]
    assert file.whole().read() == LOG
    file.close()
    assert not stream.closed


def test_an_unpacked_file_can_be_read_only_once():
    file = File("a.log", iter([LOG]))
    assert file.again(0) is None
    assert file.whole() is None
    assert b"".join(file.pieces()) == LOG
