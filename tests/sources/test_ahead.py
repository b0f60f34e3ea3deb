"""Ranges come in the order in which they are taken, each is asked for once, and few bytes wait."""

import random
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.sources import ahead
from flowtag_core.sources.ahead import Ahead, Range, Ranges


def content(each):
    return f"{each.number}:{each.first}-{each.behind}".encode()


def ranges(sizes, length=10):
    return Ranges([(0, size) for size in sizes], length)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.booleans())
def test_each_range_is_read_once_for_each_time_it_is_taken(sizes, twice):
    read, all_of = [], ranges(sizes)

    def reading(each):
        read.append(each)
        return content(each)

    reader = Ahead(all_of, reading)
    for _ in range(1 + twice):
        for each in all_of:
            assert reader.take(each.number, each.first) == content(each)
    assert sorted(read) == sorted([*all_of] * (1 + twice))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=9), st.integers(1, 12))
def test_ranges_are_those_of_each_object_in_order(spans, length):
    spans = [(first, first + size) for first, size in spans]
    all_of = Ranges(spans, length)
    expected = [
        Range(number, each, min(each + length, behind))
        for number, (first, behind) in enumerate(spans)
        for each in range(first, behind, length)
    ]
    assert [*all_of] == all_of[:] == expected
    for place, each in enumerate(expected):
        assert all_of.place_of(each.number, each.first) == place
        assert place in all_of.places_of(each.number)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=30),
    st.integers(1, 6),
    st.integers(0, 1 << 20),
)
def test_threads_that_take_objects_in_turn_and_end_some_early_fetch_no_range_twice(
    sizes, threads, seed
):
    """Several small files are counted at once, each by one thread; a file that is no log is not read to its end."""
    read, all_of, lock, rng = [], ranges(sizes), threading.Lock(), random.Random(seed)

    def reading(each):
        with lock:
            read.append(each)
        return content(each)

    reader = Ahead(all_of, reading)
    waiting, wanted = [*enumerate(sizes)], []

    def work():
        while True:
            with lock:
                if not waiting:
                    return
                number, _ = waiting.pop(0)
                some = [*all_of.places_of(number)]
                some = some[: rng.randint(1, len(some))] if rng.random() < 0.3 else some
                wanted.extend(all_of[place] for place in some)
            for place in some:
                each = all_of[place]
                assert reader.take(each.number, each.first) == content(each)
            reader.end(number)

    running = [threading.Thread(target=work) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join(20)
    assert len(read) == len(set(read))
    assert set(wanted) <= set(read)
    assert reader._held == 0


def test_what_comes_next_is_asked_for_at_the_same_time_but_not_too_much(monkeypatch):
    monkeypatch.setattr(ahead, "_HELD", 45)
    let_go, asked = threading.Event(), []

    def reading(each):
        asked.append(each)
        let_go.wait(10)
        return content(each)

    reader = Ahead(ranges([10] * 20), reading)
    taken = []
    taker = threading.Thread(target=lambda: taken.append(reader.take(0, 0)))
    taker.start()
    end = time.monotonic() + 5
    while len(asked) < 4 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(asked) == 4  # 40 of 45 bytes
    let_go.set()
    taker.join(10)
    assert taken == [b"0:0-10"]


def test_an_error_is_raised_where_its_range_is_taken():
    def reading(each):
        if each.number == 1:
            raise OSError("broken")
        return content(each)

    reader = Ahead(ranges([5, 5, 5]), reading)
    assert reader.take(0, 0) == b"0:0-5"
    with pytest.raises(OSError, match="broken"):
        reader.take(1, 0)
    assert reader.take(2, 0) == b"2:0-5"
