"""A search finds ports, protocols and tags, and another word only narrows it down."""

import io

from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import load_lookup_table, map_tags, parse_flow_log
from flowtag_core.showing.search import search
from tests.logs import line

RULES = "dstport,protocol,tag\n443,tcp,Web\n4430,udp,web-udp\n6000-6063,tcp,X11\n"
PAIRS = [(443, 6), (443, 17), (4430, 17), (44, 6), (6000, 6), (6063, 6), (6064, 6), (0, 1), (0, 50)]


def report():
    log = b"\n".join(line(dstport=str(port), protocol=str(protocol)) for port, protocol in PAIRS)
    rules = load_lookup_table(io.BytesIO(RULES.encode()))
    return map_tags(parse_flow_log(io.BytesIO(log)), rules)


def found(text):
    return {f"{port}/{protocol}" for port, protocol, _, _ in search(report(), text).rows()}


def test_a_word_matches_a_port_a_protocol_a_pair_a_range_or_a_part_of_a_tag():
    assert found("443") == {"443/tcp", "443/udp"}
    assert found("443*") == {"443/tcp", "443/udp", "4430/udp"}
    assert found("443/tcp") == {"443/tcp"}
    assert found("443/") == {"443/tcp", "443/udp"}
    assert found("6000-6063") == {"6000/tcp", "6063/tcp"}
    assert found("ud") == {"443/udp", "4430/udp"}
    assert found("icmp") == {"0/icmp"}
    assert found("WEB") == {"443/tcp", "4430/udp"}
    assert found("untagged tcp 44") == {"44/tcp"}
    assert found("nothing") == set()
    assert found("443/6, icmp,") == {"443/tcp", "0/icmp"}
    assert found("6000 - 6063") == {"6000/tcp", "6063/tcp"}
    assert found("  ") == {f"{port}/{protocol}" for port, protocol, _, _ in report().rows()}


@given(st.text(max_size=20), st.text(max_size=10))
def test_another_word_never_finds_more_and_the_total_is_that_of_the_rows_found(text, word):
    text, word = text.replace(",", " "), word.replace(",", " ")
    wide, narrow = search(report(), text), search(report(), f"{text} {word}")
    assert {*narrow.rows()} <= {*wide.rows()} <= {*report().rows()}
    assert narrow.total == sum(count for *_, count in narrow.rows())
