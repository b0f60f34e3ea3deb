"""What a worker does with a piece, and how it gets ready."""

import os
from dataclasses import replace

import pytest

import flowtag_core
from flowtag_core import parse_flow_log
from flowtag_core.counting import compiled, threads
from flowtag_core.counting.file_count import Reached
from flowtag_core.errors import ClusterError
from flowtag_core.reading import work
from flowtag_core.reading.planned import Batch, GroupsSeen, Heads, Job, Lines, TextSeen
from flowtag_core.shapes.layout import ASSUMED
from flowtag_core.sources.addresses import address_of
from flowtag_core.sources.places import log_of
from tests.bench_cluster import write_large_parquet
from tests.logs import DEFAULT_HEADER, line, text

JOB = Job(None, (), flowtag_core.__version__)
START = Reached(ASSUMED, 0, False, "")


def address(path, content=None):
    if content is not None:
        path.write_bytes(content)
    return address_of(log_of(str(path)).places[0])


def seen(*addresses, job=JOB):
    return work.done(Heads(job, tuple(enumerate(addresses))))


def test_a_look_tells_text_parquet_and_what_can_only_be_counted_as_a_whole(tmp_path):
    write_large_parquet(tmp_path / "a.parquet", rows=100, group=40)
    header = f"{DEFAULT_HEADER}\n".encode()
    found = seen(
        address(tmp_path / "plain.log", text([line()])),
        address(tmp_path / "header.log", header + text([line()])),
        address(tmp_path / "a.csv", b"dstport,protocol\n443,6\n"),
        address(tmp_path / "a.json", b'[{"message": "x"}]'),
        address(tmp_path / "a.gz", b"\x1f\x8b"),
        address(tmp_path / "a.pdf", b"%PDF-1"),
        address(tmp_path / "bad.parquet", b"PAR1 and no more"),
        address(tmp_path / "a.parquet"),
    )
    assert found[0] == TextSeen(START)
    assert (found[1].at.layout.is_unsaid, found[1].at.has_header) == (False, True)
    assert found[2:7] == [None] * 5
    assert isinstance(found[7], GroupsSeen)
    assert len(found[7].spans) == 3


def test_a_look_at_a_file_that_is_gone_says_nothing_and_counting_it_says_why(tmp_path):
    gone = address(tmp_path / "a.log", text([line()]))
    (tmp_path / "a.log").unlink()
    assert seen(gone) == [None]
    found = work.done(Batch(JOB, ((0, gone),)))
    assert "there is no such file on the worker" in str(found.fates.odd[0].error)


def test_a_range_is_numbered_from_its_own_beginning(tmp_path):
    content = text([line(), b"bad", line(), b"bad", line(dstport="22")])
    file = address(tmp_path / "a.log", content)
    found = work.done(Lines(JOB, file, 1, (len(line()) + 3, len(content)), START))
    assert [fault.line for fault in found.ranged.counts.faults] == [2]
    assert (found.ranged.reached.line, found.ranged.counts.total.flows) == (3, 2)
    assert found.ranged.counts.requests == parse_flow_log().requests
    assert found.tables.files == {}
    assert work.ranged_of(found) is found.ranged


def test_a_range_of_a_file_that_became_shorter_is_in_trouble(tmp_path):
    file = address(tmp_path / "a.log", text([line()]))
    (tmp_path / "a.log").write_bytes(b"short")
    assert "has 5 bytes" in work.done(Lines(JOB, file, 0, (0, 9), START)).ranged.trouble


def test_a_worker_with_another_version_refuses_to_count(tmp_path):
    file = address(tmp_path / "a.log", text([line()]))
    with pytest.raises(ClusterError, match=r"has flowtag .* but 9 is needed"):
        work.done(Batch(replace(JOB, version="9"), ((0, file),)))


def test_each_piece_is_counted_by_one_thread(tmp_path, monkeypatch):
    file = address(tmp_path / "a.log", text([line()] * 9))
    counted = []
    monkeypatch.setattr(
        work, "each_place", lambda *_, **__: counted.append(threads.count()) or [[]]
    )
    work.done(Batch(JOB, ((0, file),)))
    assert counted == [0]
    assert threads.count() > 0


def test_sums_are_added_with_the_fates_of_all(tmp_path):
    files = [address(tmp_path / f"{n}.log", text([line()] * n)) for n in (1, 2, 3)]
    parts = [work.done(Batch(JOB, ((n, file),))) for n, file in enumerate(files)]
    found = work.added(parts)
    assert found.tables.requests == parse_flow_log(*(file.where for file in files)).requests
    assert found.fates.plain[:, 0].tolist() == [0, 1, 2]


def test_getting_ready_loads_the_kernel_only_if_the_key_agrees(kernel, monkeypatch):
    assert kernel
    code, loaded = compiled.code(), []
    monkeypatch.setattr(compiled, "accept", loaded.append)
    monkeypatch.setitem(os.environ, "MALLOC_TRIM_THRESHOLD_", "65536")
    work.get_ready({"another": b"x"})
    assert loaded == []
    work.get_ready({compiled.key(): code})
    assert loaded == [code]
