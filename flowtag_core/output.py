"""Output: files that appear whole or not at all, cells of a CSV."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO, Final

from flowtag_core.errors import OutputError, reason_of

OutputFile = str | os.PathLike[str] | BinaryIO
"""A path, or a file opened in binary mode."""

PART: Final = ".part"
"""The suffix of a file that is still being written."""
_DESCRIPTORS: Final = re.compile(rf"/dev/fd|/proc/{os.getpid()}(?:/task/\d+)?/fd")
_MOST_LINKS: Final = 40
_NEEDS_QUOTES: Final = re.compile(r'[,"\r\n]')


def csv_cell(text: str) -> str:
    """A CSV cell, in quotes only where it must be (RFC 4180)."""
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def write_whole(content: Iterable[bytes], file: OutputFile) -> None:
    """Write the pieces of the content so that nobody ever sees a part of it under the path.

    It is written beside and then renamed. What is no regular file (a pipe, a terminal, /dev/stdout)
    cannot be renamed and is written through; an open file is written as it is. Raises OutputError,
    and BrokenPipeError where a reader has gone, which is no fault.
    """
    path = os.fspath(file) if isinstance(file, (str, os.PathLike)) else "the result"
    try:
        if not isinstance(file, (str, os.PathLike)):
            file.writelines(content)
            file.flush()
        elif (descriptor := _descriptor(path)) is not None:
            with os.fdopen(os.dup(descriptor), "wb") as stream:
                stream.writelines(content)
        elif os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as stream:
                stream.writelines(content)
        else:
            _replace(os.path.realpath(path), content)
    except BrokenPipeError:
        raise
    except (OSError, ValueError, TypeError, OverflowError) as error:
        raise OutputError(f"{path}: could not be written: {reason_of(error)}.") from error


def check_writable(path: str) -> None:
    """Raise OutputError at once where `write_whole` would surely fail later; nothing is written."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if os.path.isdir(target) or not path or path.endswith(os.sep):
        raise OutputError(f"{path or 'OUTPUT'}: is a folder or no name. Name a file.")
    if not os.path.isdir(folder):
        raise OutputError(f"{path}: there is no folder {folder}. Make it first.")
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise OutputError(f"{path}: is write-protected. Name another file.")
    is_through = os.path.exists(target) and not os.path.isfile(target)
    if not is_through and not os.access(folder, os.W_OK):
        raise OutputError(f"{path}: no file may be made in the folder {folder}. Choose another.")


def _descriptor(path: str) -> int | None:
    """The file descriptor that a path such as /dev/stdout or /dev/fd/3, or a link to it, stands for.

    It is used as it is: to open it again would empty a file to which the shell appends.
    """
    for _ in range(_MOST_LINKS):
        folder, name = os.path.split(path)
        folder = os.path.realpath(folder).replace("//", "/")
        if name.isdecimal() and _DESCRIPTORS.fullmatch(folder):
            return int(name)
        path = os.path.join(folder, name)
        if not os.path.islink(path):
            return None
        path = os.path.join(folder, os.readlink(path))
    return None


def _replace(path: str, content: Iterable[bytes]) -> None:
    beside = os.path.join(os.path.dirname(path), f".flowtag-{os.urandom(8).hex()}{PART}")
    mode = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else None
    try:
        with open(beside, "xb", opener=_private if mode is not None else None) as stream:
            stream.writelines(content)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            os.chmod(beside, mode)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner may read or write."""
    return os.open(path, flags, 0o600)
