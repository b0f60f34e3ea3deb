"""Measure the second look: python -m tests.bench_look [--lines 10000000]. Not collected by pytest.

Two logs: the day of `tests.bench`, in which nearly every pair of addresses occurs once, and one with few hosts and
frequent pairs, as in a real network. Each is counted, looked at for a port with few flows and for a common one, and
looked at whole; Polars groups the flows by source and destination. All run in one warm process and take turns. The output is
Markdown: median seconds, also as a multiple of the time of counting, and the memory beyond that of a warm process.

Needs: pip install polars.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flowtag_core import Wanted, look, parse_flow_log, port_bits
from flowtag_core.counting import compiled
from tests import bench

ROUNDS = 5
RARE = 8125
LOOKS = {
    "a look for a port with 1 % of the flows": Wanted(ports=port_bits([(6, RARE)])),
    "a look for 443/tcp": Wanted(ports=port_bits([(6, 443)])),
    "a look at all flows": Wanted(),
}


def write_network(path, lines):
    """Write a log of 300 hosts inside and 50,000 outside; few of them have most of the flows."""
    rng = random.Random(9)
    with path.open("w") as log:
        for number in range(lines):
            host, other = int(rng.paretovariate(0.7)) % 300, int(rng.paretovariate(0.5)) % 50_000
            port = RARE if number % 100 == 0 else rng.choice(bench.PORTS)
            ends = [(f"10.0.{host >> 8}.{host & 255}", rng.randrange(32_768, 61_000))]
            ends.append((f"45.{other >> 14}.{(other >> 8) & 63}.{other & 255}", port))
            (source, srcport), (target, dstport) = ends if number % 4 else ends[::-1]
            start = 1_700_000_000 + number * 86_400 // lines
            log.write(
                f"2 123456789012 eni-{host:017x} {source} {target} {srcport} {dstport} 6 {rng.randrange(1, 2000)} "
                f"{rng.randrange(40, 9_000_000)} {start} {start + 60} {rng.choice(('ACCEPT', 'REJECT'))} OK\n"
            )


def polars(path):
    import polars as pl

    kinds = {name: pl.Int64 if name in bench.BIG else pl.String for name in bench.NAMES}
    log = pl.scan_csv(path, separator=" ", has_header=False, quote_char=None, schema=kinds)
    sums = pl.len(), pl.col("packets").sum(), pl.col("bytes").sum()
    grouped = log.group_by("srcaddr", "dstaddr").agg(*sums)
    return grouped.top_k(20, by="len").collect(engine="streaming")


def timed(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def measured(path):
    """Print a row for each program, in a process of its own for the memory."""
    calls = {"counting": lambda: parse_flow_log(path)}
    calls |= {
        name: lambda wanted=wanted: look(path, wanted=wanted) for name, wanted in LOOKS.items()
    }
    calls["Polars, by source and destination"] = lambda: polars(path)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            seconds[name].append(timed(call))
    counting = statistics.median(seconds["counting"])
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"| {name} | {median:.2f} s | {median / counting:.1f} |")


def memory(path):
    """Return the memory in MB (Linux only) of a look at all flows, beyond that of a process that has counted a small log."""
    program = (
        "import re, sys; from pathlib import Path; from flowtag_core import look, parse_flow_log;"
        "from flowtag_core.counting import compiled; compiled.kernel(wait=True); parse_flow_log(sys.argv[1]);"
        "peak = lambda: int(re.search('VmHWM:\\s*(.+) kB', Path('/proc/self/status').read_text())[1]);"
        "base = peak(); look(sys.argv[2]); print((peak() - base) // 1024)"
    )
    small = bench.ROOT / "flowtag_core/sample/flow.log"
    command = [sys.executable, "-c", program, str(small), str(path)]
    return subprocess.run(
        command, check=True, capture_output=True, cwd=bench.ROOT, text=True
    ).stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_400_000)
    lines = parser.parse_args().lines
    compiled.kernel(wait=True)
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder, "day.log"), Path(folder, "network.log")
        bench.write_log(logs[0], lines, ports_at_random=False)
        write_network(logs[1], lines)
        for path, name in zip(logs, ("nearly all pairs once", "frequent pairs"), strict=True):
            print(f"\n| {lines:,} lines, {name} | median | times counting |\n|---|---|---|")
            measured(path)
            print(f"\nMemory of a look at all flows: {memory(path)} MB.", flush=True)


if __name__ == "__main__":
    main()
