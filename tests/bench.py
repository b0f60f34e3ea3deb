"""How fast and how lean: python -m tests.bench. Not collected by pytest; takes about a minute.

Speed is a ratio to a bare Python loop that splits each line and counts into a dict, run in turn
with flowtag; memory is the peak of a whole process, over one that reads a single line.
"""

import argparse
import io
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flowtag_core import load_lookup_table
from flowtag_core.iana import KEYWORDS
from tests.conftest import ROOT

LOOP = """
import sys, time
started = time.perf_counter()
counts = {}
with open(sys.argv[1], "rb") as log:
    for line in log:
        words = line.split()
        key = words[6], words[7]
        counts[key] = counts.get(key, 0) + 1
print(time.perf_counter() - started)
"""
FLOWTAG = """
import re, sys
from flowtag_core.__main__ import main
code = main(sys.argv[1:])
# Not resource.getrusage: its peak remembers the larger process that started this one.
print(re.search("VmHWM:\\s*([0-9]+)", open("/proc/self/status").read())[1])
sys.exit(code)
"""
PORTS = (443, 443, 443, 80, 53, 53, 22, 25, 110, 143, 993, 3306, 5432, 6379, 8080, 9092)


def write_log(path, lines, ports_at_random):
    """Both directions of connections over a day, nearly in time order; or ports at random."""
    rng = random.Random(7)
    with path.open("w") as log:
        for number in range(lines):
            client, service = rng.randrange(1024, 65536), rng.choice(PORTS)
            if ports_at_random:
                client, service = rng.randrange(65536), rng.randrange(65536)
            source, target = (client, service) if number % 2 else (service, client)
            start = 1_700_000_000 + number * 86_400 // lines - rng.randrange(60)
            log.write(
                f"2 123456789012 eni-0a1b2c3d4e5f60718 10.0.{number % 256}.{number % 199} "
                f"198.51.100.{number % 251} {source} {target} {rng.choice((6, 6, 6, 17))} "
                f"{rng.randrange(1, 2000)} {rng.randrange(40, 9_000_000)} {start} {start + 60} "
                f"{rng.choice(('ACCEPT', 'ACCEPT', 'REJECT'))} OK\n"
            )


def lookup_rows(rows):
    rng = random.Random(8)
    names = list(KEYWORDS.values())
    return "dstport,protocol,tag\n" + "".join(
        f"{rng.randrange(65536)},{rng.choice(names)},tag {rng.randrange(500)}\n"
        for _ in range(rows)
    )


def loop_seconds(log):
    done = subprocess.run([sys.executable, "-c", LOOP, log], check=True, capture_output=True)
    return float(done.stdout)


def flowtag_run(log, lookup):
    """Seconds and peak memory in MB of the whole command line (memory on Linux only)."""
    started = time.perf_counter()
    command = [sys.executable, "-c", FLOWTAG, str(log), str(lookup), os.devnull]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started, int(done.stdout) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_400_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        lookup, one = Path(folder, "lookup.csv"), Path(folder, "one.log")
        lookup.write_text(lookup_rows(10_000))
        write_log(one, 1, ports_at_random=False)
        base = min(flowtag_run(one, lookup)[1] for _ in range(3))
        for name, at_random in (("a day of traffic", False), ("ports at random", True)):
            log, ten = Path(folder, "big.log"), Path(folder, "ten.log")
            write_log(log, given.lines, at_random)
            with log.open("rb") as big:
                ten.write_bytes(big.read(10_000_000).rpartition(b"\n")[0])
            rounds = [(loop_seconds(log), *flowtag_run(log, lookup)) for _ in range(given.rounds)]
            loop, whole, peak = map(statistics.median, zip(*rounds, strict=True))
            small = statistics.median(flowtag_run(ten, lookup)[1] for _ in range(given.rounds))
            print(
                f"{name}, {given.lines:,} lines, {log.stat().st_size / 1e6:.0f} MB, 10,000 rules: "
                f"{whole:.2f} s, {whole / loop:.2f} times the loop's {loop:.2f} s; memory over a "
                f"one-line log: {small - base:+.1f} MB for 10 MB, {peak - base:+.0f} MB for all"
            )
    content = lookup_rows(1_000_000).encode()
    started = time.perf_counter()
    load_lookup_table(io.BytesIO(content))
    print(f"a lookup of 1,000,000 rows loads in {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
