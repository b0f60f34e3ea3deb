"""Measure speed and memory: python -m tests.bench [--large] [--huge] [--write]. Not collected by pytest.

flowtag is compared with Polars (its streaming engine) and DuckDB, which compute the same sums: flows,
packets and bytes by 10 minutes, protocol, destination port, action and boundary. They also run without the
boundary, as does a plain Python loop; `cat` only reads the file. (flowtag also counts replies at the port
they come from, and accounts for every line.) The programs take turns, first in warm processes, then in a
new process for each run. There flowtag runs its command line with a lookup of 10,000 rows and writes the
result. All of this takes minutes.

The output is Markdown: median seconds, each time as a multiple of flowtag's, and the memory beyond that of
a warm process. The last table is about flowtag only: the day's log in other shapes and with odd lines.
`--write` also puts the output into docs/speed.md, with a checksum, so that nobody copies numbers by hand.

Needs: pip install polars duckdb.
"""

import argparse
import contextlib
import gzip
import hashlib
import io
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from flowtag_core import load_lookup_table
from flowtag_core.iana import KEYWORDS
from tests.conftest import ROOT

PORTS = (443, 443, 443, 80, 53, 53, 22, 25, 110, 143, 993, 3306, 5432, 6379, 8080, 9092)
NAMES = (
    "version account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes start end "
    "action log_status"
).split()
BIG = frozenset({"packets", "bytes", "start"})
SMALL = frozenset({"srcport", "dstport", "protocol"})

FLOWTAG = """
from flowtag_core import parse_flow_log
from flowtag_core.counting import compiled
compiled.kernel(wait=True)
def run(path):
    parse_flow_log(path)
"""
# A pattern for the ranges that are never routed on the internet. The logs of the bench contain only IPv4.
INSIDE = (
    "^(0|10|127|22[4-9]|2[3-5][0-9]|169[.]254|192[.]168|172[.](1[6-9]|2[0-9]|3[01])"
    "|100[.](6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))[.]"
)
POLARS = f"""
import polars as pl
schema = {{n: pl.Int64 if n in {set(BIG)} else pl.Int32 if n in {set(SMALL)} else pl.String for n in {NAMES}}}
def run(path, ends=("srcaddr", "dstaddr")):
    if path.endswith(".parquet"):
        log = pl.scan_parquet(path)
    else:
        path = path + "/*" if path.endswith("many") else path
        log = pl.scan_csv(path, separator=" ", has_header=False, quote_char=None, schema=schema,
                          ignore_errors=True)
    ways = [pl.col(end).str.contains("{INSIDE}") for end in ends]
    keys = pl.col("start") // 600, "protocol", "dstport", "action", *ways
    sums = pl.len(), pl.col("packets").sum(), pl.col("bytes").sum()
    log.group_by(*keys).agg(*sums).collect(engine="streaming")
"""
DUCKDB = f"""
import duckdb
duckdb.sql("set enable_progress_bar = false")
kinds = {{n: "BIGINT" if n in {set(BIG)} else "INTEGER" if n in {set(SMALL)} else "VARCHAR" for n in {NAMES}}}
def run(path, ends=("srcaddr", "dstaddr")):
    columns = ",".join(f"'{{name}}':'{{kind}}'" for name, kind in kinds.items())
    path = path + "/*" if path.endswith("many") else path
    log = f"'{{path}}'" if path.endswith(".parquet") else (
        f"read_csv('{{path}}',delim=' ',header=false,quote='',escape='',auto_detect=false,columns={{{{{{columns}}}}}})")
    ways = "".join(f",regexp_matches({{end}},'{INSIDE}') {{end}}_in" for end in ends)
    duckdb.sql(f"select start//600 w,protocol,dstport,action{{ways}},count(*),sum(packets),sum(bytes) "
               f"from {{log}} group by all").fetchnumpy()
"""
WITHOUT = """
def run(path, with_boundary=run):
    with_boundary(path, ends=())
"""
LOOP = """
def run(path):
    counts = {}
    with open(path, "rb") as log:
        for line in log:
            words = line.split()
            key = int(words[10]) // 600, words[7], words[6], words[12]
            sums = counts.get(key)
            if sums is None:
                counts[key] = sums = [0, 0, 0]
            sums[0] += 1
            sums[1] += int(words[8])
            sums[2] += int(words[9])
"""
CAT = """
import subprocess
def run(path):
    with open("/dev/null", "wb") as nothing:
        subprocess.run(["cat", path], stdout=nothing, check=True)
"""
SERVE = """
import re, sys, time
def memory(of):
    try:
        return int(re.search(of + r":\\s*([0-9]+)", open("/proc/self/status").read())[1])
    except (OSError, TypeError):
        return 0
run(sys.argv[1])
base = memory("VmRSS")
for path in sys.stdin:
    started = time.perf_counter()
    run(path.strip())
    print(time.perf_counter() - started, memory("VmHWM") - base, flush=True)
"""
PROGRAMS = {
    "flowtag": FLOWTAG,
    "Polars": POLARS,
    "DuckDB": DUCKDB,
    "Polars, no boundary": POLARS + WITHOUT,
    "DuckDB, no boundary": DUCKDB + WITHOUT,
    "loop": LOOP,
    "cat": CAT,
}
ONLY_ONCE = frozenset({"loop"})
ONLY_TEXT = frozenset({"loop", "cat"})


def _word(place, word):
    """Return a function that replaces the word at this position of a line."""
    return lambda line: " ".join([*line.split()[:place], word, *line.split()[place + 1 :]])


ORDER = "another order of fields, named by a header"
OTHER_SHAPES = {
    "every line ends in CRLF": lambda line: line + "\r",
    "tabs between the fields": lambda line: line.replace(" ", "\t"),
    "CloudWatch's time stamp before every record": lambda line: f"2026-11-20T10:00:00.000Z {line}",
    ORDER: lambda line: " ".join(word for _, word in sorted(zip(NAMES, line.split(), strict=True))),
}
ODD_LINES = {
    "NODATA": lambda line: line[: -len("OK")] + "NODATA",
    "comments": lambda _: "# a comment",
    "blank lines": lambda _: "",
    "truncated lines": lambda line: line[:60],
    "text that is not a record": lambda _: "this is no record at all",
    "bad ports": _word(6, "99999"),
    "protocol names": _word(7, "tcp"),
    "another version": _word(0, "5"),
    "unreadable bytes": _word(9, "-"),
    "unknown actions": _word(12, "DROP"),
    "unknown statuses": _word(13, "LOST"),
    "two spaces between words": lambda line: line.replace(" ", "  "),
    "no-break spaces at the end": lambda line: line + "\xa0",
    "extra words at the end": lambda line: line + " more words",
    "non-ASCII letters": _word(2, "eni-\xe4"),
    "noise": lambda line: "".join(random.Random(line).choices("\0\t\x0b\x1f ~aZ9\xa0\xe9", k=80)),
    "time stamps with a comma": lambda line: f"2026-11-20T10:00:00,123 {line}",
}


def write_log(path, lines, ports_at_random):
    """Write a day of connections in both directions, almost in order of time; or with random ports."""
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


def write_packed(log, one, many):
    """Write the log again as one gzip file, and as 500 small ones in a folder."""
    content = log.read_bytes()
    one.write_bytes(gzip.compress(content, 6))
    many.mkdir()
    lines = content.splitlines(keepends=True)
    for number in range(500):
        part = lines[number * len(lines) // 500 : (number + 1) * len(lines) // 500]
        many.joinpath(f"{number:03}.log.gz").write_bytes(gzip.compress(b"".join(part), 6))


def write_changed(log, path, change, every, header=""):
    """Write the header and a copy of the log; one line in `every` is changed."""
    with log.open() as lines, path.open("w", newline="") as changed:
        changed.write(header)
        for number, line in enumerate(lines):
            line = line.rstrip("\n")
            changed.write(f"{change(line) if number % every == every - 1 else line}\n")


def write_days(day, path, count):
    """Write the day's log this many times, each copy more than a day later than the one before."""
    content = day.read_bytes()
    with path.open("wb") as log:
        for number in range(count):
            log.write(content.replace(b" 17000", b" 17%03d" % number))


def write_parquet(log, parquet):
    import polars as pl

    kinds = {n: pl.Int64 if n in BIG else pl.Int32 if n in SMALL else pl.String for n in NAMES}
    pl.read_csv(log, separator=" ", has_header=False, schema=kinds).write_parquet(
        parquet, compression="snappy"
    )


def files(folder, is_large, is_huge):
    """Write the logs to measure, and return their paths by title."""
    ten, day, rnd = (Path(folder, f"{name}.log") for name in ("ten", "day", "random"))
    one, many, parquet = (Path(folder, name) for name in ("one.log.gz", "many", "day.parquet"))
    write_log(day, 1_400_000, ports_at_random=False)
    write_log(rnd, 1_400_000, ports_at_random=True)
    with day.open("rb") as log:
        ten.write_bytes(log.read(10_000_000).rpartition(b"\n")[0] + b"\n")
    write_packed(day, one, many)
    write_parquet(day, parquet)
    found = {
        "10 MB of a day": ten,
        "a day, {size}": day,
        "ports at random, {size}": rnd,
        "the day as one gzip file, {size}": one,
        "the day as 500 gzip files, {size}": many,
        "the day as Parquet, {size}": parquet,
    }
    if is_large:
        large = Path(folder, "large.log")
        write_log(large, 10_000_000, ports_at_random=False)
        found["a day, {size}, 10 million lines"] = large
    if is_huge:
        huge = Path(folder, "huge.log")
        write_days(day, huge, 60)
        found["60 days, {size}"] = huge
    return {
        name.format(size=f"{size_of(path) / 1e6:,.0f} MB"): path for name, path in found.items()
    }


def size_of(path):
    within = path.iterdir() if path.is_dir() else [path]
    return sum(each.stat().st_size for each in within)


def environment():
    """Return the environment of a normal user, in which Python caches its bytecode."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(ROOT)}


def programs_for(path):
    if path.name == "huge.log":
        return ["flowtag", "cat"]
    is_text = path.suffix == ".log"
    return [name for name in PROGRAMS if is_text or name not in ONLY_TEXT]


def serving(name, one):
    """Start a process of this program, which first reads a small log."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAMS[name] + SERVE, str(one)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def ask(process, path):
    """Make a warm process read a log. Return the seconds, and its peak memory beyond its start, in kB."""
    print(path, file=process.stdin, flush=True)
    return [float(word) for word in process.stdout.readline().split()]  # none if it has failed


def warm(path, one, rounds):
    """Return the median seconds of each program, and its peak memory beyond the warm process, in MB."""
    processes = {name: serving(name, one) for name in programs_for(path)}
    told = {name: [] for name in processes}
    for number in range(rounds + 1):
        for name, process in processes.items():
            if number < 2 or name not in ONLY_ONCE:
                told[name].append(ask(process, path))
    for process in processes.values():
        process.communicate()
    # The first round only warms up; its memory counts, but not its time.
    return {
        name: (statistics.median(s for s, _ in runs[1:]), max(m for _, m in runs) / 1024)
        for name, runs in told.items()
    }


def whole(path, lookup, rounds):
    """Return the median seconds of each program from start to exit; memory is not measured."""
    shown = str(path)
    commands = {
        name: [sys.executable, "-c", program + "import sys; run(sys.argv[1])", shown]
        for name, program in PROGRAMS.items()
        if name in programs_for(path) and name not in ONLY_ONCE
    }
    commands["flowtag"] = [sys.executable, "-m", "flowtag_core", shown, str(lookup), os.devnull]
    if "cat" in commands:
        commands["cat"] = ["cat", shown]
    taken = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            started = time.perf_counter()
            with open(os.devnull, "w") as nothing:
                subprocess.run(
                    command, env=environment(), cwd=ROOT, check=True, stdout=nothing, stderr=nothing
                )
            taken[name].append(time.perf_counter() - started)
    return {name: (statistics.median(seconds), 0.0) for name, seconds in taken.items()}


def table(title, rows, has_memory):
    others = [name for name in PROGRAMS if name != "flowtag"]
    heads = [title, "flowtag", *others]
    if has_memory:
        heads += ["memory: flowtag", "Polars", "DuckDB"]
    print(f"\n| {' | '.join(heads)} |")
    print("|---" * len(heads) + "|")
    for name, found in rows.items():
        own = found["flowtag"][0]
        cells = [name, f"**{own:.3f} s**"]
        for other in others:
            seconds = found.get(other, (0, 0))[0]
            cells.append(f"{seconds:.3f} s, x{seconds / own:.2f}" if seconds else "")
        if has_memory:
            programs = ("flowtag", "Polars", "DuckDB")
            cells += [f"{found[each][1]:.0f} MB" if each in found else "" for each in programs]
        print(f"| {' | '.join(cells)} |", flush=True)


def in_other_shapes(folder, rounds):
    """Print how many times as long flowtag takes for the day's log in other shapes and with odd lines."""
    day, changed, one = (Path(folder, name) for name in ("day.log", "changed.log", "first.log"))
    print("\n| the day's log, but | time compared with the plain log |\n|---|---|")
    kinds = [(name, change, 1) for name, change in OTHER_SHAPES.items()]
    kinds += [(f"one line in ten: {name}", change, 10) for name, change in ODD_LINES.items()]
    odd = [*ODD_LINES.values()]
    any_odd = lambda line: random.Random(line).choice(odd)(line)  # noqa: E731  (one of many)
    kinds.append(("one line in ten: any of these", any_odd, 10))
    names = " ".join(sorted(NAMES)).replace("_", "-")
    for name, change, every in kinds:
        write_changed(day, changed, change, every, f"{names}\n" if name == ORDER else "")
        with serving("flowtag", one) as process:
            taken = {path: [ask(process, path)[0] for _ in range(2)] for path in (day, changed)}
            for _ in range(rounds):
                for path, seconds in taken.items():
                    seconds.append(ask(process, path)[0])
        plain, other = (statistics.median(seconds[2:]) for seconds in taken.values())
        print(f"| {name} | {other / plain:.1f} |", flush=True)


def machine():
    model = ""
    if os.path.exists("/proc/cpuinfo"):
        names = [
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
        ]
        model = names[0].partition(":")[2].strip() if names else ""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numba", "polars", "duckdb"))
    return f"{os.cpu_count()} cores {model}, {platform.system()}, Python {platform.python_version()}, {packages}"


class Written(NamedTuple):
    """The text that the bench wrote into a page, and the checksum in the line above it."""

    checksum: str
    text: str


def _block(script):
    marks = rf"<!-- Written by python -m {script} --write; checksum (\w*) -->\n(.*?)<!-- End -->\n"
    return re.compile(marks, re.DOTALL)


def written(page, script="tests.bench"):
    return Written(*_block(script).search(page).groups())


def write(path, text, script="tests.bench"):
    """Replace the text that a script last wrote into this page."""
    text = f"\n{text}\n"
    checksum = hashlib.sha256(text.encode()).hexdigest()[:16]
    block = (
        f"<!-- Written by python -m {script} --write; checksum {checksum} -->\n{text}<!-- End -->\n"
    )
    page = path.read_text(encoding="utf-8")
    path.write_text(_block(script).sub(lambda _: block, page), encoding="utf-8")


class Both(io.StringIO):
    """Shows what is printed, and keeps a copy."""

    def write(self, text):
        sys.__stdout__.write(text)
        return super().write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also measure a log of 1.2 GB")
    parser.add_argument(
        "--huge", action="store_true", help="also measure a log of 10 GB, with flowtag and cat only"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--write", action="store_true", help="also write the tables into docs/speed.md"
    )
    given = parser.parse_args()
    with contextlib.redirect_stdout(Both()) as printed:
        measure(given)
    if given.write:
        write(ROOT / "docs" / "speed.md", printed.getvalue())


def measure(given):
    """Measure and print all tables."""
    with tempfile.TemporaryDirectory() as folder:
        lookup, one = Path(folder, "lookup.csv"), Path(folder, "first.log")
        lookup.write_text(lookup_rows(10_000))
        write_log(one, 1000, ports_at_random=False)
        measured = files(folder, given.large, given.huge)
        print(machine())
        rows = {name: warm(path, one, given.rounds) for name, path in measured.items()}
        table("warm", rows, has_memory=True)
        rows = {name: whole(path, lookup, given.rounds) for name, path in measured.items()}
        table("whole process", rows, has_memory=False)
        in_other_shapes(folder, given.rounds)
    content = lookup_rows(1_000_000).encode()
    started = time.perf_counter()
    load_lookup_table(io.BytesIO(content))
    print(f"\nA lookup of 1,000,000 rows loads in {time.perf_counter() - started:.2f} s.")


if __name__ == "__main__":
    main()
