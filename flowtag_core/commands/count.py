"""Count logs, tag the flows, write the result: flowtag LOG [LOG ...] LOOKUP OUTPUT."""

from __future__ import annotations

import os
import sys
import time
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import flowtag_core
from flowtag_core.arguments import add_reading, parsed
from flowtag_core.boundary import ranges_of
from flowtag_core.commands import summary
from flowtag_core.commands.terminal import (
    DAMAGED,
    DONE,
    bytes_of,
    discard,
    new_parser,
    program,
    progress_bar,
    say,
    show_json,
    source_of,
)
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import FlowtagError, OutputError, report_bug
from flowtag_core.exporting.result_csv import write_results
from flowtag_core.output import check_writable
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.settings import settings_for
from flowtag_core.shapes.layout import format_layout
from flowtag_core.showing import times
from flowtag_core.showing.typed_times import UnclearTime, read_end
from flowtag_core.sources.places import DASH, Log, Place, file_identity, logs_at, same_files
from flowtag_core.tagging.course import outward
from flowtag_core.tagging.lookup_file import load_lookup_table, looks_like_lookup
from flowtag_core.tagging.report import Filters, Report, Time, map_tags, select

_USAGE: Final = """\
LOG [LOG ...] LOOKUP OUTPUT
       {program} page [PATH ...]      the same in your browser
       {program} check LOOKUP         what is doubtful in a lookup
       {program} completion SHELL     let your shell complete these words
"""
_HELP: Final = """\
Count the flows of AWS VPC flow logs by tag and by port and protocol.

  LOG     a flow log in any shape that AWS writes, a folder or archive of logs,
          or a pattern; - is standard input
  LOOKUP  a CSV dstport,protocol,tag: the tag that a port and protocol has
  OUTPUT  the result, a CSV in two sections; - is standard output
"""
_HEAD_SIZE: Final = 1 << 16
_EPILOG: Final = """\
TIME is 2026-11-23 or 2026-11-23T10:00, in UTC unless it ends in +01:00 or so.
A file that is named like a verb is ./page. Each verb has a --help of its own.
Lines that cannot be counted are passed over and told with their numbers.
exit code: 0 done; 1 done, but a log was damaged; 2 not done, nothing written.
"""


def parser() -> ArgumentParser:
    """What `flowtag` takes without a verb."""
    new = new_parser("", _USAGE.format(program=program()), _HELP, _EPILOG)
    new.add_argument("paths", nargs="*", metavar="LOG LOOKUP OUTPUT", help=SUPPRESS)
    new.add_argument(
        "-o", "--output", action="append", help="the result; then the last path is the LOOKUP"
    )
    new.add_argument("--lookup", help="the lookup; then every path is a log (with -o)")
    add_reading(new)
    new.add_argument(
        "--from", dest="first", metavar="TIME", help="only flows that begin then or later"
    )
    new.add_argument(
        "--to", dest="last", metavar="TIME", help="only flows that begin earlier, in whole windows"
    )
    new.add_argument("-q", "--quiet", action="store_true", help="no summary, only what went wrong")
    new.add_argument("--json", action="store_true", help="the summary as JSON, on standard output")
    new.add_argument("--version", action="version", version=f"flowtag {flowtag_core.__version__}")
    return new


@dataclass(frozen=True)
class Job:
    """What is to be done: the logs' paths, the lookup's, the output's, and how the logs are read.

    `time` are the ends that were typed, `settings` the files of settings that were read.
    """

    paths: Sequence[str]
    lookup: str
    output: str
    fields: str | None
    internal: str
    time: Time | None
    settings: Sequence[str]


def run(words: Sequence[str]) -> int:
    """Count, tag, write and tell what was found."""
    started = time.perf_counter()
    given = parsed(parser(), words)
    job = _job(given)
    logs = [log for path in job.paths for log in logs_at(path)]
    places = [place for log in logs for place in log.places]
    _refuse_output_that_is_input(places, job)
    lookup = load_lookup_table(source_of(job.lookup))
    counts = _counted(logs, places, job, is_quiet=given.quiet)
    filters = Filters(time=_whole_windows(counts, job.time))
    report = map_tags(counts, lookup, time=filters.time)
    _write(report, job.output)
    told = summary.Run(
        counts,
        lookup,
        report,
        filters,
        job.time,
        job.settings,
        same_files(places),
        time.perf_counter() - started,
    )
    try:  # The result is there, whatever becomes of the telling.
        _tell(told, given)
    except KeyboardInterrupt:
        pass
    except Exception as error:  # noqa: BLE001  (the result is there, so this is no failure)
        say(f"flowtag: the result is written, but not told: {report_bug('the summary', error)}")
    return DAMAGED if counts.total.damage else DONE


def _job(given: Namespace) -> Job:
    """What the words of a command ask for; raises FlowtagError, and exits where they make no sense."""
    settings = settings_for(given.paths)
    paths, lookup, output = _roles(given, settings.lookup)
    if [*paths, lookup].count(DASH) > 1:
        raise FlowtagError("standard input (-) can be read only once. Give the other as a file.")
    if output == DASH and given.json:
        raise FlowtagError(
            "the result and --json cannot both go to standard output (-). Name a file for the result."
        )
    fields = settings.fields(settings.format if given.format is None else given.format)
    internal = settings.internal if given.internal is None else given.internal
    if fields is not None:
        format_layout(fields)
    ranges_of(internal)
    if output != DASH:
        check_writable(output)
    return Job(paths, lookup, output, fields, internal, _time(given), settings.files)


def _roles(given: Namespace, kept: str | None) -> tuple[list[str], str, str]:
    """The paths of the logs, of the lookup and of the output; `kept` is the lookup in the settings.

    The settings name no output, so without -o the last two paths are always lookup and output.
    """
    paths = list(given.paths)
    if given.output is None:
        if given.lookup is not None:
            parser().error("with --lookup, name the result with -o")
        if len(paths) < 3:
            parser().error("give at least one LOG, then the LOOKUP, then the OUTPUT")
        output, lookup = paths.pop(), paths.pop()
        return paths, lookup, output
    if len(given.output) > 1:
        parser().error("give -o once")
    lookup = given.lookup
    if lookup is None and paths and (kept is None or _is_lookup(paths[-1])):
        lookup = paths.pop()
    lookup = kept if lookup is None else lookup
    if lookup is None or not paths:
        parser().error("give at least one LOG, then the LOOKUP")
    return paths, lookup, given.output[0]


def _is_lookup(path: str) -> bool:
    """Whether the path is a file that reads as a lookup; it then beats the one in the settings."""
    if not os.path.isfile(path):  # to open a pipe would wait for somebody who writes into it
        return False
    try:
        with open(path, "rb") as file:
            return looks_like_lookup(file.read(_HEAD_SIZE))
    except OSError:
        return False


def _time(given: Namespace) -> Time | None:
    """The time that --from and --to leave; an end that is not given is open."""
    if given.first is None and given.last is None:
        return None
    first, behind = 0, times.END
    if given.first is not None:
        first = _end("--from", given.first, is_last=False)
    if given.last is not None:
        behind = _end("--to", given.last, is_last=True)
    if first >= behind:
        raise FlowtagError("--to must be after --from.")
    return first, behind


def _end(option: str, text: str, *, is_last: bool) -> int:
    try:
        return read_end(text, is_last=is_last)
    except UnclearTime as unclear:
        raise FlowtagError(f"{option}: {text[:60]!r} is not a valid time. {unclear}") from unclear


def _whole_windows(counts: FlowCounts, time: Time | None) -> Time | None:
    """The time in whole windows of the counts, which know no shorter ones."""
    if time is None or not counts.total.flows:
        return time
    found = outward(time, select(counts).width)
    if found is None:
        raise FlowtagError(
            "these logs have so many ports at so many times that flowtag counted them without the time. "
            "Give fewer logs at once for --from and --to."
        )
    return found


def _counted(logs: list[Log], places: list[Place], job: Job, *, is_quiet: bool) -> FlowCounts:
    with progress_bar([] if is_quiet else places) as progress:
        return parse_flow_log(*logs, format=job.fields, internal=job.internal, progress=progress)


def _write(report: Report, output: str) -> None:
    """Write the result; that the reader of a pipe has gone is no fault."""
    stream = bytes_of(sys.stdout, "output") if output == DASH else None
    try:
        write_results(report, stream or output)
    except BrokenPipeError:
        discard(stream)
    except OutputError:
        discard(stream)
        raise


def _refuse_output_that_is_input(places: list[Place], job: Job) -> None:
    """Raise OutputError if the output is one of the inputs, which it would destroy."""
    written = file_identity(sys.stdout if job.output == DASH else job.output)
    if written is None:
        return
    inputs = [(place.name, place.identity) for place in places]
    inputs += [(path, file_identity(path)) for path in (job.lookup, *job.settings)]
    for name, identity in inputs:
        if identity == written:
            also = "" if name == job.output else f" ({name})"
            raise OutputError(
                f"{job.output}: is an input too{also}. Name another file for the result."
            )


def _tell(told: summary.Run, given: Namespace) -> None:
    """Tell what was found: on standard error, the worst last, where the eye is, or as JSON."""
    if given.json:
        show_json(summary.document(told))
    elif given.quiet:
        say(*summary.damage(told))
    else:
        say(*summary.lines(told))
