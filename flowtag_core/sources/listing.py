"""Lists the objects of some days under a prefix, without the keys of all other days."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Final, NamedTuple

from flowtag_core.sources.ahead import on_a_thread
from flowtag_core.sources.objects import Object, Store
from flowtag_core.sources.uris import EVERY_DAY, Days, is_day_folder, is_earlier

_MOST_FOLDERS: Final = 2_000
"""With more folders than this, all keys are listed: a request lists one folder, or 1,000 keys."""
_FORGOTTEN: Final = 120
"""After this many listings, the folders that were passed over are looked at again."""


class _Level(NamedTuple):
    """The objects and folders directly in a folder, without folders of other days."""

    objects: list[Object]
    folders: list[str]


class Listing:
    """The objects under the prefix of a store, which may be listed again and again.

    It goes down the folders and skips those of other days, such as `/2026/11/23/`. Earlier months and years in
    which it found nothing else are skipped in the next listings too.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._over: set[str] = set()
        self._listings = 0

    def objects(self, days: Days) -> list[Object]:
        """Return the objects of these days, and those without a day, sorted by key. Raises StoreError."""
        self._listings += 1
        if self._listings % _FORGOTTEN == 0:
            self._over.clear()
        found = None if days == EVERY_DAY else self._below(self._store.key, days)
        if found is None:
            found = self._store.objects(self._store.key)
        return sorted(each for each in found if days.have(each.key))

    def _below(self, prefix: str, days: Days) -> list[Object] | None:
        """Return the objects under a prefix, found by going down its folders; None if there are too many folders."""
        found: list[Object] = []
        levels: dict[str, _Level] = {}
        waiting = [prefix]
        while waiting:
            if len(levels) + len(waiting) > _MOST_FOLDERS:
                return None
            asked = [(folder, self._asked(folder)) for folder in waiting]
            waiting = []
            for folder, answer in asked:
                objects, folders = answer.result()
                some = [each for each in folders if not _is_of_others(each, days)]
                levels[folder] = _Level(objects, some)
                found += objects
                waiting += [each for each in some if each not in self._over]
        self._note_over(levels, days)
        return found

    def _asked(self, folder: str) -> Future[tuple[list[Object], list[str]]]:
        """Ask for a folder on another thread: all of it if it is the folder of a day, or else one level."""
        if is_day_folder(f"/{folder}"):
            return on_a_thread(lambda: (self._store.objects_now(folder), []))
        return on_a_thread(lambda: self._store.level_now(folder))

    def _note_over(self, levels: dict[str, _Level], days: Days) -> None:
        """Note the folders of earlier months and years that have nothing else; the deepest come first."""
        for folder in sorted(levels, key=len, reverse=True):
            objects, folders = levels[folder]
            is_past = days.first is not None and is_earlier(f"/{folder}", days.first)
            if is_past and not objects and self._over.issuperset(folders):
                self._over.add(folder)


def _is_of_others(folder: str, days: Days) -> bool:
    """Whether a folder is that of a day that is not wanted."""
    return is_day_folder(f"/{folder}") and not days.have(f"/{folder}")
