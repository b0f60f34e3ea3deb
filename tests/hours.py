"""Eight simulated hours of a busy log, and an idle folder: python -m tests.hours.

Each simulated minute appends lines to a log that is rotated every half hour and keeps only its last three files,
and drops small packed files, of which the last two thousand are kept. Every simulated hour it prints the memory,
the open files and the size of the state. Then it follows 10,000 files in which nothing happens, and prints the
processor time as a share of one processor. Not collected by pytest.
"""

import argparse
import gzip
import os
import random
import resource
import tempfile
import time
from collections import deque
from pathlib import Path

from flowtag_core.reading.follow import Follower
from flowtag_core.reading.live import Live
from flowtag_core.tagging.alerts import Watch
from flowtag_core.tagging.blocks import SPAN
from flowtag_core.tagging.lookup_file import load_lookup_table
from tests.logs import LOOKUP, line
from tests.traffic import block_of

EVERY = 5
"""Seconds between two looks."""


def memory():
    """Return the memory that the process uses now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20


def hours_of(work, hours, lines, files):
    """Follow simulated hours, with this many lines and new files per minute, and print a row for each hour."""
    folder, state = work / "logs", str(work / "state")
    folder.mkdir()
    lookup = work / "lookup.csv"
    lookup.write_bytes(LOOKUP)
    blocks = [block_of(random.Random(number), lines // 12 + 1) for number in range(6)]
    live, watch, table = Live(Follower([str(folder)])), Watch(), load_lookup_table(str(lookup))
    log, old, packed, written, number = folder / "busy.log", deque(), deque(), 0, 0
    first = int(time.time()) - hours * 3600
    print("hour, million lines, files, MB, open files, MB of state, rows of the sum, alerts")
    alerts = 0
    for minute in range(hours * 60):
        if minute % 30 == 0:
            if log.exists():
                log.rename(folder / f"busy.log.{minute}")
                old.append(folder / f"busy.log.{minute}")
            if len(old) > 2:
                old.popleft().unlink()
            log.write_bytes(line(packets=str(minute + 1)) + b"\n")
            written += 1
        for step in range(12):
            stamp = str(first + 60 * minute + EVERY * step).encode()
            with log.open("ab", buffering=0) as file:
                file.write(blocks[(minute + step) % 6].replace(b"@" * 10, stamp))
            written += lines // 12 + 1
            for _ in range(files * (step == 0)):
                number += 1
                packed.append(folder / f"{number}.log.gz")
                content = line(packets=str(10**6 + number), start=stamp.decode()) + b"\n"
                packed[-1].write_bytes(gzip.compress(content))
                os.utime(packed[-1], (1, 1))  # An old time: it is not being written any more.
                written += 1
            live.look()
        while len(packed) > 2000:
            packed.popleft().unlink()
        spans = live.recent.spans(live.recent.newest + 1 - SPAN)
        alerts += len(watch.look([*spans.values()], live.sum, live.recent.newest, table))
        live.save(state, watch.last_true)
        if minute % 60 == 59:
            opened = len(os.listdir("/proc/self/fd"))
            sizes = memory(), opened, os.path.getsize(state) >> 20, len(live.sum.requests), alerts
            print((minute + 1) // 60, written // 10**6, number, *sizes, sep=", ", flush=True)
    live.look()
    live.look()
    print(f"{live.sum.total.records:,} records counted, {written:,} written")
    live.follower.close()


def idle(work, files, seconds):
    """Follow files in which nothing happens, and print the processor time that this takes."""
    for number in range(files):
        path = work / "idle" / str(number % 20) / f"{number}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(line(packets=str(number)) + b"\n")
    live = Live(Follower([str(work / "idle")]))
    live.look()
    live.look()
    begun, used = time.monotonic(), time.process_time()
    while time.monotonic() - begun < seconds:
        for _ in range(EVERY):
            time.sleep(1)
            live.poll()
        live.look()
    share = 100 * (time.process_time() - used) / (time.monotonic() - begun)
    print(f"{files:,} idle files: {share:.2f} % of a processor, {memory()} MB")
    live.follower.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=8)
    parser.add_argument("--lines", type=int, default=210_000, help="lines per minute")
    parser.add_argument("--files", type=int, default=21, help="new files per minute")
    parser.add_argument("--idle", type=int, default=300, help="seconds to follow idle files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        hours_of(Path(made), given.hours, given.lines, given.files)
        idle(Path(made), 10_000, given.idle)
