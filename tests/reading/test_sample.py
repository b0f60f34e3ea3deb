"""A sample reads little, is spread over the files, and describes a file as counting it would."""

import gzip
import io
import json
import random
import zipfile

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.reading import sample
from flowtag_core.reading.sample import MOST_BYTES, MOST_FILES, look_at, sample_of
from flowtag_core.sources.places import Place, logs_at
from tests.logs import line, text
from tests.shapes.made import CLOUDTRAIL, as_csv, as_json, messages, named, parquet
from tests.sources.made import tarred, zipped

RECORDS = [
    line(dstport=str(port % 65_536), volume=str(port * port)) for port in range(1, 40_000, 3)
]
TEXT = text(RECORDS)
RNG = random.Random(1)
LONG = text(
    line(dstport=str(RNG.randrange(65_536)), volume=str(RNG.randrange(10**7)))
    for _ in range(40_000)
)


def stored(content):
    """Return a zip archive with a file that is not compressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.log", content)
    return out.getvalue()


FILES = {
    "text": (TEXT, "text", ""),
    "gzip": (gzip.compress(LONG), "text", "gzip"),
    "zstd": (zstandard.compress(LONG), "text", "zstd"),
    "tar in gzip": (tarred(LONG), "text", "gzip, tar"),
    "small zip": (zipped(TEXT[:100_000]), "text", "zip"),
    "UTF-16": (TEXT.decode().encode("utf-16"), "text", "UTF-16"),
    "CSV": (
        as_csv([named(RECORDS[:1])[0].keys(), *(row.values() for row in named(RECORDS))]),
        "CSV",
        "",
    ),
    "JSON lines": (
        b"\n".join(as_json({"message": record}) for record in messages(RECORDS)),
        "JSON",
        "",
    ),
    "one document": (
        as_json({"events": [{"message": record} for record in messages(RECORDS)]}, indent=4),
        "JSON",
        "",
    ),
    "packed JSON": (
        gzip.compress(b"\n".join(map(as_json, named(RECORDS)))),
        "JSON",
        "gzip",
    ),
    "Parquet": (parquet(RECORDS), "Parquet", ""),
    "only NODATA": (text([line(status="NODATA")] * 5_000), "text", ""),
}


def begun(content, name="log", **options):
    return look_at(name, content[:MOST_BYTES], len(content), **options)


@pytest.mark.parametrize("name", FILES)
def test_a_look_finds_the_shape_and_the_packing_by_the_beginning_alone(name):
    content, shape, packing = FILES[name]
    look = begun(content)
    assert (look.shape, look.packing, look.trouble) == (shape, packing, "")
    assert (look.size, look.read) == (len(content), min(len(content), MOST_BYTES))
    assert not look.is_refused


@pytest.mark.parametrize("name", ["gzip", "zstd", "tar in gzip"])
def test_the_ratio_of_a_beginning_is_close_to_that_of_the_file(name):
    content = FILES[name][0]
    assert len(content) > MOST_BYTES
    assert begun(content).ratio == pytest.approx(len(LONG) / len(content), rel=0.1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89PNG" * 1_000, "is a picture"),
        (b"dstport,protocol,tag\n443,tcp,web\n", "is a lookup, not a flow log"),
        (gzip.compress(b"%PDF-1.7 and more", mtime=0), "is a PDF document"),
        (b"hello\n" * 5_000, "none of its first 5,000 records is a flow (too few fields)"),
        (as_json({"Records": [CLOUDTRAIL] * 5_000}), "(JSON, CloudTrail events set aside)"),
        (gzip.compress(TEXT, mtime=0)[:-9], "is cut short"),
        (tarred(TEXT)[:30_000], "cut short"),
        (gzip.compress(TEXT, mtime=0) + b"and more", "is damaged"),
    ],
)
def test_whatever_cannot_be_counted_is_named_with_the_reason(content, said):
    assert said in begun(content).trouble


def test_the_missing_end_of_a_beginning_is_no_damage_and_a_late_zip_is_not_guessed():
    content = gzip.compress(LONG)
    assert "cut short" not in begun(content).trouble
    late = begun(stored(TEXT))
    assert (late.packing, late.shape, late.ratio, late.trouble) == ("zip", None, None, "")


def test_a_file_without_a_header_is_read_in_the_given_format():
    content = b"443 6 ACCEPT\n" * 50
    assert "none of its first 50 records" in begun(content).trouble
    assert begun(content, format="dstport protocol action").trouble == ""


def placed(files):
    """Return places that record how much of each was asked for."""
    asked = {}

    def place(name, content, size):
        def begins(most):
            asked[name] = most
            return content[:most]

        return Place(name, None, size, begins_as=begins)

    return [place(*file) for file in files], asked


def test_a_few_files_are_looked_at_and_the_others_are_like_their_neighbours():
    packed = gzip.compress(TEXT[:100_000])
    files = [(f"a/{n:04}.log.gz", packed, len(packed)) for n in range(500)]
    files += [(f"a/{n:04}.parquet", b"PAR1" + bytes(100), 3_000_000) for n in range(20)]
    files.insert(7, ("a/read.me", b"hello there\n" * 9, 108))
    places, asked = placed(files)
    found = sample_of(places)
    assert len(asked) == len(found.looks) == MOST_FILES
    assert set(asked.values()) == {MOST_BYTES}
    kinds = [found.looks[each] for each in found.stands_for]
    shapes = {
        suffix: [
            look.shape for place, look in zip(places, kinds, strict=True) if suffix in place.name
        ]
        for suffix in (".gz", ".parquet")
    }
    assert shapes[".gz"] == ["text"] * 500
    assert shapes[".parquet"] == ["Parquet"] * 20


@given(st.lists(st.integers(0, 1_000_000), max_size=60))
def test_a_sample_of_any_files_is_small_and_stands_for_all_of_them(sizes):
    suffixes = [f".{index // 3}" for index in range(len(sizes))]
    chosen = sample._spread(sizes, suffixes)
    assert len(chosen) <= MOST_FILES
    assert chosen == sorted(set(chosen))
    assert all(0 <= each < len(sizes) for each in chosen)
    assert len(chosen) == len(sizes) or len(sizes) > MOST_FILES
    for index, look in enumerate(sample._nearest(chosen, [""] * len(sizes))):
        assert abs(chosen[look] - index) == min(abs(each - index) for each in chosen)


def test_a_file_that_cannot_be_read_does_not_stop_the_others(tmp_path):
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(line())
    (log,) = logs_at(str(tmp_path))
    (tmp_path / "a.log").unlink()
    gone, there = sample_of(log.places).looks
    assert "there is no such file" in gone.trouble
    assert (there.shape, there.trouble) == ("text", "")
    assert json.dumps(there._asdict())


def test_a_suffix_of_one_file_among_many_is_looked_at(tmp_path):
    for number in range(40):
        (tmp_path / f"{number:02}.log").write_bytes(line() + b"\n")
    (tmp_path / "19.png").write_bytes(b"\x89PNG\r\n\x1a\n" * 9)
    (log,) = logs_at(str(tmp_path))
    looks = sample_of(log.places).looks
    assert len(looks) <= 8
    assert [each.name for each in looks if each.trouble] == [str(tmp_path / "19.png")]
