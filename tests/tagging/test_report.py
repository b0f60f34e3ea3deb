"""Every flow gets the tag of its port and protocol under any filter, and no flow is lost."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import load_lookup_table, map_tags, parse_flow_log
from flowtag_core.counts import ACTIONS, BOUNDARIES, MOST_SUM, FlowCounts, tabulate
from flowtag_core.errors import ChoiceError
from flowtag_core.iana import protocol_number
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import (
    places_in,
    retagged,
    select,
    tagged,
    with_tag,
)
from tests.conftest import SAMPLE
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.tagging.made import MEASURES, VIEWS, are_equal, filters, load, measures, parse


@pytest.fixture(scope="module")
def sample():
    return parse_flow_log(SAMPLE / "flow.log"), load_lookup_table(SAMPLE / "lookup.csv")


def test_the_sample_has_its_known_tag_counts_by_destination_port(sample):
    report = map_tags(*sample)
    assert report.tag_counts == {"email": 3, "sv_P1": 2, "sv_P2": 1, UNTAGGED: 8}
    # Check the ports too: the tag counts alone would be the same with source and destination swapped.
    ports = [23, 25, 80, 110, 143, 443, 993, 1024, *range(49153, 49159)]
    assert report.combination_counts == {(port, "tcp"): 1 for port in ports}


def test_the_sample_has_its_known_tag_counts_by_service_port(sample):
    report = map_tags(*sample, view="service")
    assert report.tag_counts == {"email": 6, "sv_P1": 4, "sv_P2": 2, UNTAGGED: 2}


@given(log_lines, st.lists(rule_texts, max_size=8))
def test_tags_and_untagged_add_up_to_the_total_under_every_filter_measure_and_view(lines, rules):
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
            sides = [
                map_tags(counts, lookup, measure=measure, view=view, boundary=b) for b in BOUNDARIES
            ]
            assert sum(side.total for side in sides) == whole.total
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
def test_each_flow_has_the_tag_of_its_destination_port(lines, rules):
    counts, lookup = parse(*lines), load(lookup_text(rules).encode())
    for port, protocol, tag, _ in map_tags(counts, lookup).rows():
        assert tag == lookup.tag_of(port, protocol_number(protocol))


def test_the_sample_has_eight_untagged_flows():
    selection = select(parse_flow_log(SAMPLE / "flow.log"))
    report = tagged(selection, load_lookup_table(SAMPLE / "lookup.csv"))
    assert report.untagged == 8


def map_with(counts, lookup, measure, chosen):
    """The report under these filters."""
    return map_tags(
        counts,
        lookup,
        measure=measure,
        action=chosen.action,
        boundary=chosen.boundary,
        time=chosen.time,
        view=chosen.view,
    )


@given(log_lines, st.lists(rule_texts, max_size=8), measures, filters, st.booleans())
def test_a_report_knows_its_filters_and_survives_pickling(lines, rules, measure, chosen, was_read):
    report = map_with(parse(*lines), load(lookup_text(rules)), measure, chosen)
    assert (report.measure, report.filters) == (measure, chosen)
    if was_read:
        assert report.tag_counts.keys() >= {UNTAGGED}
        assert len(report.combination_counts) == len(report.port)
    again = pickle.loads(pickle.dumps(report))  # noqa: S301
    assert are_equal(again, report)
    assert (again.untagged, again.total) == (report.untagged, report.total)


def test_filtering_by_boundary_keeps_the_flows_with_that_boundary():
    out, within = ("10.0.0.1", "8.8.8.8"), ("10.0.0.1", "10.0.0.2")
    ways = [within, out[::-1], out, ("8.8.8.8", "9.9.9.9"), ("-", "10.0.0.1")]
    counts = parse(
        *(
            line(dstport=str(port), srcaddr=source, dstaddr=destination)
            for port, (source, destination) in enumerate(ways)
        ),
        line(dstport="1", srcaddr="8.8.8.8", action="REJECT"),
    )
    found = [map_tags(counts, load(), boundary=boundary).port.tolist() for boundary in BOUNDARIES]
    assert found == [[0], [1], [2], [3], [4]]
    assert map_tags(counts, load(), boundary="inbound", action="ACCEPT").total == 1


def test_filtering_by_time_includes_the_first_second_and_excludes_the_last():
    counts = parse(
        *(
            line(dstport=str(port), start=str(60 * minute), action=action)
            for port, minute, action in [
                (1, 28_000_000, "ACCEPT"),
                (2, 28_000_001, "REJECT"),
                (3, 28_000_002, "DROP"),
            ]
        ),
        line(dstport="4", start="-"),
    )

    def ports(**chosen):
        return map_tags(counts, load(), **chosen).port.tolist()

    assert ports() == [1, 2, 3, 4]
    assert [ports(action=action) for action in ACTIONS] == [[1, 4], [2], [3]]
    assert ports(time=(60 * 28_000_000, 60 * 28_000_002)) == [1, 2]
    assert ports(time=(60 * 28_000_001, 1 << 40), action="other") == [3]
    assert ports(time=(-5, 60 * 28_000_001)) == [1]


@given(log_lines, st.lists(rule_texts, max_size=8), st.lists(rule_texts, max_size=8), filters)
def test_retagging_a_report_gives_the_report_of_the_other_lookup(lines, some, more, chosen):
    counts, one, two = parse(*lines), load(lookup_text(some)), load(lookup_text(more))
    report = map_with(counts, one, "bytes", chosen)
    assert are_equal(retagged(report, two), map_with(counts, two, "bytes", chosen))


@given(log_lines, st.lists(rule_texts, max_size=8))
def test_the_rows_of_all_tags_together_are_the_rows_of_the_report(lines, rules):
    report = map_tags(parse(*lines), load(lookup_text(rules)), measure="packets")
    rows = []
    for tag, count in report.tag_counts.items():
        part = with_tag(report, tag)
        assert part.total == count
        assert {row[2] for row in part.rows()} <= {tag}
        rows += part.rows()
    assert sorted(rows) == sorted(report.rows())
    assert len(with_tag(report, "a tag that no lookup has").port) == 0


pairs = st.lists(
    st.tuples(st.sampled_from([0, 25, 53, 443, 65535]), st.sampled_from([1, 6, 17, 255])),
    max_size=9,
)


@given(log_lines, pairs)
def test_places_in_a_report_are_the_indexes_of_its_ports_and_protocols(lines, wanted):
    report = map_tags(parse(*lines), load())
    found = list(zip(report.port.tolist(), report.protocol.tolist(), strict=True))
    expected = [found.index(pair) if pair in found else -1 for pair in wanted]
    columns = np.array(wanted, np.int32).reshape(-1, 2).T
    assert places_in(report, *columns).tolist() == expected
    assert places_in(report, report.port, report.protocol).tolist() == list(range(len(found)))


def test_counts_are_capped_at_the_largest_number():
    rows = [(1, 6, port, 0, 1, MOST_SUM // 2 + 1) for port in (25, 25, 9, 10)]
    counts = FlowCounts(requests=tabulate(*np.array(rows, np.int64).T))
    report = map_tags(counts, load(), measure="bytes")
    assert report.combination_counts[25, "tcp"] == MOST_SUM
    assert report.tag_counts == {"mail": MOST_SUM, UNTAGGED: MOST_SUM}
    assert report.total == MOST_SUM


def test_the_counts_of_a_report_are_read_only(sample):
    report = map_tags(*sample)
    for mapping in (report.tag_counts, report.combination_counts):
        with pytest.raises(TypeError):
            mapping["email"] = 0


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"measure": "Bytes"}, "measure is 'Bytes'. Use one of 'flows', 'packets', 'bytes'."),
        ({"action": "accept"}, "action is 'accept'. Use one of None, 'ACCEPT', 'REJECT', 'other'."),
        ({"boundary": "in"}, "boundary is 'in'. Use one of None, 'internal', "),
        ({"view": "x"}, "view is 'x'. Use one of 'destination', 'service'."),
        ({"time": "10:00"}, "time is '10:00'. Give the first and last second, since 1970."),
        ({"time": (1,)}, "time is (1,). Give the first and last second, since 1970."),
    ],
)
def test_a_choice_that_does_not_exist_is_refused_with_those_that_do(choice, said):
    with pytest.raises(ChoiceError) as error:
        map_tags(FlowCounts(), load_lookup_table(SAMPLE / "lookup.csv"), **choice)
    assert str(error.value).startswith(said)
