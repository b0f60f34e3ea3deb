"""Work on several threads gives its results and errors in order."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counting import threads
from flowtag_core.counting.threads import Queue, each
from flowtag_core.errors import LogError


@contextmanager
def one_busy_thread():
    """Provide a pool whose only thread is blocked until it is released."""
    go = threading.Event()
    with ThreadPoolExecutor(1) as pool, mock.patch.object(threads, "pool", return_value=pool):
        pool.submit(go.wait)
        try:
            yield go
        finally:
            go.set()


def outcome(queue):
    try:
        return queue.take()
    except LogError as error:
        return str(error)


def call_of(number, pause=0.0):
    """Return a call that returns its number, or raises it if it is odd."""

    def call():
        time.sleep(pause)
        if number % 2:
            raise LogError(str(number))
        return number

    return call


def as_taken(number):
    return str(number) if number % 2 else number


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 0, 0.001])), max_size=12), st.data()
)
def test_results_and_errors_come_in_the_order_of_their_calls(calls, data):
    queue, taken = Queue("tests"), []
    for number, pause in calls:
        queue.add(call_of(number, pause))
        taken += [outcome(queue) for _ in range(data.draw(st.integers(0, len(queue))))]
    taken += [outcome(queue) for _ in range(len(queue))]
    assert taken == [as_taken(number) for number, _ in calls]
    assert not queue


def test_a_waiting_thread_makes_the_last_call_and_raises_its_error_in_turn():
    made_by = []
    with one_busy_thread() as go:

        def last():
            made_by.append(threading.current_thread())
            go.set()
            raise LogError("last")

        queue = Queue("tests")
        queue.add(lambda: "first")
        queue.add(lambda: "second")
        queue.add(last)
        assert [outcome(queue) for _ in range(3)] == ["first", "second", "last"]
    assert made_by == [threading.current_thread()]


def test_each_call_is_made_exactly_once():
    made = []
    with one_busy_thread() as go:
        queue = Queue("tests")
        for number in range(5):
            queue.add(lambda number=number: made.append(number) or go.set() or number)
        assert [queue.take() for _ in range(5)] == [0, 1, 2, 3, 4]
    assert sorted(made) == [0, 1, 2, 3, 4]


def test_a_queue_is_full_when_every_thread_has_a_call_and_some_wait(monkeypatch):
    monkeypatch.setattr(threads, "count", lambda: 3)
    queue = Queue("tests")
    added = 0
    while not queue.is_full:
        queue.add(call_of(0))
        added += 1
    assert added == 3 + threads._WAITING + 1
    queue.take()
    assert not queue.is_full


def test_cleared_calls_are_dropped():
    queue = Queue("tests")
    queue.add(call_of(1))
    queue.clear()
    assert not queue
    queue.add(call_of(2))
    assert queue.take() == 2


@given(st.lists(st.sampled_from([0, 2, 4, 6]), max_size=9))
def test_each_returns_what_map_returns(items):
    def function(item):
        time.sleep(item / 5000)
        return item * item

    assert each(function, items) == list(map(function, items))


def test_each_needs_no_free_thread_and_raises_the_first_error():
    with one_busy_thread():
        assert each(lambda item: item + 1, range(5)) == [1, 2, 3, 4, 5]
        with pytest.raises(LogError, match=r"^1$"):
            each(lambda item: call_of(item)(), range(5))


def test_each_kind_of_work_has_its_own_threads_so_that_one_may_wait_for_another():
    def outer():
        inner = Queue("tests inside")
        inner.add(call_of(2))
        return inner.take()

    queue = Queue("tests")
    for _ in range(20):
        queue.add(outer)
    assert [queue.take() for _ in range(20)] == [2] * 20
    assert threads.pool("tests") is threads.pool("tests")
    assert threads.pool("tests") is not threads.pool("tests inside")


@pytest.mark.parametrize(("processors", "expected"), [(None, 1), (1, 1), (2, 1), (5, 4), (64, 8)])
def test_there_is_one_thread_fewer_than_processors_but_at_least_one(
    processors, expected, monkeypatch
):
    monkeypatch.setattr(threads.os, "cpu_count", lambda: processors)
    assert threads._processors.__wrapped__() == expected


def test_alone_a_thread_makes_all_calls_itself_and_their_errors_come_in_order():
    with threads.alone():
        assert threads.count() == 0
        queue = Queue("tests")
        for number in range(4):
            queue.add(call_of(number))
        assert [outcome(queue) for _ in range(4)] == [0, "1", 2, "3"]
        here = threading.get_ident()
        assert each(lambda _: threading.get_ident(), range(5)) == [here] * 5
    assert threads.count() > 0
