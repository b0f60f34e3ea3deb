"""Ranges come in the order in which they are taken, each is asked for once, and few bytes wait."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.sources import ahead
from flowtag_core.sources.ahead import Ahead, Range


def content(each):
    return f"{each.number}:{each.first}-{each.behind}".encode()


def ranges(sizes, length=10):
    return [
        Range(number, first, min(first + length, size))
        for number, size in enumerate(sizes)
        for first in range(0, size, length)
    ]


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
    assert sorted(read) == sorted(all_of * (1 + twice))


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
