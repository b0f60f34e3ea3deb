"""There is a suggested tag for every port."""

import pytest

from flowtag_core.showing import suggestions
from flowtag_core.showing.suggestions import suggestion
from flowtag_core.tagging.editing import parse_rules, with_rules
from flowtag_core.tagging.lookup import parse_ports
from tests.tagging.made import load


def test_a_suggestion_is_the_usual_service_else_the_registered_one_else_the_port():
    assert [suggestion(*pair) for pair in ((9092, 6), (7, 17), (49153, 6), (0, 1), (0, 253))] == [
        "kafka",
        "echo",
        "tcp-49153",
        "icmp",
        "protocol-253",
    ]


def test_every_suggestion_is_one_word_and_a_valid_tag():
    names = {suggestion(port, protocol) for port in range(65536) for protocol in (6, 17)}
    names |= {suggestion(0, protocol) for protocol in range(256)}
    named = sorted(name for name in names if not name.rpartition("-")[2].isdecimal())
    assert len(named) > 1000
    assert [name for name in names if name.split() != [name]] == []
    lookup = load(b"dstport,protocol,tag\n")
    rules = [parse_rules(f"{port}/tcp", name)[0] for port, name in enumerate(named)]
    assert {*with_rules(lookup, rules).tags} == {*named}


def test_no_port_is_in_the_short_list_twice():
    entries = suggestions._COMMON.replace("\n", "|").strip("|").split("|")
    ports = 0
    for entry in entries:
        key = entry.split(" ")[0]
        found = parse_ports(key.partition("/")[0])
        ports += (found.high - found.low + 1) * (1 + key.count(","))
    assert len(suggestions.common()) == ports


@pytest.mark.parametrize(
    ("port", "protocol", "name"),
    [
        (443, 6, "https"),
        (443, 17, "quic"),
        (443, 132, "https"),
        (6063, 6, "x11"),
        (8301, 17, "consul"),
        (9092, 132, "sctp-9092"),
        (443, 47, "gre"),
        (0, 124, "isis-over-ipv4"),
        (0, 61, "protocol-61"),
    ],
)
def test_a_suggestion_depends_on_both_port_and_protocol(port, protocol, name):
    assert suggestion(port, protocol) == name
