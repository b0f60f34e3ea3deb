"""Sentences on logs and their counts; plain text unless stated otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from flowtag_core.counts import (
    BOUNDARIES,
    MOST_SUM,
    Boundary,
    Fault,
    FileCounts,
    FlowCounts,
    Offer,
    Reason,
)
from flowtag_core.showing.words import duration, few, few_words, number, short, size
from flowtag_core.tagging.report import Action, Measure, Report, by_boundary, select

REPLIES: Final = (
    "A flow log has a line for each direction. *Destination port* counts a reply at the port it goes "
    "to, which can be any. *Service port* counts it at the port it comes from. flowtag guesses: it "
    "takes a flow for a reply if its source port is the lower one."
)
"""Help on the two groupings; Markdown."""
LINK_WAITS: Final = "Add the files to see this saved view."
NOTHING_THERE: Final = "No flows match. Clear the time or the filters."
NARROW_DOWN: Final = "Drag over the timeline or click a tag to narrow down"
SHARED: Final = (
    "Other machines can reach this page. What you add is shown in this tab only. It is held on the machine "
    "that runs the page, and not saved there."
)
SHARED_PAGE: Final = "shared page"
RESULT: Final = "Result CSV: all flows by tag and by port. Filters do not apply."
SHORTCUTS: Final = "Press ? to see the keyboard shortcuts."
_SEARCHED: Final = re.compile(r"\S+?:\d\d? (?:\d{12}|unknown) ", re.ASCII)
"""A record as grep gives it out of several files, or with its line."""
_MOST_RANGES: Final = 5
MOST_MESSAGES: Final = 1_000


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
    """Sentences on why the counts may be too low, the files in order."""
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


def heads(counts: FlowCounts) -> list[str]:
    """Short phrases on why the counts may be too low."""
    lower = ["counts are a lower bound"] if counts.total.set_aside[Reason.SKIPPED_DATA] else []
    damaged = sum(bool(file.damage) for file in counts.files.values())
    faults = counts.total.faults
    return [
        *lower,
        *([number(damaged, "damaged file")] if damaged else []),
        *([f"{number(faults, 'line')} with a fault"] if faults else []),
    ]


def useless(counts: FlowCounts) -> Iterator[tuple[str, str]]:
    """The name of each file of which less than a third is counted, and a sentence on the reason."""
    first = {fault.file: fault for fault in reversed(counts.faults)}
    for name, file in counts.files.items():
        if file.flows * 2 < file.faults or not file.records:
            sentence = next(_doubt(name, file, first.get(name)), "")
            yield name, sentence or min(file.damage, default="") or _mostly_faults(name, file)


def _mostly_faults(name: str, file: FileCounts) -> str:
    share = 100 * file.faults / file.records
    return f"{name}: {share:.0f}% of its records could not be counted. Is it a flow log?"


def _doubt(name: str, file: FileCounts, first: Fault | None) -> Iterator[str]:
    """A sentence if a file gives no flow, or perhaps fewer than it has.

    `first` is its first fault, unless other files have all the samples.
    """
    if not file.records:
        if not file.damage:
            yield f"{name}: holds no record." if file.size else f"{name}: is empty."
    elif file.set_aside[Reason.NO_PORT_IN_LAYOUT]:
        yield f"{name}: a header names no dstport or no protocol; its lines cannot be counted."
    elif offer := file.offer:
        yield f"{name}: has no header. {offered(offer)}; that is not guessed, only offered."
    elif not file.flows and file.set_aside[Reason.NO_RECORD_IN_JSON] == file.faults > 0:
        yield f"{name}: no record of a flow log was found in its JSON. Give the records themselves."
    elif not file.flows and first and _SEARCHED.match(first.text):
        yield (
            f"{name}: not one flow was found; a file name or a line number stands before each record, as "
            "grep writes it. Search again with grep -h, and without -n."
        )
    elif not file.flows and file.faults:
        where = f"; line {first.line} is set aside as {first.reason}" if first else ""
        yield (
            f"{name}: not one flow was found{where}. If its format is a "
            "custom one, name its fields: on its first line, with --format where flowtag is "
            "started, or under Custom format on the page before it is given again."
        )
    elif not file.flows:
        noted = file.set_aside[Reason.NO_DATA] + file.set_aside[Reason.SKIPPED_DATA]
        what = f", only {number(noted, 'record')} where AWS reported no data" if noted else ""
        yield f"{name}: holds no flow{what}."
    elif file.fitting:
        yield (
            f"{name}: {number(max(file.fitting.values()), 'line')} would fit another layout than "
            "the rest. Are these two logs in one file? Split the file, or put the names of the fields "
            "before each."
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
    """Sentences on how to take an offered layout on the command line."""
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
    """A sentence on what a format given by hand does."""
    return f"Logs without a header are read as {format} from now on. Empty the field to undo that."


def offer_of(offers: Mapping[str, Offer]) -> str:
    """A question: what reading one or several files again in one layout would find."""
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
    parted = offer.line.split("," if _has_commas(offer) else None)
    words = zip(names, parted[-len(names) :], strict=False)
    return "  ".join(f"{name}={word}" for name, word in words if word != "-")


def offered(offer: Offer) -> str:
    """A layout that is only offered: `12,000 lines fit a common layout of 29 fields, ...`."""
    fields = offer.fields.split()
    lines = number(offer.flows, "line")
    verb = "fits" if offer.flows == 1 else "fit"
    lines += ", parted by commas," if _has_commas(offer) else ""
    return f"{lines} {verb} a common layout of {len(fields)} fields, {fields[0]} to {fields[-1]}"


def _has_commas(offer: Offer) -> bool:
    return "," in offer.line and " " not in offer.line


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
    """The measures to choose from: flows, and those that at least one flow has a field for."""
    total = counts.total
    named: tuple[Measure, ...] = ("packets", "bytes")
    return ["flows", *(name for name in named if _is_there(total, name))]


def boundaries(counts: FlowCounts) -> dict[str, Boundary | None]:
    """The boundaries to choose from: all, and where one is known, each; unknown only where there is any."""
    there = by_boundary(select(counts))
    if not there.keys() - {"unknown"}:
        return {"all": None}
    return {"all": None} | {each: each for each in BOUNDARIES if each != "unknown" or each in there}


def inside(counts: FlowCounts) -> str:
    """A sentence on which addresses are inside the network."""
    own = f" and {few_words(counts.internal, 5)}" if counts.internal else ""
    return f"Inside are the private address ranges{own}. A flow's two addresses alone decide."


def boundary_help(counts: FlowCounts) -> str:
    """Help on the boundaries; Markdown."""
    own = "".join(f", `{each}`" for each in (counts.internal or ())[:_MOST_RANGES])
    more = len(counts.internal or ()) - _MOST_RANGES
    return (
        "Which way flows cross the edge of your network: *inbound* from outside to inside. Inside are the "
        f"private address ranges{own}{f' and {more:,} more' if more > 0 else ''}. It is judged by each flow's "
        "two addresses alone, so set ranges of your own under Internal ranges."
    )


def ranges_in_use(ranges: Sequence[str]) -> str:
    """A sentence on what ranges given by hand do."""
    return (
        f"Inside besides the private ranges: {few_words(ranges, 5)}. Empty the field to undo that."
    )


def add_again(names: Sequence[str]) -> str:
    """A request to add files that were counted with other ranges."""
    which = "this file" if len(names) == 1 else "these files"
    return (
        f"The internal ranges changed. Add {which} again to count with them: {few_words(names, 5)}."
    )


def actions(counts: FlowCounts) -> dict[str, Action | None]:
    """The actions to choose from: all, and each one where at least one flow has the field."""
    choices: dict[str, Action | None] = {"all": None}
    if _is_there(counts.total, "action"):
        choices |= {"accept": "ACCEPT", "reject": "REJECT"}
        if counts.total.lacking["action"] or counts.total.odd_words["action"]:
            choices["other"] = "other"
    return choices


def _is_there(total: FileCounts, name: str) -> bool:
    return not total.flows or total.lacking[name] < total.flows


def found(found: Report, report: Report, shown: int) -> str:
    """A note on how many ports a search found, and how many of them are shown."""
    ports = f"{len(found.port):,} of {number(len(report.port), 'port')}"
    if not len(found.port) and len(report.port):
        return f"{ports}: nothing matches"
    share = f"{100 * found.total / report.total:.1f}% of {report.measure}" if report.total else ""
    cut = f"the largest {shown:,} shown, the CSV has all" if shown < len(found.port) else ""
    return " \u00b7 ".join(filter(None, [ports, share, cut]))


def in_use(report: Report) -> str:
    """`19 in use · click one to filter`: the number of tags in use."""
    return f"{len(report.tag_counts) - 1:,} in use \u00b7 click one to filter"


def about(counts: FlowCounts) -> str:
    """A log in one line: its files if there are several, its size, its records, how it was read."""
    total = counts.total
    files = [f"{len(counts.files):,} files"] if len(counts.files) > 1 else []
    shapes = "; ".join(few(sorted(total.shapes), 3))
    return ", ".join([*files, size(total.size), number(total.records, "record"), shapes])


def effort(counts: FlowCounts, seconds: float) -> str:
    """A sentence on how much was read and how fast: `Read 171 MB in 2.7 s (63 MB/s): 1,412,119 records.`."""
    total = counts.total
    took = duration(seconds) if seconds >= 10 else f"{seconds:.2g} s"
    pace = f" in {took} ({size(int(total.size / seconds))}/s)" if seconds > 0.1 else ""
    return f"Read {size(total.size)}{pace}: {number(total.records, 'record')}."


def samples(faults: int, shown: int) -> str:
    """The number of lines with a fault, and how many of them are shown."""
    cut = f"; the first {shown:,} are shown" if shown < faults else ""
    return f"{number(faults, 'line')} with a fault{cut}:"


def start_over(rules: int, *, has_start: bool) -> str:
    """A warning of what starting over removes, including unsaved rules."""
    lost = f" {number(rules, 'rule')} not saved will be lost." if rules else ""
    again = " Files that the page was started with are read again." if has_start else ""
    return f"This removes all files.{again}{lost}"
