"""Standard input is read in the background, to its end."""

import gzip
import io
import os
import sys
import time

import pytest

from flowtag_core.counting.file_count import FileCount
from flowtag_core.errors import LogError
from flowtag_core.reading.stdin import Stdin
from flowtag_core.reading.tail import Tail
from tests.logs import line


@pytest.fixture
def pipe(monkeypatch):
    """Yield the end of a pipe that feeds standard input."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as end, os.fdopen(writing, "wb", buffering=0) as writer:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(end))
        yield writer
        sys.stdin.detach()


def read_until(stdin, flows):
    found = 0
    for _ in range(400):
        found += stdin.read().counts.total.flows
        if found >= flows or stdin.is_over:
            return found
        time.sleep(0.01)
    return found


def test_a_look_never_waits_and_every_line_is_counted_once(pipe):
    stdin = Stdin(Tail("stdin", "-", FileCount("stdin")))
    assert stdin.read().counts.total.records == 0
    pipe.write(line() + b"\n" + line()[:20])
    assert read_until(stdin, 1) == 1
    pipe.write(line()[20:] + b"\n" + line(dstport="25"))
    assert read_until(stdin, 1) == 1
    assert not stdin.is_over
    pipe.close()
    assert read_until(stdin, 1) == 1  # the last line, which has no line end
    assert stdin.is_over
    assert stdin.read().counts.total.records == 0


def test_standard_input_that_is_closed_is_over(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    stdin = Stdin(Tail("stdin", "-", FileCount("stdin")))
    read_until(stdin, 1)
    assert stdin.is_over


@pytest.mark.parametrize(
    "content",
    [gzip.compress(line() + b"\n"), b'{"message": "x"}\n', b"PAR1\n"],
    ids=["gzip", "JSON", "Parquet"],
)
def test_what_is_not_text_is_refused_with_the_remedy(pipe, content):
    stdin = Stdin(Tail("stdin", "-", FileCount("stdin")))
    pipe.write(content)
    with pytest.raises(LogError, match="Unpack it first, for example with zcat"):
        read_until(stdin, 1)


def test_input_that_ends_within_its_first_line_is_counted(pipe):
    stdin = Stdin(Tail("stdin", "-", FileCount("stdin")))
    pipe.write(line())
    pipe.close()
    assert read_until(stdin, 1) == 1
    assert stdin.is_over
