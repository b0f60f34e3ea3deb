"""Count logs, tag the flows, write the result: flowtag LOG [LOG ...] LOOKUP OUTPUT."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import flowtag_core
from flowtag_core.arguments import add_cluster, add_days, add_reading, parsed
from flowtag_core.boundary import ranges_of
from flowtag_core.commands import summary
from flowtag_core.commands.filters import add_filters, days_of, time_of
from flowtag_core.commands.outputs import refuse_inputs, refuse_repeats, write
from flowtag_core.commands.roles import add_roles, roles_of
from flowtag_core.commands.terminal import (
    DAMAGED,
    DONE,
    logs_of,
    new_parser,
    program,
    progress_bar,
    say,
    show_json,
    source_of,
)
from flowtag_core.counts import MOST_FAULTS, FileCounts, FlowCounts
from flowtag_core.errors import FlowtagError, LookupFileError, report_bug
from flowtag_core.evidence import Evidence, added
from flowtag_core.exporting.by_suffix import (
    WITH_FINDINGS,
    check_libraries,
    content_for,
    is_csv,
    suffix_of,
)
from flowtag_core.exporting.result_csv import result_csv
from flowtag_core.output import check_writable
from flowtag_core.reading.evidence import look
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.reading.scheduler import check_address, connected
from flowtag_core.settings import settings_for
from flowtag_core.shapes.layout import format_layout
from flowtag_core.showing import times, who
from flowtag_core.showing.handout import Findings
from flowtag_core.showing.words import few
from flowtag_core.sources.places import DASH, Log, Place, same_files
from flowtag_core.tagging.course import outward
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table
from flowtag_core.tagging.names import Names, load_names
from flowtag_core.tagging.questions import wanted_in
from flowtag_core.tagging.report import Filters, Time, select, tagged

_USAGE: Final = """\
LOG [LOG ...] LOOKUP OUTPUT
       {program} page [PATH ...]      do the same in your browser
       {program} who LOG ...          show who the flows come from and go to
       {program} follow LOG ... LOOKUP OUTPUT   count logs as they grow
       {program} plan LOG ...         show what counting would take: time, money
       {program} check LOOKUP         find mistakes in a lookup
       {program} completion SHELL     make your shell complete these words
"""
_HELP: Final = """\
Count the flows of AWS VPC flow logs by tag and by port and protocol.

  LOG     a flow log in any form that AWS writes, a folder or archive of logs, a
          pattern, or a URI such as s3://bucket/prefix/; - is standard input
  LOOKUP  a CSV with dstport,protocol,tag: the tag of each port and protocol
  OUTPUT  the result, a CSV with two sections; - is standard output. If the name
          ends in .html, it is a report; in .json or .parquet, data for programs
"""
_TALKERS: Final = 20
"""The most rows in each list of --who."""
_FAULTS_SEEN: Final = 20
"""The most faulty lines that a terminal shows; more would push the summary out of sight."""
_EPILOG: Final = """\
TIME is 2026-11-23 or 2026-11-23T10:00, in UTC unless it has an offset: +01:00.
If a file is named like a command, write ./page. Each command has a --help.
Lines that cannot be counted are skipped and listed with their line numbers.
exit code: 0 done; 1 done, but something is wrong with a log; 2 not done.
"""


def parser() -> ArgumentParser:
    """Return the parser of `flowtag` without a verb."""
    new = new_parser("", _USAGE.format(program=program()), _HELP, _EPILOG)
    add_roles(new)
    add_reading(new)
    add_cluster(new)
    add_filters(new)
    add_days(new)
    new.add_argument(
        "--who",
        action="store_true",
        help="list who the flows come from, in HTML and JSON",
    )
    new.add_argument(
        "--names", metavar="CSV", help="names of addresses for --who: a CSV with cidr,name"
    )
    new.add_argument(
        "-q", "--quiet", action="store_true", help="no summary, only warnings and errors"
    )
    new.add_argument("--json", action="store_true", help="the summary as JSON, on standard output")
    new.add_argument("--version", action="version", version=f"flowtag {flowtag_core.__version__}")
    return new


@dataclass(frozen=True)
class Job:
    """The task of a run: the paths of the logs, of the lookup and of the outputs, and how to read the logs.

    `time` is the time as typed. `settings` are the settings files that were read, and `kept` names the settings
    that come from them. `names` has the names of addresses for --who, or is None without it. `cluster` is the
    address of a cluster, or None.
    """

    paths: Sequence[str]
    lookup: str
    outputs: Sequence[str]
    fields: str | None
    internal: str
    time: Time | None
    settings: Sequence[str]
    kept: Sequence[str]
    names: Names | None = None
    cluster: str | None = None


def run(words: Sequence[str]) -> int:
    """Count, tag, write the result, and print the summary; return the exit code."""
    started = time.perf_counter()
    given = parsed(parser(), words)
    job = _job(given)
    others = [path for path in (job.lookup, given.names, *job.settings) if path is not None]
    days = days_of(given)
    logs = logs_of(job.paths, others, days, is_quiet=given.quiet)
    places = [place for log in logs for place in log.places]
    if job.names is not None and not all(place.can_open_again for place in places):
        raise FlowtagError(
            "--who reads the logs twice, so none of them can be a pipe. Name a file."
        )
    for output in job.outputs:
        refuse_inputs(output, places, others, is_json=given.json)
    lookup = _loaded(job)
    counts = _counted(logs, places, job, is_quiet=given.quiet)
    filters = Filters(given.action, given.boundary, _whole_windows(counts, job.time))
    report = tagged(select(counts, filters), lookup)
    told = summary.Run(
        counts,
        lookup,
        report,
        filters,
        job.time,
        job.settings,
        job.kept,
        same_files(places),
        time.perf_counter() - started,
        job.outputs,
        datetime.now(UTC),
        _findings(logs, places, job, filters, is_quiet=given.quiet),
    )
    write((output, _content(told, output)) for output in job.outputs)
    try:  # The result is there, whatever happens now.
        _tell(told, given)
    except KeyboardInterrupt:
        pass
    except FlowtagError as error:
        say(f"flowtag: {error} The result is written all the same.")
        return DAMAGED
    except Exception as error:  # noqa: BLE001  (the result is there, so this is not a failure)
        say(f"flowtag: the result is written, but the summary failed: {report_bug('it', error)}")
    behind = told.findings.evidence.damage if told.findings else ()
    return DAMAGED if behind or any(map(_is_bad, counts.files.values())) else DONE


def _content(told: summary.Run, output: str) -> Iterable[bytes]:
    return result_csv(told.report) if is_csv(output) else content_for(output, told.handout)


def _findings(
    logs: list[Log], places: list[Place], job: Job, filters: Filters, *, is_quiet: bool
) -> Findings | None:
    """Read the logs again to find who is behind the flows, or return None if the job does not ask for that."""
    if job.names is None:
        return None
    with progress_bar([] if is_quiet else places) as progress:
        found = look(
            *logs,
            wanted=wanted_in(filters),
            format=job.fields,
            internal=job.internal,
            progress=progress,
        )
    changed = [
        f"{place.name}: has changed since it was counted."
        for place in places
        if place.has_changed()
    ]
    found = added([found, Evidence(damage=frozenset(changed))])
    return Findings(found, who.lists(found, most=_TALKERS, names=job.names), names=job.names)


def _is_bad(file: FileCounts) -> bool:
    """Whether a file is damaged, or has records but no line that could be counted."""
    return bool(file.damage) or bool(file.faults and not file.flows)


def _loaded(job: Job) -> Lookup:
    try:
        return load_lookup_table(source_of(job.lookup))
    except LookupFileError as error:
        if "lookup" not in job.kept:
            raise
        raise LookupFileError(
            f"{error} It is the lookup in {' or '.join(job.settings)}."
        ) from error


def _job(given: Namespace) -> Job:
    """Return what a command asks for. Raises FlowtagError, and exits if the words make no sense."""
    settings = settings_for(given.paths)
    paths, lookup, outputs = roles_of(parser(), given, settings.lookup)
    if [*paths, lookup].count(DASH) > 1:
        raise FlowtagError("standard input (-) can be read only once. Name a file for the other.")
    if DASH in outputs and given.json:
        raise FlowtagError(
            "the result and --json cannot both go to standard output (-). Name a file for the result."
        )
    fields, internal = settings.beneath(given.format, given.internal)
    if fields is not None:
        format_layout(fields)
    ranges_of(internal)
    if given.cluster is not None:
        check_address(given.cluster)
    refuse_repeats(outputs)
    for output in outputs:
        check_libraries(output)
        if output != DASH:
            check_writable(output)
    kept = {
        "lookup": lookup is settings.lookup,
        "format": given.format is None and settings.format is not None,
        "internal": given.internal is None and settings.internal is not None,
    }
    used = tuple(name for name, is_kept in kept.items() if is_kept)
    return Job(
        paths,
        lookup,
        outputs,
        fields,
        internal,
        time_of(given),
        settings.files,
        used,
        _names(given, paths, outputs),
        given.cluster,
    )


def _names(given: Namespace, paths: Sequence[str], outputs: Sequence[str]) -> Names | None:
    """Return the names of addresses for --who, or None without it. Raises FlowtagError if nothing would show them."""
    if not given.who:
        if given.names is not None:
            raise FlowtagError("--names needs --who.")
        return None
    if not given.json and not any(suffix_of(output) in WITH_FINDINGS for output in outputs):
        raise FlowtagError("--who needs --json, or an output whose name ends in .json or .html.")
    if DASH in paths:
        raise FlowtagError("--who reads the logs twice, so none of them can be -. Name a file.")
    names = load_names(given.names) if given.names is not None else Names()
    say(*few([f"{given.names}:{line}: {text}." for line, text in names.problems]))
    return names


def _whole_windows(counts: FlowCounts, time: Time | None) -> Time | None:
    """Return the time in whole windows of the counts, which cannot be divided; an open end stays open."""
    if time is None or not counts.total.flows:
        return time
    found = outward(time, select(counts).width)
    if found is None:
        raise FlowtagError(
            "these logs have so many ports at so many times that flowtag counted them without the time. "
            "Give fewer logs at once for --from and --to."
        )
    return found[0], time[1] if time[1] == times.END else found[1]


def _counted(logs: list[Log], places: list[Place], job: Job, *, is_quiet: bool) -> FlowCounts:
    if job.cluster is None:
        with progress_bar([] if is_quiet else places) as progress:
            return parse_flow_log(
                *logs, format=job.fields, internal=job.internal, progress=progress
            )
    from flowtag_core.reading.cluster import count_on_cluster

    with (
        connected(job.cluster) as client,
        progress_bar([] if is_quiet else places) as progress,
    ):
        return count_on_cluster(
            logs, client, format=job.fields, internal=job.internal, progress=progress
        )


def _tell(told: summary.Run, given: Namespace) -> None:
    """Print the summary to standard error, or as JSON to standard output."""
    if given.json:
        show_json(summary.document(told))
    elif given.quiet:
        say(*summary.warnings(told))
    else:
        is_seen = sys.stderr is not None and sys.stderr.isatty()
        say(*summary.lines(told, _FAULTS_SEEN if is_seen else MOST_FAULTS))
