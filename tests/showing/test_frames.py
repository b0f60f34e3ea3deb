"""Frames have the same rows, order and sums as the counts and reports that they are made from."""

import pandas as pd

from flowtag_core import (
    flow_frame,
    load_lookup_table,
    map_tags,
    parse_flow_log,
    port_frame,
    tag_frame,
)
from flowtag_core.showing import frames
from tests.conftest import SAMPLE


def test_the_frames_of_the_sample_add_up_to_the_result():
    counts = parse_flow_log(SAMPLE / "flow.log")
    report = map_tags(counts, load_lookup_table(SAMPLE / "lookup.csv"))
    flows, ports, tags = flow_frame(counts), port_frame(report), tag_frame(report)
    assert (flows["flows"].sum(), ports["flows"].sum(), tags["flows"].sum()) == (14, 14, 14)
    assert tags["tag"].tolist() == ["email", "sv_P1", "sv_P2", "Untagged"]
    assert tags["share"].tolist() == [3 / 14, 2 / 14, 1 / 14, 8 / 14]
    assert list(zip(ports["port"], ports["protocol"], strict=True)) == list(
        report.combination_counts
    )
    assert isinstance(flows["window"].dtype, pd.DatetimeTZDtype)
    assert flows.columns.tolist() == [
        *("window", "minutes", "protocol", "port", "action", "boundary"),
        *("flows", "packets", "bytes", "reply"),
    ]


def test_the_public_frame_functions_are_those_of_showing():
    assert flow_frame is frames.flow_frame


def test_the_share_is_0_in_an_empty_report():
    report = map_tags(parse_flow_log(), load_lookup_table(SAMPLE / "lookup.csv"))
    assert tag_frame(report)["share"].tolist() == [0.0]
