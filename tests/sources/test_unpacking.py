import gzip
import io
import os
import random
import tracemalloc
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.counts import Reason
from flowtag_core.errors import LogError
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.shapes import text as text_lines
from flowtag_core.sources import bombs, places, stream, unpacking
from tests.logs import line

LINES = [line(dstport=str(port)) for port in (25, 443, 53, 8080, 22)]
LOG = b"".join(text + b"\n" for text in LINES)


class Dribble(io.RawIOBase):
    """A file that gives out a few bytes at a time, as a pipe may."""

    def __init__(self, content, most):
        self._rest, self._most = io.BytesIO(content), most

    def read(self, size=-1):
        return self._rest.read(min(size, self._most))


def parse(content, **options):
    return parse_flow_log(io.BytesIO(content), names=["log"], **options)


def facts(counts):
    file = counts.files["log"]
    return (
        (file.records, file.headers, file.blank, file.flows, file.set_aside, file.damage),
        (counts.requests, counts.replies, counts.replies_by_service, counts.faults),
    )


@pytest.mark.parametrize("most", range(1, 40))
def test_cutting_what_is_read_anywhere_changes_nothing(most):
    odd = LOG + b"\n# c\nshort\n" + line(dstport="x") + b"\r\n" + line()
    whole = facts(parse(odd))
    assert facts(parse_flow_log(Dribble(odd, most), names=["log"])) == whole
    assert facts(parse_flow_log(Dribble(gzip.compress(odd), most), names=["log"])) == whole


def test_gzip_is_known_by_content_and_members_are_files_put_together():
    members = gzip.compress(LOG[:-1]) + gzip.compress(b"") + gzip.compress(LOG) + bytes(100)
    assert facts(parse(members)) == facts(parse(LOG + LOG))
    assert facts(parse(gzip.compress(gzip.compress(gzip.compress(LOG))))) == facts(parse(LOG))


class Pipe(Dribble):
    """What cannot be read twice, so that zlib must unpack it from the start."""

    def __init__(self, content):
        super().__init__(content, 1 << 30)


MANY_LINES = b"".join(
    line(dstport=str(n * 7919 % 65536), volume=str(n * n)) + b"\n" for n in range(20_000)
)
TWO_MEMBERS = gzip.compress(MANY_LINES, 1, mtime=0) + gzip.compress(LOG, mtime=0)


def outcome(file):
    try:
        counts = parse_flow_log(file, names=["log"])
    except LogError as error:
        return str(error).partition(" at byte ")[0].partition(" before byte ")[0]
    records, tables = facts(counts)
    return records[:-1], bool(records[-1]), tables


@pytest.mark.skipif(unpacking._isal() is None, reason="isal has no wheel for this platform")
@settings(max_examples=50)
@given(st.integers(0, len(TWO_MEMBERS) - 1), st.sampled_from(["cut", "flip", "insert", "none"]))
def test_the_fast_library_and_zlib_agree_on_gzip_however_damaged(place, damage):
    packed = {
        "cut": TWO_MEMBERS[:place],
        "flip": TWO_MEMBERS[:place] + bytes([TWO_MEMBERS[place] ^ 0x55]) + TWO_MEMBERS[place + 1 :],
        "insert": TWO_MEMBERS[:place] + b"\x80" + TWO_MEMBERS[place:],
        "none": TWO_MEMBERS,
    }[damage]
    assert outcome(io.BytesIO(packed)) == outcome(Pipe(packed))


def test_tens_of_thousands_of_tiny_members_are_read_each():
    assert parse(gzip.compress(LOG[: len(LINES[0])]) * 30_000).files["log"].flows == 30_000


def test_what_is_packed_twice_may_be_cut_and_put_together_anywhere():
    packed = gzip.compress(LOG[:-1])
    halves = gzip.compress(packed[:50]) + gzip.compress(packed[50:])
    assert facts(parse(halves)) == facts(parse(LOG[:-1]))
    assert facts(parse(halves + halves)) == facts(parse(LOG + LOG))


def test_gzip_is_unpacked_three_deep_and_no_deeper():
    packed = LOG
    for _ in range(4):
        packed = gzip.compress(packed)
    with pytest.raises(LogError, match="more than 3 times over"):
        parse(packed)


def test_cut_at_any_byte_every_whole_record_before_the_cut_counts():
    packed = gzip.compress(LOG, mtime=0)
    seen = set()
    for cut in range(2, len(packed)):
        try:
            counts = parse(packed[:cut])
        except LogError:
            seen.add(0)
            continue
        file = counts.files["log"]
        assert next(iter(file.damage)).startswith("log: is cut short")
        assert file.records == file.flows + file.set_aside[Reason.CUT_SHORT]
        assert sorted(counts.requests.port.tolist()) == sorted(
            int(text.split()[6]) for text in LINES[: file.flows]
        )
        seen.add(file.flows)
    assert seen == {0, 1, 2, 3, 4, 5}


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


@pytest.mark.parametrize("others", [0, 3])
def test_a_small_log_that_has_become_shorter_since_it_was_looked_at_is_damaged(
    tmp_path, monkeypatch, others
):
    for name in "abcd"[: others + 1]:
        (tmp_path / name).write_bytes(LOG)
    looked_at = places._open_path

    def open_path(*given):
        os.truncate(tmp_path / "a", len(LOG) - len(LINES[-1]) - 1)
        return looked_at(*given)

    monkeypatch.setattr(places, "_open_path", open_path)
    counts = parse_flow_log(tmp_path)
    assert counts.files[str(tmp_path / "a")].damage
    assert counts.total.flows == 4 + 5 * others
    assert len(counts.total.damage) == 1


def zstd_frame(window, content):
    """A frame of one raw block, with a window of 2 ** window bytes (RFC 8878)."""
    block = (len(content) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd" + bytes([0, window - 10 << 3]) + block + content


def test_zstd_windows_are_read_up_to_256_mb_and_larger_ones_are_named():
    assert parse(zstd_frame(28, LOG)).total.flows == 5
    for log in (zstd_frame(29, LOG), zstd_frame(28, LOG) + zstd_frame(29, LOG)):
        with pytest.raises(LogError, match="log: needs a zstd window of 512 MB"):
            parse(log)
    file = parse(zstd_frame(28, LOG)[:-3]).files["log"]
    assert "cut short" in next(iter(file.damage))


def test_damage_in_the_middle_keeps_what_came_before_it():
    rng = random.Random(3)
    log = b"".join(line(dstport=str(rng.randrange(65536))) + b"\n" for _ in range(20_000))
    packed = bytearray(gzip.compress(log))
    packed[len(packed) // 2] ^= 0xFF
    file = parse(bytes(packed)).files["log"]
    assert next(iter(file.damage)).startswith("log: is damaged")
    assert 5_000 < file.flows < 20_000


def test_a_wrong_checksum_is_damage_but_every_line_is_there():
    packed = bytearray(gzip.compress(LOG))
    packed[-6] ^= 0xFF
    file = parse(bytes(packed)).files["log"]
    assert file.flows == 5
    assert next(iter(file.damage)).startswith("log: is damaged")


def test_what_follows_the_last_member_must_be_padding():
    file = parse(gzip.compress(LOG) + b"garbage").files["log"]
    assert file.flows == 5
    assert file.damage


def test_a_bomb_is_refused_by_size_and_ratio(monkeypatch):
    monkeypatch.setattr(bombs, "_BOMB_SIZE", 1 << 22)
    with pytest.raises(LogError, match="unpacks to over 1,000 times its size"):
        parse(gzip.compress(b"\n" * (1 << 24), 9))


def test_a_line_that_is_too_long_is_set_aside_and_the_next_one_counts(monkeypatch):
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1 << 20)
    long = b"x" * (3 << 20)
    counts = parse(LOG + long + b"\n" + LOG + long)
    file = counts.files["log"]
    assert file.flows == 10
    assert file.set_aside == {Reason.TOO_LONG: 2}
    assert [fault.line for fault in counts.faults] == [6, 12]


@pytest.mark.parametrize("before", [0, 1000, 70_000, 300_000])
@pytest.mark.parametrize("most", [1 << 10, 1 << 16, 1 << 30])
def test_a_line_is_too_long_by_its_own_length_alone(monkeypatch, before, most):
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1 << 18)
    comments = b"#\n" * (before // 2)
    whole = line() + b" x" * (((1 << 18) - len(line())) // 2)
    whole = whole.ljust(1 << 18, b"x")
    counts = parse_flow_log(Dribble(comments + whole + b"\n" + whole + b"x\n" + LOG, most))
    assert counts.total.flows == 6
    assert counts.total.set_aside == {Reason.TOO_LONG: 1}
    assert counts.faults[0].line == before // 2 + 2


def test_a_line_of_millions_of_words_is_never_taken_apart_whole():
    lines = [b"ab " * 1_000_000, b"dstport protocol " + b"a b " * 500_000, b"\xc2\xa0" * 1_000_000]
    tracemalloc.start()
    counts = parse(b"\n".join(lines))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counts.total.records == 3
    assert peak < 12 * max(map(len, lines))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture"),
        (b"PK\x03\x04....[Content_Types].xml", "an Office document"),
        (b"PK\x03\x04", "a zip archive"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PAR1", "a Parquet file"),
        (b"<!DOCTYPE html><html>", "a web page or XML"),
        (b"  <?xml version='1.0'?><Error>", "a web page or XML"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
        (b"2 \x00\n", "binary"),
    ],
)
def test_what_is_no_flow_log_is_named_in_one_sentence(content, what):
    for packed in (content, gzip.compress(content)):
        with pytest.raises(LogError, match=what) as error:
            parse(packed)
        assert str(error.value).startswith("log: is ")
        assert "\n" not in str(error.value)


def test_a_nul_byte_in_a_later_line_is_a_byte_like_any_other():
    assert parse(LOG + b"\0\n" + LOG).files["log"].flows == 10


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0), b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_log_has_no_flow_and_is_no_error(content):
    counts = parse(content)
    assert counts.total.flows == 0
    assert counts.total.set_aside == {}


def test_missing_folders_and_text_files_are_errors_that_name_the_file(tmp_path):
    with pytest.raises(LogError, match=r"nowhere\.log: there is no such file"):
        parse_flow_log(tmp_path / "nowhere.log")
    with pytest.raises(LogError, match=r"is a folder|cannot be opened"):
        parse_flow_log(tmp_path)
    with pytest.raises(LogError, match="binary mode"):
        parse_flow_log(io.StringIO("2 1"))
    with pytest.raises(LogError, match="neither a path nor an open file"):
        parse_flow_log(b"flow.log")
    with pytest.raises(LogError, match="cannot be read"):
        parse_flow_log(gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(LOG)[:-9])))


def test_a_pipe_that_does_not_wait_is_never_taken_for_the_end():
    class Unready(io.RawIOBase):
        def read(self, _size=-1):
            return None

    with pytest.raises(LogError, match="gives no bytes"):
        parse_flow_log(Unready())


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
