"""A path, a folder, a pattern, standard input or an open file -> the places of logs.

A place is one file that can be opened. A file in an archive is not a place: it is read through the place
of the archive.
"""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, TextIO, cast

from flowtag_core.errors import LogError, reason_of
from flowtag_core.sources.pieces import Source
from flowtag_core.sources.stream import Stream, regular_size, start_of, status_of
from flowtag_core.sources.uris import EVERY_DAY, Days, is_uri, other_uri, remedy_for, shown

if TYPE_CHECKING:
    from flowtag_core.sources.ahead import Range
    from flowtag_core.sources.objects import Object, Store

LogFile = str | os.PathLike[str] | BinaryIO
"""A log as a caller gives it: a path, `-` for standard input, or a file opened in binary mode."""

DASH: Final = "-"
"""The name for standard input, or for standard output if it is an output."""
_ALL_BELOW: Final = "**"


@dataclass(frozen=True)
class Place:
    """One file that can be opened: its name, a function that opens it, and its size in bytes if known.

    `identity` is the same for every path and link to the same regular file, and None for anything else.
    `version` changes with the content; only objects and files given by their path have one. Only the latter
    have a `path`. If `can_open_again` is true, opening it again gives the same bytes. `begins_as` returns the first
    bytes of an object.
    """

    name: str
    opened_as: Callable[[str], Source]
    size: int | None = None
    identity: Hashable = None
    version: Hashable = None
    can_open_again: bool = True
    path: str | None = None
    begins_as: Callable[[int], bytes] | None = None

    def beginning(self, most: int) -> bytes:
        """Return at most this many bytes from the beginning; nothing else of an object is asked for.

        Raises LogError if they cannot be read, or if reading them now would take them away from a later reader.
        """
        if self.begins_as is not None:
            return self.begins_as(most)
        if self.path is None:
            raise LogError(f"{self.name}: can be read only once. Name a file.")
        try:
            with open(self.path, "rb", buffering=0) as file:
                return file.read(most)
        except (OSError, ValueError) as error:
            raise _not_opened(self.name, error) from error

    def content(self) -> bytes | None:
        """Return the bytes of a small file at a path; None if its size has changed or it cannot be read.

        This takes half as long as opening it as a source.
        """
        if self.path is None or self.size is None:
            return None
        with suppress(OSError), open(self.path, "rb", buffering=0) as file:
            content = file.read(self.size + 1)
            return content if len(content) == self.size else None
        return None

    def has_changed(self) -> bool:
        """Whether a file at a path is no longer the same, or no longer has the same content."""
        if self.path is None:
            return False
        try:
            return _version(self.path, os.stat(self.path)) != self.version
        except OSError:
            return True

    def open(self) -> Source:
        """Open the file under its name; the caller must close it. Raises LogError if that fails."""
        return self.opened_as(self.name)


class Refusal(NamedTuple):
    """A file or folder that cannot be read, and a sentence that says why."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Log:
    """A log as it was given: one file, or a folder with every file below it.

    `refusals` lists the files and folders in it that cannot be read.
    """

    name: str
    places: tuple[Place, ...]
    refusals: tuple[Refusal, ...] = ()
    is_folder: bool = False


def logs_at(path: str, others: Iterable[str] = (), days: Days = EVERY_DAY) -> list[Log]:
    """Return the log at a path, or the matches of a pattern such as `logs/**/*.gz`, sorted by name.

    A shell usually expands patterns first. `others` are files that are known to be no logs, such as the
    lookup: they are left out of a folder and of what a pattern matches. So are files in a folder that are not of
    these `days`. A path may be a URI of an object store. Nothing is read; raises LogError if reading would certainly
    fail.
    """
    return [_of_days(log, days) for log in _logs_at(path, others, days)]


def _refuse_other_uri(path: str) -> None:
    """Raise LogError for a URI that is none of ours, without what may be secret in it."""
    if (scheme := other_uri(path)) and not os.path.lexists(path):
        raise LogError(
            f"{scheme}:...: is not a URI that flowtag reads. Write s3://bucket/prefix/, gs://, az:// or https://."
        )


def _of_days(log: Log, days: Days) -> Log:
    if not log.is_folder or days == EVERY_DAY:
        return log
    places = tuple(place for place in log.places if days.have(place.name))
    if not places:
        raise LogError(f"{log.name}: has no files from these days. Check --since and --until.")
    return replace(log, places=places)


def _logs_at(path: str, others: Iterable[str], days: Days) -> list[Log]:
    if is_uri(path):
        return [_objects(path, shown(path), days)]
    _refuse_other_uri(path)
    known = {identity for other in others if (identity := file_identity(other))}
    if path == DASH or os.path.lexists(path):
        return [_without(log_at(path), known)]
    matched = [
        each
        for each in sorted(glob.glob(path, recursive=True))
        # `**` matches the files in each folder too, so the folders are dropped.
        if not (_ALL_BELOW in path and os.path.isdir(each)) and file_identity(each) not in known
    ]
    if not matched and glob.has_magic(path):
        raise LogError(f"{path}: no file matches this pattern. Check the path.")
    return [_without(log_at(each), known) for each in matched or [path]]


def _without(log: Log, known: Container[object]) -> Log:
    """Return a folder without these files; any other log as it is."""
    if not log.is_folder:
        return log
    places = tuple(each for each in log.places if each.identity not in known)
    if not places and not log.refusals:
        raise LogError(
            f"{log.name}: is a folder without logs. Choose the folder that contains them."
        )
    return replace(log, places=places)


def log_at(path: str, name: str | None = None) -> Log:
    """Return the log at a path: the file, or all files below a folder except hidden ones, sorted by name.

    A URI of an object store is the object, or all objects under the prefix. Raises LogError if the path does not
    exist or is a folder without files.
    """
    if is_uri(path):
        return _objects(path, name or shown(path), EVERY_DAY)
    _refuse_other_uri(path)
    if path == DASH or not os.path.isdir(path):
        return Log(name or _name(path), (_place(path, name),))
    errors: list[OSError] = []
    files = list(files_below(path, errors.append))
    if not files and not errors:
        raise LogError(
            f"{path}: is a folder without files. Choose the folder that contains the logs."
        )
    name = name or path
    refusals = [Refusal(name, str(_not_opened(error.filename, error))) for error in errors]
    places = []
    for file in files:
        try:
            place = _place(file)
        except LogError as error:  # a broken link
            refusals.append(Refusal(file, str(error)))
            continue
        if place.identity is None:
            refusals.append(Refusal(file, f"{file}: is not a regular file, so it was not read."))
        else:
            places.append(place)
    return Log(name, tuple(places), tuple(refusals), is_folder=True)


def _objects(uri: str, name: str, days: Days) -> Log:
    """Return the object at a URI, or those of some days under it."""
    from flowtag_core.sources.listing import Listing
    from flowtag_core.sources.objects import Store

    store, uri = Store(uri), shown(uri)
    is_prefix = not store.key or store.key.endswith("/")
    alone = None if is_prefix else store.object_at(store.key)
    if alone:
        return Log(name, (replace(*places_in(store, [alone]), name=name),))
    objects = Listing(store).objects(days)
    if not objects and days == EVERY_DAY:
        remedy = remedy_for(uri)
        raise LogError(f"{uri}: there is no such object, and none under it. {remedy}")
    return Log(name, tuple(places_in(store, objects)), is_folder=True)


def places_in(store: Store, objects: Sequence[Object]) -> list[Place]:
    """Return the places of objects in a store. Reading one asks for those after it."""
    uris = [f"{store.root}{each.key}" for each in objects]
    return places_of(
        uris, objects, lambda one: store.read(objects[one.number], one.first, one.behind)
    )


def places_of(
    uris: Sequence[str], objects: Sequence[Object], read: Callable[[Range], memoryview]
) -> list[Place]:
    """Return the places of objects at these URIs; `read` returns the bytes of a range of one of them."""
    from flowtag_core.sources.ahead import Ahead
    from flowtag_core.sources.objects import ObjectSource, ranges_of

    ahead = Ahead(ranges_of(objects), read)
    return [
        Place(
            uri,
            partial(ObjectSource, number=number, each=each, ahead=ahead),
            each.size,
            identity=uri,
            version=each.version,
            begins_as=partial(_first_of, read, number, each.size),
        )
        for number, (uri, each) in enumerate(zip(uris, objects, strict=True))
    ]


def _first_of(read: Callable[[Range], memoryview], number: int, size: int, most: int) -> bytes:
    from flowtag_core.sources.ahead import Range

    return bytes(read(Range(number, 0, min(most, size))))


def files_below(folder: str, onerror: Callable[[OSError], object] | None = None) -> Iterator[str]:
    """Yield the paths of all files below a folder except hidden ones, sorted by name."""
    for above, folders, names in os.walk(folder, onerror=onerror):
        folders[:] = sorted(each for each in folders if each[0] != ".")
        yield from (os.path.join(above, name) for name in sorted(names) if name[0] != ".")


def log_of(file: LogFile, name: str | None = None) -> Log:
    """Return the log in an open file or at a path, under `name` if given. Patterns are not expanded.

    Raises LogError if `file` is neither, or if reading it would certainly fail.
    """
    if isinstance(file, (str, os.PathLike)):
        return log_at(os.fspath(file), name)
    if not hasattr(file, "read"):
        raise LogError(
            f"{file!r:.60} is neither a path nor an open file. Give several logs as several arguments."
        )
    name = name or name_of(file)
    return Log(name, (_open_file(file, name),))


def readable(path: str) -> str | BinaryIO:
    """Return a path itself, or the content of a small object in a store. Raises LogError."""
    if not is_uri(path):
        _refuse_other_uri(path)
        return path
    from flowtag_core.sources.objects import content_of

    return content_of(path)


def name_of(file: LogFile) -> str:
    """Return the name of a log in results and messages."""
    if isinstance(file, (str, os.PathLike)):
        return _name(os.fspath(file))
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else "stream"


def file_identity(file: str | TextIO | None) -> tuple[int, int] | None:
    """Return the device and inode of a regular file, or None for anything else.

    They are the same for every path and link to the file. `-` means standard input, and an open text
    stream means the file that it reads or writes.
    """
    if file == DASH:
        file = sys.stdin
    try:
        status = os.stat(file) if isinstance(file, str) else os.fstat(cast(TextIO, file).fileno())
    except (OSError, ValueError, AttributeError):  # sys.stdin is None if it is closed.
        return None
    return _identity(status)


def same_files(places: Iterable[Place]) -> list[list[str]]:
    """Group the names of places that are the same file, in the given order. Other places are left out."""
    by_identity: dict[Hashable, list[str]] = {}
    for place in places:
        if place.identity is not None:
            by_identity.setdefault(place.identity, []).append(place.name)
    return [names for names in by_identity.values() if len(names) > 1]


def _name(path: str) -> str:
    return "stdin" if path == DASH else shown(path)


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
    version = _version(path, status) if identity else None
    opened_as = partial(_open_path, path, size)
    is_file = identity is not None
    return Place(name, opened_as, size, identity, version, is_file, path if is_file else None)


def _version(path: str, status: os.stat_result) -> Hashable:
    return path, status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino


def _open_file(file: BinaryIO, name: str) -> Place:
    """Return the place of a file that is already open; an upload states its size in `size`."""
    said, status, start = getattr(file, "size", None), status_of(file), start_of(file)
    identity = _identity(status) if status else None
    known = status.st_size if status and identity else None
    size = said if isinstance(said, int) else known
    opened_as = partial(Stream, file=file, size=size, start=start)
    return Place(name, opened_as, size, identity, can_open_again=start is not None)


def _open_stdin(name: str) -> Source:
    if sys.stdin is None:
        raise LogError("stdin: is closed. Give a file name instead of -.")
    stream = sys.stdin.buffer
    return Stream(name, stream, regular_size(stream), start_of(stream))


def _open_path(path: str, known: int | None, name: str) -> Source:
    """Open a path that had `known` bytes when it was first looked at."""
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115  (the caller closes the source)
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
        return LogError(f"{path}: there is no such file. {remedy_for(os.fspath(path))}")
    if isinstance(error, IsADirectoryError):
        return LogError(f"{path}: is a folder. Give the log files in it.")
    return LogError(f"{path}: cannot be opened: {reason_of(error)}.")
