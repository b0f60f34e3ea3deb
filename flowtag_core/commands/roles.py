"""The paths of a command that counts: which are logs, which is the lookup, and which are outputs."""

from __future__ import annotations

import os
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from flowtag_core.commands.terminal import program
from flowtag_core.tagging.lookup_file import looks_like_lookup

_HEAD_SIZE: Final = 1 << 16
_ALMOST: Final = ("page", "who", "follow", "check", "completion", "--help", "--version")


class Roles(NamedTuple):
    """The paths of the logs, of the lookup and of the outputs."""

    logs: list[str]
    lookup: str
    outputs: list[str]


def add_roles(parser: ArgumentParser) -> None:
    """Add the paths, -o and --lookup."""
    parser.add_argument("paths", nargs="*", metavar="LOG LOOKUP OUTPUT", help=SUPPRESS)
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        help="where the result goes; then the last path is the LOOKUP",
    )
    parser.add_argument("--lookup", help="the lookup; then every path is a log (with -o)")


def roles_of(parser: ArgumentParser, given: Namespace, kept: str | None) -> Roles:
    """Return the paths of the logs, of the lookup and of the outputs; `kept` is the lookup in the settings.

    Without -o, the last two paths are always the lookup and the output.
    """
    paths = list(given.paths)
    if given.output is None:
        if given.lookup is not None:
            parser.error("--lookup needs -o, which names the result")
        if len(paths) < 3:
            parser.error(f"give at least one LOG, then the LOOKUP, then the OUTPUT{_meant(paths)}")
        output, lookup = paths.pop(), paths.pop()
        return Roles(paths, lookup, [output])
    lookup = given.lookup
    if lookup is None and paths and (kept is None or _is_lookup(paths[-1])):
        lookup = paths.pop()
    lookup = kept if lookup is None else lookup
    if lookup is None or not paths:
        parser.error(
            "give at least one LOG, then the LOOKUP (or --lookup, or a lookup in flowtag.toml, in the "
            "folder of the first LOG or in this one)"
        )
    return Roles(paths, lookup, given.output)


def _meant(paths: Sequence[str]) -> str:
    """Return a hint if the first word is almost a verb."""
    if not paths or os.path.lexists(paths[0]):
        return ""
    near = get_close_matches(paths[0], _ALMOST, 1)
    return f" (did you mean {program()} {near[0]}?)" if near else ""


def _is_lookup(path: str) -> bool:
    """Whether the path is a file that looks like a lookup; it then overrides the one in the settings."""
    if not os.path.isfile(path):  # Opening a pipe would wait until somebody writes to it.
        return False
    try:
        with open(path, "rb") as file:
            return looks_like_lookup(file.read(_HEAD_SIZE))
    except OSError:
        return False
