"""Follow the objects under a URI: each listing finds the new ones, and each object is counted once.

Objects arrive complete, but not in the order of their keys, and some time after the flows in them. So the folders of
the last days are listed again and again, and the objects that were counted are remembered.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from flowtag_core.boundary import Inside
from flowtag_core.counting.tally import Counted
from flowtag_core.counting.total import Total
from flowtag_core.counts import FileCounts, FlowCounts
from flowtag_core.errors import LogError, StoreError
from flowtag_core.reading.flow_log import each_place
from flowtag_core.sources.ahead import on_a_thread_of_its_own
from flowtag_core.sources.listing import Listing
from flowtag_core.sources.objects import Object, Store
from flowtag_core.sources.places import places_in
from flowtag_core.sources.uris import Days, day_of

_LIST_EVERY: Final = 30.0
"""Seconds between two listings. AWS delivers every five minutes, and each listing costs money."""
_FIRST_WAIT: Final = 0.5
"""Seconds that a look waits for the first listing."""
_LOOK_BACK: Final = timedelta(days=1)
"""How long after its day an object may still arrive."""
_MOST_PAUSES: Final = 120
"""After each failure, an object is skipped in twice as many listings as before, up to this many."""


class _Failed(NamedTuple):
    """An object that the store did not return: the listing from which it is due, and how many it is skipped for."""

    due: int
    pauses: int
    sentence: str


class Prefix:
    """The objects under a URI, which is listed every half minute, on another thread.

    `first` is the first day that is followed, or None for all. `report` is called with a message about an object or a
    listing that the store does not return, and `forget` when it returns it after all. Raises LogError if the prefix
    cannot be listed.
    """

    def __init__(
        self,
        uri: str,
        first: date | None,
        report: Callable[[str], None],
        forget: Callable[[str], None],
    ) -> None:
        self.uri = uri
        self._report, self._forget = report, forget
        self._store = Store(uri)
        if self._store.key and not self._store.key.endswith("/"):
            if self._store.object_at(self._store.key):
                raise LogError(
                    f"{uri}: is an object, which does not grow. Follow the prefix that it is under."
                )
            self._store = Store(f"{uri}/")
        self.root = f"{self._store.root}{self._store.key}"
        """The URI in the form in which all spellings of it are the same."""
        self._store.check(self._store.key)
        self._listing = Listing(self._store)
        self._since = first
        self._first = first
        """The first day of the next listing, None for all: what was counted before it is no longer known."""
        self._newest: date | None = None
        """The newest day for which there are objects, as far as the clock has come."""
        self._seen: dict[str, str | None] = {}
        """The version of each object that was counted and may be listed again."""
        self._waiting: dict[str, Object] = {}
        self._failed: dict[str, _Failed] = {}
        """The objects among them that the store did not return."""
        self._listings = 0
        self._failure = self._nothing = ""
        self._days, self._asked_at = Days(first), -math.inf
        self._asked: Future[list[Object]] | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the first listing has not arrived yet."""
        return not self._listings

    @property
    def uncounted(self) -> list[str]:
        """The URIs of the objects that were listed and are not counted yet."""
        return [f"{self._store.root}{key}" for key in self._waiting]

    @property
    def position(self) -> dict[str, Any]:
        """The objects that were counted, and the first day of the next listing, for `resume`."""
        return {
            "uri": self.root,
            "since": None if self._since is None else self._since.isoformat(),
            "first": None if self._first is None else self._first.isoformat(),
            "failed": [self._waiting[key] for key in self._failed],
            "seen": self._seen,
        }

    def resume(self, position: Mapping[str, Any]) -> None:
        """Continue from the position of another run. Raises KeyError, TypeError or ValueError if it is not one."""
        first, seen, failed = position["first"], position["seen"], position["failed"]
        since = None if position["since"] is None else date.fromisoformat(position["since"])
        if since is not None and (self._since is None or self._since < since):
            self._report(
                f"{self.uri}: the state begins on {since}, so objects of earlier days are not counted. To count "
                "them, use another state file."
            )
        self._since = since
        if first is not None:
            days = [date.fromisoformat(first), *([] if self._first is None else [self._first])]
            self._first = max(days)
        self._seen = {
            str(key): None if value is None else str(value) for key, value in seen.items()
        }
        for key, size, version in failed:
            each = Object(str(key), int(size), None if version is None else str(version))
            self._waiting[each.key] = each
            self._failed[each.key] = _Failed(0, 1, "")

    def read(self, fields: str | None, inside: Inside) -> Iterator[Counted]:
        """Yield the counts of each object that is new; `fields` is the format of text without a header."""
        if self._asked is None and time.monotonic() - self._asked_at >= _LIST_EVERY:
            self._ask()
        if self._asked is not None:
            with suppress(TimeoutError):
                self._take_answer(self._asked, 0 if self._listings else _FIRST_WAIT)
        due = [each for each in self._waiting.values() if self._is_due(each.key)]
        places = places_in(self._store, due)
        results = each_place(places, format=fields, inside=inside)
        for each, place in zip(due, places, strict=True):
            counted = _sum(place.name, next(results))
            if isinstance(counted, StoreError):
                self._pause(each.key, counted)
                continue
            del self._waiting[each.key]
            if each.key in self._failed:
                self._forget(self._failed.pop(each.key).sentence)
            self._seen[each.key] = each.version
            for sentence in counted.counts.total.damage:
                self._report(sentence)
            yield counted

    def _next_first(self) -> date | None:
        """Return the first day for which something may still arrive, or has not been tried yet.

        It never moves back: an object that waits was listed, so its day is not before the first one.
        """
        if self._newest is None:
            return self._first
        untried = self._waiting.keys() - self._failed.keys()
        days = [day for key in untried if (day := day_of(key))]
        before = self._newest - _LOOK_BACK if self._newest > date.min else date.min
        found = min([before, *days])
        return found if self._first is None else max(found, self._first)

    def _ask(self) -> None:
        """Begin a listing."""
        self._days, self._asked_at = Days(self._next_first()), time.monotonic()
        self._asked = on_a_thread_of_its_own(lambda: self._listing.objects(self._days))

    def _take_answer(self, asked: Future[list[Object]], seconds: float) -> None:
        """Take the answer to a listing. Raises TimeoutError if it does not arrive in this many seconds."""
        try:
            found = asked.result(seconds)
        except StoreError as error:
            self._asked = None
            self._failure = f"{error} flowtag will try again."
            self._report(self._failure)
            return
        self._asked = None
        if self._failure:
            self._forget(self._failure)
            self._failure = ""
        self._take(found)

    def _take(self, found: list[Object]) -> None:
        """Take a listing: note what is new, and forget what is too old to be listed again."""
        self._listings += 1
        if not found and not self._seen:
            when = "" if self._first is None else f" from {self._first} on"
            self._nothing = f"{self.uri}: there is nothing under it{when} yet. Check the URI."
            self._report(self._nothing)
        elif self._nothing:
            self._forget(self._nothing)
            self._nothing = ""
        for each in found:
            if each.key not in self._seen:
                self._waiting[each.key] = each
            elif self._seen[each.key] != each.version:
                self._seen[each.key] = each.version
                self._report(
                    f"{self._store.root}{each.key}: has changed since it was counted. The change is not counted."
                )
        listed = {each.key for each in found}
        for key in [key for key in self._waiting if key not in listed and self._days.have(key)]:
            del self._waiting[key]
            self._failed.pop(key, None)
        # A clock that is wrong must not hide what arrives, and a key of the future neither.
        if days := [day for key in listed if (day := day_of(key))]:
            newest = min(max(days), _today())
            self._newest = newest if self._newest is None else max(newest, self._newest)
        self._first = self._next_first()
        needed = Days(self._first)
        self._seen = {key: version for key, version in self._seen.items() if needed.have(key)}

    def _is_due(self, key: str) -> bool:
        failed = self._failed.get(key)
        return failed is None or self._listings >= failed.due

    def _pause(self, key: str, error: StoreError) -> None:
        """Skip an object in the next listings, because the store did not return it."""
        before = self._failed.get(key)
        pauses = 1 if before is None else min(2 * before.pauses, _MOST_PAUSES)
        sentence = f"{error} flowtag will try again."
        self._failed[key] = _Failed(self._listings + pauses, pauses, sentence)
        self._report(sentence)


def _sum(name: str, results: Iterator[Counted]) -> Counted | StoreError:
    """Return the counts of an object, with its error as damage; or the error if it may be read later."""
    total = Total()
    try:
        for counted in results:
            total.add_counted(counted)
    except StoreError as error:
        return error
    except LogError as error:
        total.add(FlowCounts(files={name: FileCounts(damage=frozenset([str(error)]))}))
    return Counted(total.counts(), [])


def _today() -> date:
    return datetime.now(UTC).date()
