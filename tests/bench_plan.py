"""Measure the constants of the model behind `flowtag plan`: python -m tests.bench_plan. Not collected by pytest.

Prints seconds of processor time of all threads together: for a GB of unpacked log in each shape, for a GB that is
only unpacked, and for each file. They are medians of five runs in a warm process.
"""

import gzip
import io
import os
import statistics
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from flowtag_core import parse_flow_log
from flowtag_core.counting import compiled
from flowtag_core.sources.places import logs_at
from flowtag_core.sources.unpacking import unpacked
from tests import bench_shapes

RUNS, RECORDS, FILES, LINES = 5, 1_000_000, 2_000, 50


def processor_seconds(do, path):
    """Return the median seconds of processor time, and of wall time."""
    told = []
    for _ in range(RUNS + 1):
        cpu, wall = time.process_time(), time.perf_counter()
        do(path)
        told.append((time.process_time() - cpu, time.perf_counter() - wall))
    return tuple(statistics.median(times) for times in zip(*told[1:], strict=True))


def count(path):
    parse_flow_log(str(path))


def unpack(path):
    (log,) = logs_at(str(path))
    source = log.places[0].open()
    for file in unpacked(source):
        for _ in file.pieces():
            pass
    source.close()


def write_packed(folder, text):
    """Write a text in each packing; the file names show which."""
    import zstandard

    (folder / "gzip").write_bytes(gzip.compress(text, 6))
    (folder / "zstd").write_bytes(zstandard.compress(text, 3))
    with zipfile.ZipFile(folder / "zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", text)
    with tarfile.open(folder / "tar", "w") as archive:
        info = tarfile.TarInfo("a.log")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    (folder / "UTF-16").write_bytes(text.decode().encode("utf-16"))


def main():
    compiled.kernel(wait=True)
    with tempfile.TemporaryDirectory() as name:
        shapes, packed, many = (Path(name, each) for each in ("shapes", "packed", "many"))
        for folder in (shapes, packed, many):
            folder.mkdir()
        bench_shapes.write_logs(shapes, RECORDS)
        text = (shapes / "day.log").read_bytes()
        for path in sorted(shapes.iterdir()):
            cpu, wall = processor_seconds(count, path)
            gigabytes = path.stat().st_size / 1e9
            print(
                f"count {path.name}: {cpu / gigabytes:.2f} s a GB ({wall / gigabytes:.2f} wall)",
                flush=True,
            )
        write_packed(packed, text)
        for path in sorted(packed.iterdir()):
            cpu, _ = processor_seconds(unpack, path)
            ratio = len(text) / path.stat().st_size
            print(
                f"unpack {path.name}: {cpu / len(text) * 1e9:.2f} s a GB ({ratio:.1f} to 1)",
                flush=True,
            )
        lines = text.splitlines(keepends=True)
        for number in range(FILES):
            part = b"".join(lines[number * LINES : (number + 1) * LINES])
            (many / f"{number}.log.gz").write_bytes(gzip.compress(part, 6))
        cpu, _ = processor_seconds(count, many)
        print(f"a gzip file of {LINES} lines: {cpu / FILES * 1000:.2f} ms", flush=True)
    print(os.cpu_count(), "processors")


if __name__ == "__main__":
    main()
