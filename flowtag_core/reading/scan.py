"""The files to follow: at paths, next to them where rotation puts them, and in folders."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import BinaryIO, Final, NamedTuple

from flowtag_core.errors import LogError, reason_of
from flowtag_core.reading.positions import Identity
from flowtag_core.reading.rotation import siblings
from flowtag_core.sources.places import file_identity, log_at
from flowtag_core.sources.uris import EVERY_DAY, Days

_LIST_EVERY: Final = 12
"""In one of so many looks, all folders are listed, whether they have changed or not."""
_UNSURE: Final = 3.0
"""Seconds after a change in which a folder's time may not show another one."""
_LOOKS_MISSING: Final = 2
"""The looks after which a missing file is reported: between two steps of a rotation, it may be missing."""


class Found(NamedTuple):
    """A file that was found: its path, and what the system says about it."""

    path: str
    status: os.stat_result


class _Folder(NamedTuple):
    """The time of a folder's last change, and its files and subfolders by name, apart from hidden ones."""

    changed: int
    files: list[str]
    folders: list[str]


class Scan:
    """Finds regular files, apart from hidden ones and `others`.

    In folders, it finds only files of these `days`, by their names. `report` is called with a message about a file
    that cannot be found, `forget` if it is there again. Raises LogError if a path is neither a file nor a folder.
    """

    def __init__(
        self,
        paths: Sequence[str],
        others: Sequence[str],
        report: Callable[[str], None],
        forget: Callable[[str], None],
        days: Days = EVERY_DAY,
    ) -> None:
        self._days = days
        self.folders = [path for path in paths if os.path.isdir(path)]
        self.files = [path for path in paths if path not in self.folders]
        for path in self.files:
            log_at(path)  # This raises LogError if it does not exist.
            if not os.path.isfile(path):
                raise LogError(
                    f"{path}: is neither a file nor a folder, so it cannot be followed. If it can be read "
                    "once, give - as the LOG and redirect it."
                )
        self._others, self._report, self._forget = others, report, forget
        self._missing = dict.fromkeys(self.files, 0)
        self._seen: dict[str, _Folder] = {}
        self._looks = 0

    def find(self, is_due: Callable[[str], bool]) -> tuple[dict[Identity, Found], list[str]]:
        """Return the files that are there, and the paths in folders that were not looked at.

        These are the ones that are not due, and those about which the system says nothing at the moment.
        """
        found: dict[Identity, Found] = {}
        skipped: list[str] = []
        others = {file_identity(path) for path in self._others}

        def add(path: str) -> None:
            try:
                status = os.stat(path)
            except (FileNotFoundError, NotADirectoryError):  # It has just vanished.
                return
            except OSError as error:
                self._report(f"{path}: cannot be read: {reason_of(error)}.")
                skipped.append(path)
                return
            identity = status.st_dev, status.st_ino or _substitute(path)
            if stat.S_ISREG(status.st_mode) and identity not in others:
                found.setdefault(identity, Found(path, status))

        for path in self.files:
            self._report_missing(path)
            real = os.path.realpath(path)
            for each in (real, *siblings(real)):
                add(each)
        for path in filter(self._days.have, self._files_below()):
            if is_due(path):
                add(path)
            else:
                skipped.append(path)
        return found, skipped

    def _files_below(self) -> Iterator[str]:
        """Yield the paths of all files in the folders; a folder that has not changed is not listed again.

        Its time may be too coarse to show that: it is not trusted soon after a change, nor for long.
        """
        self._looks += 1
        seen = self._seen if self._looks % _LIST_EVERY else {}
        self._seen = {}
        waiting = self.folders[::-1]
        while waiting:
            path = waiting.pop()
            try:
                changed = os.stat(path).st_mtime_ns
                folder = seen.get(path)
                if folder is None or folder.changed != changed:
                    folder = _listed(path, changed)
                if time.time() - changed / 1e9 > _UNSURE:
                    self._seen[path] = folder
            except OSError as error:
                self.report_unreadable(error)
                continue
            yield from folder.files
            waiting += folder.folders[::-1]

    def is_only_beside(self, path: str) -> bool:
        """Whether a file was found only because it is next to a log."""
        if os.path.realpath(path) in map(os.path.realpath, self.files):
            return False
        return not any(
            where(path).startswith(os.path.join(where(folder), ""))
            for where in (os.path.abspath, os.path.realpath)
            for folder in self.folders
        )

    def report_unreadable(self, error: OSError) -> None:
        """Report that a file or folder cannot be read."""
        self._report(f"{error.filename}: cannot be read: {reason_of(error)}.")

    def _report_missing(self, path: str) -> None:
        message = f"{path}: is gone. It will be followed again once it is back."
        if os.path.exists(path):
            self._missing[path] = 0
            self._forget(message)
        else:
            self._missing[path] += 1
            if self._missing[path] >= _LOOKS_MISSING:
                self._report(message)


def _listed(path: str, changed: int) -> _Folder:
    with os.scandir(path) as entries:
        there = sorted(
            (entry for entry in entries if entry.name[0] != "."), key=lambda each: each.name
        )
    files = [os.path.join(path, each.name) for each in there if not each.is_dir()]
    folders = [
        os.path.join(path, each.name) for each in there if each.is_dir(follow_symlinks=False)
    ]
    return _Folder(changed, files, folders)


def is_number(file: BinaryIO, identity: Identity) -> bool:
    """Whether an open file is the one with a number, as far as the file system numbers its files."""
    status = os.fstat(file.fileno())
    return not status.st_ino or identity == (status.st_dev, status.st_ino)


def _substitute(path: str) -> int:
    """Return a substitute for the inode number of a file on a file system that has none."""
    whole = os.fsencode(os.path.abspath(path))
    return int.from_bytes(blake2b(whole, digest_size=7).digest(), "big")
