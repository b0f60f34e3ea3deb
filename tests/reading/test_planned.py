"""Pieces are neither too small nor too many, and together have every byte once."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counting.file_count import Reached
from flowtag_core.reading.planned import (
    SIZES,
    GroupsSeen,
    Job,
    TextSeen,
    batches,
    cut,
    heads,
    is_large,
    ranges,
    size_read,
)
from flowtag_core.shapes.layout import ASSUMED
from flowtag_core.sources.addresses import Address

JOB = Job(None, (), "1")
START = Reached(ASSUMED, 0, False, "")
MB = 1_000_000


def files(*sizes):
    return [(n, Address(f"{n}.log", f"s3://logs/{n}.log", size)) for n, size in enumerate(sizes)]


@given(st.lists(st.integers(0, 300 * MB), max_size=60))
def test_batches_have_every_file_once_in_order_and_bounded_sizes(sizes):
    given_ = files(*sizes)
    made = list(batches(JOB, given_, SIZES))
    assert [each for batch in made for each in batch.files] == given_
    assert all(batch.size <= 256 * MB or len(batch.files) == 1 for batch in made)
    cost = sum(sizes) + len(sizes) * (1 << 16)
    assert all(one.size + other.size + cost > 30 * MB for one, other in pairwise(made))


@pytest.mark.parametrize("size", [1_000, 200_000, MB, 2 * MB])
def test_ten_thousand_objects_are_at_most_300_tasks(size):
    made = list(batches(JOB, files(*[size] * 10_000), SIZES))
    assert 15 < len(made) <= 130
    assert len(made) + len(made) // 7 + 3 <= 300


@given(st.integers(256 * MB, 1 << 42), st.integers(1, 500))
def test_ranges_have_every_byte_once_and_are_at_least_128_mb(size, threads):
    found = ranges(size, threads, SIZES)
    assert [found[0][0], found[-1][1]] == [0, size]
    assert all(one[1] == other[0] for one, other in pairwise(found))
    lengths = {behind - first for first, behind in found}
    assert 128 * MB <= min(lengths) <= max(lengths) <= 257 * MB


def test_a_gigabyte_is_cut_into_as_many_ranges_for_each_thread():
    assert [len(ranges(1_000 * MB, threads, SIZES)) for threads in (1, 2, 3, 4, 7)] == [
        7,
        6,
        6,
        4,
        7,
    ]


def test_only_large_files_are_looked_at_and_text_is_cut_where_the_layout_is_known():
    small, large = files(255 * MB, 400 * MB)
    assert [is_large(address, SIZES) for _, address in (small, large)] == [False, True]
    (looked,) = heads(JOB, [large])
    assert looked.files == (large,)
    after = START._replace(has_header=True)
    pieces = cut(JOB, large[1], TextSeen(after), START, 2, SIZES)
    assert [piece.at for piece in pieces] == [START, after]
    assert cut(JOB, large[1], None, START, 2, SIZES) == []


def test_row_groups_are_cut_into_pieces_with_their_own_bytes_and_the_footer():
    spans = tuple(((n * 50 * MB, (n + 1) * 50 * MB),) for n in range(7))
    seen = GroupsSeen(spans, (400 * MB, 400 * MB + 9), 1_000, 10)
    (_, address) = files(400 * MB + 9)[0]
    pieces = cut(JOB, address, seen, START, 2, SIZES)
    assert [piece.groups for piece in pieces] == [range(3), range(3, 6), range(6, 7)]
    assert pieces[1].spans == ((150 * MB, 300 * MB), (400 * MB, 400 * MB + 9))
    assert [piece.place for piece in pieces] == [0, 1, 2]


def test_the_size_of_a_local_parquet_file_in_parts_has_its_opening_once():
    seen = GroupsSeen((), (0, 1), opening=100, peeked=7)
    assert size_read(Address("a", "/a", 9_999), seen, 3 * 100 + 50, 3) == 100 + 50 + 7
    assert size_read(Address("a", "s3://b/a", 9_999), seen, 350, 3) == 9_999


def test_pieces_say_what_they_are():
    one, two, three = files(1, 300 * MB, 3)
    assert [str(batch) for batch in batches(JOB, [one], SIZES)] == ["0.log"]
    assert [str(batch) for batch in batches(JOB, [one, three], SIZES)] == ["0.log and 1 more"]
    pieces = cut(JOB, two[1], TextSeen(START), START, 1, SIZES)
    assert str(pieces[1]) == "1.log, bytes 150,000,000 to 300,000,000"
