"""Files of this machine: streamlit run dashboard.py -- PATH ... [--lookup CSV] [--format FIELDS]."""

from __future__ import annotations

import argparse
import os
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from flowtag_core.arguments import parsed
from flowtag_core.errors import FlowtagError, LogError
from flowtag_core.output import write_whole
from flowtag_core.page.intake import Arrival, CountedLog, Refusal
from flowtag_core.page.session import Session
from flowtag_core.reading.flow_log import distinct
from flowtag_core.showing.log_notes import given_before
from flowtag_core.showing.words import unicode
from flowtag_core.sources.places import expanded, file_identity, files_in, open_log
from flowtag_core.tagging.lookup import Lookup

USAGE: Final = "streamlit run dashboard.py -- [PATH ...] [--lookup CSV] [--format FIELDS]"

_COUNTED: Final[dict[str, CountedLog]] = {}
"""What this process has counted of the paths that it was started with, for the next tab."""


class ArgumentsError(FlowtagError):
    """The page was started with words that it does not know."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentsError(f"The page was not started as it should: {message}. Use {USAGE}")


@dataclass(frozen=True)
class Given:
    """What the page was started with: logs or folders of them, the file of the lookup, a format."""

    paths: tuple[str, ...] = ()
    lookup: str | None = None
    format: str | None = None


def start(session: Session, arguments: Sequence[str]) -> None:
    """Have everything read that the page was started with, once; what is wrong with it is told.

    The script may run again before it is through, on another thread: that one waits, or it would
    see neither a file that is being read nor a reason to look again.
    """
    with session.starting:
        if not session.is_started:
            session.is_started = True
            _take(session, arguments)


def _take(session: Session, arguments: Sequence[str]) -> None:
    try:
        given = parse(arguments)
    except ArgumentsError as error:
        session.take_in([Refusal(unicode(str(error)))])
        return
    session.use_format(given.format or "")
    if session.format_wrong:
        session.take_in([Refusal(unicode(session.format_wrong))])
        return
    found = find(given, session.format)
    session.has_start = given != Given()
    session.home, session.home_content = given.lookup, None
    session.take(found.arrivals)
    session.repeated, session.told = found.repeated, found.told
    session.take_in(found.known)


def parse(arguments: Sequence[str]) -> Given:
    """The arguments behind `--`; raises ArgumentsError."""
    parser = _Parser(add_help=False)
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--lookup")
    parser.add_argument("--format")
    found = parsed(parser, arguments)
    return Given(tuple(found.paths), found.lookup, found.format)


@dataclass(frozen=True)
class Found:
    """What is to be read, what is counted already, and what is wrong with the paths.

    `repeated` has, by its name, a sentence on each path all of whose files were given before, `told` one on
    each of which some were.
    """

    arrivals: list[Arrival] = field(default_factory=list)
    known: list[CountedLog | Refusal] = field(default_factory=list)
    repeated: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def find(given: Given, format: str | None = None) -> Found:
    """Look at the paths. A lookup that lies in one of the folders is read as what it is, and once."""
    found = Found()
    lookup = file_identity(given.lookup) if given.lookup is not None else None
    paths = [each for pattern in given.paths for each in _meant(pattern)]
    before: dict[tuple[int, int], str] = {}
    for path, name in zip(paths, distinct(map(unicode, paths)), strict=True):
        files = {file: file_identity(file) for file in _files(path, found.known)}
        files = {file: one for file, one in files.items() if one is None or one != lookup}
        others = [before[one] for one in files.values() if one in before]
        if others:
            sentence = given_before(name, len(files), others, is_folder=path not in files)
            if len(others) == len(files):
                found.repeated[name] = sentence
            else:
                found.told.append(sentence)
        before |= {one: name for one in files.values() if one is not None and one not in before}
        identity = format, tuple(map(_identity, files))
        counted = _COUNTED.get(name)
        if counted is not None and counted.identity == identity:
            found.known.append(counted)
        else:
            found.arrivals.extend(_arrival(file, name, identity) for file in files)
    if given.lookup is not None:
        rules = _files(given.lookup, found.known)
        found.arrivals.extend(_arrival(file, is_lookup=True) for file in rules)
    return found


def remember(logs: Iterable[CountedLog]) -> None:
    """Keep the counts of paths of which every file was counted, in place of older ones."""
    _COUNTED.update((log.name, log) for log in logs if log.identity is not None)


def is_saved(lookup: Lookup, path: str) -> bool:
    """Whether the file at the path holds this very lookup."""
    return content(path) == lookup.content


def content(path: str) -> bytes | None:
    """The bytes of the file, None where there is no regular file that can be read."""
    try:
        # To open a pipe would wait for somebody who writes into it.
        return Path(path).read_bytes() if os.path.isfile(path) else None
    except OSError:
        return None


def save(lookup: Lookup, path: str) -> None:
    """Write the lookup to the file, whole or not at all; raises OutputError."""
    write_whole([lookup.content], path)


def _meant(path: str) -> list[str]:
    """What a pattern matches; what is wrong with a path is told when it is looked into."""
    try:
        return expanded(path)
    except LogError:
        return [path]


def _files(path: str, refused: list[CountedLog | Refusal]) -> list[str]:
    """The regular files at a path or in a folder; what else is there gets a sentence."""
    try:
        files, unreadable = files_in(path)
    except LogError as error:
        refused.append(Refusal(unicode(str(error))))
        return []
    refused += [Refusal(unicode(str(error))) for error in unreadable]
    odd = [unicode(file) for file in files if not os.path.isfile(file)]
    refused += [Refusal(f"{file}: is no regular file and was not read.") for file in odd]
    return [file for file in files if os.path.isfile(file)]


def _arrival(
    file: str, folder: str | None = None, identity: Hashable = None, *, is_lookup: bool = False
) -> Arrival:
    size = _identity(file)[1]
    return Arrival(unicode(file), partial(open_log, file), size, is_lookup, folder, identity)


def _identity(file: str) -> tuple[str, int, int, int]:
    """What changes with the file; a file that is gone is told when it is opened."""
    try:
        status = os.stat(file)
    except OSError:
        return file, 0, 0, 0
    return file, status.st_size, status.st_mtime_ns, status.st_ino
