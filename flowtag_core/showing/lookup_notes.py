"""Sentences about a lookup and its changes, in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from flowtag_core.counts import sum_of
from flowtag_core.showing.words import few_words, measured, number, pair_name, short, size
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
    "Without a lookup everything is Untagged. Drop a CSV with dstport, protocol and tag, or tag ports "
    "below to start one."
)
NO_LOOKUP_YET: Final = "no lookup yet"
EDITABLE: Final = (
    "Click a cell to edit it. Add a rule in the last row or with +. Tick rows to remove them."
)
CHANGED_MEANWHILE: Final = (
    "The lookup was changed elsewhere on the page, including rows that you had edited. Those edits were "
    "dropped. Make them again."
)
NO_PROBLEMS: Final = "No problems found."
_RULES_SHOWN: Final = 20


def doubts(lookup: Lookup) -> Iterator[str]:
    """Yield a sentence on the rows of the lookup that need checking, if there are any."""
    if lookup.problems:
        yield f"{lookup.name}: {to_check(lookup)}; see the lookup editor at the bottom of the page."


def problems(lookup: Lookup) -> list[str]:
    """Return a line for each problem of a lookup: `lookup.csv:4: ...`."""
    return [f"{lookup.name}:{problem.line}: {problem.text}" for problem in lookup.problems]


def to_check(lookup: Lookup) -> str:
    """Return the number of rows with a problem: `521 lookup rows need checking`."""
    rows = len({problem.line for problem in lookup.problems})
    return f"{number(rows, 'lookup row')} {'needs' if rows == 1 else 'need'} checking"


def heads(lookup: Lookup) -> list[str]:
    """Return a short phrase if any row of the lookup needs checking."""
    return [to_check(lookup)] if lookup.problems else []


def about_lookup(lookup: Lookup) -> str:
    """Describe a lookup in one line: its rules, the rows that need checking, its form if it was not a CSV."""
    doubt = f", {to_check(lookup)}" if lookup.problems else ""
    form = f", from {lookup.form}" if lookup.form else ""
    return number(len(lookup), "rule") + doubt + form


def named(rules: Sequence[Rule]) -> str:
    """Describe rules that were added for one tag: `9092/tcp, 389/tcp and 3 more are now kafka`."""
    names = [_rule_name(rule) for rule in rules]
    verb = "is" if len(names) == 1 else "are"
    return f"{few_words(names)} {verb} now {short(rules[0].tag)}"


def _rule_name(rule: Rule) -> str:
    if rule.ports.form == EXACT and rule.protocol != ANY_PROTOCOL:
        return pair_name(rule.ports.low, rule.protocol)
    return "/".join(rule.cells[:2])


def edited(before: Lookup, after: Lookup) -> str:
    """Describe the changes to a lookup: `443/tcp is now website, 25/tcp has no rule now`."""
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
    """Describe the effect of a change: `9092/tcp is now kafka. Untagged went from 29.4% to 25.0% of flows.`.

    `what` describes the change, and `before` is the share of Untagged (0 to 1) before it.
    """
    after = report.untagged / report.total if report.total else 0.0
    return (
        f"{what}. Untagged went from {100 * before:.1f}% to {100 * after:.1f}% of {report.measure}."
    )


def preview(report: Report, lookup: Lookup, rules: Sequence[Rule]) -> str:
    """Describe the flows that new rules for one tag would cover.

    For example, `Would tag 5,697 flows (1.8%). Replaces the tag of 1,288.` Raises RuleError if the rules
    cannot be added.
    """
    after = retagged(report, with_rules(lookup, rules))
    is_meant = after.tag == after.tags.index(rules[0].tag)
    count = sum_of(report.count[is_meant])
    untagged = sum_of(report.count[is_meant & report.is_untagged])
    share = f" ({100 * count / report.total:.1f}%)" if report.total else ""
    other = f" Replaces the tag of {count - untagged:,}." if count > untagged else ""
    shown = size(count) if report.measure == "bytes" else measured(count, report.measure)
    return f"Would tag {shown}{share}.{other}"


def placeholder_tag(lookup: Lookup) -> str:
    """Return a tag name that is not in the lookup."""
    tag = "preview"
    while tag in lookup.tags:
        tag += "."
    return tag


def untagged_note(report: Report, listed: int, hidden: int) -> str:
    """Return a note on the untagged ports: `54,959 ports · 51,002 hidden (likely replies)`."""
    ports = int(report.is_untagged.sum())
    note = [number(ports, "port")]
    if hidden:
        note.append(f"{hidden:,} hidden (likely replies)")
    if listed < ports - hidden:
        note.append(f"largest {listed:,} listed")
    return " · ".join(note)


def nothing_to_tag(report: Report, hidden: int) -> str:
    """Return the reason why there is no port to tag."""
    if not report.total:
        return "No flows match. Clear the time or the filters."
    return "Only likely replies are untagged." if hidden else "Every flow is tagged."


def tags_to_choose(report: Report) -> list[str]:
    """Return the tags in use, the largest first, then the lookup's other tags."""
    return [tag for tag in dict.fromkeys([*report.tag_counts, *report.tags]) if tag != UNTAGGED]


def unsaved(rules: int) -> str:
    """Return `2 rules not saved`, or `changes not saved` if no rule has changed."""
    return f"{number(rules, 'rule')} not saved" if rules else "changes not saved"


def why_tag(lookup: Lookup, tag: str) -> str:
    """Return a tag with the rules that give it: `email: 110,tcp (line 10), 993,tcp (line 11)`."""
    if tag == UNTAGGED:
        return "Untagged: no rule applies to these flows."
    rules = [rule for rule in lookup.rules if rule.tag == tag]
    shown = ", ".join(f"{rule.key} (line {rule.line})" for rule in rules[:_RULES_SHOWN])
    more = f" and {len(rules) - _RULES_SHOWN:,} more" if len(rules) > _RULES_SHOWN else ""
    return f"{short(tag)}: {shown}{more}"


def rule_of(lookup: Lookup, port: int, protocol: int) -> str:
    """Return the rule that tags a port and protocol number: `443,tcp (line 2)`, or `No rule applies`."""
    place = int(lookup.winners(protocol)[port])
    if place == NO_RULE:
        return "No rule applies"
    rule = lookup.rule(place)
    return f"{rule.key} (line {rule.line:,})"
