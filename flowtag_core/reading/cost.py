"""A model of what counting takes: processor time, time, requests and money. docs/planning.md explains it.

Every constant of the model is in this file. Seconds are processor time of all threads together; most were
measured by `tests/bench_plan.py`, and docs/planning.md says where the others come from. Prices are list prices of
Amazon S3, EC2 and Athena in us-east-1, in US dollars. A GB has 10^9 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from flowtag_core.reading.sample import Look
from flowtag_core.shapes.shapes import Shape
from flowtag_core.sources.ahead import REQUESTS
from flowtag_core.sources.objects import requests_for

GB: Final = 1e9

COUNTING: Final[Mapping[Shape, float]] = {"text": 1.3, "CSV": 2.0, "JSON": 2.0, "Parquet": 10.0}
"""Seconds to count a GB in each shape, unpacked, and to add up the tables; Parquet as it is stored."""
UNPACKING: Final[Mapping[str, float]] = {
    "gzip": 0.7,
    "zstd": 0.9,
    "zip": 2.1,
    "tar": 0.5,
    "UTF-16": 0.7,
}
"""Seconds to unpack a GB, as it is after unpacking."""
A_FILE: Final = 0.0002
"""Seconds to open and start a file."""
A_REQUEST: Final = 0.0003
"""Seconds to send a request and receive the answer to it."""
DECRYPTING: Final = 1.0
"""Seconds to receive and decrypt a GB that comes over TLS."""
START: Final = 0.35
"""Seconds until flowtag begins to count."""
RATIO: Final = 5.4
"""How many times larger a packed file becomes if its beginning does not show it: text in gzip."""

BANDWIDTH: Final = 125e6
"""Bytes a second that the network gives: assumed, 1 Gbit/s."""
LATENCY: Final = 0.03
"""Seconds until the answer to a request begins: assumed. `sources.ahead.REQUESTS` requests wait at once."""
KEYS_A_LIST: Final = 1000

A_GET: Final = 0.0004 / 1000
A_LIST: Final = 0.005 / 1000
A_PROCESSOR_HOUR: Final = 0.04
A_GB_OUT: Final = 0.09
"""Dollars for a GB that leaves the region of the bucket."""
A_TB_SCANNED: Final = 5.0
LEAST_SCANNED: Final = 10_000_000
"""Dollars for a TB that Athena scans, and the fewest bytes that it charges for a query."""


class Work(NamedTuple):
    """The work on some files: their bytes as stored and unpacked, and seconds of processor time.

    `alone` is the part of `seconds` that only one processor can do: unpacking the file that takes longest.
    """

    files: int = 0
    packed: int = 0
    unpacked: float = 0
    seconds: float = 0
    alone: float = 0


class Fetching(NamedTuple):
    """The objects to fetch from a store, their bytes, and the requests that fetch and list them."""

    objects: int = 0
    size: int = 0
    gets: int = 0
    lists: int = 0


class Expected(NamedTuple):
    """Seconds: of processor time, of the download, and until everything is counted on this many processors."""

    processor_seconds: float
    download_seconds: float
    seconds: float
    processors: int


class Money(NamedTuple):
    """Dollars: for requests, for processor time, for leaving the bucket's region, and for one query of Athena."""

    requests: float
    processor_time: float
    transfer: float
    athena: float


def work_on(size: int, look: Look) -> Work:
    """Return the work on a file of this size that is like the one looked at."""
    if look.is_refused:
        return Work(1, size, 0, A_FILE)
    ratio = look.ratio
    if ratio is None:
        ratio = RATIO if look.packing else 1
    unpacked = size * ratio
    unpacking = unpacked / GB * sum(UNPACKING[each] for each in look.packing.split(", ") if each)
    counting = unpacked / GB * COUNTING[look.shape or "text"]
    return Work(1, size, unpacked, A_FILE + unpacking + counting, unpacking)


def all_work(works: Iterable[Work]) -> Work:
    """Return all work together."""
    files, packed, unpacked, seconds, alone = 0, 0, 0.0, 0.0, 0.0
    for each in works:
        files += each.files
        packed += each.packed
        unpacked += each.unpacked
        seconds += each.seconds
        alone = max(alone, each.alone)
    return Work(files, packed, unpacked, seconds, alone)


def fetching_of(sizes: Sequence[int]) -> Fetching:
    """Return what is fetched for objects of these sizes that one listing finds."""
    gets = sum(map(requests_for, sizes))
    return Fetching(len(sizes), sum(sizes), gets, -(-len(sizes) // KEYS_A_LIST))


def all_fetching(parts: Iterable[Fetching]) -> Fetching:
    """Return everything that is fetched."""
    return Fetching(*(sum(column) for column in zip(Fetching(), *parts, strict=True)))


def expected(work: Work, fetching: Fetching, processors: int) -> Expected:
    """Return how long the work takes with this many processors; objects are fetched meanwhile."""
    receiving = fetching.size / GB * DECRYPTING + fetching.gets * A_REQUEST
    processor_seconds = work.seconds + receiving
    download = fetching.gets * LATENCY / REQUESTS + fetching.size / BANDWIDTH
    seconds = START + max(processor_seconds / processors, work.alone, download)
    return Expected(processor_seconds, download, seconds, processors)


def money_for(fetching: Fetching, processor_seconds: float) -> Money:
    """Return the price of counting objects in S3, and of one query over them in Athena."""
    return Money(
        requests=fetching.gets * A_GET + fetching.lists * A_LIST,
        processor_time=processor_seconds / 3600 * A_PROCESSOR_HOUR,
        transfer=fetching.size / GB * A_GB_OUT,
        athena=max(fetching.size, LEAST_SCANNED) / 1e12 * A_TB_SCANNED,
    )
