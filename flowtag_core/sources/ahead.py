"""Reads ahead: asks for the next ranges of bytes on threads of its own, many at once and with bounded memory."""

from __future__ import annotations

import ctypes
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, TypeVar

REQUESTS: Final = 16
"""The most requests at once."""
_HELD: Final = 1 << 25
"""The most bytes that are asked for or wait to be used."""


class Range(NamedTuple):
    """Bytes of an object: its number, the first byte, and the one behind the last."""

    number: int
    first: int
    behind: int


class Ahead:
    """The ranges of many objects, in order. Taking one asks for those after it.

    `read` returns the bytes of a range; it is called on other threads, and may raise anything, which `take` raises.
    """

    def __init__(self, ranges: Sequence[Range], read: Callable[[Range], memoryview]) -> None:
        self._ranges, self._read = ranges, read
        self._place_of = {(each.number, each.first): place for place, each in enumerate(ranges)}
        self._asked: dict[int, Future[memoryview]] = {}
        self._next = 0
        self._held = 0
        self._lock = threading.Lock()

    def take(self, number: int, first: int) -> memoryview:
        """Return the bytes of the range of an object that begins there."""
        place = self._place_of[number, first]
        with self._lock:
            if place not in self._asked:
                self._next = place + 1  # The objects may be read a second time.
                self._ask(place)
            self._forget_before(place)
            self._fill()
            future = self._asked.pop(place)
        try:
            return future.result()
        finally:
            with self._lock:
                self._held -= _length(self._ranges[place])
                self._fill()

    def _fill(self) -> None:
        while self._next < len(self._ranges) and len(self._asked) < REQUESTS:
            if self._next not in self._asked:
                if self._held and self._held + _length(self._ranges[self._next]) > _HELD:
                    return
                self._ask(self._next)
            self._next += 1

    def _ask(self, place: int) -> None:
        self._held += _length(self._ranges[place])
        self._asked[place] = on_a_thread(partial(self._read, self._ranges[place]))

    def _forget_before(self, place: int) -> None:
        """Forget what nobody took: objects that were passed over."""
        for other in [each for each in self._asked if each < place - 2 * REQUESTS]:
            self._held -= _length(self._ranges[other])
            del self._asked[other]


def _length(each: Range) -> int:
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
