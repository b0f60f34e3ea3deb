"""Measure how fast logs in shapes other than text are read: python -m tests.bench_shapes [--large] [--write]. Not collected by pytest.

Polars and DuckDB read each shape with their own readers and compute the same sums as for text (see `tests.bench`),
as does a loop over Python's csv module or orjson, without the boundary. All run in warm processes and take turns.
The output is Markdown: median seconds, each time as a multiple of flowtag's, and the memory beyond that of a warm
process. `--large` also measures ten times as many records, without what would take minutes. `--write` also puts the output into
docs/speed.md.

Needs: pip install polars duckdb orjson.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import bench
from tests.bench import BIG, INSIDE, NAMES, SERVE, SMALL

RECORDS = 300_000
LOGS = {
    "athena.csv": "Athena CSV, all quoted",
    "insights.csv": "Logs Insights CSV",
    "console.csv": "CSV of the CloudWatch console",
    "fields.jsonl": "JSON lines, fields",
    "message.jsonl": "JSON lines, `message`",
    "filter.json": "one filter-log-events document",
    "envelopes.jsonl": "subscription envelopes, one on a line",
    "day.parquet": "Parquet",
}
KINDS = f"{{n: pl.Int64 if n in {set(BIG)} else pl.Int32 if n in {set(SMALL)} else pl.String for n in {NAMES}}}"
POLARS = f"""
import polars as pl
kinds = {KINDS}
def split(log):
    words = pl.col("message").str.split_exact(" ", {len(NAMES) - 1}).struct.rename_fields({NAMES}).alias("word")
    return log.select(words).unnest("word").cast({{n: kinds[n] for n in {sorted(BIG | SMALL)}}}, strict=False)
def opened(path):
    if path.endswith(".parquet"):
        return pl.scan_parquet(path)
    if path.endswith("athena.csv"):
        return pl.scan_csv(path, schema=kinds)
    if path.endswith(".csv"):
        return split(pl.scan_csv(path, with_column_names=lambda _: ["time", "message"]))
    if path.endswith("fields.jsonl"):
        return pl.scan_ndjson(path, schema=kinds)
    if path.endswith("message.jsonl"):
        return split(pl.scan_ndjson(path))
    if path.endswith("envelopes.jsonl"):
        events = pl.scan_ndjson(path).select(pl.col("logEvents").explode())
    else:
        events = pl.read_json(path).lazy().select(pl.col("events").explode())
    return split(events.select(pl.col(events.collect_schema().names()[0]).struct.field("message")))
def run(path):
    ways = [pl.col(end).str.contains("{INSIDE}") for end in ("srcaddr", "dstaddr")]
    keys = pl.col("start") // 600, "protocol", "dstport", "action", *ways
    sums = pl.len(), pl.col("packets").sum(), pl.col("bytes").sum()
    opened(path).group_by(*keys).agg(*sums).collect(engine="streaming")
"""
DUCKDB = f"""
import duckdb
duckdb.sql("set enable_progress_bar = false")
names, wide, small = {NAMES}, {sorted(BIG)}, {sorted(SMALL)}
kinds = {{n: "BIGINT" if n in wide else "INTEGER" if n in small else "VARCHAR" for n in names}}
columns = ",".join(f"'{{n}}':'{{k}}'" for n, k in kinds.items())
def split(source):
    words = ",".join(f'try_cast(word[{{n + 1}}] as {{k}}) "{{name}}"' for n, (name, k) in enumerate(kinds.items()))
    return f"(select {{words}} from (select string_split(message, ' ') word from {{source}}))"
def opened(path):
    most = "maximum_object_size=2000000000"
    if path.endswith(".parquet"):
        return f"'{{path}}'"
    if path.endswith("athena.csv"):
        return f"read_csv('{{path}}',header=true,auto_detect=false,quote='\\"',columns={{{{{{columns}}}}}})"
    if path.endswith(".csv"):
        return split(f"read_csv('{{path}}',header=true,auto_detect=false,quote='\\"',columns={{{{'time':'VARCHAR','message':'VARCHAR'}}}})")
    if path.endswith("fields.jsonl"):
        return f"read_json('{{path}}',format='newline_delimited',columns={{{{{{columns}}}}}})"
    if path.endswith("message.jsonl"):
        return split(f"read_json('{{path}}',format='newline_delimited',columns={{{{'message':'VARCHAR'}}}})")
    key = "logEvents" if path.endswith("envelopes.jsonl") else "events"
    whole = f"read_json('{{path}}',{{most}},columns={{{{'{{key}}':'STRUCT(message VARCHAR)[]'}}}})"
    return split(f"(select event.message from (select unnest({{key}}) event from {{whole}}))")
def run(path):
    ways = "".join(f",regexp_matches({{end}},'{INSIDE}') {{end}}_in" for end in ("srcaddr", "dstaddr"))
    duckdb.sql(f"select start//600 w,protocol,dstport,action{{ways}},count(*),sum(packets),sum(bytes) "
               f"from {{opened(path)}} group by all").fetchnumpy()
"""  # noqa: S608  (our own query)
LOOP = f"""
import csv, orjson
names = {NAMES}
places = [names.index(name) for name in ("start", "protocol", "dstport", "action", "packets", "bytes")]
def records(path):
    with open(path, "rb") as log:
        if path.endswith(".csv"):
            rows = csv.reader(open(path, newline=""))
            next(rows)
            yield from rows if path.endswith("athena.csv") else (row[1].split() for row in rows)
        elif path.endswith("fields.jsonl"):
            yield from (list(orjson.loads(line).values()) for line in log)
        elif path.endswith("message.jsonl"):
            yield from (orjson.loads(line)["message"].split() for line in log)
        elif path.endswith("envelopes.jsonl"):
            yield from (event["message"].split() for line in log for event in orjson.loads(line)["logEvents"])
        else:
            yield from (event["message"].split() for event in orjson.loads(log.read())["events"])
def run(path):
    counts = {{}}
    for words in records(path):
        start, protocol, dstport, action, packets, volume = (words[place] for place in places)
        key = int(start) // 600, protocol, dstport, action
        sums = counts.setdefault(key, [0, 0, 0])
        sums[0] += 1
        sums[1] += int(packets)
        sums[2] += int(volume)
"""
ODD = {
    "another order of keys": lambda record: dict(reversed(record.items())),
    "a null": lambda record: {**record, next(iter(record)): None},
    "a missing key": lambda record: dict([*record.items()][:-1]),
    "an escape in a value": lambda record: {
        **record,
        [*record][1]: "a \\ \u00e9" + str([*record.values()][1]),
    },
}
"""Odd records; those with an escape in a message are not flows."""
PROGRAMS = {"flowtag": bench.FLOWTAG, "Polars": POLARS, "DuckDB": DUCKDB, "loop": LOOP}


def write_logs(folder, records):
    """Write a day's log in each shape."""
    day = Path(folder, "day.log")
    bench.write_log(day, records, ports_at_random=False)
    bench.write_parquet(day, Path(folder, "day.parquet"))
    with contextlib.ExitStack() as stack:
        out = {
            name: stack.enter_context(Path(folder, name).open("w"))
            for name in LOGS
            if name != "day.parquet"
        }
        out["athena.csv"].write(_quoted(NAMES))
        out["insights.csv"].write("@timestamp,@message\n")
        out["console.csv"].write("timestamp,message\n")
        out["filter.json"].write('{\n    "events": [')
        envelope = []
        for number, line in enumerate(stack.enter_context(day.open())):
            _write_record(out, number, line.rstrip("\n"), envelope)
        out["filter.json"].write('\n    ],\n    "searchedLogStreams": []\n}\n')
        _write_envelope(out["envelopes.jsonl"], envelope)


def _write_record(out, number, text, envelope):
    words, time = text.split(), 1_700_000_000_000 + number
    values = [
        int(word) if name in BIG | SMALL else word for name, word in zip(NAMES, words, strict=True)
    ]
    out["athena.csv"].write(_quoted(words))
    out["insights.csv"].write(f"2023-11-14 22:13:20.000,{text}\n")
    out["console.csv"].write(f"{time},{text}\n")
    out["fields.jsonl"].write(f"{json.dumps(dict(zip(NAMES, values, strict=True)))}\n")
    event = {"timestamp": time, "message": text, "ingestionTime": time + 999}
    out["message.jsonl"].write(f"{json.dumps(event)}\n")
    event = {"logStreamName": "eni-1", **event, "eventId": f"3700000000000000{number:010}"}
    inner = json.dumps(event, indent=4).replace("\n", "\n        ")
    out["filter.json"].write(f"{',' if number else ''}\n        {inner}")
    envelope.append({"id": f"3700000000000000{number:010}", "timestamp": time, "message": text})
    if len(envelope) == 100:
        _write_envelope(out["envelopes.jsonl"], envelope)


def _write_envelope(out, events):
    names = {
        "owner": "123456789012",
        "logGroup": "vpc",
        "logStream": "eni-1",
        "subscriptionFilters": ["all"],
    }
    document = {"messageType": "DATA_MESSAGE", **names, "logEvents": events}
    out.write(json.dumps(document, separators=(",", ":")) + "\n")
    events.clear()


def _quoted(words):
    return ",".join(f'"{word}"' for word in words) + "\n"


def programs_for(path, is_large):
    """Return the names of the programs that can read this shape, without those that would take minutes."""
    left_out = {"loop"} if is_large or path.name.endswith(".parquet") else set()
    if is_large and path.name in ("filter.json", "envelopes.jsonl"):
        left_out.add("DuckDB")
    return [name for name in PROGRAMS if name not in left_out]


def measured(path, small, rounds, *, is_large):
    """Return the median seconds of each program, and its peak memory beyond the warm process, in MB."""
    found = {}
    processes = {name: _serving(name, small) for name in programs_for(path, is_large)}
    told = {name: [] for name in processes}
    for number in range(rounds + 1):
        for name, process in processes.items():
            if number < 2 or name not in bench.ONLY_ONCE:
                told[name].append(bench.ask(process, path))
    for name, process in processes.items():
        process.communicate()
        runs = [run for run in told[name] if run]
        if len(runs) > 1:  # Otherwise the program could not read it.
            found[name] = statistics.median(s for s, _ in runs[1:]), max(m for _, m in runs) / 1024
    return found


def _serving(name, small):
    """Start a process of a program, which first reads a small log of the same shape."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAMS[name] + SERVE, str(small)],
        env=bench.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=bench.ROOT,
    )


def table(title, rows):
    heads = [title, *PROGRAMS, "memory: flowtag", "Polars", "DuckDB"]
    print(f"\n| {' | '.join(heads)} |")
    print("|---" * len(heads) + "|")
    for name, found in rows:
        own = found["flowtag"][0]
        cells = [name, f"**{own:.3f} s**"]
        for other in [*PROGRAMS][1:]:
            seconds = found.get(other, (0, 0))[0]
            cells.append(f"{seconds:.3f} s, x{seconds / own:.2f}" if seconds else "")
        cells += [f"{found[each][1]:.0f} MB" if each in found else "" for each in heads[1:4]]
        print(f"| {' | '.join(cells)} |", flush=True)


def write_odd(path, odd, every):
    """Write a log of lines again; one record in `every` is odd."""
    changes = [*ODD.values()]
    with path.open() as lines, odd.open("w") as out:
        for number, line in enumerate(lines):
            if number % every != every - 1:
                out.write(line)
            elif path.suffix == ".csv":
                first, rest = line.split('","', 1)
                out.write(f'{first}","a ""quoted"" name, {rest}')
            else:
                change = changes[number // every % len(changes)]
                out.write(json.dumps(change(json.loads(line))) + "\n")


def with_odd_records(folder, small, rounds):
    """Print how many times as long flowtag takes if some records are odd."""
    print("\n| 300,000 records, but | time compared with the plain log |\n|---|---|")
    for name in ("athena.csv", "fields.jsonl", "message.jsonl"):
        kinds = "quotes inside a cell" if name.endswith(".csv") else ", ".join(ODD)
        for every, title in ((10, "ten"), (1000, "a thousand")):
            plain, odd = Path(folder, name), Path(folder, f"odd-{name}")
            write_odd(plain, odd, every)
            with _serving("flowtag", Path(small, name)) as process:
                taken = {
                    path: [bench.ask(process, path)[0] for _ in range(2)] for path in (plain, odd)
                }
                for _ in range(rounds):
                    for path, seconds in taken.items():
                        seconds.append(bench.ask(process, path)[0])
            one, other = (statistics.median(seconds[2:]) for seconds in taken.values())
            print(f"| {LOGS[name]}, one in {title} with {kinds} | {other / one:.1f} |", flush=True)


def measure(given):
    """Measure and print all tables."""
    print(bench.machine())
    for records in (RECORDS, 10 * RECORDS) if given.large else (RECORDS,):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
            write_logs(folder, records)
            write_logs(other, 1000)
            found = (
                (
                    f"{title}, {os.path.getsize(Path(folder, name)) / 1e6:,.0f} MB",
                    measured(
                        Path(folder, name),
                        Path(other, name),
                        given.rounds,
                        is_large=records > RECORDS,
                    ),
                )
                for name, title in LOGS.items()
            )
            table(f"{records:,} records", found)
            if records == RECORDS:
                with_odd_records(folder, other, given.rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also measure 3,000,000 records")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--write", action="store_true", help="also write the tables into docs/speed.md"
    )
    given = parser.parse_args()
    with contextlib.redirect_stdout(bench.Both()) as printed:
        measure(given)
    if given.write:
        bench.write(bench.ROOT / "docs" / "speed.md", printed.getvalue(), "tests.bench_shapes")


if __name__ == "__main__":
    main()
