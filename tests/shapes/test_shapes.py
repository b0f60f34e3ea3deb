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
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.shapes.layout import DEFAULT_FIELDS
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
    if kind == "bytes":
        frame = frame.map(str.encode)
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
    "filter-log-events in UTF-16": lambda rows: (
        json.dumps({"events": [{"message": row} for row in messages(rows)]})
        .encode()
        .decode()
        .encode("utf-16")
    ),
    "many streams before the events": lambda rows: json.dumps(
        {
            "searchedLogStreams": [{"logStreamName": "eni-0ab-all"}] * 40_000,
            "events": [{"message": row} for row in messages(rows)],
        }
    ).encode(),
    "lines and back to back": lambda rows: (
        b"\xef\xbb\xbf"
        + b"".join(
            json.dumps({"message": row}).encode() + (b"\n" if place % 2 else b"")
            for place, row in enumerate(messages(rows))
        )
    ),
    "Kinesis": lambda rows: json.dumps(
        {
            "Records": [
                {
                    "eventSource": "aws:kinesis",
                    "kinesis": {"data": encoded(gzip.compress(document))},
                }
                for document in envelopes(rows)
            ]
        }
    ).encode(),
    "Kinesis get-records": lambda rows: json.dumps(
        {"Records": [{"SequenceNumber": "1", "Data": encoded(text(rows)), "PartitionKey": "1"}]}
    ).encode(),
    "Firehose for a Lambda": lambda rows: json.dumps(
        {
            "invocationId": "1",
            "records": [
                {"recordId": "1", "approximateArrivalTimestamp": 1, "data": encoded(row + b"\n")}
                for row in rows
            ],
        }
    ).encode(),
    "a payload of several gzip members": lambda rows: json.dumps(
        {"awslogs": {"data": encoded(b"".join(map(gzip.compress, envelopes(rows))))}}
    ).encode(),
    "Firehose, nothing between": b"".join,
    "Splunk as CSV with fields": lambda rows: as_csv(
        [["_raw", "dest_port", "src_ip"], *([row, "1", "10.0.0.1"] for row in messages(rows))]
    ),
    "tables joined, the columns in another order": lambda rows: b"".join(
        as_csv([[*fields], [*fields.values()]])
        for fields in (
            dict(sorted(each.items(), reverse=place % 2)) for place, each in enumerate(named(rows))
        )
    ),
    "messages joined, the header again": lambda rows: b"".join(
        as_csv([["timestamp", "message"], [1, row]]) for row in messages(rows)
    ),
    "fields where there is no message": lambda rows: as_csv(
        [
            ["@message", *named(rows)[0]],
            *(["-" if place % 2 else "", *row.split()] for place, row in enumerate(messages(rows))),
        ]
    ),
    "quoted, a byte order mark before": lambda rows: (
        b"\xef\xbb\xbf#TYPE Selected\r\n"
        + as_csv(
            [[*named(rows)[0]], *(row.split() for row in messages(rows))], quoting=csv.QUOTE_ALL
        )
    ),
    "fields and messages by turns": lambda rows: "\n".join(
        json.dumps(fields if place % 2 else {"message": row})
        for place, (fields, row) in enumerate(zip(named(rows), messages(rows), strict=True))
    ).encode(),
    "Parquet": parquet,
    "Parquet of bytes": lambda rows: parquet(rows, "bytes"),
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


@pytest.mark.parametrize(
    "wrap",
    [
        lambda row: json.dumps({"message": row.decode()}).encode(),
        lambda row: b"1," + row,
        lambda row: f"{STAMP}.000Z ".encode() + row,
        lambda row: f"{STAMP}+00:00 eni-0ab-all ".encode() + row,
    ],
    ids=["JSON", "CSV", "export", "tail"],
)
def test_where_there_are_lines_faults_have_their_numbers(wrap):
    good, bad = line(), line(dstport="x")
    rows = [wrap(row) for row in (good, bad, good, good, bad)]
    if rows[0].startswith(b"1,"):
        rows.insert(0, b"timestamp,message")
    faults = parse(b"\n".join(rows)).faults
    assert [fault.line for fault in faults] == [len(rows) - 3, len(rows)]


def test_a_quote_that_is_never_closed_spoils_its_own_row_alone():
    fields = ",".join(DEFAULT_FIELDS).encode()
    rows = [line(dstport=str(port)).replace(b" ", b",") for port in range(500)]
    rows[100] = rows[100].replace(b",100,", b',"100,')
    counts = parse(b"\n".join([fields, *rows]))
    assert counts.total.records == 500
    assert counts.total.flows >= 499
    cut = parse(b"\n".join([fields, *rows[:3], rows[3][:60] + b',"17']))
    assert cut.total.set_aside == {Reason.CUT_SHORT: 1}
    assert cut.total.flows == 3


def test_a_message_with_line_ends_in_quotes_is_a_record_a_line_and_numbered_by_its_row():
    message = b'"' + line() + b"\r\n" + line(dstport="x") + b'"'
    counts = parse(b"timestamp,message\r\n1," + message + b"\r\n2," + line(dstport="y"))
    assert counts.total.flows == 1
    assert [fault.line for fault in counts.faults] == [2, 4]


def test_utf_16_and_envelopes_are_no_layers_of_packing():
    log = text([line()] * 3).decode().encode("utf-16")
    assert parse(zipped(gzip.compress(gzip.compress(log)))).total.flows == 3
    with pytest.raises(LogError, match="packed more than 3 times over"):
        parse(zipped(gzip.compress(gzip.compress(gzip.compress(log)))))


def test_one_file_of_an_archive_that_is_no_log_leaves_the_others():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.log", text([line()]))
        archive.writestr("x/picture.png", b"\x89PNG\r\n\x1a\n\0\0")
        archive.writestr("__MACOSX/._a.log", b"\0\0")
        archive.writestr("x/.DS_Store", b"\0\0")
        archive.writestr("folder/", b"")
        archive.writestr("..\\b.log.gz", gzip.compress(text([line()] * 2)))
    counts = parse(out.getvalue())
    assert {name: file.flows for name, file in counts.files.items()} == {
        "log/a.log": 1,
        "log/x/picture.png": 0,
        "log/../b.log.gz": 2,
    }
    (sentence,) = counts.total.damage
    assert sentence.startswith("log/x/picture.png: is a picture")


def test_an_archive_of_which_nothing_can_be_used_is_an_error_that_says_why():
    with pytest.raises(LogError, match=r"log/a\.png: is a picture"):
        parse(zipped(b"\x89PNG\r\n\x1a\n\0\0", "a.png"))
    encrypted = bytearray(zipped(text([line()])))
    for place in (6, encrypted.index(b"PK\x01\x02") + 8):
        encrypted[place] |= 1
    with pytest.raises(LogError, match=r"log/a\.log: is encrypted. Unpack it with its password"):
        parse(bytes(encrypted))


@pytest.mark.parametrize("ends", [True, False])
def test_a_tar_archive_that_does_not_end_as_it_should_says_so(ends):
    archive = gzip.decompress(tarred(text([line()] * 9)))
    whole = parse(archive)
    assert (whole.total.flows, whole.total.damage) == (9, frozenset())
    cut = archive[: 512 + 1024] if ends else archive + b"x" * 512
    counts = parse(cut)
    assert counts.total.flows == 9
    assert "does not end" in " ".join(counts.total.damage)


def hostile_archives():
    header = tarfile.TarInfo("a.log")
    header.size = 1 << 80
    yield header.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024
    for key, value in (("GNU.sparse.map", "x"), ("GNU.sparse.size", "x"), ("size", "9" * 30)):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            member = tarfile.TarInfo("a.log")
            member.pax_headers = {key: value}
            archive.addfile(member)
        yield out.getvalue()
    packed = zipped(text([line()] * 99))
    for place in range(0, len(packed), 3):
        yield packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :]


def test_archives_that_were_made_to_mislead_give_flows_or_one_sentence():
    for archive in hostile_archives():
        try:
            total = parse(archive).total
        except LogError as error:
            sentence = str(error)
        else:
            sentence = "log" if total.records == total.flows + total.set_aside.total() else ""
        assert sentence.startswith("log")


def test_a_column_of_parquet_that_cannot_be_counted_is_an_error_that_names_the_columns():
    out = io.BytesIO()
    pd.DataFrame({"a": [1], "dstport": [443]}).to_parquet(out)
    with pytest.raises(
        LogError, match="without the columns dstport and protocol of a flow; its columns are a, dst"
    ):
        parse(out.getvalue())
    out = io.BytesIO()
    pd.DataFrame({"message": [line().decode()]}).to_parquet(out)
    assert parse(out.getvalue()).total.flows == 1


def test_ocsf_without_an_endpoint_is_what_aws_has_no_data_for():
    document = {"class_uid": 4001, "dst_endpoint": None, "status_code": "NODATA", "time": 1}
    good = {
        "class_uid": 4001,
        "dst_endpoint": {"port": 443},
        "connection_info": {"protocol_num": 6},
        "time": None,
        "time_dt": "2024-01-15 10:30:00",
        "action_id": 2,
        "status_code": "OK",
    }
    counts = parse(json.dumps([document, good]).encode())
    assert counts.total.set_aside == {Reason.NO_DATA: 1}
    assert counts.requests.window.tolist() == [1705314600]
    assert counts.requests.action.tolist() == [1]


def test_the_shape_of_each_file_is_stated():
    log = text([line()] * 2)
    for content, shape in (
        (log, "version 2 default layout, assumed"),
        (zipped(gzip.compress(log)), "zip, gzip: version 2 default layout, assumed"),
        (log.decode().encode("utf-16"), "UTF-16: version 2 default layout, assumed"),
        (SHAPES["console"](log.splitlines()), "a table, records in the column message"),
        (SHAPES["Athena"](log.splitlines()), "a table, fields in columns"),
        (SHAPES["fields"](log.splitlines()), "JSON, fields under keys"),
        (SHAPES["subscription"](log.splitlines()), "JSON, records under message"),
        (SHAPES["Lambda"](log.splitlines()), "JSON, records under message"),
        (SHAPES["tail"](log.splitlines()), "time stamps before the records"),
        (parquet(log.splitlines()), "Parquet"),
    ):
        assert shape in parse(content).total.shapes


RECORD = line().decode()


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("message,note", [RECORD.replace("0a", '"0a') + ',"y\nz"', *[f"{RECORD},n"] * 99]),
        ("message,note", [RECORD + ' a"b,"n', *[f"{RECORD},n"] * 99]),
        ("start,dstport,protocol,size,note", ['1700000000,443,6,19" rack,"a\nb"'] * 100),
        ("timestamp,note,message,x", [f'1,"y\nz",{RECORD}'] * 100),
        ("timestamp,note,message", [f'1,"y\nz",{RECORD},'] * 100),
        ("note,dstport,protocol,start,bytes", ['"a\nb",443,6,1700000000,5,'] * 100),
        ("timestamp,message", [f"1,{RECORD}", *[RECORD] * 99]),
        ("start,dstport,protocol,bytes", ["1700000000,443,6,1", *[RECORD] * 99]),
    ],
    ids=range(8),
)
def test_no_row_of_a_table_loses_another_one(header, rows):
    counts = parse("\n".join([header, *rows]).encode())
    assert counts.total.flows >= 99
    assert counts.total.records >= 100


def test_no_quote_of_a_table_swallows_the_rows_below():
    rows = [f'"{RECORD}","n"', '"2 eni-"0a","a\nb"', *[f'"{RECORD}","n"'] * 9]
    assert parse("\n".join(["message,note", *rows]).encode()).total.flows >= 10


@pytest.mark.parametrize("between", ["", "x", ",", ",\n", "\n"])
@pytest.mark.parametrize(
    "broken",
    [
        lambda text: text.replace("eni", "e\tni"),
        lambda text: text[:-1],
        lambda text: text.replace('sage"', "sage"),
        lambda text: text.replace("eni", "e\\xni"),
    ],
    ids=["a raw tab", "no bracket", "no quote", "no escape"],
)
def test_one_broken_document_back_to_back_with_others_spoils_itself_alone(between, broken):
    document = json.dumps({"message": RECORD})
    counts = parse(between.join([broken(document), *[document] * 99]).encode())
    assert 98 <= counts.total.flows <= 99
    assert counts.total.records >= 99


@pytest.mark.parametrize(
    "text",
    [
        '{"nextToken":"a\\x","events":[%s]}',
        '{"events":[{"message":"2 e\nni"},%s]}',
        '{"events":[{"message:"2 eni"},%s]}',
        '{"events":[{"message":"2 eni"\n,%s]}',
    ],
)
def test_something_broken_in_a_document_loses_none_of_the_events_but_its_own(text):
    events = ",\n".join([json.dumps({"message": RECORD})] * 99)
    assert parse((text % events).encode()).total.flows >= 98


def test_all_that_stands_in_one_document_counts():
    flow = {"dstport": 443, "protocol": 6, "start": 1700000000, "bytes": 1, "action": "ACCEPT"}
    for document, flows in (
        ({"message": RECORD, "events": []}, 1),
        ({**flow, "records": []}, 1),
        ({**flow, "data": "xx"}, 1),
        ({"message": RECORD, "events": [{"message": RECORD}] * 2}, 3),
        ({"events": [flow] * 2, "records": [{"message": RECORD}] * 3}, 5),
    ):
        assert parse(json.dumps(document).encode()).total.flows == flows


class Dribble(io.BytesIO):
    """Gives one byte at a time."""

    def read(self, size=-1):
        return super().read(min(size, 1))


def test_utf_16_may_come_byte_by_byte():
    log = text([line()] * 3).decode().encode("utf-16")
    assert parse_flow_log(Dribble(log)).total.flows == 3
