"""Uploads kept for a second look, in a private temporary folder, until the tab's session ends.

Each server has its own folder and locks it. When a server starts, it removes the folders that nobody has locked: their
servers were killed. The names of uploads are never used as paths.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from flowtag_core.errors import FlowtagError, reason_of
from flowtag_core.showing import words
from flowtag_core.sources.places import Place, log_at

_PREFIX: Final = "flowtag-page-"
_LOCK: Final = "lock"
_YOUNG: Final = 60
"""A folder without a lock that is younger than this, in seconds, may still be in the making."""
_LEFT_FREE: Final = 1 << 28
"""Bytes to leave free in the temporary folder, which may be in memory."""


class Kept:
    """The uploads of one tab. `is_on` says whether new ones are kept."""

    def __init__(self) -> None:
        self.is_on = True
        self._folder: Path | None = None
        self._lock = threading.Lock()

    def keep(self, place: Place) -> Place | str:
        """Copy an upload; return the place of the copy, or a sentence on why it was not kept."""
        size = place.size or 0
        try:
            with self._lock:
                if self._folder is None or not self._folder.is_dir():
                    self._folder = Path(tempfile.mkdtemp(dir=_there()))
                folder = self._folder
            if shutil.disk_usage(folder).free < size + _LEFT_FREE:
                return _not_kept(
                    place, f"{tempfile.gettempdir()} has no room for {words.size(size)}"
                )
            handle, path = tempfile.mkstemp(dir=folder)
            try:
                with closing(place.open()) as source, open(handle, "wb") as copy:
                    copy.writelines(source.pieces())
            except BaseException:
                with suppress(OSError):
                    os.unlink(path)
                raise
            with self._lock:
                if self._folder != folder:  # Everything was cleared in the meantime.
                    shutil.rmtree(folder, ignore_errors=True)
                    return _not_kept(place, "the files were removed")
            return replace(log_at(path).places[0], name=place.name)
        except OSError as error:
            return _not_kept(place, reason_of(error))
        except FlowtagError as error:
            return _not_kept(place, str(error).rstrip("."))

    def forget(self, places: Iterable[Place]) -> None:
        """Remove the copies among these places."""
        for place in places:
            if self._has(place):
                with suppress(OSError):
                    os.unlink(str(place.path))

    def others(self, places: Iterable[Place]) -> tuple[Place, ...]:
        """Return the places that are not copies."""
        return tuple(place for place in places if not self._has(place))

    def _has(self, place: Place) -> bool:
        return place.path is not None and Path(place.path).parent == self._folder

    def clear(self) -> None:
        """Remove what was kept."""
        with self._lock:
            folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders of servers that are gone."""
    for folder in _folders():
        lock = folder / _LOCK
        # Another server may be removing the same folder, and some file systems have no locks.
        with suppress(Timeout, OSError, NotImplementedError):
            if lock.exists() or time.time() - folder.stat().st_mtime > _YOUNG:
                with FileLock(lock, timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)


def _folders() -> Iterator[Path]:
    """Yield the folders of servers that belong to this user."""
    with suppress(OSError):
        for entry in os.scandir(tempfile.gettempdir()):
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                if os.name == "nt" or (
                    status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077
                ):
                    yield Path(entry.path)


@cache
def _folder_of_server() -> str:
    """Make the folder of this server, which only this user can read, and lock it until the server ends."""
    folder = tempfile.mkdtemp(prefix=_PREFIX)
    lock = FileLock(os.path.join(folder, _LOCK))
    lock.acquire(timeout=0)

    def remove() -> None:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def _there() -> str:
    """Return the folder of this server; a new one if something has removed it."""
    if not os.path.isdir(_folder_of_server()):
        _folder_of_server.cache_clear()
    return _folder_of_server()


def _not_kept(place: Place, why: str) -> str:
    return (
        f"{place.name}: was counted, but not kept for a second look: {why}. To look at it again, start the page "
        "with the file."
    )
