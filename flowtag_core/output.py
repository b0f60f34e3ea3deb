"""Output files, which appear whole or not at all, and the cells of a CSV."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import BinaryIO, Final

from flowtag_core.errors import OutputError, reason_of

OutputFile = str | os.PathLike[str] | BinaryIO
"""A path, or a file opened in binary mode."""

PART: Final = ".part"
"""The suffix of a file that is still being written."""
_DESCRIPTORS: Final = re.compile(rf"/dev/fd|/proc/{os.getpid()}(?:/task/\d+)?/fd")
_URI: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]+):/")
_MOST_LINKS: Final = 40
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NEEDS_QUOTES: Final = re.compile(r'[,"\r\n]')


def csv_cell(text: str) -> str:
    """Return the text as a CSV cell, quoted only if necessary (RFC 4180)."""
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def safe_cell(text: str) -> str:
    """Return the text as a CSV cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return csv_cell(f"'{text}" if text[:1] in _BEGINS_FORMULA else text)


def write_whole(content: Iterable[bytes | memoryview], file: OutputFile) -> None:
    """Write the content, given in pieces, so that nobody ever sees a partial file at the path.

    It is written to a temporary file in the same folder, which is then renamed. A path that is not a
    regular file (a pipe, a terminal, /dev/stdout) cannot be replaced and is written directly, and so is
    an open file. Raises OutputError if writing fails, and BrokenPipeError if the reader has closed the
    pipe, which is not a failure.
    """
    path = os.fspath(file) if isinstance(file, (str, os.PathLike)) else "the result"
    with _named(path):
        if not isinstance(file, (str, os.PathLike)):
            file.writelines(content)
            file.flush()
        elif (descriptor := _descriptor(path)) is not None:
            with os.fdopen(os.dup(descriptor), "wb") as stream:
                stream.writelines(content)
        elif _is_replaced(path):
            with replaced(path, content):
                pass
        else:
            with open(path, "wb") as stream:
                stream.writelines(content)


@contextmanager
def replaced(path: str, content: Iterable[bytes | memoryview]) -> Iterator[None]:
    """Write the content to a temporary file beside a path, and rename it to the path if the block does not fail.

    In this way several files appear together or not at all. Raises OutputError if writing or renaming fails.
    """
    with ExitStack() as undo:
        with _named(path):
            target = _target(path)
            beside = os.path.join(os.path.dirname(target), f".flowtag-{os.urandom(8).hex()}{PART}")
            mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else None
            undo.callback(_remove, beside)
            with open(beside, "xb", opener=_private if mode is not None else None) as stream:
                stream.writelines(content)
                stream.flush()
                os.fsync(stream.fileno())
            if mode is not None:
                os.chmod(beside, mode)
        yield
        with _named(path):
            os.replace(beside, target)
        undo.pop_all()


def is_replaced(path: str) -> bool:
    """Whether writing to a path replaces it: it is a regular file, or nothing is there yet."""
    return _descriptor(path) is None and _is_replaced(path)


def _is_replaced(path: str) -> bool:
    return not os.path.exists(path) or os.path.isfile(path)


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Turn any failure to write a path into an OutputError that names the path."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, ValueError, TypeError, OverflowError) as error:
        raise OutputError(f"{path}: could not be written: {reason_of(error)}.") from error


def append_whole(content: bytes, path: str) -> None:
    """Append the content to a file, which is created if it is missing. If that fails, nothing is appended.

    What was written to anything but a regular file (a pipe, /dev/stdout) cannot be taken back. Raises OutputError
    if writing fails.
    """
    try:
        with open(path, "ab", buffering=0, opener=_not_waiting) as stream:
            is_regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
            before = os.fstat(stream.fileno()).st_size
            try:
                rest = memoryview(content)
                while rest:
                    rest = rest[stream.write(rest) :]
            except OSError:
                if is_regular:
                    os.truncate(path, before)
                raise
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {reason_of(error)}.") from error


def _not_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody reads is an error, not a reason to wait."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def check_writable(path: str) -> None:
    """Raise OutputError now if `write_whole` would certainly fail later. Nothing is written."""
    try:
        target = _target(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason_of(error)}.") from error
    folder = os.path.dirname(target)
    if (uri := _URI.match(path)) and not os.path.isdir(folder):
        # The rest of it may be a secret.
        raise OutputError(
            f"{uri[1]}:...: a result cannot be written to a store. Name a local file."
        )
    if os.path.isdir(target) or not path or path.endswith(os.sep):
        raise OutputError(f"{path or 'OUTPUT'}: is not a file name. Name a file, not a folder.")
    if not os.path.isdir(folder):
        raise OutputError(f"{path}: there is no folder {folder}. Create it first.")
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise OutputError(f"{path}: is write-protected. Choose another file.")
    is_through = os.path.exists(target) and not os.path.isfile(target)
    if not is_through and not os.access(folder, os.W_OK):
        raise OutputError(f"{path}: the folder {folder} is write-protected. Choose another.")


def _target(path: str) -> str:
    """Return the path of the file that a path means, after all links. Raises OSError if they go in a circle."""
    target = os.path.realpath(path)
    if os.path.islink(target):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _descriptor(path: str) -> int | None:
    """Return the file descriptor that a path such as /dev/stdout or /dev/fd/3, or a link to one, means.

    The caller writes to it directly: opening the path again would truncate a file that the shell appends
    to.
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


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner can read or write."""
    return os.open(path, flags, 0o600)
