"""The CSV of the lists has every row as it was, and no cell that a spreadsheet would take for a formula."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.exporting.who_csv import who_csv

ENDS = ("source", "source_name", "destination", "destination_name", "port", "interface")
SUMS = ("flows", "packets", "bytes", "accepted", "rejected", "destinations", "ports")
TIMES = ("first", "last")
FORMULAS = ("=", "+", "-", "@", "\t", "\r")

texts = st.text(st.sampled_from("ab =+-@\t\r\n,;\"'#é漢\x1b\u2028"), max_size=8)
numbers = st.none() | st.integers(0, (1 << 63) - 1)
minutes = st.none() | st.integers(0, (1 << 32) // 60).map(lambda minute: 60 * minute)
rows = st.tuples(
    st.sampled_from(["pairs", "sources", "destinations", "ports", "interfaces"]),
    st.dictionaries(st.sampled_from(ENDS), texts),
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(SUMS, numbers) | dict.fromkeys(TIMES, minutes)
    ),
)


def read(some):
    text = b"".join(who_csv(some)).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def time_of(cell):
    return int(datetime.strptime(cell, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC).timestamp())


@given(st.lists(rows, max_size=6))
def test_the_rows_that_are_read_back_are_those_that_were_written(some):
    found = read(some)
    assert len(found) == len(some)
    for cells, (name, ends, sums) in zip(found, some, strict=True):
        assert cells["list"] == name
        for head in ENDS:
            text = ends.get(head, "")
            assert cells[head] == (f"'{text}" if text.startswith(FORMULAS) else text)
        for head in (*SUMS, *TIMES):
            value = sums.get(head)
            read_as = time_of if head in TIMES else int
            assert (read_as(cells[head]) if cells[head] else None) == value


@given(st.lists(rows, max_size=6))
def test_every_row_has_the_same_columns(some):
    text = b"".join(who_csv(some)).decode()
    found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert {len(row) for row in found} == {1 + len(ENDS) + len(SUMS) + len(TIMES)}
    assert set(found[0]) == {"list", *ENDS, *SUMS, *TIMES}
    assert text.endswith("\n")


@pytest.mark.parametrize("begin", FORMULAS)
@pytest.mark.parametrize("head", ENDS)
def test_a_cell_that_looks_like_a_formula_begins_with_an_apostrophe(head, begin):
    text = f'{begin}HYPERLINK("http://x","a,b")'
    (row,) = read([("pairs", {head: text}, {})])
    assert row[head] == f"'{text}"


def test_times_are_in_utc_to_the_minute_and_what_is_unknown_is_empty():
    (row,) = read([("sources", {}, {"first": 1_700_000_040, "last": None, "flows": 0})])
    assert (row["first"], row["last"], row["flows"]) == ("2023-11-14T22:14", "", "0")


def test_without_rows_there_is_only_the_head():
    (head,) = b"".join(who_csv([])).decode().splitlines()
    assert head.startswith("list,source,source_name,destination,destination_name,port,interface,")
    assert head.endswith(",flows,packets,bytes,accepted,rejected,first,last,destinations,ports")
