"""Which rule wins, and which rows of a lookup do not do what they seem to do."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.iana import KEYWORDS
from flowtag_core.tagging.lookup import (
    ANY_PROTOCOL,
    EXACT,
    NO_RULE,
    PORTS,
    UNTAGGED,
    Trouble,
    changes,
    meanings,
    parse_ports,
    parse_protocol,
    shown,
)
from flowtag_core.tagging.lookup_file import parse_lookup
from tests.logs import lookup_text, rule_texts
from tests.tagging.made import keys, load, troubles


def strongest(rules, port, protocol):
    """Return the tag of the winning rule by trying all rules, in the documented order of precedence."""
    best = None
    for place, rule in enumerate(rules):
        form, low, high = rule.ports
        if low <= port <= high and rule.protocol in (protocol, ANY_PROTOCOL):
            strength = (-form, low - high, rule.protocol != ANY_PROTOCOL, place)
            best = max(best or (strength, rule.tag), (strength, rule.tag))
    return best[1] if best else UNTAGGED


@given(st.lists(rule_texts, max_size=15), st.data())
def test_the_winner_is_the_same_as_when_all_rules_are_tried(rows, data):
    lookup = load(lookup_text(rows))
    edges = {edge for rule in lookup.rules for edge in rule.ports[1:]}
    ports = sorted(
        {0, 65535, *(port + step for port in edges for step in (-1, 0, 1))} & set(range(PORTS))
    )
    for protocol in {6, 17, 250, *(rule.protocol for rule in lookup.rules)} - {ANY_PROTOCOL}:
        port = data.draw(st.sampled_from(ports))
        assert lookup.tag_of(port, protocol) == strongest(lookup.rules, port, protocol)


@given(st.lists(rule_texts, max_size=12))
def test_a_rule_never_applies_if_and_only_if_it_wins_nowhere(rows):
    lookup = load(lookup_text(rows))
    winning = {ANY_PROTOCOL: set(lookup.winners(ANY_PROTOCOL).tolist())}
    for rule in lookup.rules:
        winning.setdefault(rule.protocol, set(lookup.winners(rule.protocol).tolist()))
    expected = {
        rule.line
        for place, rule in enumerate(lookup.rules)
        if rule.ports.form != EXACT and place not in winning[rule.protocol]
    }
    found = {p.line for p in lookup.problems if p.trouble is Trouble.NEVER_APPLIES}
    assert found == expected


@pytest.mark.parametrize(
    ("cell", "ports"),
    [
        ("443", "443"),
        ("0443", "443"),
        ("443.0", "443"),
        ("\u00a0443\u00a0", "443"),
        ("80-80", "80-80"),
        ("6000 - 6063", "6000-6063"),
        ("*", "*"),
        ("0-65535", "0-65535"),
    ],
)
def test_ports_are_read_as_people_and_spreadsheets_write_them(cell, ports):
    assert keys(load(f"dstport,protocol,tag\n{cell},tcp,x\n")) == [(f"{ports},tcp", "x")]


def test_rows_that_lose_and_tags_like_formulas_are_reported_together():
    lookup = load("dstport,protocol,tag\n443,tcp,a\n443,6,b\n443,TCP,b\n1-2,*,=x\n")
    assert keys(lookup) == [("443,tcp", "b"), ("1-2,*", "=x")]
    assert troubles(lookup) == [(2, Trouble.LOSES), (5, Trouble.FORMULA)]


def test_every_protocol_keyword_works_in_a_lookup():
    rows = [("1", keyword.upper(), keyword) for keyword in KEYWORDS.values()]
    random.Random(1).shuffle(rows)
    lookup = parse_lookup(lookup_text(rows))
    assert all(lookup.tag_of(1, number) == keyword for number, keyword in KEYWORDS.items())


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ("443,*", "443-443,tcp"),
        ("443-444,*", "442-444,tcp"),
        ("0-65535,*", "*,tcp"),
        ("443,tcp", "443,*"),
        ("440-449,tcp", "441-450,*"),
        ("*,tcp", "*,*"),
    ],
)
def test_exact_beats_narrower_beats_wider_beats_star_and_then_a_named_protocol_beats_star(
    stronger, weaker
):
    for rows in ((stronger, weaker), (weaker, stronger)):
        lookup = load("dstport,protocol,tag\n" + "".join(f'{row},"{row}"\n' for row in rows))
        assert lookup.tag_of(443, 6) == stronger


def test_the_later_of_two_equally_strong_rows_wins():
    for rows in (("440-449,tcp", "441-450,tcp"), ("441-450,tcp", "440-449,tcp")):
        lookup = load("dstport,protocol,tag\n" + "".join(f'{row},"{row}"\n' for row in rows))
        assert lookup.tag_of(443, 6) == rows[1]


def test_without_rules_no_port_has_a_winner():
    lookup = load("dstport,protocol,tag\n")
    assert set(lookup.winners(6).tolist()) == {NO_RULE}
    assert (len(lookup), lookup.rules, lookup.tag_of(443, 6)) == (0, (), UNTAGGED)


@given(st.lists(rule_texts, max_size=12))
def test_the_cells_of_a_rule_are_parsed_back_into_the_rule(rows):
    for rule in load(lookup_text(rows)).rules:
        ports, protocol, tag = rule.cells
        assert (*parse_ports(ports), parse_protocol(protocol)) == rule.meaning
        assert (f"{ports},{protocol}", tag) == (rule.key, rule.tag)


@given(st.lists(rule_texts, max_size=9), st.lists(rule_texts, max_size=9))
def test_changes_counts_rules_that_are_missing_or_have_another_tag(some, more):
    one, two = load(lookup_text(some)), load(lookup_text(more))
    old, new = meanings(one), meanings(two)
    assert list(old.values()) == [rule.tag for rule in one.rules]
    assert changes(one, one) == 0
    assert changes(one, two) == changes(two, one)
    alike = len(old.items() & new.items())
    assert changes(one, two) == len(old.keys() | new.keys()) - alike


def test_text_in_a_message_is_quoted_shortened_and_printable():
    assert shown("a\x1b[31m\n") == r"'a\x1b[31m\n'"
    assert shown("x" * 60) == f"'{'x' * 60}'"
    assert shown("x" * 61) == f"'{'x' * 60}...'"
