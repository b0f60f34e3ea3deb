"""Reads ahead: asks for the next ranges of bytes on threads of its own, many at once and with bounded memory."""

from __future__ import annotations

import ctypes
import queue
import sys
import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from itertools import accumulate
from typing import Final, NamedTuple, TypeVar, overload

REQUESTS: Final = 16
"""The most requests at once."""
_HELD: Final = 1 << 25
"""The most bytes that are asked for or wait to be used."""


class Range(NamedTuple):
    """Bytes of an object: its number, the first byte, and the one behind the last."""

    number: int
    first: int
    behind: int


class Ranges(Sequence[Range]):
    """The ranges of many objects, in order; each object is cut from its first wanted byte on, every `length` bytes.

    `spans` has the first wanted byte of each object, and the one behind the last. Only these are kept.
    """

    def __init__(self, spans: Sequence[tuple[int, int]], length: int) -> None:
        self._spans, self._length = spans, length
        counts = (-(-(behind - first) // length) for first, behind in spans)
        self._begins = [0, *accumulate(counts)]

    def __len__(self) -> int:
        return self._begins[-1]

    @overload
    def __getitem__(self, place: int) -> Range: ...

    @overload
    def __getitem__(self, place: slice) -> list[Range]: ...

    def __getitem__(self, place: int | slice) -> Range | list[Range]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        number = bisect_right(self._begins, place) - 1
        first, behind = self._spans[number]
        first += (place - self._begins[number]) * self._length
        return Range(number, first, min(first + self._length, behind))

    def places_of(self, number: int) -> range:
        """Return the indexes of the ranges of an object."""
        return range(self._begins[number], self._begins[number + 1])

    def place_of(self, number: int, first: int) -> int:
        """Return the index of the range of an object that begins at this byte."""
        return self._begins[number] + (first - self._spans[number][0]) // self._length


class Ahead:
    """The ranges of many objects. Taking one asks for those after it that were not taken yet.

    `read` returns the bytes of a range; it is called on other threads, and may raise anything, which `take` raises.
    """

    def __init__(self, ranges: Ranges, read: Callable[[Range], memoryview]) -> None:
        self._ranges, self._read = ranges, read
        self._asked: dict[int, Future[memoryview]] = {}
        self._done: set[int] = set()
        """What was taken or passed over, from `_all_before` on; before that, everything was."""
        self._all_before = 0
        self._next = 0
        self._held = 0
        self._lock = threading.Lock()

    def take(self, number: int, first: int) -> memoryview:
        """Return the bytes of the range of an object that begins there."""
        place = self._ranges.place_of(number, first)
        with self._lock:
            if self._is_done(place):
                self._open_again(place)
            if place not in self._asked:
                self._ask(place)
            future = self._asked.pop(place)
            self._note_done(place)
            self._fill()
        try:
            return future.result()
        finally:
            with self._lock:
                self._held -= self._length(place)
                self._fill()

    def end(self, number: int) -> None:
        """Pass over what was not taken of an object."""
        with self._lock:
            for place in self._ranges.places_of(number):
                if not self._is_done(place):
                    if self._asked.pop(place, None) is not None:
                        self._held -= self._length(place)
                    self._note_done(place)
            self._fill()

    def _fill(self) -> None:
        while self._next < len(self._ranges) and len(self._asked) < REQUESTS:
            if self._next not in self._asked and not self._is_done(self._next):
                if self._held and self._held + self._length(self._next) > _HELD:
                    return
                self._ask(self._next)
            self._next += 1

    def _ask(self, place: int) -> None:
        self._held += self._length(place)
        self._asked[place] = on_a_thread(partial(self._read, self._ranges[place]))

    def _is_done(self, place: int) -> bool:
        return place < self._all_before or place in self._done

    def _note_done(self, place: int) -> None:
        self._done.add(place)
        while self._all_before in self._done:
            self._done.remove(self._all_before)
            self._all_before += 1

    def _open_again(self, place: int) -> None:
        """Note that an object is read again from a range on; and all others too, if it is the first range of all."""
        behind = len(self._ranges)
        if place:
            behind = self._ranges.places_of(self._ranges[place].number).stop
        self._done |= {*range(behind, self._all_before)}
        self._done -= {*range(place, behind)} if place else self._done
        self._all_before, self._next = min(self._all_before, place), min(self._next, place)

    def _length(self, place: int) -> int:
        each = self._ranges[place]
        return each.behind - each.first


T = TypeVar("T")
_ARENA_MAX: Final = -8
"""The number of this setting in glibc's malloc.h."""
_JOBS: Final[queue.SimpleQueue[Callable[[], None]]] = queue.SimpleQueue()
_THREADS: Final[list[threading.Thread]] = []


def on_a_thread(do: Callable[[], T]) -> Future[T]:
    """Do something on one of a few threads, since nothing can interrupt a request.

    Ctrl-C ends the wait for the result, and these threads do not keep the program from ending.
    """
    if not _THREADS:
        _share_memory()
    if len(_THREADS) < REQUESTS:
        _THREADS.append(threading.Thread(target=_work, name="requests", daemon=True))
        _THREADS[-1].start()
    future: Future[T] = Future()
    _JOBS.put(partial(_settle, future, do))
    return future


def _share_memory() -> None:
    """Let all threads share two pools of memory: glibc has one for each thread, and keeps in it what is freed."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # Other C libraries have no such function.
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def on_a_thread_of_its_own(do: Callable[[], T]) -> Future[T]:
    """Do something that itself waits for those threads."""
    future: Future[T] = Future()
    threading.Thread(target=_settle, args=(future, do), daemon=True).start()
    return future


def _settle(future: Future[T], do: Callable[[], T]) -> None:
    try:
        future.set_result(do())
    except BaseException as error:  # noqa: BLE001  (whoever waits for the result gets it)
        future.set_exception(error)


def _work() -> None:
    while True:
        _JOBS.get()()
