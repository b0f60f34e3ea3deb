"""Parse the options and paths of a command, and define the options that commands share."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from datetime import date
from typing import Final

_TIME: Final = re.compile(r"(\d{1,4})(s|m|h|d|)", re.ASCII)
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def parsed(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Parse options and `paths` in any order; every word after `--` is a path, even `-rf`."""
    end = words.index("--") if "--" in words else len(words)
    found = parser.parse_intermixed_args(words[:end])
    found.paths += words[end + 1 :]
    if "" in found.paths:
        parser.error("one of the paths is empty")
    return found


def add_reading(parser: ArgumentParser) -> None:
    """Add the options that say how to read logs; their names are the same in every command."""
    parser.add_argument(
        "--format",
        metavar="FIELDS",
        help="the fields of logs without a header, or a format's name",
    )
    parser.add_argument(
        "--internal",
        metavar="CIDR,...",
        help="public ranges of your own, to be counted as inside",
    )


def add_cluster(parser: ArgumentParser) -> None:
    """Add --cluster, the address of a cluster that counts the logs."""
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="count on a Dask cluster: tcp://host:8786, or local",
    )


def add_days(parser: ArgumentParser) -> None:
    """Add --since and --until, which leave out whole files before anything is read."""
    add_since(parser)
    parser.add_argument(
        "--until", type=day, metavar="DAY", help="only files of this day or earlier, by their names"
    )


def add_since(parser: ArgumentParser) -> None:
    """Add --since, which leaves out whole files before anything is read."""
    parser.add_argument(
        "--since", type=day, metavar="DAY", help="only files of this day or later, by their names"
    )


def no_days(given: Namespace) -> str:
    """Return why there are no days between --since and --until; empty if there are some."""
    is_wrong = given.since and given.until and given.since > given.until
    return "--until must not be before --since." if is_wrong else ""


def add_page(parser: ArgumentParser) -> None:
    """Add the arguments of the page: which files to read, how, and who may see them."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="logs and folders to read in place"
    )
    parser.add_argument(
        "--lookup", metavar="CSV", help="the lookup; the page can save changes to this file"
    )
    parser.add_argument(
        "--names", metavar="CSV", help="names of addresses: a CSV with the columns cidr and name"
    )
    add_reading(parser)
    add_days(parser)
    add_cluster(parser)
    parser.add_argument(
        "--follow",
        action="store_true",
        help="follow the PATHs as they grow; the numbers on the page move",
    )
    parser.add_argument(
        "--keep",
        type=minutes,
        metavar="TIME",
        help="with --follow: show at most this much time before the newest flow, e.g. 24h",
    )
    parser.add_argument(
        "--state",
        metavar="FILE",
        help="with --follow: save counts and positions to this file, and continue from it",
    )
    parser.add_argument(
        "--background",
        action="store_true",
        help="with --follow: go on while no tab is open",
    )
    parser.add_argument(
        "--shared",
        action="store_true",
        help="show these files even if other machines can reach the page",
    )


def day(text: str) -> date:
    """Parse a day: `2026-11-23`. Raises ArgumentTypeError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text[:60]!r} is not a day such as 2026-11-23") from None


def seconds(text: str) -> int:
    """Parse a length of time: `5s`, `1m`, `24h`, `7d`. Raises ArgumentTypeError."""
    found = _TIME.fullmatch(text)
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not length:
        raise ArgumentTypeError(f"{text[:60]!r} is not a time such as 5s, 1m, 1h or 1d")
    return length


def minutes(text: str) -> int:
    """Parse a length of time of at least ten minutes, in minutes. Raises ArgumentTypeError."""
    length = seconds(text)
    if length < 600:
        raise ArgumentTypeError(f"{text[:60]} is too short. Keep at least ten minutes (10m)")
    return length // 60


def follows_wrongly(given: Namespace) -> str:
    """Return why the arguments of a page cannot be used together; empty if they can."""
    if given.follow and given.until:
        return "--until cannot be used with --follow."
    if why := no_days(given):
        return why
    if given.follow:
        if given.cluster is not None:
            return "--cluster cannot be used with --follow."
        return "" if given.paths else "--follow needs at least one log or folder."
    names = [name for name in ("keep", "state", "background") if getattr(given, name)]
    return f"--{names[0]} needs --follow." if names else ""
