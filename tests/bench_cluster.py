"""Measures counting on a cluster, and checks that it counts the same: python -m tests.bench_cluster

A scheduler and workers run as processes on loopback. A bucket has text, gzip and Parquet, an object that is cut
short, one without access, and one that is not a log. A worker is killed while they are counted. Then 1 GB of text is
counted by two workers and by one process with two threads, in turn; workers without a cache get the kernel; and 10,000
objects are planned and counted.
"""

import argparse
import gzip
import io
import multiprocessing
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import flowtag_core
from flowtag_core import parse_flow_log
from flowtag_core.reading import planned
from flowtag_core.reading.cluster import count_on_cluster
from flowtag_core.reading.scheduler import connected
from flowtag_core.sources.places import logs_at
from tests.dask_processes import processes
from tests.logs import random_lines
from tests.sources.bucket import Bucket, serving

LOOKUP = "flowtag_core/sample/lookup.csv"
SMALL = planned.Sizes(1_000_000, 2_000_000, 100, 2_000_000, 4_000_000)
"""Small pieces, so that there are many of them in little time."""
RUNS, OBJECTS, LARGE = 5, 10_000, 1_000_000_000


def serve(folder, seconds, pipe):
    """Serve the files below a folder as a bucket, in a process of its own, until the pipe tells it to end."""
    bucket = Bucket()
    bucket.seconds = seconds
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            bucket.objects[path.relative_to(folder).as_posix()] = path.read_bytes()
    with serving(bucket) as environment:
        pipe.send(environment)
        pipe.recv()


def lines(count, seed=1):
    return b"".join(random_lines(count, seed))


def write_objects(folder):
    """Write the objects of a bucket, some of which are bad."""
    text = lines(60_000)
    (folder / "text.log").write_bytes((text + b"a fault\n") * 5)
    for number in range(60):
        (folder / f"{number:02}.log.gz").write_bytes(
            gzip.compress(text[number * 100_000 :][:900_000], 1)
        )
    (folder / "cut.log.gz").write_bytes(gzip.compress(text, 1)[:100_000])
    (folder / "no-log.pdf").write_bytes(b"%PDF-1.7 " + bytes(1000))
    (folder / "refused.log").write_bytes(text[:100_000])
    write_large_parquet(folder / "large.parquet")


def write_large_parquet(path, rows=600_000, group=50_000):
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    columns = {
        "srcaddr": pa.array(["10.0.0.1", "8.8.8.8"]).take(pa.array(rng.integers(0, 2, rows))),
        "dstaddr": pa.array(["10.0.0.2", "9.9.9.9"]).take(pa.array(rng.integers(0, 2, rows))),
        "srcport": rng.integers(0, 65_536, rows),
        "dstport": rng.integers(0, 65_600, rows),
        "protocol": rng.choice([6, 17], rows),
        "packets": rng.integers(0, 10**6, rows),
        "bytes": rng.integers(0, 10**9, rows),
        "start": 1_700_000_000 + rng.integers(0, 600, rows),
        "action": pa.array(["ACCEPT", "REJECT"]).take(pa.array(rng.integers(0, 2, rows))),
        "log-status": pa.array(["OK"] * rows),
    }
    pq.write_table(pa.table(columns), path, row_group_size=group)


def result_of(counts):
    written = io.BytesIO()
    lookup = flowtag_core.load_lookup_table(LOOKUP)
    flowtag_core.write_results(flowtag_core.map_tags(counts, lookup), written)
    return written.getvalue()


class Store:
    """A bucket in a process of its own."""

    def __init__(self, folder, refused=()):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.server = context.Process(
            target=serve_some, args=(folder, refused, theirs), daemon=True
        )
        self.server.start()
        self.environment = self.pipe.recv()

    def stop(self):
        self.pipe.send("end")
        self.server.join(10)


def serve_some(folder, refused, pipe):
    """Serve the files of a folder as objects, some of them without access."""
    from tests.sources import bucket

    real = bucket.Bucket.__init__

    def begin(self, *given):
        real(self, *given)
        self.refusals = dict.fromkeys(refused, (403, "AccessDenied"))

    with mock.patch.object(bucket.Bucket, "__init__", begin):
        serve(folder, 0.0, pipe)


def serve_many(content, count, pipe):
    """Serve many objects with the same content."""
    from tests.sources.bucket import Bucket, serving

    bucket = Bucket()
    bucket.objects = {f"2026/11/{number:05}.log.gz": content for number in range(count)}
    for key in bucket.objects:
        bucket.tags[key] = content, '"the same for all"'
    with serving(bucket) as environment:
        pipe.send(environment)
        pipe.recv()


def check_same(folder):
    """Count objects and files on four workers, one of which is killed; compare with one process."""
    write_objects(folder)
    store = Store(folder, ["refused.log"])
    os.environ.update(store.environment)
    ok = True
    for what, logs in (("bucket", "s3://logs/"), ("folder", str(folder))):
        whole = parse_flow_log(*logs_at(logs))
        for nanny in (True, False):
            with processes(4, nanny=nanny) as (address, _), connected(address) as client:
                client.wait_for_workers(4, timeout=60)
                pids = list(client.run(os.getpid).values())
                killed = []

                def kill(_, pids=pids, killed=killed):
                    if not killed:
                        killed.append(pids[0])
                        os.kill(pids[0], signal.SIGKILL)

                begun = time.perf_counter()
                with mock.patch.object(planned, "SIZES", SMALL):
                    parts = count_on_cluster(logs_at(logs), client, progress=kill)
                took = time.perf_counter() - begun
            is_same = parts == whole and list(parts.files) == list(whole.files)
            is_same &= result_of(parts) == result_of(whole)
            damaged = sum(bool(file.damage) for file in whole.files.values())
            ok &= is_same
            print(
                f"{what}, 4 workers, {'with' if nanny else 'without'} nanny, one killed: "
                f"{'the same' if is_same else 'DIFFERENT'}; {whole.total.flows:,} flows, "
                f"{len(whole.files)} files, {damaged} of them bad; {took:.1f} s",
                flush=True,
            )
    store.stop()
    return ok


def check_speed(folder):
    """Count 1 GB on two workers and in one process, in turn."""
    text, path = lines(200_000), folder / "large.log"
    with path.open("wb") as file:
        while file.tell() < LARGE:
            file.write(text)
    alone, away = [], []
    with processes(2) as (address, _), connected(address) as client:
        client.wait_for_workers(2, timeout=60)
        parse_flow_log(path)
        count_on_cluster(path, client)
        for _ in range(RUNS):
            for took, count in (
                (alone, parse_flow_log),
                (away, lambda log: count_on_cluster(log, client)),
            ):
                begun = time.perf_counter()
                counts = count(path)
                took.append(time.perf_counter() - begun)
        is_same = counts == parse_flow_log(path)
    ratio = statistics.median(away) / statistics.median(alone)
    print(
        f"1 GB of text: one process {statistics.median(alone):.2f} s, two workers "
        f"{statistics.median(away):.2f} s, {ratio:.2f} times; {'the same' if is_same else 'DIFFERENT'}",
        flush=True,
    )
    path.unlink()
    return is_same and ratio <= 1.4


def check_kernel(folder):
    """Count on four workers whose caches are empty: they must not compile the kernel."""
    path, cache = folder / "some.log", folder / "cache"
    path.write_bytes(lines(300_000))
    cache.mkdir()
    with (
        processes(4, environment={"XDG_CACHE_HOME": str(cache)}) as (address, _),
        connected(address) as client,
    ):
        client.wait_for_workers(4, timeout=60)
        begun = time.perf_counter()
        with mock.patch.object(planned, "SIZES", SMALL):
            count_on_cluster(path, client)
        took = time.perf_counter() - begun
    compiled = [*cache.rglob("*.kernel")]
    print(
        f"4 workers without a cache: {took:.1f} s, {len(compiled)} compiled the kernel", flush=True
    )
    return not compiled


def check_many():
    """Count 10,000 objects: how long the plan takes, how many tasks it makes, and what the scheduler needs."""
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    content = gzip.compress(lines(6_500), 6)
    server = context.Process(target=serve_many, args=(content, OBJECTS, theirs), daemon=True)
    server.start()
    os.environ.update(pipe.recv())
    with processes(2) as (address, scheduler), connected(address) as client:
        client.wait_for_workers(2, timeout=60)
        count_on_cluster("flowtag_core/sample/flow.log", client)
        before = memory(scheduler.pid, "VmRSS")
        begun = time.perf_counter()
        logs = logs_at("s3://logs/")
        listed = time.perf_counter() - begun
        given, submit = [], client.submit

        def counted(*words, **named):
            given.append(time.perf_counter() - begun)
            return submit(*words, **named)

        with mock.patch.object(client, "submit", counted):
            counts = count_on_cluster(logs, client)
        took = time.perf_counter() - begun
        larger = memory(scheduler.pid, "VmHWM") - before
    pipe.send("end")
    server.join(10)
    pieces = sum(time_ <= given[0] + 0.5 for time_ in given)
    print(
        f"{OBJECTS:,} objects of {len(content) / 1000:.0f} KB: listed in {listed:.2f} s, planned and handed "
        f"out in {given[pieces - 1]:.2f} s, {len(given)} tasks, the scheduler {larger:.0f} MB larger; "
        f"counted in {took:.1f} s, {counts.total.flows:,} flows",
        flush=True,
    )
    is_all = counts.total.flows == 6_500 * OBJECTS and len(counts.files) == OBJECTS
    return is_all and given[pieces - 1] <= 3 and len(given) <= 300 and larger <= 50


def memory(pid, name):
    """Return a figure of a process's memory, in MB."""
    for row in Path(f"/proc/{pid}/status").read_text().splitlines():
        if row.startswith(f"{name}:"):
            return int(row.split()[1]) / 1024
    raise ValueError(name)


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench_cluster", description=__doc__)
    parser.add_argument("--only", choices=["same", "speed", "kernel", "many"], help="only one part")
    given = parser.parse_args()
    ok = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.only in (None, "same"):
            (folder / "objects").mkdir()
            ok &= check_same(folder / "objects")
        if given.only in (None, "speed"):
            ok &= check_speed(folder)
        if given.only in (None, "kernel"):
            ok &= check_kernel(folder)
        if given.only in (None, "many"):
            ok &= check_many()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
