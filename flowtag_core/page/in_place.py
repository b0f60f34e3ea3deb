"""Local files that the page is started with.

streamlit run dashboard.py -- PATH ... [--lookup CSV] [--names CSV] [--format FIELDS] [--shared]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NoReturn

from flowtag_core.arguments import add_page, follows_wrongly, parsed
from flowtag_core.boundary import Inside
from flowtag_core.counting.reference import ALWAYS_INSIDE
from flowtag_core.errors import FlowtagError, LogError, LookupFileError, SettingsError
from flowtag_core.output import write_whole
from flowtag_core.page import door
from flowtag_core.page.following import Job, shared
from flowtag_core.page.intake import Arrival, CountedLog, Refused, Told
from flowtag_core.page.session import Session
from flowtag_core.reading.flow_log import distinct_names
from flowtag_core.settings import settings_for
from flowtag_core.showing.log_notes import given_before
from flowtag_core.showing.words import unicode
from flowtag_core.sources.places import Log, Place, file_identity, logs_at
from flowtag_core.sources.uris import EVERY_DAY, Days, is_uri
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.names import load_names

_IS_INSTALLED: Final = Path(__file__).with_name("served").is_dir()
USAGE: Final = (
    f"{'flowtag page' if _IS_INSTALLED else '.venv/bin/streamlit run dashboard.py --'} "
    "[PATH ...] [--lookup CSV] [--names CSV] [--format FIELDS] [--internal CIDR]"
)
"""How to start the page with files; an installed flowtag has the script in `served`."""

_NOT_FOR_ALL: Final = (
    "Other machines can reach this page, so it does not show the files it was started with. If everyone "
    "who can reach it may see them, start it again with --shared (after the --, if Streamlit starts it)."
)

_COUNTED: Final[dict[str, CountedLog]] = {}
"""The logs on the command line that are already counted, by name; the next tab reuses them."""


class ArgumentsError(FlowtagError):
    """The page was started with invalid arguments."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentsError(f"The page cannot use its arguments: {message}. Start it with {USAGE}")


@dataclass(frozen=True)
class Given:
    """The arguments that the page was started with: logs and folders, the lookup's file, a format, names.

    `shared` says that these files may be shown even if other machines can reach the page. `settings` are
    the files of settings that were read. `cluster` is the address of the cluster that counts the files, or None.
    """

    paths: tuple[str, ...] = ()
    lookup: str | None = None
    format: str | None = None
    internal: str = ""
    shared: bool = False
    settings: tuple[str, ...] = ()
    names: str | None = None
    follow: bool = False
    keep: int | None = None
    state: str | None = None
    background: bool = False
    days: Days = EVERY_DAY
    cluster: str | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether no files, no format and no ranges were given."""
        return (self.paths, self.lookup, self.format, self.internal, self.names) == (
            (),
            None,
            None,
            "",
            None,
        )


def start(session: Session, arguments: Sequence[str]) -> None:
    """Start reading the files that the page was started with, only once; report what is wrong with them.

    The script may run again on another thread before this is done. That run waits: otherwise it would
    find no files being read and would not look again.
    """
    with session.starting:
        if not session.is_started:
            session.is_started = True
            _take(session, arguments)


def _take(session: Session, arguments: Sequence[str]) -> None:
    try:
        given = parse(arguments)
    except (ArgumentsError, SettingsError) as error:
        session.take_in([Refused(unicode(str(error)))])
        return
    session.use_format(given.format or session.format.text)
    if not session.internal.text:
        session.internal = session.internal.typed(given.internal)
    if wrong := session.format.wrong or session.internal.wrong:
        session.take_in([Refused(unicode(wrong))])
        return
    is_shared = door.is_shared()
    is_given = given.paths or given.lookup is not None or given.names is not None
    if is_shared and not given.shared and is_given:
        session.take_in([Refused(_NOT_FOR_ALL)])
        return
    if given.follow:
        session.has_start = True
        _follow(session, given)
        _take_names(session, given.names)
        return
    found = find(given, session.format.layout, session.internal.inside)
    session.has_start = not given.is_nothing
    session.desk.home, session.desk.home_content = _home(given, is_shared=is_shared), None
    session.take(found.arrivals)
    session.messages.repeated, session.messages.told = found.repeated, found.told
    session.take_in(found.known)
    _take_names(session, given.names)


def _follow(session: Session, given: Given) -> None:
    """Let the tab show the logs that are followed, or say why they cannot be."""
    job = Job(
        given.paths,
        given.lookup,
        session.format.layout,
        session.internal.inside.ranges,
        given.keep,
        given.state,
        tuple(path for path in (*given.settings, given.names) if path is not None),
        is_kept_on=given.background,
        since=given.days.first,
    )
    session.desk.home, session.desk.home_content = _home(given, is_shared=door.is_shared()), None
    try:
        session.sit_down(shared(job))
    except FlowtagError as error:
        session.take_in([Refused(unicode(str(error)))])


def _home(given: Given, *, is_shared: bool) -> str | None:
    """Return the file to which the page may save the lookup. Others must not write to this machine."""
    is_file = given.lookup is not None and not is_uri(given.lookup)
    return given.lookup if is_file and not is_shared else None


def _take_names(session: Session, path: str | None) -> None:
    """Load the names of addresses, and say which rows cannot be used."""
    if path is None:
        return
    try:
        session.names = load_names(path)
    except LookupFileError as error:
        session.take_in([Refused(unicode(str(error)))])
    problems = (f"{path}:{line}: {text}." for line, text in session.names.problems)
    session.take_in([Told(unicode(problem)) for problem in problems])


def parse(arguments: Sequence[str]) -> Given:
    """Parse the arguments after `--`; they override settings. Raises ArgumentsError or SettingsError."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_page(parser)
    found = parsed(parser, arguments)
    if why := follows_wrongly(found):
        raise ArgumentsError(f"The page cannot use its arguments: {why}")
    settings = settings_for(found.paths)
    fields, internal = settings.beneath(found.format, found.internal)
    return Given(
        tuple(found.paths),
        settings.lookup if found.lookup is None else found.lookup,
        fields,
        internal,
        found.shared,
        settings.files,
        found.names,
        found.follow,
        found.keep,
        found.state,
        found.background,
        Days(found.since, found.until),
        found.cluster,
    )


@dataclass(frozen=True)
class Start:
    """The files to read, the logs counted already, and sentences on what is wrong with the paths.

    `repeated` has, by name, a sentence on each path whose files were all given before; `told` has one on
    each path with some such files.
    """

    arrivals: list[Arrival] = field(default_factory=list)
    known: list[CountedLog | Refused] = field(default_factory=list)
    repeated: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def refuse(self, sentence: str) -> None:
        """Add a sentence on what is wrong with a path."""
        self.known.append(Refused(unicode(sentence)))


def find(given: Given, format: str | None = None, inside: Inside = ALWAYS_INSIDE) -> Start:
    """Find the files at the paths. In a folder, the lookup and the settings are not taken for logs."""
    start = Start()
    lookup = _regular(given.lookup, start) if given.lookup is not None else []
    ours = {place.identity for log in lookup for place in log.places}
    ours |= {file_identity(file) for file in (*given.settings, given.names) if file is not None}
    logs = [log for path in given.paths for log in _regular(path, start, given.days)]
    before: dict[Hashable, str] = {}
    for log, name in zip(logs, distinct_names(unicode(log.name) for log in logs), strict=True):
        places = tuple(place for place in log.places if place.identity not in ours)
        _tell_repeated(start, name, replace(log, places=places), before)
        before |= {place.identity: name for place in places if place.identity not in before}
        identity = format, inside, tuple(place.version for place in places)
        counted = _COUNTED.get(name)
        if counted is not None and counted.identity == identity:
            start.known.append(counted)
        elif places:
            start.arrivals.append(
                Arrival(name, _shown(log, name, places), identity=identity, cluster=given.cluster)
            )
    for log in lookup:
        name = unicode(log.name)
        start.arrivals.append(Arrival(name, _shown(log, name, log.places), is_lookup=True))
    return start


def _regular(path: str, start: Start, days: Days = EVERY_DAY) -> list[Log]:
    """Return the logs at a path, only regular files; anything else there gets a sentence."""
    try:
        logs = logs_at(path, days=days)
    except LogError as error:
        start.refuse(str(error))
        return []
    kept = []
    for log in logs:
        for refusal in log.refusals:
            start.refuse(refusal.sentence)
        if log.is_folder or log.places[0].can_open_again:
            kept.append(log)
        else:  # Every file is opened twice, and opening a pipe would wait for a writer.
            start.refuse(f"{log.name}: is not a regular file, so it was not read.")
    return kept


def _tell_repeated(start: Start, name: str, log: Log, before: Mapping[Hashable, str]) -> None:
    """Report the files of a log that were given before; `before` has the first log of each file."""
    others = [before[place.identity] for place in log.places if place.identity in before]
    if not others:
        return
    sentence = given_before(name, len(log.places), others, is_folder=log.is_folder)
    if len(others) == len(log.places):
        start.repeated[name] = sentence
    else:
        start.told.append(sentence)


def _shown(log: Log, name: str, places: Iterable[Place]) -> tuple[Place, ...]:
    """Return the places with the names to show: the log's own, or those of the files in a folder."""
    if not log.is_folder:
        return tuple(replace(place, name=name) for place in places)
    return tuple(replace(place, name=unicode(place.name)) for place in places)


def remember(logs: Iterable[CountedLog]) -> None:
    """Keep the counts of logs whose files were all counted; they replace older ones."""
    _COUNTED.update((log.name, log) for log in logs if log.identity is not None)


def is_saved(lookup: Lookup, path: str) -> bool:
    """Whether the file at the path has exactly the content of this lookup."""
    return content(path) == lookup.content


def content(path: str) -> bytes | None:
    """Return the bytes of a file, None if it is not a regular file or cannot be read."""
    try:
        # Opening a pipe would wait for a writer.
        return Path(path).read_bytes() if os.path.isfile(path) else None
    except OSError:
        return None


def save(lookup: Lookup, path: str) -> None:
    """Replace the file with the lookup, completely or not at all. Raises OutputError."""
    write_whole([lookup.content], path)
