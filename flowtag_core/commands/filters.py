"""The filters of a command: --from, --to, --action and --boundary, and the days of the files to read."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from flowtag_core.arguments import no_days
from flowtag_core.counts import ACTIONS, BOUNDARIES
from flowtag_core.errors import FlowtagError
from flowtag_core.showing import times
from flowtag_core.showing.typed_times import UnclearTime, read_end
from flowtag_core.sources.uris import Days
from flowtag_core.tagging.report import Time


def add_filters(parser: ArgumentParser) -> None:
    """Add the options that choose which flows are counted."""
    parser.add_argument(
        "--from", dest="first", metavar="TIME", help="only flows that begin at this time or later"
    )
    parser.add_argument(
        "--to",
        dest="last",
        metavar="TIME",
        help="only flows that begin before; a day counts to its end",
    )
    parser.add_argument(
        "--action",
        type=_action,
        choices=ACTIONS,
        metavar="ACTION",
        help="only ACCEPT, REJECT or other",
    )
    parser.add_argument(
        "--boundary",
        type=str.lower,
        choices=BOUNDARIES,
        metavar="NAME",
        help="only internal, inbound, outbound, external or unknown",
    )


def _action(text: str) -> str:
    return text.lower() if text.lower() == "other" else text.upper()


def days_of(given: Namespace) -> Days:
    """Return the days of the files to read."""
    if why := no_days(given):
        raise FlowtagError(why)
    return Days(given.since, given.until)


def time_of(given: Namespace) -> Time | None:
    """Return the time between --from and --to, as typed; an end that is not given is open."""
    if given.first is None and given.last is None:
        return None
    first, behind = 0, times.END
    if given.first is not None:
        first = _end("--from", given.first, is_last=False)
    if given.last is not None:
        behind = _end("--to", given.last, is_last=True)
    if first >= behind:
        raise FlowtagError(
            "--to must be after --from, and no flow begins before 1970 or after 2199."
        )
    return first, behind


def _end(option: str, text: str, *, is_last: bool) -> int:
    try:
        return read_end(text, is_last=is_last)
    except UnclearTime as unclear:
        raise FlowtagError(f"{option}: {text[:60]!r} is not a valid time. {unclear}") from unclear
