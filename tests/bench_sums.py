"""Compare two ways to the same counts: python -m tests.bench_sums. Not collected by pytest; takes a minute.

A folder of 500 gzip files is read as the page reads it in place, and by `parse_flow_log`. Sixteen tables are
added up by the kernel, and two at a time. The two sides take turns; it prints their medians and the ratio.
"""

import statistics
import tempfile
import time
from pathlib import Path

from flowtag_core import FlowCounts, parse_flow_log
from flowtag_core.counting import compiled
from flowtag_core.counting.total import total
from flowtag_core.counts import WINDOW_SHIFT, Tower, table
from flowtag_core.page import in_place
from flowtag_core.page.session import Session
from tests.bench import write_log, write_packed

ROUNDS = 9
TABLES = ("requests", "replies", "replies_by_service")


def medians(one, other):
    """Return the median seconds of two calls that take turns."""
    times = ([], [])
    for _ in range(ROUNDS):
        for call, taken in zip((one, other), times, strict=True):
            started = time.perf_counter()
            call()
            taken.append(time.perf_counter() - started)
    return map(statistics.median, times)


def read_in_place(folder):
    """Read the folder as a page that was started with it does, and return the counts."""
    in_place._COUNTED.clear()
    session = Session()
    in_place.start(session, [str(folder)])
    session.intake.wait(600)
    session.collect()
    return session.logs.counts


def in_pairs(parts):
    """Return the sum of the parts, added two at a time."""
    tower = Tower(FlowCounts())
    for part in parts:
        tower.add(part)
    return tower.total()


def day_later(counts, days):
    """Return the counts of the same flows, this many days later."""
    later = []
    for name in TABLES:
        day = getattr(counts, name)
        shift = days * 1440 // day.width << WINDOW_SHIFT
        later.append(table(day.key + shift, day.flows, day.packets, day.bytes, day.rung))
    return FlowCounts(*later)


def print_sum(what, parts):
    one, other = in_pairs(parts), total(parts)
    assert all(getattr(one, name) == getattr(other, name) for name in TABLES)
    pairs, folded = medians(lambda: in_pairs(parts), lambda: total(parts))
    print(f"{what}: kernel {folded:.3f} s, two at a time {pairs:.3f} s, ratio {pairs / folded:.1f}")


def main():
    assert compiled.kernel(wait=True)
    with tempfile.TemporaryDirectory() as folder:
        log, many = Path(folder, "day.log"), Path(folder, "many")
        write_log(log, 1_400_000, ports_at_random=False)
        write_packed(log, Path(folder, "day.gz"), many)
        assert read_in_place(many).total.flows == parse_flow_log(many).total.flows
        page, library = medians(lambda: read_in_place(many), lambda: parse_flow_log(many))
        print(
            f"500 gzip files: page {page:.3f} s, library {library:.3f} s, ratio {page / library:.2f}"
        )
        day = parse_flow_log(log)
        lines = log.read_bytes().splitlines(keepends=True)
        parts = []
        for number in range(16):
            part = Path(folder, f"{number}.log")
            part.write_bytes(b"".join(lines[number::16]))
            parts.append(parse_flow_log(part))
    print_sum("one day in 16 parts", parts)
    print_sum("16 days", [day_later(day, days) for days in range(16)])
    print_sum("16 times the same day", [day] * 16)


if __name__ == "__main__":
    main()
