"""A log in any shape gives the same table as the plain file, and any other file is named and refused."""

import base64
import csv
import gzip
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.counting.file_count import FileCount
from flowtag_core.counting.total import Total
from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.shapes import shapes
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.layout import DEFAULT_FIELDS
from flowtag_core.shapes.records import Columns
from flowtag_core.shapes.shapes import is_plainly_text, is_text, shape_of
from flowtag_core.shapes.text import Block
from flowtag_core.sources.pieces import File
from flowtag_core.sources.stream import Stream
from flowtag_core.sources.unpacking import is_packed
from tests.logs import DEFAULT_HEADER, flow_lines, line, record_lists, text
from tests.shapes.made import CLOUDTRAIL, as_csv, as_json, insights, messages, named, parquet
from tests.sources.made import LOG, parse, zipped


def envelopes(records, **more):
    """Return a subscription's envelopes with two records in each, after a control message."""
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


STAMP = "2018-09-22T20:28:14"


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
    "subscription, one per line": lambda rows: b"\n".join(envelopes(rows)),
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
    "on separate lines and back to back": lambda rows: (
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
    "Firehose, no separator": b"".join,
    "Splunk as CSV with fields": lambda rows: as_csv(
        [["_raw", "dest_port", "src_ip"], *([row, "1", "10.0.0.1"] for row in messages(rows))]
    ),
    "concatenated tables with columns in different orders": lambda rows: b"".join(
        as_csv([[*fields], [*fields.values()]])
        for fields in (
            dict(sorted(each.items(), reverse=place % 2)) for place, each in enumerate(named(rows))
        )
    ),
    "concatenated messages with repeated headers": lambda rows: b"".join(
        as_csv([["timestamp", "message"], [1, row]]) for row in messages(rows)
    ),
    "fields because the message is missing": lambda rows: as_csv(
        [
            ["@message", *named(rows)[0]],
            *(["-" if place % 2 else "", *row.split()] for place, row in enumerate(messages(rows))),
        ]
    ),
    "quoted, after a byte order mark": lambda rows: (
        b"\xef\xbb\xbf#TYPE Selected\r\n"
        + as_csv(
            [[*named(rows)[0]], *(row.split() for row in messages(rows))], quoting=csv.QUOTE_ALL
        )
    ),
    "alternating fields and messages": lambda rows: "\n".join(
        json.dumps(fields if place % 2 else {"message": row})
        for place, (fields, row) in enumerate(zip(named(rows), messages(rows), strict=True))
    ).encode(),
    "Parquet": parquet,
    "Parquet of bytes": lambda rows: parquet(rows, "bytes"),
    "Parquet with floats": lambda rows: parquet(rows, "floats"),
}


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
def test_faults_have_line_numbers_if_the_log_has_lines(wrap):
    good, bad = line(), line(dstport="x")
    rows = [wrap(row) for row in (good, bad, good, good, bad)]
    if rows[0].startswith(b"1,"):
        rows.insert(0, b"timestamp,message")
    faults = parse(b"\n".join(rows)).faults
    assert [fault.line for fault in faults] == [len(rows) - 3, len(rows)]


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


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture"),
        (b"PK\x03\x04....[Content_Types].xml", "an Office document"),
        (b"PK\x03\x04", "a zip archive"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PAR1", "a Parquet file"),
        (b"<!DOCTYPE html><html>", "a web page or XML"),
        (b"  <?xml version='1.0'?><Error>", "a web page or XML"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
        (b"2 \x00\n", "binary"),
    ],
)
def test_a_file_that_is_not_a_flow_log_is_named_on_one_line(content, what):
    for packed in (content, gzip.compress(content)):
        with pytest.raises(LogError, match=what) as error:
            parse(packed)
        assert str(error.value).startswith("log: is ")
        assert "\n" not in str(error.value)


def test_a_nul_byte_in_a_later_line_is_treated_like_any_other_byte():
    assert parse(LOG + b"\0\n" + LOG).files["log"].flows == 10


def archive(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as files:
        for name in names:
            files.writestr(name, "application/vnd.oasis.opendocument.spreadsheet")
    return out.getvalue()


AZURE_NSG = {"category": "NetworkSecurityGroupFlowEvent", "properties": {"flows": [{"rule": "r"}]}}


AZURE_VNET = {"category": "FlowLogFlowEvent", "flowRecords": {"flows": [{"aclID": "x"}]}}


GOOGLE = {"insertId": "x", "jsonPayload": {"connection": {"dest_port": 443, "protocol": 6}}}


INSIGHTS = [[{"field": "dstPort", "value": "443"}, {"field": "count(*)", "value": "17"}]]


LOAD_BALANCER = (
    b"https 2018-07-02T22:23:00.186641Z app/my-balancer/50dc6c495c0c9188 192.0.2.39:2817 "
    b'10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://example.com:443/ HTTP/1.1" "-"\n'
)


S3_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
)


REFUSED = {
    "an error message from S3 (AccessDenied)": S3_ERROR,
    "a web page or XML": b"\n<!doctype HTML><html><head><title>Sign in</title></head></html>",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 130\n",
    "CloudTrail events": gzip.compress(as_json({"Records": [CLOUDTRAIL] * 2})),
    "Azure flow logs": as_json({"records": [AZURE_NSG]}),
    "Azure flow logs.": as_json({"records": [AZURE_VNET]}, indent=1),
    "Google Cloud network logs": as_json([GOOGLE]),
    "Google Cloud network logs.": as_json(GOOGLE) + b"\n" + as_json(GOOGLE),
    "Google Cloud": b"timestamp,connection.src_ip,connection.dest_port\n1,2,443\n",
    "run again with --format 'srcaddr dstaddr dstport protocol'": b"time,src_ip,dst_ip,dst_port,Protocol\n1,a,b,443,TCP\n",
    "an aggregate query (dstPort, count(*))": b"dstPort,count(*)\r\n443,17\r\n",
    "an aggregate query (bin(5m), sum(bytes))": b'"bin(5m)","sum(bytes)"\n"2024-01-01","17"\n',
    "an aggregate query (dstPort": as_json({"results": INSIGHTS, "status": "Complete"}),
    "its columns are dstPort, flows": b"dstPort,flows\n443,17\n",
    "is a lookup": b"dstport,protocol,tag\n25,tcp,mail\n",
    "name its third column tag": b"dstport,protocol,application\n25,tcp,mail\n",
    "a result that flowtag wrote": b"Tag Counts:\nTag,Count\nmail,1\n",
    "an Office document": archive("[Content_Types].xml", "xl/workbook.xml"),
    "an Office document,": archive("mimetype", "content.xml"),
    "AWS WAF logs": as_json({"webaclId": "arn", "action": "BLOCK"}) + b"\n",
    "DNS queries": as_json({"version": "1.1", "query_name": "x.", "query_type": "A"}),
    "AWS Network Firewall": as_json({"firewall_name": "x", "event": {"event_type": "alert"}}),
    "Application Load Balancer": LOAD_BALANCER,
    "CloudFront": b"#Version: 1.0\n#Fields: date time\n2019-12-04\t21:02:31\n",
    "S3 access logs": b"79a59df900b949e5" * 4 + b" bucket [06/Feb/2019:00:00:38 +0000] x\n",
    "Zeek logs": b"#separator \\x09\n#fields\tts\n",
    "a packet capture": b"\xd4\xc3\xb2\xa1\x02\0\x04\0",
    "an ORC file": b"ORC\x08\0",
    "an Avro file": b"Obj\x01\x04",
    "compressed with xz": b"\xfd7zXZ\0\0",
    "compressed with bzip2": b"BZh91AY&SY",
    "compressed with snappy": b"\xff\x06\0\0sNaPpY",
    "compressed with lz4": b"\x04\x22\x4d\x18",
    "a 7-Zip archive": b"7z\xbc\xaf\x27\x1c",
    "a RAR archive": b"Rar!\x1a\x07\0",
    "a PDF document": b"%PDF-1.7\n%\xe2",
    "a zip archive without files": archive(),
    "a zip archive that is damaged": archive("a.log")[:-9],
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_that_is_not_a_flow_log_is_named_with_a_remedy(what, pack):
    with pytest.raises(LogError) as error:
        parse_flow_log(io.BytesIO(pack(REFUSED[what])), names=["given.log"])
    sentence = str(error.value)
    assert sentence.startswith("given.log")
    assert what in sentence
    assert "\n" not in sentence
    assert sentence.count(". ") >= 1, "a remedy follows"


WANTED = (*COUNTED, "interface-id", "account-id")
BY_FIELDS = {
    "CSV": SHAPES["Athena"],
    "JSON": SHAPES["fields"],
    "nested JSON": SHAPES["nested fields"],
    "Parquet": SHAPES["Parquet"],
}


def read(content, wanted=COUNTED):
    """Return the parts of a log, and their counts."""
    source = Stream("log", io.BytesIO(content), len(content), 0)
    parts = list(shapes.parts_of(File("log", source.pieces(), source=source), wanted))
    count, total = FileCount("log"), Total()
    for part in parts:
        count.count(part)
    total.add_counted(count.take(len(content)))
    return parts, total.counts()


def rows_of(part):
    """Return the field names and the words of each record in a part."""
    numbered = part.text(np.arange(part.size)) if isinstance(part, Columns) else part.numbered
    return [(part.kind.layout.names, row.split()) for _, row in numbered]


@pytest.mark.parametrize("shape", BY_FIELDS)
@settings(max_examples=8)
@given(rows=record_lists)
def test_additional_wanted_fields_are_kept_and_do_not_change_the_counts(shape, rows):
    content = BY_FIELDS[shape](rows)
    parts, with_more = read(content, WANTED)
    found = [each for part in parts for each in rows_of(part)]
    places = [DEFAULT_FIELDS.index(name) for name in WANTED]
    assert {names for names, _ in found} == {WANTED}
    assert [words for _, words in found] == [
        [row.split()[place] for place in places] for row in rows
    ]
    _, plain = read(content)
    assert tables(with_more) == tables(plain)
    # The description of a shape depends on the number of wanted fields.
    assert replace(with_more.total, shapes=plain.total.shapes) == plain.total


@pytest.mark.parametrize("shape", BY_FIELDS)
def test_the_wanted_fields_that_are_present_are_kept_in_the_wanted_order(shape):
    wanted = ("dstaddr", "vpc-id", "protocol", "unheard-of", "dstport")
    parts, counts = read(BY_FIELDS[shape]([line()]), wanted)
    ((names, words),) = [each for part in parts for each in rows_of(part)]
    assert names == ("dstaddr", "protocol", "dstport")
    assert words == [b"10.0.0.2", b"6", b"443"]
    assert counts.total.flows == 1


@pytest.mark.parametrize("shape", ["Splunk as CSV", "subscription", "tail"])
def test_lines_of_text_are_kept_whole_whatever_fields_are_wanted(shape):
    content = SHAPES[shape]([line()])
    parts, wanted = [
        list(shapes.parts_of(File("log", iter([content])), wanted))
        for wanted in (COUNTED, ("dstaddr",))
    ]
    assert parts == wanted
    assert line() in (parts[0].text if isinstance(parts[0], Block) else parts[0].numbered[0][1])


def test_a_file_that_is_both_cut_short_and_not_a_flow_log_is_reported_as_cut_short():
    def pieces():
        yield b"\x89PNG"
        raise DamagedLogError("a.gz: is cut short.")

    with pytest.raises(DamagedLogError, match="is cut short"):
        shapes.parts_of(File("a.png", pieces()))


beginnings = st.sampled_from(
    [line(), b"2 123456789012 eni-1", b"version account-id dstport", b"version a_b", b"# a", b""]
)


@given(
    beginnings,
    st.lists(st.one_of(flow_lines, st.binary(max_size=9)), max_size=5),
    st.sampled_from([b"\n", b"\r\n", b"ustar" * 99]),
)
def test_what_is_plainly_text_is_neither_packed_nor_in_another_shape(first, others, between):
    text = between.join([first, *others])
    if is_plainly_text(text):
        assert not is_packed(text)
        assert is_text(text)


def test_an_ordinary_log_is_plainly_text():
    assert is_plainly_text(line())
    assert is_plainly_text(b"\r\n".join([DEFAULT_HEADER.encode(), line(), line(), b""]))
    assert not is_plainly_text(line() + b"x" * (1 << 16))


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        (LOG, "text"),
        (as_json({"message": line().decode()}), "JSON"),
        (as_csv([named([line()])[0].keys(), named([line()])[0].values()]), "CSV"),
        (b"PAR1 and more", "Parquet"),
    ],
)
def test_the_first_bytes_show_the_shape(head, shape):
    assert shape_of("log", head) == shape
    assert is_text(head) == (shape == "text")


def test_the_shape_of_no_flow_log_is_its_refusal():
    with pytest.raises(LogError, match="log: is a picture, not a flow log"):
        shape_of("log", b"\x89PNG")
