"""Standard input is read in the background, to its end."""

import io
import os
import sys
import time

import pytest

from flowtag_core.counting.file_count import FileCount
from flowtag_core.reading.stdin import Stdin
from flowtag_core.reading.tail import Tail
from tests.logs import line


@pytest.fixture
def pipe(monkeypatch):
    """Yield the end of a pipe that feeds standard input."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stdin, os.fdopen(writing, "wb", buffering=0) as writer:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
        yield writer
        sys.stdin.detach()


def read_until(standing, flows):
    found = 0
    for _ in range(400):
        found += standing.read().counts.total.flows
        if found >= flows:
            return found
        time.sleep(0.01)
    return found


def test_a_look_never_waits_and_every_line_is_counted_once(pipe):
    standing = Stdin(Tail("stdin", "-", FileCount("stdin")))
    assert standing.read().counts.total.records == 0
    pipe.write(line() + b"\n" + line()[:20])
    assert read_until(standing, 1) == 1
    pipe.write(line()[20:] + b"\n" + line(dstport="25"))
    assert read_until(standing, 1) == 1
    assert not standing.is_over
    pipe.close()
    assert read_until(standing, 1) == 1  # the last line, which has no line end
    assert standing.is_over
    assert standing.read().counts.total.records == 0


def test_standard_input_that_is_closed_is_over(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    standing = Stdin(Tail("stdin", "-", FileCount("stdin")))
    read_until(standing, 1)
    assert standing.is_over
