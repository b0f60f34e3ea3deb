import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import load_lookup_table, map_tags, parse_flow_log, write_results
from flowtag_core.counts import ACTIONS
from flowtag_core.exporting.result_csv import result_csv
from flowtag_core.iana import protocol_number
from flowtag_core.tagging.course import over_time
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import select, tagged, untagged_replies
from tests.conftest import SAMPLE
from tests.logs import LOOKUP, line, log_lines, lookup_text, rule_texts

MEASURES = ("flows", "packets", "bytes")
VIEWS = ("destination", "service")


def parse(*lines):
    return parse_flow_log(io.BytesIO(b"\n".join(lines)))


def load(content=LOOKUP):
    return load_lookup_table(io.BytesIO(content))


@pytest.fixture(scope="module")
def sample():
    return parse_flow_log(SAMPLE / "flow.log"), load_lookup_table(SAMPLE / "lookup.csv")


def test_the_sample_by_destination(sample):
    report = map_tags(*sample)
    assert report.tag_counts == {"email": 3, "sv_P1": 2, "sv_P2": 1, UNTAGGED: 8}
    # Ports, not tags alone: with source and destination swapped the tag counts would be the same.
    ports = [23, 25, 80, 110, 143, 443, 993, 1024, *range(49153, 49159)]
    assert report.combination_counts == {(port, "tcp"): 1 for port in ports}


def test_the_sample_by_service(sample):
    report = map_tags(*sample, view="service")
    assert report.tag_counts == {"email": 6, "sv_P1": 4, "sv_P2": 2, UNTAGGED: 2}


def test_the_result_is_two_sections_byte_for_byte(sample, tmp_path):
    path = tmp_path / "result.csv"
    write_results(map_tags(*sample), path)
    text = path.read_bytes().decode("utf-8")
    assert text.startswith("Tag Counts:\nTag,Count\nemail,3\nsv_P1,2\nsv_P2,1\nUntagged,8\n\nPort/")
    assert text.splitlines()[8:10] == ["Port,Protocol,Count", "23,tcp,1"]
    assert text.endswith("\n49158,tcp,1\n")
    stream = io.BytesIO()
    write_results(map_tags(*sample), stream)
    assert stream.getvalue() == path.read_bytes() == b"".join(result_csv(map_tags(*sample)))


def test_no_flow_at_all_still_has_untagged():
    assert b"".join(result_csv(map_tags(parse(), load()))) == (
        b"Tag Counts:\nTag,Count\nUntagged,0\n\n"
        b"Port/Protocol Combination Counts:\nPort,Protocol,Count\n"
    )


def test_tags_go_by_count_then_name_and_combinations_by_port_then_protocol_name():
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
def test_under_every_filter_measure_and_view_tags_and_untagged_sum_to_all(lines, rules):
    counts, lookup = parse(*lines), load(lookup_text(rules).encode())
    for measure in MEASURES:
        wholes = set()
        for view in VIEWS:
            whole = map_tags(counts, lookup, measure=measure, view=view)
            assert (
                sum(whole.tag_counts.values())
                == whole.total
                == sum(whole.combination_counts.values())
            )
            parts = [
                map_tags(counts, lookup, measure=measure, view=view, action=a) for a in ACTIONS
            ]
            assert sum(part.total for part in parts) == whole.total
            wholes.add(whole.total)
            edges = [0, 1_700_000_000, 1_700_050_000, 1 << 40]
            times = [
                map_tags(counts, lookup, measure=measure, view=view, time=(a, b))
                for a, b in itertools.pairwise(edges)
            ]
            timed = map_tags(counts, lookup, measure=measure, view=view, time=(0, 1 << 40))
            assert sum(part.total for part in times) == timed.total <= whole.total
        assert len(wholes) == 1


@given(log_lines, st.lists(rule_texts, max_size=8))
def test_each_flow_has_the_tag_of_its_destination(lines, rules):
    counts, lookup = parse(*lines), load(lookup_text(rules).encode())
    for port, protocol, tag, _ in map_tags(counts, lookup).rows():
        assert tag == lookup.tag_of(port, protocol_number(protocol))


def test_the_samples_untagged_flows_are_replies_but_one():
    selection = select(parse_flow_log(SAMPLE / "flow.log"))
    report = tagged(selection, load_lookup_table(SAMPLE / "lookup.csv"))
    assert (report.untagged, untagged_replies(selection, report)) == (8, 7)


@given(flows_and_lookup=st.data())
def test_what_begins_in_the_windows_adds_up_to_each_pairs_count(flows_and_lookup):
    rows = flows_and_lookup.draw(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 99)), max_size=30)
    )
    text = "".join(
        f"2 1 e 1.1.1.1 2.2.2.2 {500 * (port % 2)} {port} 6 1 {size} {1_600_000_000 + 60 * minute} 9 ACCEPT OK\n"
        for minute, port, size in rows
    )
    selection = select(parse_flow_log(io.BytesIO(text.encode())))
    report = tagged(selection, load(b"dstport,protocol,tag\n"), "bytes")
    course = over_time(selection, report)
    sums = np.zeros(len(report.port), np.int64)
    np.add.at(sums, course.pair, course.count)
    assert sums.tolist() == report.count.tolist()
    assert course.unknown == 0
    assert set(course.start.tolist()) == {(1_600_000_000 + 60 * m) // 60 * 60 for m, _, _ in rows}
