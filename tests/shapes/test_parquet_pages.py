"""The sizes of a Parquet file's pages are read from their headers, and no header leads astray."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.shapes.parquet_pages import pages

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def written(**options):
    """A file with a column of text, and what describes its first chunk."""
    out = io.BytesIO()
    table = pa.table({"action": [f"{number % 999:0500}" for number in range(20_000)]})
    pq.write_table(table, out, **options)
    return out, pq.ParquetFile(out).metadata.row_group(0).column(0)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("has_dictionary", [True, False])
@pytest.mark.parametrize("packing", ["none", "zstd", "snappy"])
def test_the_pages_of_a_column_have_its_size_in_all(version, has_dictionary, packing):
    out, chunk = written(
        data_page_version=version,
        use_dictionary=has_dictionary,
        compression=packing,
        data_page_size=1 << 16,
    )
    found = [*pages(out, chunk)]
    sizes = sum(page.size for page in found)
    headers = chunk.total_uncompressed_size - sizes
    assert 0 < headers < 2_000 * len(found)
    assert [page.is_dictionary for page in found].count(True) == has_dictionary
    assert len(found) >= 2


@given(place=st.integers(4, 3_000), byte=st.integers(0, 255))
def test_a_damaged_header_gives_sizes_or_one_error(place, byte):
    out, chunk = written(data_page_size=1 << 16)
    out.getbuffer()[place] = byte
    try:
        found = [*pages(out, chunk)]
    except ValueError:
        return
    assert all(page.size >= 0 for page in found)
