"""The summary of a run: as lines for a person, or as a JSON document for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from flowtag_core.counting.compiled import no_kernel
from flowtag_core.counts import MOST_FAULTS, FlowCounts
from flowtag_core.showing import times
from flowtag_core.showing.handout import Findings, Handout
from flowtag_core.showing.log_notes import (
    boundaries,
    cautions,
    equation,
    inside,
    narrowed,
    offers,
    remarks,
    repeated,
)
from flowtag_core.showing.lookup_notes import problems, to_check
from flowtag_core.showing.view import view_of
from flowtag_core.showing.words import few, few_words, number, short
from flowtag_core.sources.places import DASH
from flowtag_core.tagging.course import over_time
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.report import (
    Filters,
    Report,
    Time,
    by_boundary,
    select,
    tagged,
)

_TAGS_SHOWN: Final = 10
_LARGE: Final = 10_000_000
_OPEN: Final = (0, times.END)
"""The start and end of a time if they are not given."""


@dataclass(frozen=True)
class Run:
    """A run after its logs were counted.

    `filters` are those of the report. `asked` is the time as typed. `settings` are the settings files
    that were read, and `kept` names the settings that come from them. `same` groups the paths that lead to
    the same file. `seconds` is how long counting took, and `made` is when it ended.
    """

    counts: FlowCounts
    lookup: Lookup
    report: Report
    filters: Filters
    asked: Time | None
    settings: Sequence[str]
    kept: Sequence[str]
    same: Sequence[Sequence[str]]
    seconds: float
    outputs: Sequence[str]
    made: datetime
    findings: Findings | None = None

    @property
    def by_service(self) -> Report:
        """The report with flows that look like replies counted at their service port."""
        return tagged(select(self.counts, replace(self.filters, view="service")), self.lookup)

    @cached_property
    def handout(self) -> Handout:
        """The handout for all outputs but the result CSV."""
        view = view_of(self.counts, self.lookup, filters=self.filters)
        messages = tuple(_messages(self))
        return Handout(view, self.made, messages=messages, findings=self.findings)


def lines(run: Run, most_faults: int = MOST_FAULTS) -> list[str]:
    """Return the summary for a person, with at most so many faulty lines. The totals come last."""
    counts, lookup = run.counts, run.lookup
    faults = counts.faults[:most_faults]
    told = [*problems(lookup), *lookup.notices]
    told += [f"{fault.file}:{fault.line}: {fault.reason}: {fault.text}" for fault in faults]
    if untold := counts.total.faults - len(faults):
        where = f" (--json lists the first {MOST_FAULTS:,})" if most_faults < MOST_FAULTS else ""
        told.append(f"... and {untold:,} more lines with a fault{where}")
    told += _messages(run)
    told += ["", *_tag_table(run), ""]
    if len(boundaries(counts)) > 1:
        told += [*_boundary_table(run), ""]
    told.append(equation(counts.total))
    size = counts.total.size / 1e6
    told.append(f"{size:,.1f} MB in {run.seconds:.2f} s; {number(len(lookup), 'lookup rule')}")
    if files := [output for output in run.outputs if output != DASH]:
        told.append(f"The result is in {few_words(files, len(files))}.")
    return told


def warnings(run: Run) -> list[str]:
    """Return only the sentences on what may be wrong with the numbers."""
    doubts = [f"{run.lookup.name}: {to_check(run.lookup)}."] if run.lookup.problems else []
    nothing = run.counts.total.flows and not run.report.total
    return [
        *doubts,
        *few(list(repeated(run.same))),
        *cautions(run.counts),
        *sorted(run.findings.evidence.damage if run.findings else ()),
        *(["No flows match --from, --to, --action or --boundary."] if nothing else []),
    ]


def document(run: Run) -> dict[str, Any]:
    """Return the summary for a program, as a document for JSON.

    It is that of the JSON export without its list of ports, plus the settings files and the seconds.
    """
    from flowtag_core.exporting.result_json import summary

    return {
        **summary(run.handout),
        "settings": list(run.settings),
        "seconds": round(run.seconds, 3),
    }


def _messages(run: Run) -> Iterator[str]:
    """Yield sentences on how the logs were read, on what may be missing, on the settings and the time."""
    counts = run.counts
    yield from remarks(counts)
    yield from few(list(repeated(run.same)))
    yield from cautions(counts)
    yield from offers(counts)
    if run.findings is not None:
        yield from sorted(run.findings.evidence.damage)
    if counts.total.size > _LARGE and (slow := no_kernel()):
        yield slow
    if run.kept:
        yield f"From {few_words(list(run.settings))}: {', '.join(run.kept)}."
    if only := narrowed(run.filters):
        of = "" if run.asked else f": {run.report.total:,} of {counts.total.flows:,}"
        yield f"{only[:1].upper()}{only[1:]} are counted{of}."
    if run.asked is not None:
        yield from _about_time(run, run.asked)


def _about_time(run: Run, asked: Time) -> Iterator[str]:
    """Yield sentences on the time that was asked for, and on what it leaves out."""
    counted = run.filters.time or asked
    first, last = (end in _OPEN for end in asked)
    span = (
        f"before {times.moment(counted[1])}" if first else f"at {times.moment(counted[0])} or later"
    )
    if not first and not last:
        span = f"from {times.moment(counted[0])} to {times.moment(counted[1])}"
    flows = run.report.total
    yield f"Only flows that begin {span} are counted: {flows:,} of {run.counts.total.flows:,}."
    if not flows and (days := _days(run)):
        yield f"The logs cover {days}."
    if counted != asked:
        width = select(run.counts).width
        yield f"That is more than you asked for, because times are kept in windows of {_minutes(width)}."
    untimed = run.counts.total.lacking["start"] + run.counts.total.unreadable["start"]
    if untimed:
        yield f"{number(untimed, 'flow')} without a known time {'is' if untimed == 1 else 'are'} left out."


def _days(run: Run) -> str:
    """Return the days that the logs cover: `23 - 25 Nov 2026 UTC`."""
    selection = select(run.counts)
    return times.covered(over_time(selection, tagged(selection, run.lookup)))


def _minutes(width: int) -> str:
    return times.length(width * 60)


def _tag_table(run: Run) -> Iterator[str]:
    """Yield a table of the largest tags, by destination port and by service port."""
    tags, by_service = run.report.tag_counts, run.by_service.tag_counts
    shown = [*list(tags)[:-1][:_TAGS_SHOWN], UNTAGGED]
    width = max(len(short(tag, 40)) for tag in shown)
    yield f"{'Tag':<{width}}  {'Flows':>13}  {'By service port':>16}"
    for tag in shown:
        yield f"{short(tag, 40):<{width}}  {tags[tag]:>13,}  {by_service.get(tag, 0):>16,}"
    if len(tags) > len(shown):
        yield f"... and {len(tags) - len(shown):,} more tags"


def _boundaries(run: Run) -> dict[Any, Any]:
    return dict(by_boundary(select(run.counts, run.filters)))


def _boundary_table(run: Run) -> Iterator[str]:
    """Yield a table of the boundaries, and a sentence on what is inside the network."""
    yield f"{'Boundary':<10}{'Flows':>15}{'Packets':>18}{'Bytes':>21}"
    for boundary, (flows, packets, volume) in _boundaries(run).items():
        yield f"{boundary:<10}{flows:>15,}{packets:>18,}{volume:>21,}"
    yield inside(run.counts)
