"""The Parquet export has the numbers of the view, whatever program reads it."""

import io
import json

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
from hypothesis import given

from flowtag_core.exporting.ports_parquet import ports_parquet
from flowtag_core.tagging.report import Filters, map_tags
from tests.exporting.made import handout_of, handouts
from tests.logs import line

COLUMNS = ["port", "protocol", "tag", "action", "boundary", "flows", "packets", "bytes"]


@given(handouts)
def test_the_sums_by_port_are_those_of_the_view(handout):
    rows = pl.read_parquet(io.BytesIO(ports_parquet(handout)))
    assert rows.columns == COLUMNS
    measure = handout.view.report.measure
    sums = rows.group_by("port", "protocol", "tag", maintain_order=True).agg(pl.col(measure).sum())
    assert sums.rows() == list(handout.ports.rows())
    chosen = handout.view.report.filters
    assert chosen.action is None or set(rows["action"]) <= {chosen.action}
    assert chosen.boundary is None or set(rows["boundary"]) <= {chosen.boundary}


def test_filtering_gives_the_numbers_of_each_action_and_boundary():
    lines = [
        line(),
        line(action="REJECT", srcaddr="8.8.8.8", volume="7"),
        line(dstport="25", action="DROP", srcaddr="-"),
        line(dstport="25", dstaddr="8.8.8.8"),
    ]
    handout = handout_of(*lines)
    rows = pd.read_parquet(io.BytesIO(ports_parquet(handout)))
    counts = handout.view.counts
    for action in ("ACCEPT", "REJECT", "other"):
        for boundary in ("internal", "inbound", "outbound", "unknown"):
            some = rows[(rows.action == action) & (rows.boundary == boundary)]
            report = map_tags(counts, handout.view.lookup, action=action, boundary=boundary)
            assert {(row.port, row.protocol): row.flows for row in some.itertuples()} == dict(
                report.combination_counts
            )


def test_duckdb_reads_it_and_its_metadata_say_what_it_contains(tmp_path):
    handout = handout_of(line(), line(dstport="25"), chosen=Filters(action="ACCEPT"), search="443")
    path = tmp_path / "a.parquet"
    path.write_bytes(ports_parquet(handout))
    found = duckdb.read_parquet(str(path)).aggregate("tag, sum(bytes)")
    assert found.fetchall() == [("web", 840)]
    about = json.loads(pq.read_metadata(path).metadata[b"flowtag"])
    assert (about["version"], about["filters"]["search"]) == (1, "443")
    assert about["filters"]["action"] == "ACCEPT"


def test_sums_of_a_field_that_the_log_lacks_are_null():
    rows = pl.read_parquet(io.BytesIO(ports_parquet(handout_of(b"dstport protocol", b"443 6"))))
    assert rows.row(0) == (443, "tcp", "web", "other", "unknown", 1, None, None)
    assert rows["bytes"].dtype == pl.Int64


def test_a_view_without_flows_is_a_table_without_rows():
    rows = pl.read_parquet(io.BytesIO(ports_parquet(handout_of(line(), search="nothing"))))
    assert (rows.columns, len(rows)) == (COLUMNS, 0)
