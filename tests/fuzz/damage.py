"""Damage a few bytes of a file, and check that it is counted up to the damage or refused in a sentence.

python -m tests.fuzz.damage takes minutes; pytest runs a small form of it. `--shape tar` uses only shapes
whose names begin with "tar". Each file depends only on its number. Each batch of files has a process of its
own, which may use 500 MB more than at its start, so that crashes and excessive use of memory are noticed too.
"""

import argparse
import base64
import gzip
import io
import json
import random
import resource
import subprocess
import sys
import tarfile
import time
import zipfile
from functools import cache

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from flowtag_core import FlowtagError, load_lookup_table, parse_flow_log
from flowtag_core.counting import compiled
from flowtag_core.errors import UnforeseenError
from tests.logs import line

_AT_ONCE = 2_000
_MOST_SECONDS = 20
_MOST_MEMORY = 500_000_000


def _log():
    return b"".join(line(dstport=str(port % 65536)) + b"\n" for port in range(0, 200_000, 700))


def _columns():
    count = 300
    return pa.table(
        {
            "srcport": [50_000] * count,
            "dstport": [port * 7 for port in range(count)],
            "protocol": [6, 17, 1] * (count // 3),
            "packets": [10] * count,
            "bytes": [840] * count,
            "start": pa.array([1_700_000_000 + n for n in range(count)], pa.timestamp("s")),
            "action": ["ACCEPT", "REJECT", "ACCEPT"] * (count // 3),
            "log_status": ["OK"] * count,
        }
    )


def _parquet(**options):
    file = io.BytesIO()
    pq.write_table(_columns(), file, row_group_size=100, **options)
    return file.getvalue()


def _tar(kind=tarfile.PAX_FORMAT):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
        for name in ("a.log", "b" * 150 + ".log"):
            member = tarfile.TarInfo(name)
            member.size = len(_log())
            archive.addfile(member, io.BytesIO(_log()))
    return file.getvalue()


def _zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", _log())
        archive.writestr("b.log.gz", gzip.compress(_log(), mtime=0))
    return file.getvalue()


def _json():
    events = [{"timestamp": 1, "message": text} for text in _log().decode().splitlines()]
    return json.dumps({"events": events[:50]}).encode()


def _csv():
    rows = (f'"{port}","6","{port}","OK"' for port in range(99))
    return "\n".join(['"dstport","protocol","bytes","log_status"', *rows]).encode()


def _nested_json():
    payload = base64.b64encode(gzip.compress(_json(), mtime=0)).decode()
    return json.dumps({"Records": [{"kinesis": {"data": payload}}] * 2}, indent=1).encode()


def _messages():
    file = io.BytesIO()
    texts = [text.decode() for text in _log().splitlines()[:50]]
    pq.write_table(pa.table({"message": texts, "@timestamp": range(len(texts))}), file)
    return file.getvalue()


def _lookup():
    rows = (
        f"{port}-{port + port % 3},{protocol},tag {port}"
        for port in range(90)
        for protocol in ("tcp", "17", "*")
    )
    return "\n".join(
        ["dstport,protocol,tag", *rows, '1,tcp,"a ""quoted"" tag"', "*,icmp,ping"]
    ).encode()


def _services():
    return b"".join(b"service%d\t%d/tcp\talias # a remark\n" % (port, port) for port in range(200))


def _iana():
    header = "Service Name,Port Number,Transport Protocol,Description\n"
    rows = (f'name{port},{port}-{port + 1},udp,"two\nlines"\n' for port in range(0, 300, 2))
    return (header + "".join(rows)).encode()


LOOKUPS = {
    "lookup": _lookup,
    "lookup in gzip": lambda: gzip.compress(_lookup(), mtime=0),
    "lookup in UTF-16": lambda: _lookup().decode().encode("utf-16"),
    "lookup of services": _services,
    "lookup of IANA": _iana,
}
MAKERS = {
    "text": _log,
    "Parquet": _parquet,
    "Parquet, plain": lambda: _parquet(use_dictionary=False, compression="none"),
    "Parquet, gzip": lambda: _parquet(compression="gzip", data_page_version="2.0"),
    "Parquet, messages": _messages,
    "tar": _tar,
    "GNU tar": lambda: _tar(tarfile.GNU_FORMAT),
    "tar in gzip": lambda: gzip.compress(_tar(), mtime=0),
    "zip": _zip,
    "gzip": lambda: gzip.compress(_log(), mtime=0),
    "zstd": lambda: zstandard.compress(_log()),
    "JSON": _json,
    "JSON in JSON": _nested_json,
    "CSV": _csv,
    "UTF-16": lambda: _log().decode().encode("utf-16"),
    **LOOKUPS,
}


@cache
def sound(shape):
    """Return an undamaged file of this shape."""
    return MAKERS[shape]()


def damaged(seed, only=""):
    """Return the shape of a file, and its damaged bytes."""
    rng = random.Random(seed)
    shape = rng.choice([name for name in MAKERS if name.startswith(only)])
    content = bytearray(sound(shape))
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        # Headers and metadata are at the two ends of a file, so damage those more often.
        near = rng.choice((len(content), 64, 600)) if content else 1
        place = rng.randrange(max(min(near, len(content)), 1))
        place = place if rng.random() < 0.5 else len(content) - 1 - place
        what = rng.randrange(5)
        if what == 0:
            content[place : place + 1] = bytes([rng.randrange(256)])
        elif what == 1 and content:
            content[place] ^= 1 << rng.randrange(8)
        elif what == 2:
            del content[place : place + rng.choice((1, 4, 100))]
        elif what == 3:
            content[place:place] = rng.randbytes(rng.choice((1, 8)))
        elif rng.random() < 0.3:
            del content[place:]
        else:
            content[place : place + 4] = b"\xff" * 4
    return shape, bytes(content)


def wrong(seed, only=""):
    """Return what is wrong with how a damaged file is handled, or an empty string if nothing is."""
    shape, content = damaged(seed, only)
    started = time.process_time()
    fault = _fault(shape, content)
    took = time.process_time() - started
    if not fault and took > _MOST_SECONDS:
        fault = f"took {took:.0f} s"
    return f"{seed} ({shape}): {fault}" if fault else ""


def _fault(shape, content):
    try:
        if shape in LOOKUPS:
            load_lookup_table(io.BytesIO(content), "log")
            return ""
        return _lost(parse_flow_log(io.BytesIO(content), names=["log"]))
    except FlowtagError as error:
        is_sound = str(error).startswith("log") and not isinstance(error, UnforeseenError)
        return "" if is_sound and not isinstance(error.__cause__, MemoryError) else str(error)
    except Exception as error:  # noqa: BLE001
        return repr(error)  # any other error is a finding


def _lost(counts):
    """Return what does not add up in the counts of a damaged file."""
    found = [damage for damage in counts.total.damage if "this is a bug in flowtag" in damage]
    odd = [name for name, file in counts.files.items() if file.flows < 0 or name[:3] != "log"]
    flows = counts.requests.flows.sum() + counts.replies.flows.sum()
    if flows != counts.total.flows:
        found.append(f"{flows} flows in the tables, but the total is {counts.total.flows}")
    return "; ".join([*found, *odd])


def _limit_memory():
    """Limit the memory of this process to _MOST_MEMORY more than it uses once everything is loaded."""
    compiled.kernel(wait=True)
    for shape in MAKERS:
        # An undamaged file of each shape loads all modules that are loaded lazily.
        take = load_lookup_table if shape in LOOKUPS else parse_flow_log
        take(io.BytesIO(sound(shape)))
    if sys.platform == "linux":
        with open("/proc/self/statm") as sizes:
            now = int(sizes.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + _MOST_MEMORY,) * 2)


def main():
    """Try the given number of files; return whether any of them was handled wrongly."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.damage", description=__doc__)
    parser.add_argument(
        "--times", type=int, default=100_000, help="the number of files (default 100000)"
    )
    parser.add_argument(
        "--first", type=int, default=0, help="the number of the first file (default 0)"
    )
    parser.add_argument("--shape", default="", help="only shapes whose names begin with this")
    given = parser.parse_args()
    if given.times <= _AT_ONCE:
        _limit_memory()
        seeds = range(given.first, given.first + given.times)
        found = [*filter(None, (wrong(seed, given.shape) for seed in seeds))]
        print(*found, sep="\n", end="\n" if found else "")
        return bool(found)
    failed = 0
    end = given.first + given.times
    for first in range(given.first, end, _AT_ONCE):
        times = str(min(_AT_ONCE, end - first))
        command = [sys.executable, "-m", "tests.fuzz.damage", "--first", str(first)]
        options = ["--times", times, "--shape", given.shape]
        done = subprocess.run([*command, *options], check=False)
        if done.returncode not in (0, 1):
            print(f"files from {first} on: the process exited with {done.returncode}")
        failed += bool(done.returncode)
    print(f"{given.times:,} damaged files: {failed} batches with findings")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
