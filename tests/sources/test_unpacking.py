"""A packed log yields the same as the plain file, up to any damage."""

import gzip
import io
import random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.counts import Reason
from flowtag_core.errors import LogError
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.sources import unpacking
from tests.logs import line, record_lists, text
from tests.sources.made import LINES, LOG, Dribble, facts, parse, tarred, zipped


def skipping(content):
    """Return the content in two zstd frames after a skippable one."""
    half = len(content) // 2
    skipped = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    return (
        skipped + zstandard.compress(content[:half] or b"\n") + zstandard.compress(content[half:])
    )


PACKED = {
    "gzip": gzip.compress,
    "gzip, gzip": lambda log: gzip.compress(gzip.compress(log)),
    "zstd": zstandard.compress,
    "zstd frames": skipping,
    "zip": zipped,
    "gzip in zip": lambda log: zipped(gzip.compress(log), "a.log.gz"),
    "zip in gzip": lambda log: gzip.compress(zipped(log)),
    "tar.gz": tarred,
    "UTF-16": lambda log: log.decode().encode("utf-16"),
    "UTF-16, big-endian": lambda log: b"\xfe\xff" + log.decode().encode("utf-16-be"),
    "UTF-16 without a BOM": lambda log: log.decode().encode("utf-16-le"),
}


def tables(counts):
    return counts.requests, counts.replies, counts.replies_by_service


@pytest.mark.parametrize("packing", PACKED)
@settings(max_examples=25)
@given(
    rows=record_lists, odd=st.sampled_from([b"short\n", b"", b"\n# c\n", line(dstport="x") + b"\n"])
)
def test_every_packing_yields_the_table_and_line_numbers_of_the_plain_file(packing, rows, odd):
    log = text(rows) + odd + text(rows)
    plain, packed = parse(log), parse(PACKED[packing](log))
    assert tables(packed) == tables(plain)
    assert packed.total.set_aside == plain.total.set_aside
    assert [fault[1:] for fault in packed.faults] == [fault[1:] for fault in plain.faults]


@pytest.mark.parametrize("most", range(1, 40))
def test_the_size_of_a_read_changes_nothing(most):
    odd = LOG + b"\n# c\nshort\n" + line(dstport="x") + b"\r\n" + line()
    whole = facts(parse(odd))
    assert facts(parse_flow_log(Dribble(odd, most), names=["log"])) == whole
    assert facts(parse_flow_log(Dribble(gzip.compress(odd), most), names=["log"])) == whole


def test_gzip_is_detected_by_content_and_its_members_are_concatenated_files():
    members = gzip.compress(LOG[:-1]) + gzip.compress(b"") + gzip.compress(LOG) + bytes(100)
    assert facts(parse(members)) == facts(parse(LOG + LOG))
    assert facts(parse(gzip.compress(gzip.compress(gzip.compress(LOG))))) == facts(parse(LOG))


class Pipe(Dribble):
    """A file that cannot be read twice, so that zlib must unpack it from the start."""

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
def test_isal_and_zlib_agree_on_gzip_with_any_damage(place, damage):
    packed = {
        "cut": TWO_MEMBERS[:place],
        "flip": TWO_MEMBERS[:place] + bytes([TWO_MEMBERS[place] ^ 0x55]) + TWO_MEMBERS[place + 1 :],
        "insert": TWO_MEMBERS[:place] + b"\x80" + TWO_MEMBERS[place:],
        "none": TWO_MEMBERS,
    }[damage]
    assert outcome(io.BytesIO(packed)) == outcome(Pipe(packed))


def test_tens_of_thousands_of_tiny_members_are_all_read():
    assert parse(gzip.compress(LOG[: len(LINES[0])]) * 30_000).files["log"].flows == 30_000


def test_a_gzip_file_may_be_split_anywhere_and_packed_again_in_several_members():
    packed = gzip.compress(LOG[:-1])
    halves = gzip.compress(packed[:50]) + gzip.compress(packed[50:])
    assert facts(parse(halves)) == facts(parse(LOG[:-1]))
    assert facts(parse(halves + halves)) == facts(parse(LOG + LOG))


def test_gzip_is_unpacked_three_layers_deep_and_no_deeper():
    packed = LOG
    for _ in range(4):
        packed = gzip.compress(packed)
    with pytest.raises(LogError, match="packed in more than 3 layers"):
        parse(packed)


def test_utf_16_is_not_a_layer_of_packing():
    log = text([line()] * 3).decode().encode("utf-16")
    assert parse(zipped(gzip.compress(gzip.compress(log)))).total.flows == 3
    with pytest.raises(LogError, match="packed in more than 3 layers"):
        parse(zipped(gzip.compress(gzip.compress(gzip.compress(log)))))


def test_utf_16_may_arrive_byte_by_byte():
    log = text([line()] * 3).decode().encode("utf-16")
    assert parse_flow_log(Dribble(log, 1)).total.flows == 3


def test_gzip_cut_at_any_byte_keeps_every_complete_record_before_the_cut():
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


@pytest.mark.parametrize(
    ("pack", "lines", "step"),
    [(gzip.compress, 20, 1), (tarred, 20, 1), (zstandard.compress, 5000, 997)],
)
def test_a_packed_log_cut_at_any_byte_keeps_every_complete_record_and_reports_the_cut(
    pack, lines, step
):
    log = text([line(dstport=str(port), volume=str(port**2)) for port in range(lines)])
    packed, seen = pack(log), set()
    for cut in range(5, len(packed), step):
        try:
            counts = parse(packed[:cut])
        except LogError:
            seen.add(0)
            continue
        total = counts.total
        assert total.records == total.flows + total.set_aside[Reason.CUT_SHORT]
        assert sorted(counts.requests.port.tolist()) == [*range(total.flows)]
        if total.flows < lines:
            assert "cut short" in " ".join(total.damage)
        seen.add(total.flows)
    assert max(seen) > lines / 2


def zstd_frame(window, content):
    """Return a zstd frame of one raw block with a window of 2 ** `window` bytes (RFC 8878)."""
    block = (len(content) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd" + bytes([0, window - 10 << 3]) + block + content


def test_zstd_inside_zstd_may_need_only_a_smaller_window():
    for window, is_read in ((26, True), (27, False)):
        inner = zstd_frame(window, LOG)
        packed = zstd_frame(28, inner)
        if is_read:
            assert parse(packed).total.flows == parse(LOG).total.flows
        else:
            with pytest.raises(
                LogError, match="needs a zstd window of 128 MB, and flowtag allows at most 64 MB"
            ):
                parse(packed)


def test_zstd_windows_up_to_256_mb_are_read_and_larger_ones_are_refused():
    assert parse(zstd_frame(28, LOG)).total.flows == 5
    for log in (zstd_frame(29, LOG), zstd_frame(28, LOG) + zstd_frame(29, LOG)):
        with pytest.raises(LogError, match="log: needs a zstd window of 512 MB"):
            parse(log)
    file = parse(zstd_frame(28, LOG)[:-3]).files["log"]
    assert "cut short" in next(iter(file.damage))


def test_damage_in_the_middle_keeps_everything_before_it():
    rng = random.Random(3)
    log = b"".join(line(dstport=str(rng.randrange(65536))) + b"\n" for _ in range(20_000))
    packed = bytearray(gzip.compress(log))
    packed[len(packed) // 2] ^= 0xFF
    file = parse(bytes(packed)).files["log"]
    assert next(iter(file.damage)).startswith("log: is damaged")
    assert 5_000 < file.flows < 20_000


def test_a_wrong_checksum_is_damage_but_every_line_is_counted():
    packed = bytearray(gzip.compress(LOG))
    packed[-6] ^= 0xFF
    file = parse(bytes(packed)).files["log"]
    assert file.flows == 5
    assert next(iter(file.damage)).startswith("log: is damaged")


def test_only_padding_may_follow_the_last_member():
    file = parse(gzip.compress(LOG) + b"garbage").files["log"]
    assert file.flows == 5
    assert file.damage


@pytest.mark.parametrize("name", ["gzip", "zstd", "zip", "UTF-16"])
def test_the_first_bytes_name_the_outermost_packing(name):
    assert unpacking.packing_of(PACKED[name](LOG)) == name
    assert unpacking.packing_of(LOG) == ""
