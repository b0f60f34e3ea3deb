"""Count logs, tag the flows, write the result: FLOW_LOG [FLOW_LOG ...] LOOKUP OUTPUT."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from flowtag_core.arguments import parsed
from flowtag_core.boundary import ranges_of
from flowtag_core.commands.terminal import (
    DAMAGED,
    DONE,
    FAILED,
    INTERRUPTED,
    bytes_of,
    discard,
    progress_bar,
    say,
)
from flowtag_core.counting.compiled import no_kernel
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import FlowtagError, OutputError, report_bug
from flowtag_core.exporting.result_csv import write_results
from flowtag_core.output import check_writable
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.shapes.layout import format_layout
from flowtag_core.showing.log_notes import (
    boundaries,
    cautions,
    equation,
    inside,
    offers,
    remarks,
    repeated,
)
from flowtag_core.showing.words import few, number, short
from flowtag_core.sources.places import DASH, Place, file_identity, logs_at, same_files
from flowtag_core.tagging.lookup import UNTAGGED, Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table
from flowtag_core.tagging.report import by_boundary, map_tags

_TAGS_SHOWN = 10
_LARGE = 10_000_000

_HELP = """\
Count the flows of AWS VPC flow logs by tag and by port and protocol.

  FLOW_LOG  a flow log in any shape that AWS writes, a folder or archive of them, or a pattern;
            several may be given; - reads standard input
  LOOKUP    a CSV with the columns dstport,protocol,tag: which tag a port and protocol has
  OUTPUT    the result, a CSV in two sections; - writes it to standard output
"""

_EPILOG = """\
examples:
  python -m flowtag_core flow.log lookup.csv result.csv
  python -m flowtag_core 2026-11-*.log.gz lookup.csv result.csv
  zcat big.log.gz | python -m flowtag_core - lookup.csv - | head

A log without a header is read as AWS's default format, version 2; a header in the log says
otherwise, and so does --format. Lines that cannot be counted are passed over, and what was
passed over is said on standard error: how many for which reason, with line numbers.

exit code: 0 done, also where lines were passed over; 1 done, but a log was damaged part-way;
2 could not be done, and nothing was written.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with these arguments and return the exit code."""
    given = parsed(_parser(), sys.argv[1:] if arguments is None else arguments)
    if len(given.paths) < 3:
        _parser().error("give at least one FLOW_LOG, then the LOOKUP, then the OUTPUT")
    *logs, lookup, output = given.paths
    if os.environ.get("FLOWTAG_DEBUG"):
        import logging

        logging.basicConfig()  # what is logged goes to standard error
    try:
        return _run(logs, lookup, output, given.format, given.internal)
    except FlowtagError as error:
        say(f"flowtag: {error}")
        return FAILED
    except MemoryError:
        say("flowtag: there is not enough memory.")
        return FAILED
    except KeyboardInterrupt:
        say("flowtag: stopped before the result was written.")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  (Python would exit with 1, which means another thing)
        say(f"flowtag: {report_bug('the command', error)}")
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flowtag_core",
        usage="%(prog)s [--format FORMAT] [--internal CIDR,...] FLOW_LOG [FLOW_LOG ...] LOOKUP OUTPUT",
        description=_HELP,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths", nargs="*", metavar="FLOW_LOG LOOKUP OUTPUT", help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        help="the fields of logs without a header, in order: '${version} ${srcaddr} ...' "
        "as AWS shows it, or the bare names",
    )
    parser.add_argument(
        "--internal",
        metavar="CIDR,...",
        default="",
        help="ranges of your own that are inside the network, such as 203.0.113.0/24, besides the "
        "private ones",
    )
    return parser


def _run(paths: list[str], lookup_path: str, output: str, format: str | None, internal: str) -> int:
    started = time.perf_counter()
    if [*paths, lookup_path].count(DASH) > 1:
        raise FlowtagError("standard input (-) can be read only once. Give the other as a file.")
    if format is not None:
        format_layout(format)
    ranges_of(internal)
    if output != DASH:
        check_writable(output)
    logs = [log for path in paths for log in logs_at(path)]
    places = [place for log in logs for place in log.places]
    _refuse_output_that_is_input(places, lookup_path, output)
    is_stdin = lookup_path == DASH
    lookup = load_lookup_table(bytes_of(sys.stdin, "input") if is_stdin else lookup_path)
    with progress_bar(places) as progress:
        counts = parse_flow_log(*logs, format=format, internal=internal, progress=progress)
    tags = _write(counts, lookup, output)
    try:  # The result is there, whatever becomes of the telling.
        _tell(counts, lookup, tags, same_files(places), time.perf_counter() - started)
    except KeyboardInterrupt:
        pass
    except Exception as error:  # noqa: BLE001  (the same)
        say(f"flowtag: the result is written, but not told: {report_bug('the summary', error)}")
    return DAMAGED if counts.total.damage else DONE


def _write(counts: FlowCounts, lookup: Lookup, output: str) -> Mapping[str, int]:
    """Write the result and return its tag counts; that the reader of a pipe has gone is no fault."""
    report = map_tags(counts, lookup)
    stream = bytes_of(sys.stdout, "output") if output == DASH else None
    try:
        write_results(report, stream or output)
    except BrokenPipeError:
        discard(stream)
    except OutputError:
        discard(stream)
        raise
    return report.tag_counts


def _refuse_output_that_is_input(places: list[Place], lookup: str, output: str) -> None:
    """Raise OutputError if the output is one of the inputs, which it would destroy."""
    written = file_identity(sys.stdout if output == DASH else output)
    if written is None:
        return
    inputs = [(place.name, place.identity) for place in places]
    for name, identity in [*inputs, (lookup, file_identity(lookup))]:
        if identity == written:
            also = "" if name == output else f" ({name})"
            raise OutputError(f"{output}: is an input too{also}. Name another file for the result.")


def _tell(
    counts: FlowCounts,
    lookup: Lookup,
    tags: Mapping[str, int],
    same: list[list[str]],
    seconds: float,
) -> None:
    """Say on standard error what was found, the worst last, where the eye is.

    `same` are the paths that lead to one file.
    """
    lines = [f"{lookup.name}:{problem.line}: {problem.text}" for problem in lookup.problems]
    lines += lookup.notices
    lines += [f"{fault.file}:{fault.line}: {fault.reason}: {fault.text}" for fault in counts.faults]
    if untold := counts.total.faults - len(counts.faults):
        lines.append(f"... and {untold:,} more lines with a fault")
    lines += remarks(counts)
    lines += few(list(repeated(same)))
    lines += cautions(counts)
    lines += offers(counts)
    if counts.total.size > _LARGE:
        lines += filter(None, [no_kernel()])
    lines += ["", *_tag_table(counts, lookup, tags), ""]
    if len(boundaries(counts)) > 1:
        lines += [*_boundary_table(counts), ""]
    lines.append(equation(counts.total))
    size = counts.total.size / 1e6
    lines.append(f"{size:,.1f} MB in {seconds:.2f} s; {number(len(lookup), 'lookup rule')}")
    say(*lines)


def _tag_table(counts: FlowCounts, lookup: Lookup, tags: Mapping[str, int]) -> Iterator[str]:
    """The largest tags as logged, and with what looks like a reply at the port that it is from."""
    by_service = map_tags(counts, lookup, view="service").tag_counts
    shown = [*list(tags)[:-1][:_TAGS_SHOWN], UNTAGGED]
    width = max(len(short(tag, 40)) for tag in shown)
    yield f"{'Tag':<{width}}  {'Flows':>13}  {'Replies with their service':>26}"
    for tag in shown:
        yield f"{short(tag, 40):<{width}}  {tags[tag]:>13,}  {by_service.get(tag, 0):>26,}"
    if len(tags) > len(shown):
        yield f"... and {len(tags) - len(shown):,} more tags"


def _boundary_table(counts: FlowCounts) -> Iterator[str]:
    """Which way the flows cross the edge of the network, and what is inside it."""
    sums = by_boundary(counts)
    yield f"{'Boundary':<10}{'Flows':>15}{'Packets':>18}{'Bytes':>21}"
    for boundary, (flows, packets, volume) in sums.items():
        yield f"{boundary:<10}{flows:>15,}{packets:>18,}{volume:>21,}"
    yield inside(counts)
