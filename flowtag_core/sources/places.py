"""Where logs lie: a path, a folder, a pattern, standard input or an open file -> its places.

A place is one file that may be opened, whatever leads to it. What is in an archive is no place: it is
reached through the archive's own.
"""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final, NamedTuple, TextIO, cast

from flowtag_core.errors import LogError, reason_of
from flowtag_core.sources.pieces import Source
from flowtag_core.sources.stream import Stream, regular_size, start_of, status_of

LogFile = str | os.PathLike[str] | BinaryIO
"""What counts as a log: a path, `-` for standard input, or a file opened in binary mode."""

DASH: Final = "-"
"""Stands for standard input, as an output for standard output."""
_ALL_BELOW: Final = "**"


@dataclass(frozen=True)
class Place:
    """One file that can be opened: its name, a function that opens it, its size in bytes if known.

    `identity` is the same for every path and link to one regular file, else None. `version` changes
    with its content; only a file given by path has one. `can_open_again` promises the same bytes.
    """

    name: str
    opened_as: Callable[[str], Source]
    size: int | None = None
    identity: Hashable = None
    version: Hashable = None
    can_open_again: bool = True

    def open(self) -> Source:
        """Open it under its name; whoever calls closes it. Raises LogError where that fails."""
        return self.opened_as(self.name)


class Refusal(NamedTuple):
    """A file or folder that gives nothing, and a sentence that says why."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Log:
    """A log as it was given: one file, or a folder with every file below it.

    `refusals` are about what in a folder cannot be read.
    """

    name: str
    places: tuple[Place, ...]
    refusals: tuple[Refusal, ...] = ()
    is_folder: bool = False


def logs_at(path: str) -> list[Log]:
    """The logs that a path means: itself, or what a pattern such as `logs/**/*.gz` matches, by name.

    A shell usually expands these first. Raises LogError where reading would surely fail; nothing
    is read.
    """
    if path == DASH or os.path.lexists(path):
        return [log_at(path)]
    matched = sorted(glob.glob(path, recursive=True))
    if _ALL_BELOW in path:  # the files of a folder that it finds are found by themselves
        matched = [each for each in matched if not os.path.isdir(each)]
    return [log_at(each) for each in matched or [path]]


def log_at(path: str, name: str | None = None) -> Log:
    """The log at a path: the file, or all files in and below a folder, by name, except hidden ones.

    Raises LogError where there is no such path or nothing in it.
    """
    if path == DASH or not os.path.isdir(path):
        return Log(name or _name(path), (_place(path, name),))
    files: list[str] = []
    errors: list[OSError] = []
    for folder, folders, names in os.walk(path, onerror=errors.append):
        folders[:] = sorted(each for each in folders if each[0] != ".")
        files += [os.path.join(folder, each) for each in sorted(names) if each[0] != "."]
    if not files and not errors:
        raise LogError(f"{path}: is a folder without files. Give the folder that has the logs.")
    name = name or path
    refusals = [Refusal(name, str(_not_opened(error.filename, error))) for error in errors]
    places = []
    for file in files:
        try:
            place = _place(file)
        except LogError as error:  # a link that leads nowhere
            refusals.append(Refusal(file, str(error)))
            continue
        if place.identity is None:
            refusals.append(Refusal(file, f"{file}: is no regular file and was not read."))
        else:
            places.append(place)
    return Log(name, tuple(places), tuple(refusals), is_folder=True)


def log_of(file: LogFile, name: str | None = None) -> Log:
    """The log in an open file or at a path, under this name if one is given; patterns are paths here.

    Raises LogError where it is neither, or where reading would surely fail.
    """
    if isinstance(file, (str, os.PathLike)):
        return log_at(os.fspath(file), name)
    if not hasattr(file, "read"):
        raise LogError(f"{file!r:.60} is neither a path nor an open file.")
    name = name or name_of(file)
    return Log(name, (_open_file(file, name),))


def name_of(file: LogFile) -> str:
    """The name of a log in results and messages."""
    if isinstance(file, (str, os.PathLike)):
        return _name(os.fspath(file))
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else "stream"


def file_identity(file: str | TextIO | None) -> tuple[int, int] | None:
    """The device and inode of a regular file, the same for every path and link to it; else None.

    `-` stands for standard input; an open text stream is the file that it reads or writes.
    """
    if file == DASH:
        file = sys.stdin
    try:
        status = os.stat(file) if isinstance(file, str) else os.fstat(cast(TextIO, file).fileno())
    except (OSError, ValueError, AttributeError):  # a stream that is closed is None
        return None
    return _identity(status)


def same_files(places: Iterable[Place]) -> list[list[str]]:
    """The names of places that are one file, where there are several; each list in the order given."""
    by_identity: dict[Hashable, list[str]] = {}
    for place in places:
        if place.identity is not None:
            by_identity.setdefault(place.identity, []).append(place.name)
    return [names for names in by_identity.values() if len(names) > 1]


def _name(path: str) -> str:
    return "stdin" if path == DASH else path


def _place(path: str, name: str | None = None) -> Place:
    name = name or _name(path)
    if path == DASH:
        size = regular_size(sys.stdin.buffer) if sys.stdin else None
        return Place(name, _open_stdin, size, file_identity(path), can_open_again=False)
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise _not_opened(path, error) from error
    identity = _identity(status)
    size = status.st_size if identity else None
    version = (path, size, status.st_mtime_ns, *identity) if identity else None
    opened_as = partial(_open_path, path, size)
    return Place(name, opened_as, size, identity, version, can_open_again=identity is not None)


def _open_file(file: BinaryIO, name: str) -> Place:
    """The place of a file that is open already; an upload says its size by itself."""
    said, status, start = getattr(file, "size", None), status_of(file), start_of(file)
    identity = _identity(status) if status else None
    known = status.st_size if status and identity else None
    size = said if isinstance(said, int) else known
    opened_as = partial(Stream, file=file, size=size, start=start)
    return Place(name, opened_as, size, identity, can_open_again=start is not None)


def _open_stdin(name: str) -> Source:
    if sys.stdin is None:
        raise LogError("stdin: is closed. Name a file instead of -.")
    stream = sys.stdin.buffer
    return Stream(name, stream, regular_size(stream), start_of(stream))


def _open_path(path: str, known: int | None, name: str) -> Source:
    """Open a path, which had `known` bytes when it was looked at first."""
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115  (whoever takes the source closes it)
    except (OSError, ValueError) as error:
        raise _not_opened(path, error) from error
    stream = cast(BinaryIO, file)
    size = regular_size(stream)
    size = None if size is None else max(size, known or 0)
    return Stream(name, stream, size, start_of(stream), close=file.close)


def _identity(status: os.stat_result) -> tuple[int, int] | None:
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _not_opened(path: str | os.PathLike[str], error: Exception) -> LogError:
    if isinstance(error, FileNotFoundError):
        return LogError(f"{path}: there is no such file. Check the path.")
    if isinstance(error, IsADirectoryError):
        return LogError(f"{path}: is a folder. Give the log files in it.")
    return LogError(f"{path}: cannot be opened: {reason_of(error)}.")
