"""Rows are parsed like those of Python's csv, each with its line; rows that are too long are refused."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import LookupFileError
from flowtag_core.tagging import csv_rows
from flowtag_core.tagging.csv_rows import rows_of

CELLS = st.text(st.sampled_from("a, \"'\n\r#;"), max_size=6)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6), st.sampled_from(",;"))
def test_written_rows_are_read_back_with_their_line_numbers(rows, delimiter):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows(rows)
    found = [*rows_of(out.getvalue(), delimiter, "a.csv")]
    assert [cells for _, cells in found] == rows
    lines = list(io.StringIO(out.getvalue(), newline=""))
    assert all(lines[line - 1].startswith('"') for line, _ in found)


def test_the_error_for_an_unclosed_quote_names_its_line():
    with pytest.raises(LookupFileError, match="line 2: a quote is opened but never closed"):
        list(rows_of('a,b\n"c,d\ne,f\n', ",", "a.csv"))
    many = "\n" * 20_000
    with pytest.raises(LookupFileError, match="line 1: a quote is opened"):
        list(rows_of(f'"{many}"', ",", "a.csv"))


def test_a_line_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(csv_rows, "LONGEST_LINE", 10)
    with pytest.raises(LookupFileError, match="line 2 is longer than 10 characters"):
        list(rows_of("a\nbbbbbbbbbbb\n", ",", "a.csv"))
