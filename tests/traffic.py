"""A busy folder of logs, followed by a process that is killed now and then: python -m tests.traffic.

It writes lines at a steady rate into two logs that are rotated and truncated, with half lines, faults and a
header in the middle, and drops packed files beside them. At the end, the follower must have exactly the counts of
a copy of everything that was written. It prints how much more processor time following took than counting, as a
share of one processor. The tests run it for a few seconds; run by hand, it takes three minutes.
"""

import argparse
import gzip
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flowtag_core import parse_flow_log
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import StateError
from flowtag_core.reading.state import load
from tests.conftest import ROOT
from tests.logs import LOOKUP, line

TICK = 0.1
PAUSE = 3.5
"""Seconds between the last line and a truncation; what is written just before one may be lost."""
OTHER_LAYOUT = b"version dstport protocol action start srcport packets bytes log-status\n"


class Log:
    """A log that is written, and a copy of everything that was ever in it."""

    def __init__(self, path, copies):
        self.path, self.copies, self.number = path, copies, 0
        self.begin()

    def begin(self):
        """Start a new file with a unique first line, so that it is not taken for a copy of another."""
        self.number += 1
        self.copy = self.copies / f"{self.path.name}.{self.number}"
        self.has_header = False
        with self.path.open("wb"):
            pass
        self.write(line(packets=str(self.number), volume=str(abs(hash(self.path)) % 10**9)) + b"\n")

    def write(self, content):
        for path in (self.path, self.copy):
            with path.open("ab", buffering=0) as file:
                file.write(content)

    def rotate(self):
        """Rename the file to .1, after packing the one before it as .2.gz."""
        older = [self.path.with_name(f"{self.path.name}.{number}") for number in (1, 2)]
        if older[0].exists():
            packed = Path(f"{older[1]}.gz")
            with older[0].open("rb") as file, gzip.open(packed, "wb", compresslevel=1) as target:
                shutil.copyfileobj(file, target)
            older[0].unlink()
        self.path.rename(older[0])
        self.begin()

    def truncate(self):
        os.truncate(self.path, 0)
        self.begin()


def block_of(rng, lines, layout=None):
    """Return lines with a placeholder for the time, one in a thousand of them with a fault."""
    made = []
    for number in range(lines):
        port, source = (
            str(rng.choice((443, 25, 53, 9092, rng.randrange(65536)))),
            str(rng.randrange(1024, 65536)),
        )
        if number % 1000 == 999:
            port = "x"
        volume = str(rng.randrange(40, 10**6))
        if layout is None:
            made.append(line(dstport=port, srcport=source, volume=volume, start="@" * 10))
        else:
            made.append(f"2 {port} 6 ACCEPT {'@' * 10} {source} 3 {volume} OK".encode())
    return b"\n".join(made) + b"\n"


class FollowerProcess:
    """The process that follows; it may be killed and started again."""

    def __init__(self, folder, work, every):
        self.state = work / "state"
        lookup = work / "lookup.csv"
        lookup.write_bytes(LOOKUP)
        words = ["follow", folder, lookup, work / "out.csv", "--state", self.state]
        words += ["--alerts", work / "alerts", "--every", every]
        self.command = [sys.executable, "-m", "flowtag_core", *map(str, words)]
        self.stderr = (work / "told").open("ab")
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, cwd=ROOT, stderr=self.stderr)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.start()

    def counts(self):
        try:
            return load(str(self.state)).counts
        except StateError:  # There is none yet.
            return FlowCounts()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.stderr.close()
        return code


def write(folder, copies, seconds, rate, kill):
    """Write for this many seconds, and call `kill` twice."""
    rng = random.Random(7)
    lines = max(int(rate * TICK), 1)
    blocks = [block_of(rng, lines) for _ in range(8)]
    others = [block_of(rng, lines, OTHER_LAYOUT) for _ in range(2)]
    busy, bursts = Log(folder / "busy.log", copies), Log(folder / "bursts.log", copies)
    events = {
        "rotate": seconds / 6,
        "drop": seconds / 10,
        "kill": seconds / 3,
    }
    begun, due = time.monotonic(), dict(events)
    dropped, ticks, quiet_at = 0, 0, None
    while (now := time.monotonic() - begun) < seconds:
        stamp = str(int(time.time())).encode()
        block = (others if busy.has_header else blocks)[ticks % 2].replace(b"@" * 10, stamp)
        cut = rng.randrange(len(block))
        busy.write(block[:cut])
        if quiet_at is None:
            bursts.write(blocks[ticks % 8].replace(b"@" * 10, stamp))
            if now % 5 > 4:
                quiet_at = now
        elif now - quiet_at > PAUSE:
            bursts.truncate()
            quiet_at = None
        time.sleep(TICK / 10)
        busy.write(block[cut:])
        ticks += 1
        if ticks == int(seconds / TICK / 2):
            busy.write(OTHER_LAYOUT)
            busy.has_header = True
        for event, every in events.items():
            if now < due[event]:
                continue
            due[event] += every
            if event == "rotate":
                busy.rotate()
            elif event == "kill":
                kill()
            else:
                dropped += 1
                drop(folder, copies, dropped, line(packets=str(10**6 + dropped)) + b"\n" + block)
        time.sleep(max(begun + ticks * TICK - time.monotonic(), 0))


def drop(folder, copies, number, content):
    """Write a packed file in two steps."""
    (copies / f"{number}.log").write_bytes(content)
    packed = gzip.compress(content)
    with (folder / f"{number}.log.gz").open("wb", buffering=0) as file:
        file.write(packed[: len(packed) // 2])
        time.sleep(TICK / 2)
        file.write(packed[len(packed) // 2 :])


def differences(found, expected):
    """Return the counts that differ from what is expected, as pairs."""
    names = ("records", "headers", "blank", "flows", "set_aside")
    pairs = {name: (getattr(found.total, name), getattr(expected.total, name)) for name in names}
    for name in ("requests", "replies", "replies_by_service"):
        tables = (getattr(found, name), getattr(expected, name))
        sums = [[int(each.sum()) for each in (t.flows, t.packets, t.bytes)] for t in tables]
        pairs[name] = (sums[0], sums[1]) if tables[0] != tables[1] else (0, 0)
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def run(seconds, rate, every):
    """Write, follow and compare; return the differences, the expected counts, and three durations in seconds."""
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        folder, copies = work / "logs", work / "copies"
        folder.mkdir()
        copies.mkdir()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.monotonic()
        followed = FollowerProcess(folder, work, every)
        write(folder, copies, seconds, rate, followed.kill)
        started = os.times()
        expected = parse_flow_log(str(copies))
        ended = os.times()
        for _ in range(30):
            if followed.counts().total.records == expected.total.records:
                break
            time.sleep(1)
        lasted = time.monotonic() - begun
        code = followed.stop()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        followed_for = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        counted_for = ended.user + ended.system - started.user - started.system
        found = differences(followed.counts(), expected)
        if found or code:
            print((work / "told").read_text()[-3000:])
            found["exit code"] = (code, 0)
        return found, expected, followed_for, counted_for, lasted


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--rate", type=int, default=50_000, help="lines per second")
    parser.add_argument("--every", default="5s", help="how often the follower looks")
    given = parser.parse_args()
    wrong, expected, followed_for, counted_for, lasted = run(given.seconds, given.rate, given.every)
    total = expected.total
    print(f"{total.records:,} records, {total.flows:,} flows, {total.faults:,} faults")
    print(f"follower: {followed_for:.1f} s of processor time, counting: {counted_for:.1f} s")
    print(f"more than counting: {100 * (followed_for - counted_for) / lasted:.1f} % of a processor")
    print("wrong: " + str(wrong) if wrong else "nothing lost, nothing counted twice")
    sys.exit(bool(wrong))
