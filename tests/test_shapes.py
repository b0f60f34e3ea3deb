"""Whatever a log comes wrapped in, it gives the table of the plain file."""

import base64
import csv
import gzip
import io
import json
import tarfile
import zipfile

import pandas as pd
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.counts import Reason
from flowtag_core.errors import LogError
from flowtag_core.reading.counting import parse_flow_log
from flowtag_core.reading.layout import DEFAULT_FIELDS
from tests.logs import flow_lines, line

notes = st.builds(line, status=st.sampled_from(["NODATA", "SKIPDATA"]))
record_lists = st.lists(st.one_of(flow_lines, notes), min_size=1, max_size=12)


def text(records):
    return b"".join(record + b"\n" for record in records)


def zipped(content, name="a.log"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def tarred(content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("logs/a.log")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def skipping(content):
    """zstd with a frame that is to be skipped before it, and the content in two frames."""
    half = len(content) // 2
    skipped = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    return (
        skipped + zstandard.compress(content[:half] or b"\n") + zstandard.compress(content[half:])
    )


def messages(records):
    return [record.decode() for record in records]


def envelopes(records, **more):
    """A subscription's envelopes, two records in each, back to back."""
    pairs = [messages(records)[place : place + 2] for place in range(0, len(records), 2)]
    control = {"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL CONTROL MESSAGE"}]}
    events = [
        {
            "messageType": "DATA_MESSAGE",
            "logGroup": "g",
            "logEvents": [{"id": "1", "timestamp": 1, "message": text, **more} for text in pair],
        }
        for pair in pairs
    ]
    return [json.dumps(document).encode() for document in [control, *events]]


def encoded(content):
    return base64.b64encode(content).decode()


def as_csv(rows, **options):
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n", **options).writerows(rows)
    return out.getvalue().encode()


def named(records, spelling=lambda name: name.replace("-", "_")):
    """Each record as the values of its fields by name."""
    names = [spelling(name) for name in DEFAULT_FIELDS]
    return [dict(zip(names, text.split(), strict=True)) for text in messages(records)]


def insights(name):
    special = {"start": "startTime", "end": "endTime", "srcaddr": "srcAddr", "dstaddr": "dstAddr"}
    first, *rest = name.split("-")
    special |= {"srcport": "srcPort", "dstport": "dstPort"}
    return special.get(name) or first + "".join(word.capitalize() for word in rest)


def parquet(records, kind=None):
    frame = pd.DataFrame(named(records))
    if kind == "floats":
        for name in ("dstport", "protocol", "packets", "bytes", "start"):
            frame[name] = pd.to_numeric(frame[name], errors="coerce").astype("float64")
    out = io.BytesIO()
    frame.to_parquet(out, compression="gzip")
    return out.getvalue()


STAMP = "2018-09-22T20:28:14"
PACKED = {
    "gzip": gzip.compress,
    "gzip, gzip": lambda log: gzip.compress(gzip.compress(log)),
    "zstd": zstandard.compress,
    "zstd frames": skipping,
    "zip": zipped,
    "gzip in zip": lambda log: zipped(gzip.compress(log), "a.log.gz"),
    "zip in gzip": lambda log: gzip.compress(zipped(log)),
    "tar.gz": tarred,
    "UTF-16": lambda log: log.decode().encode("utf-16"),
    "UTF-16 of the other order": lambda log: b"\xfe\xff" + log.decode().encode("utf-16-be"),
    "UTF-16 without a mark": lambda log: log.decode().encode("utf-16-le"),
}
SHAPES = {
    "export": lambda rows: text(f"{STAMP}.000Z {row}".encode() for row in messages(rows)),
    "tail": lambda rows: text(
        f"{STAMP}+00:00 eni-0ab-all {row}".encode() for row in messages(rows)
    ),
    "tail, short": lambda rows: text(f"{STAMP} {row}".encode() for row in messages(rows)),
    "console": lambda rows: (
        b"timestamp,message\n" + b"".join(b"1742570569000," + r + b"\n" for r in rows)
    ),
    "console, quoted": lambda rows: as_csv(
        [["timestamp", "message"], *([1, row + "\n"] for row in messages(rows))],
        quoting=csv.QUOTE_ALL,
    ),
    "filter-log-events": lambda rows: json.dumps(
        {
            "events": [{"logStreamName": "s", "message": row} for row in messages(rows)],
            "searchedLogStreams": [],
        },
        indent=4,
    ).encode(),
    "filter-log-events on one line": lambda rows: json.dumps(
        {
            "searchedLogStreams": [],
            "events": [{"message": row, "timestamp": 1} for row in messages(rows)],
        }
    ).encode(),
    "events as text": lambda rows: text(
        [f"EVENTS\tid\t1\ts\t{row}\t1537648094000".encode() for row in messages(rows)]
        + [b"SEARCHEDLOGSTREAMS\tTrue\teni-0ab-all"]
    ),
    "get-log-events as text": lambda rows: text(
        [b"b/35123456789012345678/s\tf/35123456789012345678/s"]
        + [f"EVENTS\t1\t{row}\t1537648094000".encode() for row in messages(rows)]
    ),
    "messages on one line": b"\t".join,
    "Insights": lambda rows: as_csv(
        [["@timestamp", "@message"], *([STAMP.replace("T", " "), row] for row in messages(rows))]
    ),
    "Insights, fields": lambda rows: as_csv(
        [[*named(rows, insights)[0]], *(row.split() for row in messages(rows))]
    ),
    "get-query-results": lambda rows: json.dumps(
        {
            "results": [
                [{"field": "@ptr", "value": "x"}, {"field": "@message", "value": row}]
                for row in messages(rows)
            ],
            "status": "Complete",
        }
    ).encode(),
    "subscription": lambda rows: b"".join(envelopes(rows)),
    "subscription, gzip members": lambda rows: b"".join(map(gzip.compress, envelopes(rows))),
    "subscription with fields": lambda rows: b"".join(
        envelopes(rows, extractedFields={"dstport": "443", "protocol": "6"})
    ),
    "subscription, one a line": lambda rows: b"\n".join(envelopes(rows)),
    "Lambda": lambda rows: json.dumps(
        {"awslogs": {"data": encoded(gzip.compress(b"".join(envelopes(rows))))}}
    ).encode(),
    "Firehose over HTTP": lambda rows: json.dumps(
        {
            "requestId": "r",
            "records": [
                {"data": encoded(text(rows[:1]))},
                {"data": encoded(gzip.compress(b"".join(envelopes(rows[1:]))))},
            ],
        }
    ).encode(),
    "Firehose": lambda rows: b"\n".join(
        json.dumps({"message": row}).encode() for row in messages(rows)
    ),
    "Firehose, back to back": lambda rows: b"".join(
        json.dumps({"message": row}).encode() for row in messages(rows)
    ),
    "Splunk": lambda rows: b"\n".join(
        json.dumps({"preview": False, "result": {"_raw": row, "dstport": "1"}}).encode()
        for row in messages(rows)
    ),
    "Splunk as CSV": lambda rows: as_csv(
        [["_time", "_raw"], *([1, row] for row in messages(rows))]
    ),
    "Elasticsearch": lambda rows: json.dumps(
        {
            "took": 1,
            "hits": {
                "total": 9,
                "hits": [
                    {"_id": "x", "_source": {"event": {"original": row}}} for row in messages(rows)
                ],
            },
        }
    ).encode(),
    "fields": lambda rows: json.dumps(named(rows)).encode(),
    "nested fields": lambda rows: "\n".join(
        json.dumps({"aws": {"vpcflow": fields}, "tags": ["a"]}) for fields in named(rows)
    ).encode(),
    "records as text": lambda rows: json.dumps(messages(rows)).encode(),
    "Athena": lambda rows: as_csv(
        [[*named(rows)[0], "region"], *([*row.split(), "eu"] for row in messages(rows))],
        quoting=csv.QUOTE_ALL,
    ),
    "spreadsheet": lambda rows: (
        b"sep=;\r\n"
        + as_csv([[*named(rows)[0]], *(row.split() for row in messages(rows))], delimiter=";")
    ),
    "spreadsheet, Unicode text": lambda rows: (
        as_csv([[*named(rows)[0]], *(row.split() for row in messages(rows))], delimiter="\t")
        .decode()
        .encode("utf-16")
    ),
    "Parquet": parquet,
    "Parquet with floats": lambda rows: parquet(rows, "floats"),
}


def parse(content):
    return parse_flow_log(io.BytesIO(content), names=["log"])


def tables(counts):
    return counts.requests, counts.replies, counts.replies_by_service


def set_aside(counts):
    return {
        reason: n for reason, n in counts.total.set_aside.items() if reason != Reason.NOT_A_RECORD
    }


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=25)
@given(rows=record_lists)
def test_every_shape_gives_the_table_of_the_plain_file(shape, rows):
    plain, shaped = parse(text(rows)), parse(SHAPES[shape](rows))
    assert tables(shaped) == tables(plain)
    assert set_aside(shaped) == set_aside(plain)
    assert shaped.total.records == plain.total.records + shaped.total.set_aside[Reason.NOT_A_RECORD]


@pytest.mark.parametrize("packing", PACKED)
@settings(max_examples=25)
@given(
    rows=record_lists, odd=st.sampled_from([b"short\n", b"", b"\n# c\n", line(dstport="x") + b"\n"])
)
def test_every_packing_gives_the_table_and_the_lines_of_the_plain_file(packing, rows, odd):
    log = text(rows) + odd + text(rows)
    plain, packed = parse(log), parse(PACKED[packing](log))
    assert tables(packed) == tables(plain)
    assert packed.total.set_aside == plain.total.set_aside
    assert [fault[1:] for fault in packed.faults] == [fault[1:] for fault in plain.faults]


@pytest.mark.parametrize(
    ("pack", "lines", "step"),
    [(gzip.compress, 20, 1), (tarred, 20, 1), (zstandard.compress, 5000, 997)],
)
def test_cut_at_any_byte_every_whole_record_before_the_cut_counts_and_the_rest_is_named(
    pack, lines, step
):
    log = text([line(dstport=str(port), volume=str(port**2)) for port in range(lines)])
    packed, seen = pack(log), set()
    for cut in range(5, len(packed), step):
        try:
            counts = parse(packed[:cut])
        except LogError:
            seen.add(0)
            continue
        total = counts.total
        assert total.records == total.flows + total.set_aside[Reason.CUT_SHORT]
        assert sorted(counts.requests.port.tolist()) == [*range(total.flows)]
        if total.flows < lines:
            assert "cut short" in " ".join(total.damage)
        seen.add(total.flows)
    assert max(seen) > lines / 2


@pytest.mark.parametrize("pack", [zipped, lambda log: parquet(log.splitlines())])
def test_a_cut_zip_or_parquet_file_is_refused_by_name(pack):
    packed = pack(text([line(dstport=str(port)) for port in range(20)]))
    for cut in range(8, len(packed), 7):
        with pytest.raises(LogError, match="damaged or cut short"):
            parse(packed[:cut])
