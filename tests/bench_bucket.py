"""Measures counting objects of a store on loopback: python -m tests.bench_bucket

500 gzip objects of 200 KB, with and without 30 ms a request, and one text of 1 GB are counted from the store, only
downloaded, and counted from local files, in turn. Each job is a process of its own, whose memory is measured. The
store is nginx.
"""

import gzip
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.logs import random_lines
from tests.sources.fast import bytes_sent, fast_store

OBJECTS, LINES, RUNS, LATENCY = 500, 20_000, 5, 0.03
JOBS = {
    "store": """
from flowtag_core import parse_flow_log
done = parse_flow_log("s3://logs/").total.flows
""",
    "download": """
from flowtag_core.sources.places import logs_at
(log,) = logs_at("s3://logs/")
done = sum(len(piece) for place in log.places for piece in place.open().pieces())
""",
    "local": """
from flowtag_core import parse_flow_log
done = parse_flow_log(sys.argv[1]).total.flows
""",
}
PROGRAM = """
import sys, time
import flowtag_core.counting.compiled as compiled
from flowtag_core import parse_flow_log
from flowtag_core.sources import objects
import obstore.store
compiled.loaded()
begun, used = time.perf_counter(), time.process_time()
{job}
took, used = time.perf_counter() - begun, time.process_time() - used
(most,) = [each for each in open("/proc/self/status") if each.startswith("VmHWM")]
print(took, used, int(most.split()[1]) / 1024, done)
"""


def written(folder):
    rng = random.Random(1)
    folder.mkdir(parents=True)
    lines = random_lines(LINES)
    for number in range(OBJECTS):
        rng.shuffle(lines)
        (folder / f"{number:03}.log.gz").write_bytes(gzip.compress(b"".join(lines[:13_700]), 6))


def run(job, folder, environment):
    """Run a job in a process of its own; return its seconds, processor seconds, MB and result."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(job=job), str(folder)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(each) for each in done.stdout.split()]


def measure(name, root, folder, seconds):
    with fast_store(root, folder, seconds) as (environment, requests):
        for job in JOBS.values():
            run(job, root / "logs", environment)
        took = {each: [] for each in JOBS}
        for _ in range(RUNS):
            for each, job in JOBS.items():
                took[each].append(run(job, root / "logs", environment))
        sent, size = bytes_sent(requests), sum(path.stat().st_size for path in root.rglob("*.*"))
    medians = {
        each: [statistics.median(column) for column in zip(*rows, strict=True)]
        for each, rows in took.items()
    }
    assert medians["store"][3] == medians["local"][3]
    store, download, local = (medians[each] for each in JOBS)
    said = ", ".join(
        f"{each} {row[0]:.2f} s ({row[1]:.2f} cpu, {row[2]:.0f} MB)"
        for each, row in medians.items()
    )
    print(f"{name}, {1000 * seconds:.0f} ms a request: {said}")
    print(
        f"  {store[0] / max(download[0], local[0]):.2f} of the larger, {store[0] / local[0]:.2f} of local, "
        f"{store[2] - local[2]:+.0f} MB, each byte {sum(sent.values()) / size / 2 / (RUNS + 1):.2f} times",
        flush=True,
    )


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        written(folder / "gz" / "logs")
        (folder / "big" / "logs").mkdir(parents=True)
        packed = sorted((folder / "gz" / "logs").iterdir())[:50]
        text = b"".join(gzip.decompress(path.read_bytes()) for path in packed)
        with (folder / "big" / "logs" / "a.log").open("wb") as file:
            while file.tell() < 1_000_000_000:
                file.write(text)
        for what, seconds in (("gz", LATENCY), ("gz", 0.0), ("big", 0.0)):
            own = folder / f"nginx-{what}-{seconds}"
            own.mkdir(mode=0o777)
            measure(what, folder / what, own, seconds)


if __name__ == "__main__":
    main()
