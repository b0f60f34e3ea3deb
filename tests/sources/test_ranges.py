"""The lines of all ranges are the lines of the file, each once, wherever it is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.sources.addresses import Address
from flowtag_core.sources.ranges import (
    footer_of,
    head_at,
    joined_spans,
    lines_at,
    lines_between,
    spans_at,
)
from tests.sources.bucket import Bucket, serving

texts = st.text("ab\n\r", max_size=40).map(str.encode)


@given(texts, st.sets(st.integers(0, 40)), st.integers(1, 7))
def test_all_ranges_together_have_every_line_once(text, cuts, size):
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    found = []
    for first, behind in pairwise(edges):
        at = max(first - 1, 0)
        pieces = (text[n : n + size] for n in range(at, len(text), size))
        part = b"".join(lines_between(pieces, first, behind))
        begins = [n for n in range(first, behind) if n == 0 or text[n - 1 : n] == b"\n"]
        assert len(part.splitlines(keepends=True)) >= bool(begins)
        if begins:
            assert text[begins[0] :].startswith(part)
        else:
            assert part == b""
        found.append(part)
    assert b"".join(found) == text


@pytest.fixture
def address(monkeypatch):
    """The address of an object of 3 MB with lines of 100 bytes."""
    bucket = Bucket()
    bucket.objects["a.log"] = b"".join(b"%099d\n" % n for n in range(30_000))
    with serving(bucket) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield Address("a.log", "s3://logs/a.log", 3_000_000, bucket.etag("a.log"))
        assert sum(bucket.sent.values()) < 4_000_000


@pytest.mark.parametrize("cut", [1_000_000, 1_000_050, 1])
def test_ranges_of_an_object_have_every_line_once(address, cut):
    parts = [b"".join(lines_at(address, *span)) for span in ((0, cut), (cut, 3_000_000))]
    assert all(part.endswith(b"\n") for part in parts)
    assert b"".join(parts) == b"".join(b"%099d\n" % n for n in range(30_000))


def test_some_spans_of_an_object_are_where_they_are_in_the_object(address):
    with spans_at(address, [(100, 200), (2_999_900, 3_000_500)]) as file:
        content = file.read()
    assert len(content) == 3_000_000
    assert content[100:200] == b"%099d\n" % 1
    assert content[-100:] == b"%099d\n" % 29_999
    assert content[200:300] == bytes(100)
    assert head_at(address, 100) == b"%099d\n" % 0


def test_the_footer_of_a_parquet_file_reaches_to_its_end(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + bytes(20) + (8).to_bytes(4, "little") + b"PAR1")
    assert footer_of(Address("a", str(path), 32)) == (16, 32)


def test_spans_that_are_near_are_joined():
    far = 1 << 22
    assert joined_spans([(far, far + 1), (0, 5), (3, 9), (20, 30)]) == [(0, 30), (far, far + 1)]
