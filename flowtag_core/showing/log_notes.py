"""Sentences about logs and their counts, in plain text unless stated otherwise."""

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
    Measure,
    Offer,
    Reason,
)
from flowtag_core.showing.words import duration, few, few_words, number, short, size
from flowtag_core.tagging.report import Action, Filters, Report, by_boundary, select

REPLIES: Final = (
    "A flow log has one line for each direction of a connection. A reply goes to a client's port, which can be "
    "any port, so by *destination port* it is usually Untagged. By *service port*, it is counted at the port it "
    "comes from. This is a guess: a flow looks like a reply if its source port is the lower one."
)
"""Help on the two groupings, in Markdown."""
LINK_WAITS: Final = "Add the files to see this saved view."
NOTHING_THERE: Final = "No flows match. Clear the time or the filters."
NO_FLOWS: Final = "There are no flows."
NARROW_DOWN: Final = (
    "Drag over the timeline to limit the page to a time. Click a tag to list its ports."
)
SHARED: Final = (
    "Other machines can reach this page. What you add is shown in this tab only. It is held on the machine "
    "that runs the page, and not saved there."
)
SHARED_PAGE: Final = "shared page"
RESULT: Final = "Result CSV: all flows by tag and by port. Filters do not apply."
VIEW: Final = "What you see now. All filters apply."
SHORTCUTS: Final = "Press ? to see the keyboard shortcuts."
_SEARCHED: Final = re.compile(r"\S+?:\d\d? (?:\d{12}|unknown) ", re.ASCII)
"""The beginning of a record that grep printed with its file name or line number."""
_MOST_RANGES: Final = 5
_NAME_ITS_FIELDS: Final = (
    "name its fields in the first line of the file, with --format on the command line, or under Custom "
    "format on the page, and try again"
)
MOST_MESSAGES: Final = 1_000
TALKERS: Final = (
    "Shows who is behind these flows. Counts contain no addresses, so this reads the logs again, with the filters "
    "of the page."
)
NOT_KEPT: Final = (
    "These logs were not kept, so they cannot be read again. In the list of files, turn on *Keep uploads for a "
    "second look*, then add the logs again."
)


def equation(counts: FileCounts) -> str:
    """Return an equation of all records: `9 records = 1 header + 1 blank + 6 flows + 1 bad port`."""
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
    """Yield sentences on why the counts may be too low, file by file."""
    first = {fault.file: fault for fault in reversed(counts.faults)}
    for name, file in counts.files.items():
        yield from sorted(file.damage)
        yield from _doubt(name, file, first.get(name))
        if file.flows and max(file.odd_words.values(), default=0) * 2 > file.flows:
            yield (
                f"{name}: most flows have an unknown action or status. If its format is custom, "
                f"{_NAME_ITS_FIELDS}."
            )
    if counts.total.set_aside[Reason.SKIPPED_DATA]:
        yield "AWS skipped some records (SKIPDATA), so there was more traffic: these counts are a lower bound."
    if counts.beyond:
        yield (
            f"The {' and '.join(counts.beyond)} add up to {MOST_SUM:,} or more. Sums stop at that number, "
            "so some may be too small."
        )


def heads(counts: FlowCounts) -> list[str]:
    """Return short phrases on why the counts may be too low."""
    lower = ["counts are a lower bound"] if counts.total.set_aside[Reason.SKIPPED_DATA] else []
    damaged = sum(bool(file.damage) for file in counts.files.values())
    faults = counts.total.faults
    return [
        *lower,
        *([number(damaged, "damaged file")] if damaged else []),
        *([f"{number(faults, 'line')} with a fault"] if faults else []),
    ]


def useless(counts: FlowCounts) -> Iterator[tuple[str, str]]:
    """Yield the name of each file with no records, or with mostly faults, and a sentence on the reason."""
    first = {fault.file: fault for fault in reversed(counts.faults)}
    for name, file in counts.files.items():
        if file.flows * 2 < file.faults or not file.records:
            sentence = next(_doubt(name, file, first.get(name)), "")
            yield name, sentence or min(file.damage, default="") or _mostly_faults(name, file)


def _mostly_faults(name: str, file: FileCounts) -> str:
    share = 100 * file.faults / file.records
    return f"{name}: {share:.0f}% of its records could not be counted. Is it a flow log?"


def _doubt(name: str, file: FileCounts, first: Fault | None) -> Iterator[str]:
    """Yield a sentence if a file has no flows, or if some of its flows may not be counted.

    `first` is its first fault, or None if it has no sample among the faults.
    """
    if not file.records:
        if not file.damage:
            yield f"{name}: contains no records." if file.size else f"{name}: is empty."
    elif file.set_aside[Reason.NO_PORT_IN_LAYOUT]:
        yield (
            f"{name}: a header lacks dstport or protocol, so the lines below it cannot be counted. "
            "Use a log with both fields."
        )
    elif offer := file.offer:
        yield (
            f"{name}: has no header. {offered(offer)}. Such lines are counted only if you choose "
            "this layout."
        )
    elif not file.flows and file.set_aside[Reason.NO_RECORD_IN_JSON] == file.faults > 0:
        yield (
            f"{name}: no flow log records were found in its JSON. Use a file that contains the records "
            "themselves."
        )
    elif not file.flows and first and _SEARCHED.match(first.text):
        yield (
            f"{name}: no flows were found, because its records begin with a file name or a line number, as "
            "in the output of grep. Search again with grep -h, and without -n."
        )
    elif not file.flows and file.faults:
        where = f" Line {first.line:,} was set aside: {first.reason}." if first else ""
        yield f"{name}: no flows were found.{where} If its format is custom, {_NAME_ITS_FIELDS}."
    elif not file.flows:
        noted = file.set_aside[Reason.NO_DATA] + file.set_aside[Reason.SKIPPED_DATA]
        what = f", only {number(noted, 'record')} in which AWS reported no data" if noted else ""
        yield f"{name}: contains no flows{what}."
    elif file.fitting:
        yield (
            f"{name}: {number(max(file.fitting.values()), 'line')} would fit a different layout from the "
            "rest. If the file consists of two logs, split it, or put a header with the field names "
            "before each of them."
        )


def not_looked_at(names: Sequence[str]) -> str:
    """Return a sentence about logs that were not kept for a second look."""
    return f"Not included, because not kept: {few_words(names)}."


def narrowed(filters: Filters) -> str:
    """Return which flows the action and the boundary select: `only rejected inbound flows`, or "" for all flows."""
    if filters.action is None and filters.boundary is None:
        return ""
    done = {"ACCEPT": "accepted ", "REJECT": "rejected ", None: ""}.get(filters.action)
    where = f"{filters.boundary} " if filters.boundary else ""
    if done is None:
        return f"only {where}flows neither accepted nor rejected"
    return f"only {done}{where}flows"


def repeated(same: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a sentence for each file that was given more than once, from the paths that lead to it."""
    for first, *others in same:
        others = [path for path in dict.fromkeys(others) if path != first]
        what = f"is the same file as {few_words(others)}" if others else "was given more than once"
        yield f"{first}: {what}, and is counted each time."


def given_before(name: str, files: int, others: Sequence[str], *, is_folder: bool) -> str:
    """Return a sentence on the files of a path that were already added.

    `others` has, for each of these files, the path that it first came with.
    """
    where = few_words(list(dict.fromkeys(others)))
    if not is_folder:
        return f"{name}: was already added with {where} and is counted each time."
    if len(others) == 1 < files:
        return f"{name}: 1 of its {files:,} files was already added with {where} and is counted each time."
    which = "all of its" if len(others) == files else f"{len(others):,} of its {files:,}"
    return f"{name}: {which} files were already added with {where} and are counted each time."


def offers(counts: FlowCounts) -> Iterator[str]:
    """Yield sentences on how to use an offered layout on the command line."""
    for fields, names in by_layout(counts.offers).items():
        unsaid = [name for name, file in counts.files.items() if file.flows and not file.headers]
        alone = " on it alone" if len(names) == 1 else " on them alone"
        which = f"To read {few_words(names)} in this layout, run again{alone if {*unsaid} - {*names} else ''}"
        yield f"{which} with --format '{fields}'"


def by_layout(offers: Mapping[str, Offer]) -> dict[str, list[str]]:
    """Return the names of the files that each layout is offered for, by the layout's fields."""
    names: dict[str, list[str]] = {}
    for name, offer in offers.items():
        names.setdefault(offer.fields, []).append(name)
    return names


def format_in_use(format: str) -> str:
    """Return a sentence on the effect of a custom format."""
    return f"From now on, logs without a header are read as {format}. Clear the field to undo this."


def offer_of(offers: Mapping[str, Offer]) -> str:
    """Return the question whether files without a header are in the layout that fits their lines."""
    names = few_words([short(name) for name in offers])
    verb = "has" if len(offers) == 1 else "have"
    first = next(iter(offers.values()))
    whole = Offer(first.fields, sum(offer.flows for offer in offers.values()))
    return f"{names} {verb} no header. {offered(whole)}. Is this the right layout?"


def named_words(offer: Offer) -> str:
    """Return the words of a line, labeled with the offered fields: `dstport=443 protocol=6`.

    Words that are "-" are left out.
    """
    names = offer.fields.split()
    parted = offer.line.split("," if _has_commas(offer) else None)
    words = zip(names, parted[-len(names) :], strict=False)
    return "  ".join(f"{name}={word}" for name, word in words if word != "-")


def offered(offer: Offer) -> str:
    """Return a phrase that describes an offered layout: `7 lines fit a common layout of 29 fields, ...`."""
    fields = offer.fields.split()
    lines = number(offer.flows, "comma-separated line" if _has_commas(offer) else "line")
    verb = "fits" if offer.flows == 1 else "fit"
    return f"{lines} {verb} a common layout of {len(fields)} fields, {fields[0]} to {fields[-1]}"


def _has_commas(offer: Offer) -> bool:
    return "," in offer.line and " " not in offer.line


def remarks(counts: FlowCounts) -> Iterator[str]:
    """Yield sentences on how the files were read, and on fields that could not be read."""
    total = counts.total
    for word, count in total.odd_words.items():
        yield f"{number(count, 'flow')} with an unknown {word}."
    for name, count in total.unreadable.items():
        yield f"{number(count, 'flow')} with an unreadable {name} field, counted as unknown or 0."
    for name, count in total.lacking.items():
        yield f"{number(count, 'flow')} in a layout without {name}."
    by_shape: dict[str, list[str]] = {}
    for name, file in counts.files.items():
        for shape in sorted(file.shapes):
            by_shape.setdefault(shape, []).append(name)
    yield from (f"{few_words(names)}: read as {shape}." for shape, names in by_shape.items())


def is_of_no_use(counts: FlowCounts) -> bool:
    """Whether there are no flows, and no record in which AWS says that there were none."""
    total = counts.total
    notes = total.set_aside.total() - total.faults
    return not total.records or (not total.flows and not notes and total.faults > 0)


def measures(counts: FlowCounts) -> list[Measure]:
    """Return the measures to choose from: flows, and those that at least one flow has a field for."""
    total = counts.total
    named: tuple[Measure, ...] = ("packets", "bytes")
    return ["flows", *(name for name in named if _is_there(total, name))]


def boundaries(counts: FlowCounts) -> dict[str, Boundary | None]:
    """Return the boundaries to choose from: just "all" if none is known, else "all" and each of them.

    "unknown" is left out if no flow has it.
    """
    there = by_boundary(select(counts))
    if not there.keys() - {"unknown"}:
        return {"all": None}
    return {"all": None} | {each: each for each in BOUNDARIES if each != "unknown" or each in there}


def inside(counts: FlowCounts) -> str:
    """Return a sentence on the addresses that are inside the network."""
    own = f" and {few_words(counts.internal, 5)}" if counts.internal else ""
    return (
        f"Inside the network: the private address ranges{own}. Only a flow's two addresses decide."
    )


def boundary_help(counts: FlowCounts) -> str:
    """Return help on the boundaries, in Markdown."""
    own = "".join(f", `{each}`" for each in (counts.internal or ())[:_MOST_RANGES])
    more = len(counts.internal or ()) - _MOST_RANGES
    return (
        "Which way flows cross the edge of your network: *internal* flows stay inside, *inbound* ones come in, "
        "*outbound* ones go out, *external* ones have both ends outside. Inside are the private address "
        f"ranges{own}{f' and {more:,} more' if more > 0 else ''}. Only a flow's two addresses decide, so add "
        "your own public ranges: open the list of files at the top, then Internal ranges."
    )


def ranges_in_use(ranges: Sequence[str]) -> str:
    """Return a sentence on the internal ranges that the user added."""
    return f"Also inside the network: {few_words(ranges, 5)}. Clear the field to undo this."


def add_again(names: Sequence[str]) -> str:
    """Return a request to add files again that were counted with other internal ranges."""
    which = "this file" if len(names) == 1 else "these files"
    return f"The internal ranges changed. Add {which} again to apply them: {few_words(names, 5)}."


def actions(counts: FlowCounts) -> dict[str, Action | None]:
    """Return the actions to choose from: all, and the others if at least one flow has an action."""
    choices: dict[str, Action | None] = {"all": None}
    if _is_there(counts.total, "action"):
        choices |= {"accept": "ACCEPT", "reject": "REJECT"}
        if counts.total.lacking["action"] or counts.total.odd_words["action"]:
            choices["other"] = "other"
    return choices


def _is_there(total: FileCounts, name: str) -> bool:
    return not total.flows or total.lacking[name] < total.flows


def found(found: Report, report: Report, shown: int) -> str:
    """Return a note on how many ports a search found, and how many of them are shown."""
    ports = f"{len(found.port):,} of {number(len(report.port), 'port')}"
    if not len(found.port) and len(report.port):
        return f"{ports}: nothing matches"
    share = f"{100 * found.total / report.total:.1f}% of {report.measure}" if report.total else ""
    cut = f"the largest {shown:,} shown, the CSV has all" if shown < len(found.port) else ""
    return " \u00b7 ".join(filter(None, [ports, share, cut]))


def in_use(report: Report) -> str:
    """Return the number of tags in use: `19 in use · click one to filter`."""
    return f"{len(report.tag_counts) - 1:,} in use \u00b7 click one to filter"


def about(counts: FlowCounts) -> str:
    """Describe logs in one line: how many files if several, their size, their records, how they were read."""
    total = counts.total
    files = [f"{len(counts.files):,} files"] if len(counts.files) > 1 else []
    shapes = "; ".join(few(sorted(total.shapes), 3))
    return ", ".join([*files, size(total.size), number(total.records, "record"), shapes])


def effort(counts: FlowCounts, seconds: float) -> str:
    """Return a sentence on reading speed: `Read 171 MB in 2.7 s (63 MB/s): 1,412,119 records`."""
    total = counts.total
    took = duration(seconds) if seconds >= 10 else f"{seconds:.2g} s"
    pace = f" in {took} ({size(int(total.size / seconds))}/s)" if seconds > 0.1 else ""
    return f"Read {size(total.size)}{pace}: {number(total.records, 'record')}."


def samples(faults: int, shown: int) -> str:
    """Return the number of lines with a fault, and how many of them are shown."""
    cut = f"; the first {shown:,} are shown" if shown < faults else ""
    return f"{number(faults, 'line')} with a fault{cut}:"


def start_over(rules: int, *, has_start: bool) -> str:
    """Return a warning of what starting over removes, including unsaved rules."""
    lost = f" {number(rules, 'unsaved rule')} will be lost." if rules else ""
    again = " Files that the page was started with are read again." if has_start else ""
    return f"This removes all files.{again}{lost}"
