"""The workbench lists the untagged ports, the largest first, each with a suggested tag."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counts import Table
from flowtag_core.showing import workbench
from flowtag_core.showing.tables import untagged_table
from flowtag_core.showing.trends import MOST_PARTS
from flowtag_core.showing.workbench import (
    UntaggedPair,
    accepted_inbound,
    looks_like_replies,
    untagged_pairs,
    untagged_places,
)
from flowtag_core.tagging.course import over_time
from flowtag_core.tagging.editing import with_rules
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import Filters, select, tagged
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.showing.made import report
from tests.tagging.made import filters, load, measures, parse


def listed(counts, lookup, measure="flows", chosen=Filters(), rejected=None):  # noqa: B008
    """Return the report for these filters, the positions of its untagged pairs, and their table."""
    selection = select(counts, chosen)
    found = tagged(selection, lookup, measure)
    places = untagged_places(found)
    pairs = untagged_pairs(found, places)
    return (
        found,
        places,
        untagged_table(found, places, pairs, over_time(selection, found), rejected),
    )


@given(log_lines, st.lists(rule_texts, max_size=6), measures, filters)
def test_the_list_has_every_untagged_pair_once_the_largest_first(lines, rows, measure, chosen):
    found, places, table = listed(parse(*lines), load(lookup_text(rows)), measure, chosen)
    counts = found.count[places].tolist()
    assert counts == sorted(counts, reverse=True)
    assert sorted(places.tolist()) == np.flatnonzero(found.is_untagged).tolist()
    assert sum(counts) == found.untagged
    assert table[measure.capitalize()].tolist() == counts
    assert table["Share"].sum() == pytest.approx(100 * found.untagged / max(found.total, 1))


def test_the_inbound_percentage_leaves_out_rejected_flows():
    counts = parse(
        line(dstport="1", srcaddr="8.8.8.8"),
        line(dstport="1"),
        line(dstport="2", srcaddr="8.8.8.8", action="REJECT"),
    )
    selection = select(counts)
    found = tagged(selection, load("dstport,protocol,tag\n443,tcp,web\n"))
    places = untagged_places(found)
    assert accepted_inbound(selection, found, places).tolist() == [50, 0]
    pairs = untagged_pairs(found, places)
    table = untagged_table(found, places, pairs, over_time(selection, found), None, selection)
    assert table["Inbound"].tolist() == [50, 0]
    for chosen in (Filters(boundary="inbound"), Filters(action="ACCEPT")):
        selection = select(counts, chosen)
        found = tagged(selection, load())
        assert accepted_inbound(selection, found, untagged_places(found)) is None
    within = select(parse(line()))
    found = tagged(within, load())
    assert accepted_inbound(within, found, untagged_places(found)) is None


def test_the_smallest_pairs_are_left_out_if_there_are_too_many(monkeypatch):
    monkeypatch.setattr(workbench, "MOST_PAIRS", 2)
    found = report(9092, 9093, 9093, 9094, 9094, 9094, *[443] * 9)
    assert found.port[untagged_places(found)].tolist() == [9094, 9093]


@given(log_lines, st.lists(rule_texts, max_size=6), measures, filters)
def test_a_pair_that_looks_like_replies_is_untagged_and_at_least_nine_tenths_replies(
    lines, rows, measure, chosen
):
    counts, lookup = parse(*lines), load(lookup_text(rows))
    found = tagged(select(counts, chosen), lookup, measure)
    likely = looks_like_replies(counts, found)
    assert not (likely & ~found.is_untagged).any()
    without = tagged(select(replace(counts, replies=Table()), chosen), lookup, measure)
    requests = without.combination_counts
    rest = [requests.get((port, name), 0) for port, name, _, _ in found.rows()]
    assert chosen.view == "destination" or not likely.any()
    for row in np.flatnonzero(likely).tolist():
        assert rest[row] <= 0.1 * found.count[row] + 1e-6
    hidden = untagged_places(found, likely)
    assert not likely[hidden].any()
    assert len(hidden) == (found.is_untagged & ~likely).sum()


def test_a_port_with_other_flows_or_a_known_service_does_not_look_like_replies():
    def flows(port, replies, requests):
        return [line(dstport=port, srcport="443")] * replies + [
            line(dstport=port, srcport="65000")
        ] * requests

    lines = [*flows("50002", 9, 1), *flows("50003", 8, 2), *flows("50004", 1, 0)]
    counts = parse(*lines, *flows("61616", 9, 0))
    found = tagged(select(counts), load("dstport,protocol,tag\n50004,tcp,x\n"))
    assert found.port.tolist() == [50002, 50003, 50004, 61616]
    assert looks_like_replies(counts, found).tolist() == [True, False, False, False]


def test_pairs_have_a_suggested_tag_and_keep_the_order_of_their_places():
    found = report(9092, 22, 49153, 443)
    pairs = untagged_pairs(found, untagged_places(found))
    assert pairs == [
        UntaggedPair(22, 6, "ssh"),
        UntaggedPair(9092, 6, "kafka"),
        UntaggedPair(49153, 6, "tcp-49153"),
    ]
    assert [pair.label for pair in pairs] == ["+ ssh", "+ kafka", "+ tcp-49153"]
    assert (pairs[0].numbers, pairs[0].key, pairs[0].name) == ((22, 6), "22/6", "22/tcp")


@given(st.integers(0, 65535), st.sampled_from([1, 6, 17, 253]))
def test_the_rule_of_a_pair_tags_it_and_nothing_else(port, protocol):
    lookup = with_rules(
        load(b"dstport,protocol,tag\n"), [UntaggedPair(port, protocol, "").rule("x")]
    )
    assert np.flatnonzero(lookup.winners(protocol) >= 0).tolist() == [port]
    assert lookup.tag_of(port, 58) == UNTAGGED


@given(log_lines, st.lists(rule_texts, max_size=6), filters)
def test_the_trends_add_up_to_the_flows_with_a_known_time(lines, rows, chosen):
    counts, lookup = parse(*lines), load(lookup_text(rows))
    found, places, table = listed(counts, lookup, "packets", chosen)
    course = over_time(select(counts, chosen), found)
    assert ("Trend" in table) == (len(course.start) > 1)
    if "Trend" in table:
        pictures = table["Trend"].tolist()
        assert len({len(picture) for picture in pictures}) <= 1
        for place, picture in zip(places, pictures, strict=True):
            assert 1 < len(picture) <= MOST_PARTS
            assert sum(picture) == pytest.approx(course.count[course.pair == place].sum())


def test_rejected_is_a_percentage_of_the_pair():
    counts = parse(
        *[line(dstport="9092", action="REJECT")] * 2,
        line(dstport="9092"),
        *[line(dstport="9093")] * 2,
        line(dstport="9094", action="REJECT"),
    )
    rejected = tagged(select(counts, Filters(action="REJECT")), load())
    _, _, table = listed(counts, load(), rejected=rejected)
    assert table["Port"].tolist() == ["9092/tcp", "9093/tcp", "9094/tcp"]
    assert table["Rejected"].tolist() == pytest.approx([200 / 3, 0, 100])
    assert "Rejected" not in listed(counts, load())[2]


def test_the_table_is_empty_if_nothing_is_untagged():
    _, places, table = listed(parse(line()), load())
    assert (len(places), len(table)) == (0, 0)
    assert table.columns.tolist() == ["Port", "Tag as", "Flows", "Share"]
