"""Random logs, cut into random pieces: for the tests of counting on a cluster, and for its fuzzer."""

from contextlib import contextmanager
from itertools import pairwise
from unittest import mock

from flowtag_core.reading import planned
from flowtag_core.reading.cluster import count_on_cluster
from tests.logs import DEFAULT_HEADER, line
from tests.reading.fake_cluster import FakeClient

HEADERS = [
    DEFAULT_HEADER.encode(),
    b"version srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
    b"dstport protocol action",
    b"version action",  # without port and protocol
]


def lines(rng, count):
    """Return lines of a log: flows of several layouts, headers in the middle, faults, blank and long lines."""
    header, written = None, []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.06:
            header = rng.choice([*HEADERS, None])
            each = header or b"# nothing"
        elif kind < 0.16:
            each = rng.choice(
                [
                    *(
                        b"",
                        b" \t\r",
                        b"# a comment",
                        b"2 123456789012 eni-0a1b2c3d",
                        b"\xef\xbb\xbf",
                    ),
                    *(
                        line(dstport="65536"),
                        line(protocol="x"),
                        line(version="3"),
                        b"\xff\xfe\x00",
                    ),
                    *(line(status="NODATA"), line(status="SKIPDATA"), line(volume="x"), b"a,b"),
                    *(line().replace(b" ", b"\t"), b"\t".join([line(), line(dstport="25")])),
                    *(b"2018-09-22T20:28:14.000Z " + line(), b"6000 17 ACCEPT", b"x" * 3_000),
                ]
            )
        else:
            each = line(
                dstport=str(rng.choice([22, 443, 50_001])),
                srcport=str(rng.choice([443, 50_000])),
                start=str(1_700_000_000 + 60 * rng.randrange(9)),
                action=rng.choice(["ACCEPT", "REJECT"]),
            )
            if header == b"dstport protocol action":
                each = b"443 6 ACCEPT"
        written.append(each + rng.choice([b"\n", b"\n", b"\n", b"\r\n"]))
    if written and rng.random() < 0.3:
        written[-1] = written[-1].rstrip(b"\n")
    return b"".join(written)


def spans(rng, size, pieces):
    """Return spans that cut this many bytes at random."""
    cuts = sorted({rng.randrange(1, max(size, 2)) for _ in range(pieces)})
    edges = [0, *(each for each in cuts if each < size), size]
    return list(pairwise(edges))


@contextmanager
def cut_anywhere(rng, most=12):
    """Let files be cut into up to this many pieces at any byte, and batches have any size."""
    sizes = planned.Sizes(rng.randrange(1, 5_000), 10_000, 5, 1, 1)

    def ranges(size, *_):
        return spans(rng, size, rng.randrange(1, most))

    with (
        mock.patch.object(planned, "SIZES", sizes),
        mock.patch.object(planned, "ranges", ranges),
    ):
        yield


def counted(logs, rng, **options):
    """Count logs in random pieces, in a random order."""
    client = FakeClient(rng.randrange(1 << 30))
    with cut_anywhere(rng):
        return count_on_cluster(logs, client, cancel=client.step, **options), client
