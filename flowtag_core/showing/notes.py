"""What a reader of counts must know besides the numbers, in sentences; plain text, no markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from flowtag_core.counts import FileCounts, FlowCounts, Reason
from flowtag_core.iana import WITH_PORTS, protocol_name
from flowtag_core.tagging.lookup import NO_RULE, UNTAGGED, Lookup

_RULES_SHOWN: Final = 20
_LONGEST: Final = 60
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!$:~<>|&@/])")


def equation(counts: FileCounts) -> str:
    """Every record accounted for: `9 records = 1 header + 1 blank + 6 flows + 1 bad port`."""
    parts = [
        _number(counts.headers, "header"),
        f"{counts.blank:,} blank",
        _number(counts.flows, "flow"),
        *(
            f"{counts.set_aside[reason]:,} {reason}"
            for reason in Reason
            if counts.set_aside[reason]
        ),
    ]
    return f"{_number(counts.records, 'record')} = {' + '.join(parts)}"


def cautions(counts: FlowCounts) -> Iterator[str]:
    """Sentences on what makes the counts less than they seem, the files in order."""
    for name, file in counts.files.items():
        yield from sorted(file.damage)
        if not file.records:
            yield f"{name}: is empty."
        elif file.set_aside[Reason.NO_PORT_IN_LAYOUT]:
            yield f"{name}: a header names no dstport or no protocol; its lines cannot be counted."
        elif not file.flows and file.faults:
            yield f"{name}: not one flow was found. Is it a flow log, and of which format?"
        elif not file.flows:
            yield f"{name}: holds no flow."
        if file.flows and max(file.odd_words.values(), default=0) * 2 > file.flows:
            yield f"{name}: most lines have an unknown action or status. Is its format a custom one?"
    if counts.total.set_aside[Reason.SKIPPED_DATA]:
        yield "AWS could not record everything (SKIPDATA): these counts are a lower bound."


def remarks(counts: FlowCounts) -> Iterator[str]:
    """Sentences on how the files were read and which fields could not be."""
    total = counts.total
    for word, count in total.odd_words.items():
        yield f"{_number(count, 'flow')} with a word for {word} that is not one of AWS's."
    for name, count in total.unreadable.items():
        yield f"{_number(count, 'flow')} with an unreadable {name}, taken as unknown or 0."
    for name, count in total.lacking.items():
        yield f"{_number(count, 'flow')} of a layout without {name}."
    for name, file in counts.files.items():
        yield from (f"{name}: read as {shape}." for shape in sorted(file.shapes))


def why_tag(lookup: Lookup, tag: str) -> str:
    """Which rules give this tag: `email: 110,tcp (line 10), 993,tcp (line 11)`."""
    if tag == UNTAGGED:
        return "Untagged: no rule of the lookup applies to these flows."
    rules = [rule for rule in lookup.rules if rule.tag == tag]
    shown = ", ".join(f"{rule.key} (line {rule.line})" for rule in rules[:_RULES_SHOWN])
    more = f" and {len(rules) - _RULES_SHOWN:,} more" if len(rules) > _RULES_SHOWN else ""
    return f"{_short(tag)}: {shown}{more}"


def why_port(lookup: Lookup, port: int, protocol: int) -> str:
    """Which rule a port and protocol number get their tag from: `443/tcp: web, by 443,tcp`."""
    place = int(lookup.winners(protocol)[port])
    if place == NO_RULE:
        return f"{pair_name(port, protocol)}: no rule of the lookup applies."
    rule = lookup.rule(place)
    return f"{pair_name(port, protocol)}: {_short(rule.tag)}, by {rule.key} (line {rule.line})"


def pair_name(port: int, protocol: int) -> str:
    """`443/tcp`; a protocol that has no ports is named without one: `icmp`."""
    name = protocol_name(protocol)
    return f"{port}/{name}" if port or protocol in WITH_PORTS else name


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def literal(text: str) -> str:
    """The text as Markdown that shows it unchanged: names and tags are text, never markup."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
