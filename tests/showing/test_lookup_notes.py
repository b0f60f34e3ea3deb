"""The sentences about a lookup explain its rules, its problems and the effect of a change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counts import MOST_SUM, FlowCounts, tabulate
from flowtag_core.errors import RuleError
from flowtag_core.showing import lookup_notes
from flowtag_core.showing.words import size
from flowtag_core.tagging.editing import parse_rules, with_rules
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import map_tags, retagged
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.showing.made import report
from tests.tagging.made import load, parse


def test_a_sentence_counts_the_rows_that_need_checking_if_there_are_any():
    assert list(lookup_notes.doubts(load())) == []
    (one,) = lookup_notes.doubts(load("dstport,protocol,tag\n1,x,a\n", name="l.csv"))
    assert one == (
        "l.csv: 1 lookup row needs checking; see the lookup editor at the bottom of the page."
    )
    (two,) = lookup_notes.doubts(load("dstport,protocol,tag\n1,x,a\n2,x,a\n", name="l.csv"))
    assert two.startswith("l.csv: 2 lookup rows need checking")


def test_a_short_phrase_counts_the_rows_that_need_checking():
    assert lookup_notes.heads(load()) == []
    one = load("dstport,protocol,tag\n1,x,a\n")
    assert lookup_notes.heads(one) == ["1 lookup row needs checking"]
    two = load("dstport,protocol,tag\n1,x,a\n2,x,a\n")
    assert lookup_notes.heads(two) == ["2 lookup rows need checking"]


def test_a_row_with_two_problems_is_counted_once():
    lookup = load("dstport,protocol,tag\n1-1,tcp,=a\n1,tcp,b\n")
    assert len(lookup.problems) == 2
    assert lookup_notes.to_check(lookup) == "1 lookup row needs checking"


def test_a_lookup_is_described_by_its_rules_its_problems_and_its_original_form():
    assert lookup_notes.about_lookup(load()) == "4 rules"
    assert lookup_notes.about_lookup(load("dstport,protocol,tag\n1,tcp,a\n2,x,a\n")) == (
        "1 rule, 1 lookup row needs checking"
    )
    assert lookup_notes.about_lookup(load("ssh 22/tcp\n")) == (
        "1 rule, from a list of services like /etc/services"
    )


def test_the_first_three_rules_are_named_as_people_write_them_and_the_rest_are_counted():
    assert lookup_notes.named(parse_rules("443/tcp", "web")) == "443/tcp is now web"
    assert lookup_notes.named(parse_rules("icmp, 443-443/tcp, */gre, 53/*, 1/udp", "x")) == (
        "icmp, 443-443/tcp, */gre and 2 more are now x"
    )


def test_an_edit_is_described_by_its_new_changed_and_removed_rules():
    before = load("dstport,protocol,tag\n443,tcp,web\n25,tcp,mail\n53,*,dns\n")
    after = load("dstport,protocol,tag\n443,tcp,site\n53,*,dns\n6000-6063,tcp,x11\n")
    assert lookup_notes.edited(before, after) == (
        "443/tcp is now site, 6000-6063/tcp is now x11, 25/tcp has no rule now"
    )
    assert lookup_notes.edited(before, before) == "The rows were edited"


def test_an_effect_is_in_percent_of_the_measure_and_0_in_an_empty_report():
    assert lookup_notes.effect("x", 0.5, report(443, 443, 443, 9092)) == (
        "x. Untagged went from 50.0% to 25.0% of flows."
    )
    assert lookup_notes.effect("x", 0.0, report()) == "x. Untagged went from 0.0% to 0.0% of flows."


def test_a_preview_counts_the_flows_and_those_that_already_have_another_tag():
    found = report(443, 443, 9092, 9093, 1)
    told = lookup_notes.preview(found, load(), parse_rules("9092-9093/tcp", "kafka"))
    assert told == "Would tag 2 flows (40.0%)."
    told = lookup_notes.preview(found, load(), parse_rules("443/tcp, 1/tcp", "mine"))
    assert told == "Would tag 3 flows (60.0%). Replaces the tag of 2."
    assert lookup_notes.preview(report(), load(), parse_rules("1/tcp", "x")) == (
        "Would tag 0 flows."
    )


@given(log_lines, st.lists(rule_texts, max_size=6), st.sampled_from(["443", "*", "0-1023"]))
def test_a_preview_matches_the_effect_of_its_rule(lines, rows, ports):
    lookup = load(lookup_text(rows))
    tag = lookup_notes.placeholder_tag(lookup)
    found, rules = map_tags(parse(*lines), lookup), parse_rules(f"{ports}/tcp", tag)
    after = retagged(found, with_rules(lookup, rules)).tag_counts
    told = lookup_notes.preview(found, lookup, rules)
    count = after.get(tag, 0)
    assert told.startswith(f"Would tag {count:,} flow")
    other = count - (found.untagged - after[UNTAGGED])
    assert (f" Replaces the tag of {other:,}." in told) == (other > 0)


def test_a_preview_of_an_invalid_tag_is_refused():
    with pytest.raises(RuleError):
        lookup_notes.preview(report(443), load(), parse_rules("1/tcp", UNTAGGED))


def test_a_placeholder_tag_is_never_in_the_lookup():
    assert lookup_notes.placeholder_tag(load()) == "preview"
    taken = load("dstport,protocol,tag\n1,tcp,preview\n2,tcp,preview.\n")
    assert lookup_notes.placeholder_tag(taken) == "preview.."


def test_the_note_on_untagged_ports_counts_them_and_says_if_some_are_left_out():
    found = report(443, 9092, 9093, 9093)
    assert lookup_notes.untagged_note(found, 2, 0) == "2 ports"
    assert lookup_notes.untagged_note(found, 1, 0) == "2 ports · largest 1 listed"
    assert lookup_notes.untagged_note(found, 1, 1) == "2 ports · 1 hidden (likely replies)"
    assert lookup_notes.untagged_note(report(443), 0, 0) == "0 ports"


def test_there_is_a_reason_if_there_is_no_port_to_tag():
    told = lookup_notes.nothing_to_tag
    assert told(report(), 0) == "No flows match. Clear the time or the filters."
    assert told(report(443), 0) == "Every flow is tagged."
    assert told(report(9092), 1) == "Only likely replies are untagged."


def test_the_tags_to_choose_from_are_those_in_use_then_the_others_each_once():
    found = report(25, 443, 443, 9092)
    assert lookup_notes.tags_to_choose(found) == ["web", "mail", "dns", "games"]


def test_unsaved_changes_are_counted_in_rules_if_any_rule_changed():
    assert [lookup_notes.unsaved(rules) for rules in (0, 1, 2)] == [
        "changes not saved",
        "1 rule not saved",
        "2 rules not saved",
    ]


def test_a_tag_is_explained_by_its_rules_and_their_lines():
    lookup = load("# mine\ndstport,protocol,tag\n25,tcp,mail\n443,tcp,web\n110-111,*,mail\n")
    assert lookup_notes.why_tag(lookup, "mail") == "mail: 25,tcp (line 3), 110-111,* (line 5)"
    assert lookup_notes.why_tag(lookup, UNTAGGED).startswith("Untagged: no rule applies")


def test_after_twenty_rules_of_a_tag_the_rest_are_counted():
    rows = "".join(f"{port},tcp,x\n" for port in range(1, 24))
    told = lookup_notes.why_tag(load("dstport,protocol,tag\n" + rows), "x")
    assert told.endswith("20,tcp (line 21) and 3 more")
    assert told.count("line") == 20


def test_a_port_is_explained_by_the_winning_rule():
    lookup = load("dstport,protocol,tag\n440-449,tcp,range\n443,*,exact\n*,icmp,ping\n")
    assert lookup_notes.rule_of(lookup, 443, 6) == "443,* (line 3)"
    assert lookup_notes.rule_of(lookup, 444, 6) == "440-449,tcp (line 2)"
    assert lookup_notes.rule_of(lookup, 0, 1) == "*,icmp (line 4)"
    assert lookup_notes.rule_of(lookup, 444, 17) == "No rule applies"


@given(log_lines, st.lists(rule_texts, max_size=6))
def test_the_rule_shown_for_a_port_gives_its_tag(lines, rows):
    lookup = load(lookup_text(rows))
    found = map_tags(parse(*lines, line()), lookup)
    said = {f"{rule.key} (line {rule.line:,})": rule.tag for rule in lookup.rules}
    said["No rule applies"] = UNTAGGED
    for port, protocol in zip(found.port.tolist(), found.protocol.tolist(), strict=True):
        rule = lookup_notes.rule_of(lookup, port, protocol)
        assert said[rule] == lookup.tag_of(port, protocol)


def test_a_preview_never_exceeds_the_largest_number():
    rows = np.array([(1, 6, port, 0, 1, MOST_SUM // 2 + 1) for port in (1000, 1001)]).T
    lookup = load(b"dstport,protocol,tag\n")
    found = map_tags(FlowCounts(tabulate(*rows)), lookup, measure="bytes")
    told = lookup_notes.preview(found, lookup, parse_rules("1000-1001/tcp", "new"))
    assert told == f"Would tag {size(MOST_SUM)} (100.0%)."
