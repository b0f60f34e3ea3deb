"""The parts of a long table add up, and rounded cells keep their exact number."""

from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.showing.cells import Cell, Head, Listing, bar, cut, percent, quantity_of


@given(st.integers(0, 20), st.integers(1, 10), st.integers(0, 20))
def test_no_row_is_lost(rows, shown, missing):
    listing = Listing("Ports", [Head("Port")], [[Cell(str(row))] for row in range(rows)])
    found = cut(listing, shown, "port", rows + missing)
    assert [*found.rows, *found.rest] == listing.rows
    assert len(found.rows) == min(rows, shown)
    assert found.note.startswith(f"Not listed: {missing:,} more port" if missing else "")
    assert bool(found.note) == bool(missing)
    assert found.more.startswith(f"{len(found.rest)} more port")


def test_cells_are_rounded_and_keep_the_exact_number_of_bytes():
    assert quantity_of(1234, "flows") == Cell("1,234")
    assert quantity_of(1234567, "bytes") == Cell("1.23 MB", 1234567)
    assert percent(1, 3) == Cell("33.3%")
    assert percent(0, 0) == Cell("0.0%")
    assert bar(1, 4) == Cell("25.0%", bar=25.0)
