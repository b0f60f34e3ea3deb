"""Work on several threads, with results in order; the thread that waits does part of the work.

More threads than processors would only take turns, and the waiting thread is busy too. On a cluster, each
processor has a worker thread of its own, which works alone.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from flowtag_core.errors import FlowtagError

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")

_MOST_THREADS: Final = 8
_WAITING: Final = 2
_IS_ALONE: Final = ContextVar("is_alone", default=False)


def count() -> int:
    """Return the number of threads to use in addition to the calling one."""
    return 0 if _IS_ALONE.get() else _processors()


@cache
def _processors() -> int:
    return min(max((os.cpu_count() or 1) - 1, 1), _MOST_THREADS)


@contextmanager
def alone() -> Iterator[None]:
    """Let the calling thread do all its work by itself in the `with` block."""
    before = _IS_ALONE.set(True)
    try:
        yield
    finally:
        _IS_ALONE.reset(before)


@cache
def pool(work: str) -> ThreadPoolExecutor:
    """Return the threads for one kind of work; it may only wait for work of another kind."""
    from concurrent.futures import ThreadPoolExecutor  # imported lazily: small logs do not need it

    return ThreadPoolExecutor(_processors(), thread_name_prefix=f"flowtag-{work}")


def _begun(work: str, call: Callable[[], T]) -> Future[T]:
    """Submit a call; if this thread is alone, nobody makes it until this thread does."""
    from concurrent.futures import Future  # imported lazily, like the pool

    return pool(work).submit(call) if count() else Future()


class Queue(Generic[T]):
    """Calls of one kind of work, made on several threads; their results come in the order of the calls."""

    def __init__(self, work: str) -> None:
        self._work = work
        self._calls: deque[_Call[T]] = deque()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def is_full(self) -> bool:
        """Whether all threads have enough to do."""
        return len(self._calls) > count() + _WAITING

    def add(self, call: Callable[[], T]) -> None:
        """Submit a call; if it raises an exception, `take` raises that exception."""
        self._calls.append(_Call(call, _begun(self._work, call)))

    def take(self) -> T:
        """Return the result of the first call; if it is not ready, make one that no thread has begun."""
        if not self._calls[0].is_made:
            for call in self._calls:
                if call.make_here():
                    break
        return self._calls.popleft().result()

    def clear(self) -> None:
        """Drop all calls; those that have begun still run to completion."""
        self._calls.clear()


class _Call(Generic[T]):
    def __init__(self, call: Callable[[], T], future: Future[T]) -> None:
        self._call, self._future = call, future
        self._here: list[T] = []
        self._error: FlowtagError | None = None

    @property
    def is_made(self) -> bool:
        return self._future.done()

    def make_here(self) -> bool:
        """Make the call on this thread, unless a thread has begun it; return whether it was made here now."""
        if self._here or self._error or not self._future.cancel():
            return False
        try:
            self._here.append(self._call())
        except FlowtagError as error:  # raised when its turn comes
            self._error = error
        return True

    def result(self) -> T:
        if self._error:
            raise self._error
        return self._here[0] if self._here else self._future.result()


def each(function: Callable[[int], T], items: Iterable[int]) -> list[T]:
    """Do what `map` does, on several threads; this thread makes the last calls that no other has begun."""
    calls: list[Callable[[], T]] = [partial(function, item) for item in items]
    begun = [_Call(call, _begun("each", call)) for call in calls]
    for call in reversed(begun):
        call.make_here()
    return [call.result() for call in begun]
