"""Measures counting objects of a store on loopback: python -m tests.bench_bucket

500 gzip objects of 200 KB with 30 ms a request, and one text of 1 GB: counted from the store, downloaded only, and
counted from local files, in turn. The store runs in a process of its own.
"""

import gzip
import multiprocessing
import os
import random
import resource
import statistics
import tempfile
import time
from pathlib import Path

from tests.logs import line
from tests.sources.bucket import Bucket, serving

OBJECTS, LINES, RUNS, LATENCY = 500, 20_000, 5, 0.03


def written(folder):
    rng = random.Random(1)
    folder.mkdir()
    lines = [
        line(
            dstport=str(rng.choice([443, 53, 25, rng.randrange(65_536)])),
            srcaddr=f"10.0.{rng.randrange(256)}.{rng.randrange(256)}",
            volume=str(rng.randrange(10**7)),
            start=str(1_700_000_000 + rng.randrange(3_600)),
        )
        + b"\n"
        for _ in range(LINES)
    ]
    for number in range(OBJECTS):
        rng.shuffle(lines)
        (folder / f"{number:03}.log.gz").write_bytes(gzip.compress(b"".join(lines[:6_500]), 6))
    return folder


def serve(folder, seconds, pipe):
    bucket = Bucket()
    bucket.seconds = seconds
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            bucket.objects[path.relative_to(folder).as_posix()] = path.read_bytes()
    with serving(bucket) as environment:
        pipe.send(environment)
        pipe.recv()


def download(uri):
    from flowtag_core.sources.places import logs_at

    (log,) = logs_at(uri)
    return sum(len(piece) for place in log.places for piece in place.open().pieces())


def count(path):
    from flowtag_core import parse_flow_log

    return parse_flow_log(path).total.flows


def timed(do, what):
    begun = time.perf_counter()
    done = do(what)
    return time.perf_counter() - begun, done


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder / "gz")
        (folder / "big").mkdir()
        text = b"".join(
            gzip.decompress(path.read_bytes()) for path in sorted((folder / "gz").iterdir())[:100]
        )
        with (folder / "big" / "a.log").open("wb") as file:
            while file.tell() < 1_000_000_000:
                file.write(text)
        context = multiprocessing.get_context("spawn")
        for what, seconds in (("gz", LATENCY), ("gz", 0.0), ("big", 0.0)):
            mine, theirs = context.Pipe()
            server = context.Process(
                target=serve, args=(folder / what, seconds, theirs), daemon=True
            )
            server.start()
            os.environ.update(mine.recv())
            jobs = {
                "from the store": (count, "s3://logs/"),
                "download": (download, "s3://logs/"),
                "local": (count, str(folder / what)),
            }
            took = {each: [] for each in jobs}
            for _ in range(RUNS):
                for each, (do, path) in jobs.items():
                    took[each].append(timed(do, path)[0])
            medians = {each: statistics.median(times) for each, times in took.items()}
            larger = max(medians["download"], medians["local"])
            said = ", ".join(f"{each} {seconds_:.2f} s" for each, seconds_ in medians.items())
            ratio = medians["from the store"] / larger
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{what}, {1000 * seconds:.0f} ms: {said}; {ratio:.2f} of the larger; {most:.0f} MB",
                flush=True,
            )
            mine.send("end")
            server.join(10)


if __name__ == "__main__":
    main()
