"""Sentences on a lookup and its changes; plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from flowtag_core.counts import sum_of
from flowtag_core.showing.words import few_words, number, pair_name, short
from flowtag_core.tagging.editing import with_rules
from flowtag_core.tagging.lookup import (
    ANY_PROTOCOL,
    EXACT,
    NO_RULE,
    UNTAGGED,
    Lookup,
    Meaning,
    Ports,
    Rule,
    meanings,
)
from flowtag_core.tagging.report import Report, retagged

NO_LOOKUP: Final = (
    "Without a lookup everything is Untagged. Drop a CSV with dstport, protocol and tag, or name "
    "what is untagged below: that makes one."
)
SELECT_A_TAG: Final = "Tick a tag to see its ports only, further down, and which rules give it."
EDITABLE: Final = (
    "Click a cell to change it; the last row, or the +, adds one; ticked rows can be removed."
)
CHANGED_MEANWHILE: Final = (
    "The lookup had just been changed elsewhere on the page, so this edit was not taken. "
    "Make it again."
)
_RULES_SHOWN: Final = 20


def doubts(lookup: Lookup) -> Iterator[str]:
    """A sentence on the rows of the lookup that do not do what they seem to, if there are any."""
    if lookup.problems:
        rows = number(len(lookup.problems), "row")
        verb = "is" if len(lookup.problems) == 1 else "are"
        yield f"{lookup.name}: {rows} {verb} in doubt; see the lookup at the end of the page."


def about_lookup(lookup: Lookup) -> str:
    """A lookup in a line: its rules, its rows in doubt if there are any, what it was if no CSV."""
    doubt = f", {number(len(lookup.problems), 'row')} in doubt" if lookup.problems else ""
    form = f", from {lookup.form}" if lookup.form else ""
    return number(len(lookup), "rule") + doubt + form


def named(rules: Sequence[Rule]) -> str:
    """`9092/tcp, 389/tcp and 3 more are now kafka`."""
    names = [_rule_name(rule) for rule in rules]
    verb = "is" if len(names) == 1 else "are"
    return f"{few_words(names)} {verb} now {short(rules[0].tag)}"


def _rule_name(rule: Rule) -> str:
    if rule.ports.form == EXACT and rule.protocol != ANY_PROTOCOL:
        return pair_name(rule.ports.low, rule.protocol)
    return "/".join(rule.cells[:2])


def edited(before: Lookup, after: Lookup) -> str:
    """A change of a lookup in words: `443/tcp is now website, 25/tcp has no rule now`."""
    was, is_now = meanings(before), meanings(after)
    changes = [
        f"{_named_by(meaning)} is now {short(tag)}"
        for meaning, tag in is_now.items()
        if was.get(meaning) != tag
    ]
    changes += [f"{_named_by(meaning)} has no rule now" for meaning in was if meaning not in is_now]
    return few_words(changes) or "The rows were edited"


def _named_by(meaning: Meaning) -> str:
    *ports, protocol = meaning
    return _rule_name(Rule(Ports(*ports), protocol, "", 0))


def effect(what: str, before: float, report: Report) -> str:
    """The effect of a change of the lookup: `9092/tcp is now kafka: Untagged 29.4% to 25.0%.`."""
    after = report.untagged / report.total if report.total else 0.0
    return f"{what}: Untagged {100 * before:.1f}% to {100 * after:.1f}% of {report.measure}."


def preview(report: Report, lookup: Lookup, rules: Sequence[Rule]) -> str:
    """A sentence on the flows that rules of one new tag would cover.

    `6000-6063/tcp: tags 1,234 flows, 0.6%`. Raises RuleError.
    """
    after = retagged(report, with_rules(lookup, rules))
    is_meant = after.tag == after.tags.index(rules[0].tag)
    count = sum_of(report.count[is_meant])
    untagged = sum_of(report.count[is_meant & report.is_untagged])
    share = f", {100 * count / report.total:.1f}%" if report.total else ""
    other = f"; {count - untagged:,} of them have another tag now" if count > untagged else ""
    names = few_words([_rule_name(rule) for rule in rules])
    return f"{names}: tags {number(count, report.measure[:-1])}{share}{other}."


def placeholder_tag(lookup: Lookup) -> str:
    """A tag that the lookup does not have."""
    tag = "preview"
    while tag in lookup.tags:
        tag += "."
    return tag


def untagged_title(report: Report, shown: int) -> str:
    """`Untagged: 59 pairs`, or `Untagged: the largest 200 of 55,050 pairs`."""
    pairs = int(report.is_untagged.sum())
    largest = f"the largest {shown} of " if shown < pairs else ""
    return f"Untagged: {largest}{number(pairs, 'pair')}"


def tags_to_choose(report: Report, suggestion: str) -> list[str]:
    """The name on offer, then the tags in use, the most first, then the lookup's others."""
    tags = [suggestion, *report.tag_counts, *report.tags]
    return [tag for tag in dict.fromkeys(tags) if tag != UNTAGGED]


def unsaved(rules: int) -> str:
    """`2 rules not saved`, or that something else is not."""
    return f"{number(rules, 'rule')} not saved" if rules else "changes not saved"


def why_tag(lookup: Lookup, tag: str) -> str:
    """The rules that give a tag: `email: 110,tcp (line 10), 993,tcp (line 11)`."""
    if tag == UNTAGGED:
        return "Untagged: no rule of the lookup applies to these flows."
    rules = [rule for rule in lookup.rules if rule.tag == tag]
    shown = ", ".join(f"{rule.key} (line {rule.line})" for rule in rules[:_RULES_SHOWN])
    more = f" and {len(rules) - _RULES_SHOWN:,} more" if len(rules) > _RULES_SHOWN else ""
    return f"{short(tag)}: {shown}{more}"


def why_port(lookup: Lookup, port: int, protocol: int) -> str:
    """The rule that tags a port and protocol number: `443/tcp: web, by 443,tcp`."""
    place = int(lookup.winners(protocol)[port])
    if place == NO_RULE:
        return f"{pair_name(port, protocol)}: no rule of the lookup applies."
    rule = lookup.rule(place)
    return f"{pair_name(port, protocol)}: {short(rule.tag)}, by {rule.key} (line {rule.line})"
