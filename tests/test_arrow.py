"""Polars, DuckDB and pyarrow read counts and reports as tables with the same sums."""

import subprocess
import sys

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

from flowtag_core import arrow, load_lookup_table, map_tags, parse_flow_log
from flowtag_core.counts import ACTIONS, BOUNDARIES, FlowCounts, Table
from flowtag_core.iana import protocol_name
from tests.conftest import ROOT, SAMPLE
from tests.counting.made import tables


@pytest.fixture(scope="module")
def counts():
    return parse_flow_log(SAMPLE / "flow.log")


@pytest.fixture(scope="module")
def report(counts):
    return map_tags(counts, load_lookup_table(SAMPLE / "lookup.csv"), measure="bytes")


@given(tables, tables)
def test_each_row_of_a_table_is_a_row_of_its_stream(requests, replies):
    for table in (requests, replies):
        found = pa.table(table)
        for number, row in enumerate(found.to_pylist()):
            start = None if row["window"] is None else int(row["window"].timestamp())
            is_known = table.window[number] >= 0 and table.width > 0
            assert start == (int(table.window[number]) if is_known else None)
            assert row["protocol"] == protocol_name(int(table.protocol[number]))
            assert row["port"] == table.port[number]
            assert row["action"] == ACTIONS[table.action[number]]
            assert row["boundary"] == BOUNDARIES[table.boundary[number]]
            assert row["minutes"] == table.width
        for name in ("flows", "packets", "bytes"):
            assert found[name].to_numpy().tolist() == getattr(table, name).tolist()
    both = pa.table(FlowCounts(requests, replies, replies))
    is_reply = both["reply"].to_numpy(zero_copy_only=False)
    assert both["flows"].to_numpy()[is_reply].sum() == replies.flows.sum()
    assert both["flows"].to_numpy()[~is_reply].sum() == requests.flows.sum()
    assert len(both["minutes"].unique()) <= 1


def test_polars_reads_counts_and_reports(counts, report):
    frame = pl.DataFrame(counts)
    assert (len(frame), frame["flows"].sum()) == (14, counts.total.flows)
    assert frame.filter(pl.col("reply"))["bytes"].sum() == counts.replies.bytes.sum()
    tags = pl.DataFrame(report).group_by("tag").agg(pl.col("bytes").sum())
    assert dict(tags.rows()) == dict(report.tag_counts)


def test_duckdb_reads_counts_and_reports(counts, report):
    flows, ports = pa.table(counts), pa.table(report)
    with duckdb.connect() as base:
        base.register("flows", flows)
        base.register("ports", ports)
        (found,) = base.sql('select sum(flows), min("window")::varchar from flows').fetchall()
        assert found[0] == counts.total.flows
        assert found[1].startswith("2021-05-04 ")
        tags = base.sql("select tag, sum(bytes)::bigint from ports group by tag").fetchall()
    assert dict(tags) == dict(report.tag_counts)


def test_duckdb_finds_counts_by_the_name_of_their_variable(counts):
    assert counts.total.flows == 14
    assert duckdb.sql("select sum(flows)::int from counts").fetchall() == [(14,)]


def test_a_caller_may_request_other_types(report):
    wanted = pa.schema(
        [
            ("port", pa.int64()),
            ("protocol", pa.large_string()),
            ("tag", pa.string()),
            ("bytes", pa.int64()),
        ]
    )
    reader = pa.RecordBatchReader.from_stream(report, schema=wanted)
    assert reader.schema == wanted


def test_empty_tables_have_all_columns():
    assert pa.table(Table()).num_rows == pa.table(FlowCounts()).num_rows == 0
    assert pa.table(FlowCounts()).column_names[-4:] == ["flows", "packets", "bytes", "reply"]


def test_an_unknown_time_is_null():
    found = arrow.moments(np.array([0, 60]), np.array([False, True])).to_pylist()
    assert (found[0], int(found[1].timestamp())) == (None, 60)


def test_streams_do_not_import_pandas():
    program = """
import sys
import flowtag_core, polars
counts = flowtag_core.parse_flow_log("flowtag_core/sample/flow.log")
print(len(polars.DataFrame(counts)), "pandas" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"14", b"False"]
