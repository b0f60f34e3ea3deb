"""The result CSV contains every count, in order, byte for byte."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import load_lookup_table, map_tags, parse_flow_log, write_results
from flowtag_core.errors import OutputError
from flowtag_core.exporting.result_csv import result_csv, time_csv
from tests.conftest import SAMPLE
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.tagging.made import load, parse


@pytest.fixture(scope="module")
def sample():
    return parse_flow_log(SAMPLE / "flow.log"), load_lookup_table(SAMPLE / "lookup.csv")


def test_the_result_has_two_sections_and_the_same_bytes_in_a_file_and_a_stream(sample, tmp_path):
    path = tmp_path / "result.csv"
    write_results(map_tags(*sample), path)
    text = path.read_bytes().decode("utf-8")
    assert text.startswith("Tag Counts:\nTag,Count\nemail,3\nsv_P1,2\nsv_P2,1\nUntagged,8\n\nPort/")
    assert text.splitlines()[8:10] == ["Port,Protocol,Count", "23,tcp,1"]
    assert text.endswith("\n49158,tcp,1\n")
    stream = io.BytesIO()
    write_results(map_tags(*sample), stream)
    assert stream.getvalue() == path.read_bytes() == b"".join(result_csv(map_tags(*sample)))


def test_a_result_without_flows_still_lists_untagged():
    assert b"".join(result_csv(map_tags(parse(), load()))) == (
        b"Tag Counts:\nTag,Count\nUntagged,0\n\n"
        b"Port/Protocol Combination Counts:\nPort,Protocol,Count\n"
    )


def test_tags_are_sorted_by_count_then_name_and_combinations_by_port_then_protocol():
    lookup = load(b'dstport,protocol,tag\n1,*,b\n2,*,a\n3,*,"x, ""y"""\n4,*,unused\n')
    flows = [
        line(dstport=port, protocol=protocol)
        for port, protocol in [
            ("1", "200"),
            ("1", "61"),
            ("1", "1"),
            ("2", "6"),
            ("3", "6"),
            ("9", "6"),
            ("2", "17"),
            ("2", "1"),
        ]
    ]
    assert b"".join(result_csv(map_tags(parse(*flows), lookup))).decode() == (
        'Tag Counts:\nTag,Count\na,3\nb,3\n"x, ""y""",1\nUntagged,1\n\n'
        "Port/Protocol Combination Counts:\nPort,Protocol,Count\n"
        "1,200,1\n1,61,1\n1,icmp,1\n2,icmp,1\n2,tcp,1\n2,udp,1\n3,tcp,1\n9,tcp,1\n"
    )


@given(log_lines, st.lists(rule_texts, max_size=8))
def test_the_result_parsed_as_csv_has_every_count_of_the_report_in_order(lines, rules):
    report = map_tags(parse(*lines), load(lookup_text(rules)), measure="bytes")
    text = b"".join(result_csv(report)).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    between = rows.index([])
    assert rows[:2] == [["Tag Counts:"], ["Tag", "Count"]]
    tags = [(tag, int(count)) for tag, count in rows[2:between]]
    assert tags == list(report.tag_counts.items())
    assert rows[between + 1][0] == "Port/Protocol Combination Counts:"
    pairs = [((int(port), name), int(count)) for port, name, count in rows[between + 3 :]]
    assert pairs == list(report.combination_counts.items())


def test_a_result_in_many_pieces_is_complete():
    ports = range(10_000)
    report = map_tags(parse(*(line(dstport=str(port)) for port in ports)), load())
    told = b"".join(result_csv(report)).decode().splitlines()
    assert told[-len(ports) :] == [f"{port},tcp,1" for port in ports]


def test_a_result_that_cannot_be_written_is_an_error_and_leaves_nothing_behind(sample, tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        write_results(map_tags(*sample), tmp_path / "no folder" / "result.csv")
    assert list(tmp_path.iterdir()) == []


def test_the_time_that_a_result_covers_is_a_section_of_its_own():
    head = b"\nTime Covered (UTC):\nFrom,To\n"
    assert b"".join(time_csv(None)) == head
    assert b"".join(time_csv((0, 90_060))) == head + b"1970-01-01T00:00,1970-01-02T01:01\n"
