"""Compare counting by blocks with counting record by record, for mutated logs in every shape.

python -m tests.fuzz.shapes --records 1000000 takes minutes for each shape; pytest runs a small form of it.
`--shape json` uses only shapes whose names begin with "json". Each log depends only on its seed.
"""

import argparse
import base64
import gzip
import io
import json
import random
import sys
from contextlib import ExitStack
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from flowtag_core import parse_flow_log
from flowtag_core.counting import compiled
from flowtag_core.errors import LogError
from flowtag_core.shapes import csv_rows
from tests.shapes.like_objects import NAMES, counted_as_text, counts, fields
from tests.shapes.test_csv_rows import TABLES

_AT_ONCE = 10_000
_NEVER = 1 << 60
_SIGNS = '"\\,;:{}[] \t\r\n0-.eé\x00x'
_VALUES = (
    *(
        "",
        " ",
        "-",
        "null",
        "nan",
        "0",
        "00",
        "07",
        "443.0",
        "5.5",
        "1e3",
        "-1",
        "65536",
        "99999",
        "1" * 16,
    ),
    *(
        "tcp",
        "ICMP",
        "ACCEPT",
        "accept",
        "REJECT",
        "DROP",
        "OK",
        "NODATA",
        "SKIPDATA",
        "10.0.0.1",
        "::1",
    ),
    *(
        "a b",
        "a,b",
        'a"b',
        'a""b',
        "a\nb",
        "é",
        "\u00a0",
        "{",
        "}",
        "2023-11-14T22:13:20Z",
        "1700000000000",
    ),
    *(None, True, False, 443, 443.0, 5.5, 1e300, -3, [1], {"a": 1}, [], {}),
)


def _record(rng):
    """Return the fields of a flow, every tenth with an odd value, an odd order, or too many or too few fields."""
    source, target = rng.choice((443, 53, 50_000)), rng.randrange(65_536)
    words = (
        f"2 123456789012 eni-1 10.0.{rng.randrange(9)}.1 8.8.8.{rng.randrange(9)} {source} {target}"
    )
    words += f" {rng.choice((6, 17, 1))} {rng.randrange(99)} {rng.randrange(9999)} {1_700_000_000 + rng.randrange(9999)}"
    found = fields(f"{words} 1700099999 {rng.choice(('ACCEPT', 'REJECT'))} OK".split())
    kind = rng.randrange(50)
    if kind == 0:
        found[rng.choice(NAMES)] = rng.choice(_VALUES)
    elif kind == 1:
        del found[rng.choice(NAMES)]
    elif kind == 2:
        found = dict(sorted(found.items(), key=lambda _: rng.random()))
    elif kind == 3:
        found[rng.choice(("more", "message", "columns", "é"))] = rng.choice(_VALUES)
    elif kind == 4:
        for name in rng.sample(NAMES, 3):
            found[name] = rng.choice(_VALUES)
    return found


def _text(rng, record):
    return _mutated(rng, " ".join(map(str, record.values())), 60)


def _mutated(rng, text, every):
    """Return the text; one in `every` has some characters replaced, removed or added."""
    if rng.randrange(every):
        return text
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(text) + 1)
        text = (
            text[:place] + rng.choice((rng.choice(_SIGNS), "")) + text[place + rng.randrange(2) :]
        )
    return text


def _quoted(value):
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"'


def _csv(quote):
    def write(rng, size):
        rows = ((record.get(name) for name in NAMES) for record in _records(rng, size))
        lines = (_mutated(rng, ",".join(map(quote, row)), 30) for row in rows)
        return "\n".join([",".join(NAMES), *lines, ""])

    return write


def _insights(rng, size):
    rows = (f"2023-11-14 22:13:20.000,{_text(rng, record)}" for record in _records(rng, size))
    return "\n".join(["@timestamp,@message", *(_mutated(rng, row, 30) for row in rows), ""])


def _records(rng, size):
    return [_record(rng) for _ in range(size)]


def _events(rng, size):
    return [
        {"id": str(number), "timestamp": 1_700_000_000_000, "message": _text(rng, record)}
        for number, record in enumerate(_records(rng, size))
    ]


def _lines(objects):
    def write(rng, size):
        every = rng.choice(
            (300, _NEVER, _NEVER)
        )  # after a broken line, all others are read as one text
        return "\n".join(_mutated(rng, json.dumps(each), every) for each in objects(rng, size))

    return write


def _document(objects, **options):
    def write(rng, size):
        return _mutated(
            rng, json.dumps({"events": objects(rng, size), "nextToken": None}, **options), 2
        )

    return write


def _envelopes(between):
    def write(rng, size):
        events, written, every = _events(rng, size), [], rng.choice((200, _NEVER, _NEVER))
        while events:
            some, events = events[: (count := rng.randrange(1, 40))], events[count:]
            kind = "CONTROL_MESSAGE" if not rng.randrange(40) else "DATA_MESSAGE"
            around = {"messageType": kind, "owner": "1", "logEvents": some}
            written.append(_mutated(rng, json.dumps(around, separators=(",", ":")), every))
        return between.join(written)

    return write


def _payloads(rng, size):
    payloads = (_mutated(rng, text, 4) for text in _envelopes("\n")(rng, size).split("\n"))
    packed = (base64.b64encode(gzip.compress(text.encode("utf-8", "replace"))) for text in payloads)
    return json.dumps({"Records": [{"kinesis": {"data": each.decode()}} for each in packed]})


TEXTS = {
    "csv, quoted": _csv(_quoted),
    "csv, plain": _csv(lambda value: "" if value is None else str(value)),
    "csv of messages": _insights,
    "json lines of fields": _lines(_records),
    "json lines of messages": _lines(_events),
    "json document of events": _document(_events),
    "json document of fields, indented": _document(_records, indent=1),
    "json envelopes": _envelopes(""),
    "json payloads": _payloads,
    "json envelopes on lines": _envelopes("\n"),
}
PARQUET = "parquet"
SHAPES = (*TEXTS, PARQUET)


def _parquet(rng, size):
    """Return columns of random types, with some odd values and nulls."""
    columns = {}
    numbers = {"srcport", "dstport", "protocol", "packets", "bytes", "start"}
    for name in NAMES:
        values = [record.get(name) for record in _records(rng, size)]
        kind = rng.choice((pa.int64(), pa.int32(), pa.float64(), pa.string(), pa.string()))
        kind = kind if name in numbers else pa.string()
        odd = {} if rng.randrange(2) else {rng.randrange(size): None for _ in range(size // 50)}
        if kind == pa.string():
            odd |= {rng.randrange(size): str(rng.choice(_VALUES)) for _ in range(size // 50)}
        columns[name] = pa.array(
            [_as(odd.get(n, value), kind) for n, value in enumerate(values)], kind
        )
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, row_group_size=rng.choice((size, size // 3 + 1)))
    return out.getvalue()


def _as(value, kind):
    if value is None or kind == pa.string():
        return None if value is None else str(value)
    if isinstance(value, float | int) and 0 <= value < 2**31:
        return float(value) if kind == pa.float64() else int(value)
    return None


def _counted(content, by_blocks):
    with ExitStack() as stack:
        if not by_blocks:
            stack.enter_context(patch.object(csv_rows._Reading, "cells", None))
            stack.enter_context(patch.object(compiled, "kernel", lambda **_: None))
        try:
            return parse_flow_log(io.BytesIO(content), names=["a.json"])
        except LogError as error:
            return str(error)


def differences(shape, seed, size):
    """Return what differs between the counts by blocks and those record by record."""
    rng = random.Random(f"{shape} {seed}")
    if shape == PARQUET:
        content = _parquet(rng, size)
    else:
        content = TEXTS[shape](rng, size).encode("utf-8", "surrogatepass")
    is_json = shape.startswith("json")
    fast = counts(content) if is_json else _counted(content, by_blocks=True)
    slow = counted_as_text(content) if is_json else _counted(content, by_blocks=False)
    if isinstance(fast, str) or isinstance(slow, str):
        return [] if fast == slow else [str(fast), str(slow)]
    pairs = [(name, getattr(fast, name), getattr(slow, name)) for name in (*TABLES, "files")]
    # Not their texts: that of a broken document is its beginning, which may have been counted long before.
    pairs.append(("faults", *([fault[:3] for fault in each.faults] for each in (fast, slow))))
    return [name for name, one, other in pairs if one != other]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="for each shape")
    parser.add_argument("--shape", default="", help="how the names of the shapes begin")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    compiled.kernel(wait=True)
    is_wrong = False
    for shape in (each for each in SHAPES if each.startswith(asked.shape)):
        wrong = 0
        size = min(_AT_ONCE, asked.records)
        seeds = range(asked.seed, asked.seed + asked.records // size)
        for seed in seeds:
            if found := differences(shape, seed, size):
                wrong += 1
                print(f"{shape}, seed {seed}: {', '.join(found)}", flush=True)
        print(
            f"{shape}: {len(seeds) * size:,} records, {wrong} of {len(seeds)} logs differ",
            flush=True,
        )
        is_wrong |= wrong > 0
    sys.exit(is_wrong)


if __name__ == "__main__":
    main()
