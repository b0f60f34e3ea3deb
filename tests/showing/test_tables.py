"""Tables say what the report says."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import map_tags, parse_flow_log
from flowtag_core.showing import tables
from flowtag_core.showing.legend import AMBER
from flowtag_core.tagging.editing import sheet_of
from tests.logs import line, log_lines
from tests.showing.made import many_tags, report
from tests.tagging.made import load, parse


def test_tables_are_sorted_by_count_and_shares_are_percent():
    ports, pairs = tables.port_table(report(25, 443, 443, 443), 4)
    assert pairs == [(443, 6), (25, 6)]
    assert ports["Port"].tolist() == [443, 25]
    assert ports["Share"].tolist() == [75.0, 25.0]
    assert tables.tag_table(report(25, 443, 443, 443))["Tag"].tolist() == [
        "web",
        "mail",
        "Untagged",
    ]


def test_the_table_of_an_empty_report_has_no_port_and_a_share_of_0():
    ports, pairs = tables.port_table(report(), 0)
    assert len(ports) == len(pairs) == 0
    assert tables.tag_table(report()).to_dict("list") == {
        "Tag": ["Untagged"],
        "Flows": [0],
        "Share": [0.0],
    }


def test_a_protocol_without_ports_has_no_port_in_the_table_but_its_number_beside_it():
    found = map_tags(parse(line(dstport="0", protocol="1"), line(dstport="0")), load())
    ports, pairs = tables.port_table(found, 2)
    assert pairs == [(0, 1), (0, 6)]
    assert [str(port) for port in ports["Port"]] == ["<NA>", "0"]
    assert ports["Protocol"].tolist() == ["icmp", "tcp"]


def test_beyond_the_most_ports_the_smallest_are_left_out(monkeypatch):
    monkeypatch.setattr(tables, "MOST_PORTS", 2)
    ports, pairs = tables.port_table(report(1, 2, 2, 3, 3, 3), 6)
    assert pairs == [(3, 6), (2, 6)]
    assert ports["Share"].tolist() == [50.0, pytest.approx(100 / 3)]


@given(st.lists(log_lines, min_size=1, max_size=3))
def test_the_equation_of_each_file_is_a_row(logs):
    files = [io.BytesIO(b"\n".join(lines)) for lines in logs]
    counts = parse_flow_log(*files, names=[f"{number}.log" for number in range(len(logs))])
    table = tables.file_table(counts)
    assert table["File"].tolist() == list(counts.files)
    assert table["Flows"].tolist() == [file.flows for file in counts.files.values()]
    reasons = table.columns[5:].tolist()
    assert (table[["Headers", "Blank", "Flows", *reasons]].sum(axis=1) == table["Records"]).all()
    assert all(table[reason].sum() for reason in reasons)


def test_a_fault_is_a_row_with_its_line_and_its_text():
    counts = parse_flow_log(io.BytesIO(line() + b"\nshort\n"), names=["a.log"])
    assert tables.fault_table(counts).to_dict("list") == {
        "File": ["a.log"],
        "Line": [2],
        "Reason": ["too few fields"],
        "Text": ["short"],
    }


def test_a_problem_of_the_lookup_is_a_row_by_its_line():
    table = tables.problem_table(load("dstport,protocol,tag\n1,tcp,a\n1,tcp,=b\n2,x,c\n"))
    assert table[["Line", "Problem"]].to_numpy().tolist() == [
        [2, "loses to a later row"],
        [3, "looks like a formula"],
        [4, "cannot be used"],
    ]


def test_rows_of_a_lookup_are_as_wide_as_its_header_and_bytes_without_meaning_are_escaped():
    content = b"tag,dstport,protocol,note\n# kept\na,1,tcp\ncaf\xe9,2,tcp,\x81,more\n"
    table = tables.rule_table(sheet_of(load(content)))
    assert table.columns.tolist() == ["Line", "0", "1", "2", "3"]
    assert table.to_numpy().tolist() == [
        [3, "a", "1", "tcp", ""],
        [4, "café", "2", "tcp", "\\udc81"],
    ]


def test_few_tags_have_untagged_in_amber_and_many_are_left_plain():
    few = tables.in_colour(tables.tag_table(report(443)), "dark").to_html()
    assert few.count(AMBER["dark"]) == 1
    many = tables.tag_table(many_tags(range(30)))
    assert tables.in_colour(many) is not many
    wide = pd.concat([many] * 4, ignore_index=True)
    assert tables.in_colour(wide) is wide


def test_a_table_of_tags_is_as_high_as_its_rows_until_it_scrolls():
    heights = [tables.height(pd.DataFrame(index=range(rows))) for rows in (1, 2, 13, 14, 99)]
    assert heights[1] - heights[0] == 35
    assert heights[2] == heights[3] == heights[4] == 2 + 14 * 35
