"""Where a log lies."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO, TextIO, cast

from flowtag_core.errors import LogError, reason_of

LogFile = str | os.PathLike[str] | BinaryIO
"""What counts as a log: a path, `-` for standard input, or a file opened in binary mode."""


def size_of(file: LogFile) -> int | None:
    """The size in bytes of a regular file, or of an open one that says it."""
    if isinstance(file, (str, os.PathLike)):
        if os.fspath(file) == "-":  # standard input, though there may be a file of this name
            return None
        with suppress(OSError, ValueError):  # whoever opens it says what is wrong
            status = os.stat(file)
            return status.st_size if stat.S_ISREG(status.st_mode) else None
        return None
    size = getattr(file, "size", None)
    return size if isinstance(size, int) else None


def source_name(file: LogFile) -> str:
    """What a log is called in results and messages."""
    if isinstance(file, (str, os.PathLike)):
        return "stdin" if os.fspath(file) == "-" else os.fspath(file)
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else "stream"


def check_readable(path: str | os.PathLike[str]) -> None:
    """Raise LogError at once where reading would surely fail later; nothing is read."""
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError) as error:
        raise _not_opened(path, error) from error
    if is_folder:
        raise _not_opened(path, IsADirectoryError())


def expanded(path: str) -> list[str]:
    """The paths that are meant: itself, or what a pattern such as `logs/**/*.gz` matches, by name.

    A shell has mostly matched it before. Raises LogError at once where reading would surely fail
    later; nothing is read.
    """
    if path == "-" or os.path.isdir(path):
        return [path]
    if not os.path.lexists(path):
        found = sorted(glob.glob(path, recursive=True))
        # A folder that ** finds is read already, file by file.
        files = [each for each in found if "**" not in path or not os.path.isdir(each)]
        if files:
            return files
    check_readable(path)
    return [path]


def files_in(path: str) -> tuple[list[str], list[LogError]]:
    """The path itself, or for a folder every file in it and below, by name; hidden ones are not.

    Beside them what is wrong with folders that cannot be looked into. Raises LogError where there
    is no such path or nothing in it.
    """
    if not os.path.isdir(path):
        check_readable(path)
        return [path], []
    files: list[str] = []
    unreadable: list[LogError] = []

    def note(error: OSError) -> None:
        unreadable.append(_not_opened(error.filename, error))

    for folder, folders, names in os.walk(path, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [os.path.join(folder, name) for name in sorted(names) if name[0] != "."]
    if not files and not unreadable:
        raise LogError(f"{path}: is a folder without files. Give the folder that has the logs.")
    return files, unreadable


def file_identity(file: str | TextIO | None) -> tuple[int, int] | None:
    """The device and inode of a regular file, the same for every path and link to it; else None.

    `-` stands for standard input; an open text stream is the file that it reads or writes.
    """
    if file == "-":
        file = sys.stdin
    try:
        status = os.stat(file) if isinstance(file, str) else os.fstat(cast(TextIO, file).fileno())
    except (OSError, ValueError, AttributeError):  # a stream that is closed is None
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def same_files(paths: Iterable[str]) -> list[list[str]]:
    """The paths that lead to one file, where there are several; each list in the order given."""
    by_identity: dict[tuple[int, int], list[str]] = {}
    for path in paths:
        if (identity := file_identity(path)) is not None:
            by_identity.setdefault(identity, []).append(path)
    return [paths for paths in by_identity.values() if len(paths) > 1]


def open_log(path: str | os.PathLike[str]) -> BinaryIO:
    """The file at a path, opened for reading its bytes; raises LogError where that fails."""
    try:
        return open(path, "rb", buffering=0)
    except (OSError, ValueError) as error:
        raise _not_opened(path, error) from error


def _not_opened(path: str | os.PathLike[str], error: Exception) -> LogError:
    if isinstance(error, FileNotFoundError):
        return LogError(f"{path}: there is no such file. Check the path.")
    if isinstance(error, IsADirectoryError):
        return LogError(f"{path}: is a folder. Give the log files in it.")
    return LogError(f"{path}: cannot be opened: {reason_of(error)}.")
