"""The sizes of a Parquet file's pages are read from their headers, and no damaged header does any harm."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.errors import LogError, OverBudgetError
from flowtag_core.shapes import parquet_pages
from flowtag_core.shapes.parquet_pages import Ranges, pages, row_groups
from flowtag_core.sources import budget
from flowtag_core.sources.budget import Budget

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def written(**options):
    """Return a file with a text column, the column's first chunk, and pyarrow's metadata of that chunk."""
    out = io.BytesIO()
    table = pa.table({"action": [f"{number % 999:0500}" for number in range(20_000)]})
    pq.write_table(table, out, **options)
    described = pq.ParquetFile(out).metadata.row_group(0).column(0)
    return out, row_groups(out, Budget("a"))[0].chunks[0], described


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("has_dictionary", [True, False])
@pytest.mark.parametrize("packing", ["none", "zstd", "snappy"])
def test_the_sizes_of_the_pages_add_up_to_that_of_the_column(version, has_dictionary, packing):
    out, chunk, described = written(
        data_page_version=version,
        use_dictionary=has_dictionary,
        compression=packing,
        data_page_size=1 << 16,
    )
    found = [*pages(out, chunk)]
    sizes = sum(page.size for page in found)
    headers = described.total_uncompressed_size - sizes
    assert 0 < headers < 2_000 * len(found)
    assert [page.is_dictionary for page in found].count(True) == has_dictionary
    assert len(found) >= 2


@given(place=st.integers(4, 3_000), byte=st.integers(0, 255))
def test_a_damaged_header_gives_sizes_or_raises_value_error(place, byte):
    out, chunk, _ = written(data_page_size=1 << 16)
    out.getbuffer()[place] = byte
    try:
        found = [*pages(out, chunk)]
    except ValueError:
        return
    assert all(page.size >= 0 for page in found)


def three_groups(**options):
    out = io.BytesIO()
    table = pa.table({"dstport": [*range(30)], "protocol": ["tcp"] * 30, "packets": [None] * 30})
    pq.write_table(table, out, row_group_size=10, **options)
    return out


@pytest.mark.parametrize("has_dictionary", [True, False])
@pytest.mark.parametrize("has_index", [True, False])
def test_row_groups_and_their_chunks_are_those_that_pyarrow_finds(has_dictionary, has_index):
    out = three_groups(use_dictionary=has_dictionary, write_page_index=has_index)
    described = pq.ParquetFile(out).metadata
    assert [group.rows for group in row_groups(out, Budget("a"))] == [10, 10, 10]
    for number, group in enumerate(row_groups(out, Budget("a"))):
        for place, chunk in enumerate(group.chunks):
            one = described.row_group(number).column(place)
            start = one.dictionary_page_offset or one.data_page_offset
            assert chunk == (start, start + one.total_compressed_size)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 3, bytes(40), b"\xff" * 40])
def test_the_row_groups_of_a_file_without_metadata_cannot_be_read(content):
    with pytest.raises(ValueError, match="metadata"):
        row_groups(io.BytesIO(content), Budget("a"))


@pytest.mark.parametrize("bits", [0x01, 0x10, 0xFF])
def test_no_damaged_byte_in_the_metadata_crashes_the_process_or_looks_like_a_bug(bits):
    out = three_groups(write_page_index=True)
    whole = out.getvalue()
    for place in range(len(whole) - 1200, len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= bits
        assert "bug" not in said_of(damaged), place


def said_of(content):
    try:
        return str(parse_flow_log(io.BytesIO(content), names=["a.parquet"]).total.damage)
    except LogError as error:
        return str(error)


def test_the_path_of_a_nested_column_includes_the_names_of_its_parents():
    root, outer, leaf, last = {4: 6, 5: 2}, {4: 300, 5: 2}, {4: 1}, {4: 9}
    assert parquet_pages._length_of_paths([root, outer, leaf, leaf, last]) == sum(
        (7, 7 + 301, 7 + 301 + 2, 7 + 301 + 2, 7 + 10)
    )
    assert parquet_pages._length_of_paths([leaf, leaf, {4: 2, 5: -5}]) == 2 + 2 + 3


def test_metadata_that_is_too_large_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(budget, "MOST_HELD", 1_000)
    with pytest.raises(OverBudgetError, match=r"its metadata needs [0-9,]+ bytes of memory"):
        row_groups(three_groups(), Budget("a"))


@given(
    st.binary(max_size=60),
    st.sets(st.integers(0, 60), max_size=6),
    st.integers(0, 70),
    st.integers(0, 70),
)
def test_ranges_of_a_file_are_read_as_from_the_file(content, cuts, begin, size):
    ends = sorted(cuts)
    ranges = [*zip(ends[::2], ends[1::2], strict=False)]
    some = Ranges(io.BytesIO(content), ranges)
    assert (some.seek(0, io.SEEK_END), some.tell()) == (len(content), len(content))
    some.seek(begin)
    end = next((end for first, end in ranges if first <= begin < end), begin)
    found = some.read(size)
    assert found == content[begin : min(begin + size, end)]
    assert some.tell() == begin + len(found)
