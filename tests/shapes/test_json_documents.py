"""Every record in JSON counts, and anything that is not a VPC flow log is set aside or named."""

import base64
import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.counts import Reason, Table
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.json_documents import json_records
from flowtag_core.showing.log_notes import cautions
from flowtag_core.sources.budget import Budget
from tests.logs import line
from tests.shapes.made import CLOUDTRAIL, as_json, insights
from tests.sources.made import parse

GOOGLE = {"insertId": "x", "jsonPayload": {"connection": {"dest_port": 443, "protocol": 6}}}


RECORD = line().decode()
NOTES = {"NODATA": Reason.NO_DATA, "SKIPDATA": Reason.SKIPPED_DATA}


@pytest.mark.parametrize(
    "document", [{"hello": "world"}, [], {"FlowLogs": [{"FlowLogId": "fl-1"}]}, [1, None]]
)
def test_json_without_a_record_is_reported(document):
    counts = parse_flow_log(io.BytesIO(as_json(document)), names=["x.json"])
    assert counts.total.flows == 0
    sentences = " ".join(cautions(counts))
    assert sentences.startswith(
        "x.json: no flow log records were found in its JSON"
        if counts.total.records
        else "x.json: contains no records"
    )


def test_records_of_other_products_among_flows_are_set_aside_and_the_rest_counts():
    flow = as_json({"message": "2 1 eni 10.0.0.1 10.0.0.2 1024 443 6 1 40 1 2 ACCEPT OK"})
    lines = b"\n".join([flow, as_json(CLOUDTRAIL), as_json(GOOGLE), flow])
    counts = parse_flow_log(io.BytesIO(lines), names=["x.json"])
    assert counts.total.flows == 2
    assert counts.total.set_aside == {Reason.NOT_A_FLOW: 2}


def test_an_ocsf_record_without_data_is_recognized_and_a_flow_may_have_its_time_in_text():
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
def test_one_broken_document_back_to_back_with_others_spoils_only_itself(between, broken):
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
def test_something_broken_in_a_document_loses_only_its_own_event(text):
    events = ",\n".join([json.dumps({"message": RECORD})] * 99)
    assert parse((text % events).encode()).total.flows >= 98


def test_every_record_in_one_document_counts():
    flow = {"dstport": 443, "protocol": 6, "start": 1700000000, "bytes": 1, "action": "ACCEPT"}
    for document, flows in (
        ({"message": RECORD, "events": []}, 1),
        ({**flow, "records": []}, 1),
        ({**flow, "data": "xx"}, 1),
        ({"message": RECORD, "events": [{"message": RECORD}] * 2}, 3),
        ({"events": [flow] * 2, "records": [{"message": RECORD}] * 3}, 5),
    ):
        assert parse(json.dumps(document).encode()).total.flows == flows


def read(text, wanted=COUNTED):
    """Return each record with its number and its kind."""
    pieces = iter([text.encode() if isinstance(text, str) else text])
    found = json_records("a.json", pieces, wanted, Budget("a.json"))
    return [(number, row, kind) for kind, numbered in found for number, row in numbered]


def test_records_are_numbered_by_line_if_each_has_its_own_and_by_position_otherwise():
    documents = [json.dumps({"message": RECORD})] * 3
    assert [number for number, *_ in read("\n\n".join(documents))] == [1, 3, 5]
    assert [number for number, *_ in read("".join(documents))] == [1, 2, 3]
    events = json.dumps({"events": [{"message": RECORD}] * 3}, indent=1)
    assert [number for number, *_ in read(events)] == [1, 2, 3]


@pytest.mark.parametrize(("status", "reason"), NOTES.items())
@pytest.mark.parametrize("without", [None, "", "-", ...], ids=["null", "empty", "dash", "absent"])
def test_a_record_without_data_is_recognized_whatever_its_port_and_protocol_say(
    status, reason, without
):
    port = {} if without is ... else {"dstport": without, "protocol": without}
    note = port | {"interface_id": "eni-1", "start": 1, "log_status": status}
    flow = {"interface_id": "eni-1", "dstport": 443, "protocol": "TCP", "log_status": "OK"}
    counts = parse(json.dumps([note, flow]).encode())
    assert counts.total.set_aside == {reason: 1}
    assert counts.requests.protocol.tolist() == [6]


@pytest.mark.parametrize(("status", "reason"), NOTES.items())
def test_a_log_stored_by_elastic_or_opentelemetry_counts_like_the_original(status, reason):
    elastic = {
        "event": {"start": "2023-11-14T22:13:20Z", "type": ["connection"]},
        "ecs": {"version": "8.11.0"},
        "destination": {"port": 443},
        "network": {"iana_number": "6", "bytes": 6100},
        "aws": {"vpcflow": {"version": "2", "log_status": "OK", "action": "REJECT"}},
    }
    elastic_note = {"event": elastic["event"], "aws": {"vpcflow": {"log_status": status}}}
    attributes = {
        "destination.port": {"intValue": "443"},
        "network.protocol.name": {"stringValue": "tcp"},
        "aws.vpc.flow.bytes": {"intValue": "6100"},
        "aws.vpc.flow.start": {"intValue": "1700000000"},
        "aws.vpc.flow.action": {"stringValue": "REJECT"},
    }
    telemetry, telemetry_note = (
        {"body": {}, "attributes": [{"key": key, "value": each} for key, each in found.items()]}
        for found in (attributes, {"aws.vpc.flow.status": {"stringValue": status}})
    )
    scopes = [{"scope": {"name": "x"}, "logRecords": [telemetry, telemetry_note]}]
    resource = {"attributes": [{"key": "cloud.provider", "value": {"stringValue": "aws"}}]}
    for log in (
        [{"_source": elastic}, {"_source": elastic_note}],
        {"resourceLogs": [{"resource": resource, "scopeLogs": scopes}]},
    ):
        counts = parse(json.dumps(log).encode())
        assert counts.total.set_aside == {reason: 1}
        flow = counts.requests
        assert [*zip(flow.port, flow.protocol, flow.window, flow.action, strict=True)] == [
            (443, 6, 1_699_999_980, 1)
        ]
        assert flow.bytes.tolist() == [6100]


FIELDS = {
    "srcport": 50000,
    "dstport": 443,
    "protocol": 6,
    "packets": 1,
    "bytes": 40,
    "start": 1700000000,
    "action": "ACCEPT",
    "interface-id": "eni-0f00ba40000000001",
    "log-status": "OK",
}
ALSO_CALLED = {
    "srcport": ["sourceport", "src_port", "SourcePort"],
    "dstport": ["destinationport", "dst_port", "dest_port", "DestPort"],
    "protocol": ["protocol_code", "proto"],
    "packets": ["numpackets"],
    "bytes": ["numbytes"],
    "start": ["starttime", "start_time", "StartTime", "Start [UTC]"],
    "action": ["vpcflow_action"],
}
ELASTIC = {
    "dstport": "destination.port",
    "protocol": "network.iana_number",
    "start": "event.start",
    "log-status": "aws.vpcflow.log_status",
}
OTEL = {
    "dstport": "destination.port",
    "protocol": "network.protocol.name",
    "start": "aws.vpc.flow.start",
    "log-status": "aws.vpc.flow.status",
}
OCSF = {
    "dstport": "dst_endpoint.port",
    "protocol": "connection_info.protocol_num",
    "start": "time",
    "log-status": "status_code",
}


def other_case(name):
    first, *rest = name.split("-")
    return st.sampled_from(
        [
            name,
            name.upper(),
            name.replace("-", "_"),
            name.replace("-", " "),
            name.replace("-", ""),
            first + "".join(map(str.title, rest)),
            "".join(map(str.title, [first, *rest])),
            insights(name),
            *ALSO_CALLED.get(name, []),
        ]
    )


def values(status, absent):
    """Return the values of a flow, or of a record without data whose port and protocol are `absent`."""
    if status == "OK":
        return FIELDS
    note = (
        FIELDS | {"log-status": status} | dict.fromkeys(("srcport", "dstport", "protocol"), absent)
    )
    return {name: value for name, value in note.items() if value is not ...}


@st.composite
def documents(draw, status):
    """Draw a flow or a record without data as an object with any known names for its fields."""
    found = values(status, draw(st.sampled_from([None, "", "-", ...])))
    if schema := draw(st.sampled_from([None, ELASTIC, OTEL, OCSF])):
        named = {path: found[name] for name, path in schema.items() if name in found}
        if schema is OCSF:
            named["class_uid"] = 4001
        return named if draw(st.booleans()) else within(named)
    spelt = {draw(other_case(name)): value for name, value in found.items()}
    return {"aws": spelt} if draw(st.booleans()) else spelt


def within(named):
    """Turn key paths into nested keys."""
    document = {}
    for path, value in named.items():
        *above, last = path.split(".")
        inner = document
        for key in above:
            inner = inner.setdefault(key, {})
        inner[last] = value
    return document


def packed(document, pack=bytes):
    return base64.b64encode(pack(json.dumps(document).encode())).decode()


def attributes(document):
    named = [
        {"key": key, "value": {} if value is None else {"stringValue": str(value)}}
        for key, value in document.items()
    ]
    resource = {"attributes": [{"key": "cloud.provider", "value": {"stringValue": "aws"}}]}
    scopes = [{"scope": {"name": "x"}, "logRecords": [{"body": {}, "attributes": named}]}]
    return {"resourceLogs": [{"resource": resource, "scopeLogs": scopes}]}


OF_OBJECTS = [
    lambda each: {"hits": {"total": {"value": 1}, "hits": [{"_id": "x", "_source": each}]}},
    lambda each: {"result": each, "preview": False},
]
OF_ANY = [
    lambda each: [each],
    lambda each: {"events": [each], "searchedLogStreams": []},
    lambda each: {"messageType": "DATA_MESSAGE", "logEvents": [each]},
    lambda each: {"logEvents": [{"id": "1", "timestamp": 1, "message": json.dumps(each)}]},
    lambda each: {"message": json.dumps(each), "tags": ["a", "b"]},
    lambda each: {"_raw": json.dumps(each)},
    lambda each: {"records": [{"data": packed(each)}]},
    lambda each: {"Records": [{"kinesis": {"data": packed(each, gzip.compress)}}]},
    lambda each: {"awslogs": {"data": packed(each, gzip.compress)}},
    lambda each: {"rawData": packed(each), "errorCode": "x", "attemptsMade": 4},
    lambda each: {"data": {"result": [{"stream": {"job": "x"}, "values": [["17", each]]}]}},
    lambda each: {"Items": [each], "Count": 1},
    lambda each: [json.dumps(each)],
]


@st.composite
def enveloped(draw, document):
    """Draw the document in any known envelopes, in any order, as JSON text."""
    if all(not isinstance(value, dict) for value in document.values()) and draw(st.booleans()):
        arrays = {key: [value] for key, value in document.items()}
        document = draw(
            st.sampled_from(
                [{"hits": {"hits": [{"_id": "x", "fields": arrays}]}}, attributes(document)]
            )
        )
    for wrap in draw(st.lists(st.sampled_from(OF_OBJECTS + OF_ANY), max_size=4)):
        if isinstance(document, dict) or wrap in OF_ANY:
            document = wrap(document)
    return json.dumps(document, indent=draw(st.sampled_from([None, 1])))


@given(data=st.data(), copies=st.sampled_from([1, 3]))
def test_a_flow_counts_once_under_any_known_names_in_any_known_envelopes(data, copies):
    text = data.draw(enveloped(data.draw(documents("OK"))))
    counts = parse("\n".join([text] * copies).encode())
    assert counts.total.records == counts.total.flows == copies
    by_port = sum([counts.requests, counts.replies], Table())
    assert {*zip(by_port.port, by_port.protocol, strict=True)} == {(443, 6)}
    assert by_port.window.tolist() == [1_699_999_980] * len(by_port)


@given(data=st.data(), status=st.sampled_from([*NOTES]))
def test_a_record_without_data_is_recognized_under_any_known_names_in_any_known_envelopes(
    data, status
):
    text = data.draw(enveloped(data.draw(documents(status))))
    assert parse(text.encode()).total.set_aside == {NOTES[status]: 1}


def test_a_skipped_record_in_any_shape_makes_the_counts_a_lower_bound():
    note = {"interface_id": "eni-1", "dstport": None, "log_status": "SKIPDATA"}
    assert any("lower bound" in sentence for sentence in cautions(parse(as_json([note]))))


@pytest.mark.parametrize(
    "write",
    [
        lambda records: "\n".join(map(json.dumps, records)),
        lambda records: "\r\n".join(map(json.dumps, records)) + "\r\n",
        lambda records: ",\n".join(map(json.dumps, records)),
        json.dumps,
        lambda records: json.dumps(records, indent=2),
        lambda records: "\ufeff" + "\n\n".join(map(json.dumps, records)) + "\n",
        lambda records: "\n".join(json.dumps(each.replace(" ", "\t")) for each in records),
        lambda records: "\n".join(json.dumps(json.dumps({"message": each})) for each in records),
    ],
)
def test_strings_are_records_one_per_line_or_in_an_array(write):
    counts = parse(write([RECORD] * 3).encode())
    assert (counts.total.records, counts.total.flows) == (3, 3)


def test_a_line_that_merely_begins_with_a_string_is_a_line_of_text():
    text = f'{json.dumps(RECORD)}\n"a" b\n{json.dumps(RECORD)}\n"open\n{json.dumps(RECORD)}\n'
    counts = parse(text.encode())
    assert counts.total.flows == 3
    assert [fault.line for fault in counts.faults] == [2, 4]


def test_arrays_of_words_next_to_a_record_or_a_time_stamp_cause_no_faults():
    document = {
        "event": {"category": ["network"], "type": ["connection", "allowed"]},
        "tags": ["a"],
        "related": {"ip": ["10.0.0.1"]},
    }
    (fault,) = parse(as_json(document)).faults
    assert fault.text.startswith('{"event"')
    streams = [{"stream": {"job": "x"}, "values": [["1700000000000000000", RECORD]] * 3}]
    loki = {"status": "success", "data": {"resultType": "streams", "result": streams}}
    total = parse(as_json(loki)).total
    assert (total.records, total.flows) == (3, 3)


def test_an_incomplete_object_among_records_is_reported():
    flow = {"dstport": 443, "protocol": 6, "start": 1700000000}
    total = parse(as_json({"Items": [flow, {"dstport": 443}, flow]})).total
    assert (total.flows, total.set_aside) == (2, {Reason.NO_RECORD_IN_JSON: 1})


@pytest.mark.parametrize(
    "table",
    [
        lambda names, rows: {
            "tables": [{"name": "x", "columns": [{"name": n} for n in names], "rows": rows}]
        },
        lambda names, rows: {"columns": names, "index": [0, 1], "data": rows},
        lambda names, rows: {
            "columns": [{"name": n} for n in names],
            "rows": [dict(zip(names, row, strict=False)) for row in rows],
        },
        lambda names, rows: {
            "ResultSet": {
                "Rows": [
                    {"Data": [{} if each is None else {"VarCharValue": str(each)} for each in row]}
                    for row in [names, *rows]
                ]
            }
        },
    ],
    ids=["Log Analytics", "pandas", "Tailpipe", "Athena"],
)
def test_column_names_and_rows_in_json_are_a_table(table):
    rows = [[50000, 443, 6, "OK", "short"], [None, None, None, "NODATA"]]
    names = ["srcport", "dstport", "protocol", "log_status", "x"]
    total = parse(as_json(table(names, rows))).total
    assert (total.flows, total.set_aside) == (1, {Reason.NO_DATA: 1})
    assert parse(as_json({"columns": ["a"], "rows": [1, [2]]})).total.flows == 0


def test_an_envelope_that_is_present_both_as_text_and_parsed_counts_once():
    envelope = {"logEvents": [{"message": RECORD}]}
    for key in ("message", "event.original"):
        both = {**within({key: json.dumps(envelope)}), **envelope}
        assert parse(as_json(both)).total.flows == 1


@pytest.mark.parametrize(
    "document",
    [
        {"message": RECORD, "fields": {}},
        {"message": RECORD, "fields": {"tags": ["a", "b"]}},
        {**FIELDS, "result": {"code": "ok"}},
        {**FIELDS, "message": "flow seen by the sensor"},
        {**FIELDS, "event": "flow seen by the sensor", "log": "/var/log/a b c d.log"},
        {"message": "it could not be processed at all", "rawData": packed({"message": RECORD})},
    ],
)
def test_other_keys_next_to_a_record_do_not_hide_it(document):
    assert parse(as_json(document)).total.flows == 1


@pytest.mark.parametrize("format", [None, "srcport dstport protocol"])
@pytest.mark.parametrize(("status", "reason"), NOTES.items())
def test_a_record_without_data_is_recognized_under_names_that_many_products_use(
    format, status, reason
):
    note = {"account_id": "1", "src_port": None, "dst_port": None, "proto": None, "status": status}
    flow = {"account_id": "123456789012", "src_port": 1, "dst_port": 443, "proto": 6, "bytes": 1}
    total = parse(as_json([flow, note]), format=format).total
    assert (total.flows, total.set_aside) == (1, {reason: 1})


def test_a_document_with_very_many_keys_is_not_a_flow():
    many = {f"key {n}": n for n in range(2_000)} | {"dstport": 443, "protocol": 6, "start": 1}
    assert parse(as_json([many])).total.set_aside == {Reason.NO_RECORD_IN_JSON: 1}


def test_null_for_port_and_protocol_without_a_status_means_no_data():
    nothing = {"srcport": None, "dstport": None, "protocol": None, "start": 1, "bytes": None}
    assert parse(as_json([nothing])).total.set_aside == {Reason.NO_DATA: 1}
    assert parse(as_json([{**nothing, "log-status": "OK"}])).total.set_aside == {Reason.BAD_PORT: 1}


def test_flow_events_of_network_firewall_count_and_those_without_ports_have_port_0():
    netflow = {"pkts": 3, "bytes": 300, "start": "2023-11-14T22:13:20.000000+0000"}
    ports = {"src_port": 40000, "dest_port": 443, "proto": "TCP"}
    log = [
        {"firewall_name": "x", "event": {"event_type": "netflow", "netflow": netflow, **each}}
        for each in (ports, {"proto": "ICMP"})
    ]
    counts = parse(as_json(log))
    rows = counts.requests
    assert [*zip(rows.port, rows.protocol, rows.bytes, rows.window, strict=True)] == [
        (0, 1, 300, 1_699_999_980),
        (443, 6, 300, 1_699_999_980),
    ]


def test_names_that_other_products_use_too_count_with_an_aws_marker_or_a_given_format():
    flow = {"src_port": 50000, "dst_port": 443, "protocol": "tcp", "bytes": 1}
    with pytest.raises(LogError, match="run again with --format 'srcport dstport protocol bytes'"):
        parse(as_json([flow]))
    assert parse(as_json([flow]), format="srcport dstport protocol bytes").total.flows == 1
    assert parse(as_json([flow | {"account": "123456789012"}])).total.flows == 1
    marked = {"dst_port": 443, "protocol": "tcp", "bytes": 1, "x": "eni-0f00ba40"}
    total = parse(as_json([flow, marked])).total
    assert (total.flows, total.set_aside) == (1, {Reason.NO_RECORD_IN_JSON: 1})


def test_attributes_that_are_not_pairs_are_searched_like_any_array():
    log = json.dumps({"attributes": [{"key": "a", "value": {}}, {"message": RECORD}]})
    assert parse(log.encode()).total.flows == 1


def test_wanted_fields_are_kept_in_the_wanted_order():
    flow = {"dstaddr": "10.0.0.2", "vpc": {"protocol": 6.0, "bytes": None, "srcPort": 1}}
    documents = [flow | {"dstport": 443}, {"dstport": 53, "protocol": "17", "bytes": 5}]
    wanted = ("dstport", "bytes", "srcaddr", "protocol", "dstaddr")
    found = read("\n".join(map(json.dumps, documents)), wanted)
    assert [row for _, row, _ in found] == [b"443 6 10.0.0.2", b"53 5 17"]
    assert [kind.layout.names for *_, kind in found] == [
        ("dstport", "protocol", "dstaddr"),
        ("dstport", "bytes", "protocol"),
    ]


def test_payloads_are_unpacked_and_only_the_broken_ones_are_set_aside():
    whole = base64.b64encode(gzip.compress(f"{RECORD}\n{RECORD}\n".encode())).decode()
    cut = base64.b64encode(gzip.compress(f"{RECORD}\n{RECORD}".encode())[:-9]).decode()
    payloads = [whole, "no base64!", base64.b64encode(b"\x1f\x8b\0").decode(), cut]
    found = read(json.dumps({"records": [{"data": data} for data in payloads]}))
    reasons = [kind.reason for *_, kind in found]
    assert [row for _, row, _ in found][:2] == [RECORD.encode()] * 2
    assert reasons[:3] == [None, None, Reason.NO_RECORD_IN_JSON]
    assert reasons[-1] == Reason.CUT_SHORT
    assert reasons[3] in (Reason.NO_RECORD_IN_JSON, Reason.CUT_SHORT)


def test_the_control_message_of_a_subscription_is_not_a_record():
    control = {"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL CONTROL MESSAGE"}]}
    assert read(json.dumps(control)) == []


def test_documents_are_read_only_down_to_a_certain_depth():
    def nested(depth):
        document = {"message": RECORD}
        for _ in range(depth):
            document = [document]
        return json.dumps({"x": document})

    assert [row for _, row, _ in read(nested(5))] == [RECORD.encode()]
    ((_, _, kind),) = read(nested(50))
    assert kind.reason == Reason.NO_RECORD_IN_JSON


def test_each_line_of_a_message_is_a_record():
    assert [row for _, row, _ in read(json.dumps({"message": f"{RECORD}\nshort\n"}))] == [
        RECORD.encode(),
        b"short",
    ]


def test_a_text_of_few_words_is_not_a_record_if_the_fields_are_present():
    flow = {"dstport": 443, "protocol": 6, "start": 1700000000}
    rows = [row for _, row, _ in read(json.dumps({**flow, "message": "ok"}))]
    assert rows == [b"443 6 1700000000"]
    rows = [row for _, row, _ in read(json.dumps({**flow, "message": RECORD}))]
    assert rows == [RECORD.encode()]


def test_the_records_before_the_end_of_json_that_is_cut_short_are_kept():
    content = "".join([json.dumps({"message": RECORD})] * 3)[:-9].encode()
    got = []
    with pytest.raises(DamagedLogError, match=r"^a\.json: is cut short: .* stops in line 1\.$"):
        got.extend(json_records("a.json", iter([content]), COUNTED, Budget("a.json")))
    assert [row for _, numbered in got for _, row in numbered][:2] == [RECORD.encode()] * 2


def test_damage_to_the_file_around_the_json_is_reported_unchanged():
    def pieces():
        yield json.dumps({"message": RECORD}).encode()
        raise DamagedLogError("a.gz: is damaged.")

    got = []
    with pytest.raises(DamagedLogError, match=r"^a\.gz: is damaged\.$"):
        got.extend(json_records("a.json", pieces(), COUNTED, Budget("a.json")))
    assert [row for _, numbered in got for _, row in numbered] == [RECORD.encode()]


@pytest.mark.parametrize("wrap", [lambda each: [each], lambda each: {"records": [[each]]}])
def test_logs_of_other_products_are_refused_however_deeply_the_first_one_is_nested(wrap):
    with pytest.raises(LogError, match=r"^a\.json: contains CloudTrail events"):
        read(json.dumps(wrap(wrap(CLOUDTRAIL))))
