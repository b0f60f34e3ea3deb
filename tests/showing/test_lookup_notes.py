"""Sentences on a lookup: what it has, why, and what a change comes to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counts import MOST_SUM, FlowCounts, tabulate
from flowtag_core.errors import RuleError
from flowtag_core.showing import lookup_notes
from flowtag_core.tagging.editing import parse_rules, with_rules
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import map_tags, retagged
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.showing.made import report
from tests.tagging.made import load, parse


def test_only_a_lookup_with_rows_in_doubt_is_in_doubt():
    assert list(lookup_notes.doubts(load())) == []
    (one,) = lookup_notes.doubts(load("dstport,protocol,tag\n1,x,a\n", name="l.csv"))
    assert one == "l.csv: 1 row is in doubt; see the lookup at the end of the page."
    (two,) = lookup_notes.doubts(load("dstport,protocol,tag\n1,x,a\n2,x,a\n", name="l.csv"))
    assert two.startswith("l.csv: 2 rows are in doubt")


def test_a_lookup_in_a_line_has_its_rules_its_doubts_and_what_it_was():
    assert lookup_notes.about_lookup(load()) == "4 rules"
    assert lookup_notes.about_lookup(load("dstport,protocol,tag\n1,tcp,a\n2,x,a\n")) == (
        "1 rule, 1 row in doubt"
    )
    assert lookup_notes.about_lookup(load("ssh 22/tcp\n")) == (
        "1 rule, from a list of services like /etc/services"
    )


def test_rules_are_named_as_people_write_them_and_beyond_three_they_are_counted():
    assert lookup_notes.named(parse_rules("443/tcp", "web")) == "443/tcp is now web"
    assert lookup_notes.named(parse_rules("icmp, 443-443/tcp, */gre, 53/*, 1/udp", "x")) == (
        "icmp, 443-443/tcp, */gre and 2 more are now x"
    )


def test_an_edit_says_each_rule_that_is_new_or_other_or_gone():
    before = load("dstport,protocol,tag\n443,tcp,web\n25,tcp,mail\n53,*,dns\n")
    after = load("dstport,protocol,tag\n443,tcp,site\n53,*,dns\n6000-6063,tcp,x11\n")
    assert lookup_notes.edited(before, after) == (
        "443/tcp is now site, 6000-6063/tcp is now x11, 25/tcp has no rule now"
    )
    assert lookup_notes.edited(before, before) == "The rows were edited"


def test_an_effect_is_said_in_percent_of_the_measure_and_0_where_there_is_nothing():
    assert lookup_notes.effect("x", 0.5, report(443, 443, 443, 9092)) == (
        "x: Untagged 50.0% to 25.0% of flows."
    )
    assert lookup_notes.effect("x", 0.0, report()) == "x: Untagged 0.0% to 0.0% of flows."


def test_a_preview_says_how_much_and_how_much_of_it_has_another_tag_now():
    found = report(443, 443, 9092, 9093, 1)
    told = lookup_notes.preview(found, load(), parse_rules("9092-9093/tcp", "kafka"))
    assert told == "9092-9093/tcp: tags 2 flows, 40.0%."
    told = lookup_notes.preview(found, load(), parse_rules("443/tcp, 1/tcp", "mine"))
    assert told == "443/tcp, 1/tcp: tags 3 flows, 60.0%; 2 of them have another tag now."
    assert lookup_notes.preview(report(), load(), parse_rules("1/tcp", "x")) == (
        "1/tcp: tags 0 flows."
    )


@given(log_lines, st.lists(rule_texts, max_size=6), st.sampled_from(["443", "*", "0-1023"]))
def test_a_preview_is_what_the_rule_comes_to(lines, rows, ports):
    lookup = load(lookup_text(rows))
    tag = lookup_notes.placeholder_tag(lookup)
    found, rules = map_tags(parse(*lines), lookup), parse_rules(f"{ports}/tcp", tag)
    after = retagged(found, with_rules(lookup, rules)).tag_counts
    told = lookup_notes.preview(found, lookup, rules)
    count = after.get(tag, 0)
    assert told.startswith(f"{ports}/tcp: tags {count:,} flow")
    other = count - (found.untagged - after[UNTAGGED])
    assert (f"; {other:,} of them have another tag now" in told) == (other > 0)


def test_a_preview_of_what_is_no_tag_is_refused():
    with pytest.raises(RuleError):
        lookup_notes.preview(report(443), load(), parse_rules("1/tcp", UNTAGGED))


def test_a_placeholder_is_a_tag_that_the_lookup_does_not_have():
    assert lookup_notes.placeholder_tag(load()) == "preview"
    taken = load("dstport,protocol,tag\n1,tcp,preview\n2,tcp,preview.\n")
    assert lookup_notes.placeholder_tag(taken) == "preview.."


def test_the_title_of_what_is_untagged_counts_pairs_and_says_where_some_are_left_out():
    found = report(443, 9092, 9093, 9093)
    assert lookup_notes.untagged_title(found, 2) == "Untagged: 2 pairs"
    assert lookup_notes.untagged_title(found, 1) == "Untagged: the largest 1 of 2 pairs"
    assert lookup_notes.untagged_title(report(443), 0) == "Untagged: 0 pairs"


def test_tags_to_choose_are_the_one_on_offer_then_those_in_use_then_the_others_each_once():
    found = report(25, 443, 443, 9092)
    assert lookup_notes.tags_to_choose(found, "kafka") == ["kafka", "web", "mail", "dns", "games"]
    assert lookup_notes.tags_to_choose(found, "mail") == ["mail", "web", "dns", "games"]


def test_what_is_not_saved_is_counted_in_rules_where_it_is_rules():
    assert [lookup_notes.unsaved(rules) for rules in (0, 1, 2)] == [
        "changes not saved",
        "1 rule not saved",
        "2 rules not saved",
    ]


def test_a_tag_is_explained_by_its_rules_and_their_lines():
    lookup = load("# mine\ndstport,protocol,tag\n25,tcp,mail\n443,tcp,web\n110-111,*,mail\n")
    assert lookup_notes.why_tag(lookup, "mail") == "mail: 25,tcp (line 3), 110-111,* (line 5)"
    assert lookup_notes.why_tag(lookup, UNTAGGED).startswith("Untagged: no rule of the lookup")


def test_beyond_twenty_rules_of_a_tag_the_rest_is_counted():
    rows = "".join(f"{port},tcp,x\n" for port in range(1, 24))
    told = lookup_notes.why_tag(load("dstport,protocol,tag\n" + rows), "x")
    assert told.endswith("20,tcp (line 21) and 3 more")
    assert told.count("line") == 20


def test_a_port_is_explained_by_the_rule_that_wins():
    lookup = load("dstport,protocol,tag\n440-449,tcp,range\n443,*,exact\n*,icmp,ping\n")
    assert lookup_notes.why_port(lookup, 443, 6) == "443/tcp: exact, by 443,* (line 3)"
    assert lookup_notes.why_port(lookup, 444, 6) == "444/tcp: range, by 440-449,tcp (line 2)"
    assert lookup_notes.why_port(lookup, 0, 1) == "icmp: ping, by *,icmp (line 4)"
    assert lookup_notes.why_port(lookup, 444, 17) == "444/udp: no rule of the lookup applies."


@given(log_lines, st.lists(rule_texts, max_size=6))
def test_why_a_port_has_its_tag_names_that_tag(lines, rows):
    lookup = load(lookup_text(rows))
    found = map_tags(parse(*lines, line()), lookup)
    for port, protocol in zip(found.port.tolist(), found.protocol.tolist(), strict=True):
        tag, told = lookup.tag_of(port, protocol), lookup_notes.why_port(lookup, port, protocol)
        assert ("no rule" in told) if tag == UNTAGGED else (f": {tag}, by " in told)


def test_a_preview_never_passes_the_largest_number():
    rows = np.array([(1, 6, port, 0, 1, MOST_SUM // 2 + 1) for port in (1000, 1001)]).T
    lookup = load(b"dstport,protocol,tag\n")
    found = map_tags(FlowCounts(tabulate(*rows)), lookup, measure="bytes")
    told = lookup_notes.preview(found, lookup, parse_rules("1000-1001/tcp", "new"))
    assert told == f"1000-1001/tcp: tags {MOST_SUM:,} bytes, 100.0%."
