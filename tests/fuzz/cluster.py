"""Compares counts in random pieces with those of one process; run as python -m tests.fuzz.cluster.

Each cut has a folder of a few files: text with headers anywhere, gzip, Parquet with many row groups, CSV, and files
that are damaged or not logs. They are cut at random bytes and counted in a random order, without Dask.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flowtag_core import parse_flow_log
from flowtag_core.counting import compiled, threads
from flowtag_core.errors import LogError
from tests.logs import DEFAULT_HEADER
from tests.reading.cuts import counted, lines

MOST_LINES = 400


def write(path: Path, rng: random.Random) -> None:
    """Write a random file."""
    text = b"# a log\n" + lines(rng, rng.randrange(MOST_LINES))
    kind = rng.choice(["text", "text", "text", "gzip", "cut", "parquet", "parquet", "csv", "none"])
    if kind == "gzip":
        text = gzip.compress(text, 1)
    elif kind == "cut":
        text = gzip.compress(text, 1)[: rng.randrange(1, 600)]
    elif kind == "csv":
        text = b"dstport,protocol,action\n" + b"443,6,ACCEPT\n" * rng.randrange(90)
    elif kind == "none":
        text = rng.choice([b"%PDF-1.7", b"BZh91AY&SYx", b"\0", b"", b"<html>"])
    path.write_bytes(text)
    if kind == "parquet":
        write_parquet(path, rng)


def write_parquet(path: Path, rng: random.Random) -> None:
    """Write a Parquet file with several row groups and some odd rows; perhaps damage it."""
    names = DEFAULT_HEADER.split()
    rows = rng.randrange(1, MOST_LINES)
    columns: dict[str, list[object]] = {name: ["10.0.0.1"] * rows for name in names}
    for name in ("srcport", "dstport", "protocol", "packets", "bytes"):
        columns[name] = [rng.choice([6, 17, 22, 443, 70_000]) for _ in range(rows)]
    columns["start"] = [1_700_000_000 + rng.randrange(600) for _ in range(rows)]
    columns["log-status"] = [rng.choice(["OK", "OK", "NODATA"]) for _ in range(rows)]
    pq.write_table(pa.table(columns), path, row_group_size=rng.randrange(10, 90))
    if rng.random() < 0.25:
        content = bytearray(path.read_bytes())
        for _ in range(rng.randrange(1, 30)):
            content[rng.randrange(4, len(content))] = rng.randrange(256)
        path.write_bytes(bytes(content))


def difference(seed: int, folder: Path) -> str:
    """Return how the counts of one random folder differ; empty if they do not."""
    rng = random.Random(seed)
    for number in range(rng.randrange(1, 5)):
        write(folder / f"{number}.log", rng)
    options = {"format": "version dstport protocol action"} if rng.random() < 0.1 else {}
    logs = [folder] if rng.random() < 0.7 else sorted(folder.iterdir())
    try:
        # How much of a damaged Parquet file is read depends on the number of threads, and so does its size.
        with threads.alone():
            whole: object = parse_flow_log(*logs, **options)
    except LogError as error:
        whole = str(error)
    try:
        parts: object = counted(logs, rng, **options)[0]
    except LogError as error:
        parts = str(error)
    if whole == parts and (isinstance(whole, str) or list(whole.files) == list(parts.files)):
        return ""
    return f"seed {seed}: one process {whole!r:.300}, pieces {parts!r:.300}"


def main() -> int:
    """Compare as many cuts as the command line says; return 1 if any differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.cluster", description=__doc__)
    parser.add_argument("--cuts", type=int, default=1_000, help="how many folders are cut (1000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    given = parser.parse_args()
    compiled.kernel(wait=True)
    unlike = 0
    for seed in range(given.first, given.first + given.cuts):
        with tempfile.TemporaryDirectory() as name:
            found = difference(seed, Path(name))
        if found:
            unlike += 1
            print(found, flush=True)
    print(f"{given.cuts:,} cuts, {unlike} with differences")
    return 1 if unlike else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    sys.exit(main())
