"""What a reader of counts must know besides the numbers, in sentences; plain text, no markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from flowtag_core.counts import MOST_SUM, Fault, FileCounts, FlowCounts, Offer, Reason
from flowtag_core.iana import WITH_PORTS, protocol_name
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
from flowtag_core.tagging.report import Action, Measure, Report, retagged

REPLIES: Final = (
    "A flow log has a line for each direction. *As logged* counts a reply at the port that it goes "
    "to, which is any; *By service* at the port that it comes from. What looks like a reply is a "
    "guess: its source port is the lower one."
)
"""What the two views are, in Markdown of our own."""
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
LINK_WAITS: Final = "This link shows a certain view. It is there as soon as the files are."
NOTHING_THERE: Final = (
    "No flow is left: none began in the chosen time, or none has the chosen action. The x beside the "
    "time, or the switches above, give them back."
)
MOST_MESSAGES: Final = 1_000
FEW: Final = 5
"""Sentences that are read at a glance."""
_RULES_SHOWN: Final = 20
_MUCH: Final = 4
"""One part in so many is worth a hint."""
_MADE_INTO_MORE: Final = re.compile(
    r"([-<>~=](?=[-<>=])|:(?=/)|www(?=\.)|@|\w(?=@))", re.IGNORECASE
)
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!$:~<>|&@/])")


def equation(counts: FileCounts) -> str:
    """Every record accounted for: `9 records = 1 header + 1 blank + 6 flows + 1 bad port`."""
    parts = [
        number(counts.headers, "header"),
        f"{counts.blank:,} blank",
        number(counts.flows, "flow"),
        *(
            f"{counts.set_aside[reason]:,} {reason}"
            for reason in Reason
            if counts.set_aside[reason]
        ),
    ]
    return f"{number(counts.records, 'record')} = {' + '.join(parts)}"


def cautions(counts: FlowCounts) -> Iterator[str]:
    """Sentences on what makes the counts less than they seem, the files in order."""
    first = {fault.file: fault for fault in reversed(counts.faults)}
    for name, file in counts.files.items():
        yield from sorted(file.damage)
        yield from _doubt(name, file, first.get(name))
        if file.flows and max(file.odd_words.values(), default=0) * 2 > file.flows:
            yield f"{name}: most lines have an unknown action or status. Is its format a custom one?"
    if counts.total.set_aside[Reason.SKIPPED_DATA]:
        yield "AWS could not record everything (SKIPDATA): these counts are a lower bound."
    if counts.beyond:
        yield (
            f"The {' and '.join(counts.beyond)} add up to {MOST_SUM:,} or more. Sums stop at that number, "
            "so some may be too small."
        )


def _doubt(name: str, file: FileCounts, first: Fault | None) -> Iterator[str]:
    """A sentence where a file gives no flow, or may give less than it has.

    `first` is its first fault, unless other files have all the samples.
    """
    if not file.records:
        if not file.damage:
            yield f"{name}: holds no record." if file.size else f"{name}: is empty."
    elif file.set_aside[Reason.NO_PORT_IN_LAYOUT]:
        yield f"{name}: a header names no dstport or no protocol; its lines cannot be counted."
    elif offer := file.offer:
        yield f"{name}: has no header. {offered(offer)}; it is not guessed."
    elif not file.flows and file.set_aside[Reason.NO_RECORD_IN_JSON] == file.faults > 0:
        yield f"{name}: is JSON without one record of a flow log. Give the records themselves."
    elif not file.flows and file.faults:
        where = f"; line {first.line} is set aside as {first.reason}" if first else ""
        yield (
            f"{name}: not one flow was found{where}. If its format is a "
            "custom one, name its fields: on its first line, with --format where flowtag is "
            "started, or under Custom format on the page before it is given again."
        )
    elif not file.flows:
        noted = file.set_aside[Reason.NO_DATA] + file.set_aside[Reason.SKIPPED_DATA]
        what = f", only {number(noted, 'note')} of AWS that none is recorded" if noted else ""
        yield f"{name}: holds no flow{what}."
    elif file.fitting:
        yield (
            f"{name}: {number(max(file.fitting.values()), 'line')} would fit another layout than "
            "the rest. Are these two logs in one file? Part them, or put the names of their fields "
            "before them."
        )


def repeated(same: Iterable[Sequence[str]]) -> Iterator[str]:
    """A sentence on each file that was given more than once, by the paths that lead to it."""
    for first, *others in same:
        others = [path for path in dict.fromkeys(others) if path != first]
        what = f"is the same file as {few_words(others)}" if others else "was given more than once"
        yield f"{first}: {what}, and is counted each time."


def given_before(name: str, files: int, others: Sequence[str], *, is_folder: bool) -> str:
    """Say which files of a path were given before; `others` has for each the path that it came with first."""
    where = few_words(list(dict.fromkeys(others)))
    if not is_folder:
        return f"{name}: was given before ({where}) and is counted each time."
    which = "all" if len(others) == files else f"{len(others):,} of {files:,}"
    return f"{name}: {which} of its files were given before ({where}) and are counted each time."


def offers(counts: FlowCounts) -> Iterator[str]:
    """How to take on the command line what may be offered."""
    for fields, names in by_layout(counts.offers).items():
        unsaid = [name for name, file in counts.files.items() if file.flows and not file.headers]
        alone = " on it alone" if len(names) == 1 else " on them alone"
        which = f"To read {few_words(names)} so, run again{alone if {*unsaid} - {*names} else ''}"
        yield f"{which} with --format '{fields}'"


def by_layout(offers: Mapping[str, Offer]) -> dict[str, list[str]]:
    """The names of the files that one layout is offered for, by its fields."""
    names: dict[str, list[str]] = {}
    for name, offer in offers.items():
        names.setdefault(offer.fields, []).append(name)
    return names


def format_in_use(format: str) -> str:
    """What a format given by hand does."""
    return f"Logs without a header are read as {format} from now on. Empty the field to undo that."


def offer_of(offers: Mapping[str, Offer]) -> str:
    """What reading one or several files again in one layout would find."""
    names = few_words([short(name) for name in offers])
    verb = "has" if len(offers) == 1 else "have"
    first = next(iter(offers.values()))
    whole = Offer(first.fields, sum(offer.flows for offer in offers.values()))
    return f"{names} {verb} no header. {offered(whole)}. Is this what its lines say?"


def named_words(offer: Offer) -> str:
    """The words of a line with the names that its fields would have: `dstport=443 protocol=6`.

    Without those that AWS leaves out.
    """
    names = offer.fields.split()
    words = zip(names, offer.line.split()[-len(names) :], strict=False)
    return "  ".join(f"{name}={word}" for name, word in words if word != "-")


def offered(offer: Offer) -> str:
    """A layout that is only offered: `12,000 lines fit a common layout of 29 fields, ...`."""
    fields = offer.fields.split()
    lines = number(offer.flows, "line")
    verb = "fits" if offer.flows == 1 else "fit"
    return f"{lines} {verb} a common layout of {len(fields)} fields, {fields[0]} to {fields[-1]}"


def doubts(lookup: Lookup) -> Iterator[str]:
    """A sentence on the rows of the lookup that do not do what they seem to, if there are any."""
    if lookup.problems:
        rows = number(len(lookup.problems), "row")
        verb = "is" if len(lookup.problems) == 1 else "are"
        yield f"{lookup.name}: {rows} {verb} in doubt; see the lookup at the end of the page."


def remarks(counts: FlowCounts) -> Iterator[str]:
    """Sentences on how the files were read and which fields could not be."""
    total = counts.total
    for word, count in total.odd_words.items():
        yield f"{number(count, 'flow')} with a word for {word} that is not one of AWS's."
    for name, count in total.unreadable.items():
        yield f"{number(count, 'flow')} with an unreadable {name}, taken as unknown or 0."
    for name, count in total.lacking.items():
        yield f"{number(count, 'flow')} of a layout without {name}."
    for name, file in counts.files.items():
        yield from (f"{name}: read as {shape}." for shape in sorted(file.shapes))


def is_of_no_use(counts: FlowCounts) -> bool:
    """Whether there is not one flow and not even a note of AWS's that there was none to record."""
    total = counts.total
    notes = total.set_aside.total() - total.faults
    return not total.records or (not total.flows and not notes and total.faults > 0)


def measures(counts: FlowCounts) -> list[Measure]:
    """What can be summed: flows, and what at least one flow has a field for."""
    total = counts.total
    named: tuple[Measure, ...] = ("packets", "bytes")
    return ["flows", *(name for name in named if _is_there(total, name))]


def actions(counts: FlowCounts) -> dict[str, Action | None]:
    """What can be filtered by: all, and the actions where at least one flow has the field."""
    choices: dict[str, Action | None] = {"all": None}
    if _is_there(counts.total, "action"):
        choices |= {"accept": "ACCEPT", "reject": "REJECT"}
        if counts.total.lacking["action"] or counts.total.odd_words["action"]:
            choices["other"] = "other"
    return choices


def _is_there(total: FileCounts, name: str) -> bool:
    return not total.flows or total.lacking[name] < total.flows


def found(found: Report, report: Report, shown: int) -> str:
    """How many ports and protocols a search found, and how many of them are shown."""
    pairs = f"{len(found.port):,} of {number(len(report.port), 'pair')}"
    if not len(found.port) and len(report.port):
        return f"{pairs}: nothing matches."
    share = f" ({100 * found.total / report.total:.1f}%)" if report.total else ""
    cut = f". The largest {shown:,} are shown; the CSV has all." if shown < len(found.port) else ""
    return f"{pairs}, {number(found.total, report.measure[:-1])}{share}{cut}"


def ports_title(tag: str | None) -> str:
    """`Ports and protocols`, of one tag where one is selected, in Markdown."""
    return f"Ports and protocols: {literal(short(tag))}" if tag else "Ports and protocols"


def about(counts: FlowCounts) -> str:
    """A log in a line: how many files where not one, its bytes and records, how it was read."""
    total = counts.total
    files = [f"{len(counts.files):,} files"] if len(counts.files) > 1 else []
    shapes = "; ".join(few(sorted(total.shapes), 3))
    return ", ".join([*files, size(total.size), number(total.records, "record"), shapes])


def about_lookup(lookup: Lookup) -> str:
    """A lookup in a line: its rules, its rows in doubt if there are any, what it was if no CSV."""
    doubt = f", {number(len(lookup.problems), 'row')} in doubt" if lookup.problems else ""
    form = f", from {lookup.form}" if lookup.form else ""
    return number(len(lookup), "rule") + doubt + form


def effort(counts: FlowCounts, seconds: float) -> str:
    """What was read and how fast: `Read 171 MB in 2.7 s (63 MB/s): 1,412,119 records.`."""
    total = counts.total
    pace = f" in {seconds:,.2g} s ({size(int(total.size / seconds))}/s)" if seconds > 0.1 else ""
    return f"Read {size(total.size)}{pace}: {number(total.records, 'record')}."


def duration(seconds: float) -> str:
    """Seconds as people say them: `4 s`, `2 min 05 s`, `1 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def samples(faults: int, shown: int) -> str:
    """How many lines have a fault, and how many of them are shown."""
    cut = f"; the first {shown:,} are shown" if shown < faults else ""
    return f"{number(faults, 'line')} with a fault{cut}:"


def few(sentences: Sequence[str], most: int = FEW) -> list[str]:
    """The first sentences, and one on how many more there are."""
    more = len(sentences) - most
    return [*sentences[:most], f"... and {more:,} more"] if more > 0 else list(sentences)


def named(rules: Sequence[Rule]) -> str:
    """`9092/tcp, 389/tcp and 3 more are now kafka`."""
    names = [_rule_name(rule) for rule in rules]
    verb = "is" if len(names) == 1 else "are"
    return f"{few_words(names)} {verb} now {short(rules[0].tag)}"


def few_words(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _rule_name(rule: Rule) -> str:
    if rule.ports.form == EXACT and rule.protocol != ANY_PROTOCOL:
        return pair_name(rule.ports.low, rule.protocol)
    return "/".join(rule.cells[:2])


def replies_hint(replies: int, report: Report) -> str:
    """What to do where much of what is untagged looks like replies; nothing where it does not."""
    if replies * _MUCH < report.untagged or not replies:
        return ""
    return (
        f"{100 * replies / report.untagged:.0f}% of this looks like replies, which go to any port: "
        "switch Replies to By service to see what else there is."
    )


def edited(before: Lookup, after: Lookup) -> str:
    """What another version of a lookup says: `443/tcp is now website, 25/tcp has no rule now`."""
    was, is_now = meanings(before), meanings(after)
    changes = [
        f"{_named_by(meaning)} is now {short(tag)}"
        for meaning, tag in is_now.items()
        if was.get(meaning) != tag
    ]
    changes += [f"{_named_by(meaning)} has no rule now" for meaning in was.keys() - is_now.keys()]
    return few_words(changes) or "The rows were edited"


def _named_by(meaning: Meaning) -> str:
    *ports, protocol = meaning
    return _rule_name(Rule(Ports(*ports), protocol, "", 0))


def effect(what: str, before: float, report: Report) -> str:
    """What a change of the lookup came to: `9092/tcp is now kafka: Untagged 29.4% to 25.0%.`."""
    after = report.untagged / report.total if report.total else 0.0
    return f"{what}: Untagged {100 * before:.1f}% to {100 * after:.1f}% of {report.measure}."


def preview(report: Report, lookup: Lookup, rules: Sequence[Rule]) -> str:
    """What these rules, all of one tag that the lookup does not have, would tag.

    `6000-6063/tcp: tags 1,234 flows, 0.6%`. Raises RuleError.
    """
    after = retagged(report, with_rules(lookup, rules))
    is_meant = after.tag == after.tags.index(rules[0].tag)
    count = int(report.count[is_meant].sum())
    untagged = int(report.count[is_meant & report.is_untagged].sum())
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


def start_over(rules: int) -> str:
    """What is let go of, and how many rules that are not saved are among it."""
    lost = f" {number(rules, 'rule')} not saved will be lost." if rules else ""
    return "Forget every file that was dropped, and read again what was given in place." + lost


def why_tag(lookup: Lookup, tag: str) -> str:
    """Which rules give this tag: `email: 110,tcp (line 10), 993,tcp (line 11)`."""
    if tag == UNTAGGED:
        return "Untagged: no rule of the lookup applies to these flows."
    rules = [rule for rule in lookup.rules if rule.tag == tag]
    shown = ", ".join(f"{rule.key} (line {rule.line})" for rule in rules[:_RULES_SHOWN])
    more = f" and {len(rules) - _RULES_SHOWN:,} more" if len(rules) > _RULES_SHOWN else ""
    return f"{short(tag)}: {shown}{more}"


def why_port(lookup: Lookup, port: int, protocol: int) -> str:
    """Which rule a port and protocol number get their tag from: `443/tcp: web, by 443,tcp`."""
    place = int(lookup.winners(protocol)[port])
    if place == NO_RULE:
        return f"{pair_name(port, protocol)}: no rule of the lookup applies."
    rule = lookup.rule(place)
    return f"{pair_name(port, protocol)}: {short(rule.tag)}, by {rule.key} (line {rule.line})"


def pair_name(port: int, protocol: int) -> str:
    """`443/tcp`; a protocol that has no ports is named without one: `icmp`."""
    name = protocol_name(protocol)
    return f"{port}/{name}" if port or protocol in WITH_PORTS else name


def short(text: str, most: int = 60) -> str:
    """The text, cut to about so many characters."""
    return text if len(text) <= most else text[:most] + "..."


def short_path(path: str, most: int = 28) -> str:
    """The path, of a long one the end, from a folder on if it can be: that is where the name is."""
    if len(path) <= most:
        return path
    end = path[-most:]
    return "..." + (end[end.index("/") :] if "/" in end else end)


def file_name(name: str) -> str:
    """The last part of a name, fit to be that of a CSV on any machine: a name is never a path."""
    last = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r"[^\w .-]", "_", last).removesuffix(".gz").strip(" .") or "lookup"
    return plain if plain.lower().endswith(".csv") else f"{plain}.csv"


def unicode(text: str) -> str:
    """The text with everything escaped that is no Unicode: a file name may be any bytes."""
    return text.encode(errors="backslashreplace").decode()


def literal(text: str) -> str:
    """The text as Markdown that shows it unchanged: names and tags are text, never markup.

    Streamlit makes arrows of `<-`, a long dash of `--` and links of addresses even where each sign
    is escaped; a word joiner, which is not seen, keeps them apart. What is not Unicode is escaped.
    """
    text = " ".join(unicode(text).split())
    return _MARKUP.sub(r"\\\1", _MADE_INTO_MORE.sub("\\1\u2060", text))


def compact(count: int) -> str:
    """A count in few digits: `999,999`, `1.36 M`, `17.1 G`, `2.05 T`."""
    if count < 1_000_000:
        return f"{count:,}"
    return _scaled(count, ("M", "G", "T", "P", "E"), 1_000_000)


def size(count: int) -> str:
    """Bytes in the unit that fits: `960 B`, `171 MB`, `1.2 GB`."""
    return f"{count:,} B" if count < 1000 else _scaled(count, ("kB", "MB", "GB", "TB", "PB"), 1000)


def _scaled(count: int, units: Sequence[str], unit: int) -> str:
    """The count in the largest unit that is not larger than it, three digits."""
    scaled, name = count / unit, units[0]
    for larger in units[1:]:
        if scaled < 999.5:
            break
        scaled, name = scaled / 1000, larger
    digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
    return f"{scaled:,.{digits}f} {name}"


def number(count: int, noun: str) -> str:
    """The count with its noun, in the plural where it is not one: `1 rule`, `2 rules`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
