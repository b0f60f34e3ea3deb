"""The records in JSON: each one counts, and what is none of ours is set aside or named."""

import base64
import gzip
import io
import json

import pytest

from flowtag_core import parse_flow_log
from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.json_documents import json_records
from flowtag_core.showing.log_notes import cautions
from flowtag_core.sources.budget import Budget
from tests.logs import line
from tests.shapes.made import CLOUDTRAIL, as_json
from tests.sources.made import parse

GOOGLE = {"insertId": "x", "jsonPayload": {"connection": {"dest_port": 443, "protocol": 6}}}


RECORD = line().decode()
NOTES = {"NODATA": Reason.NO_DATA, "SKIPDATA": Reason.SKIPPED_DATA}


@pytest.mark.parametrize(
    "document", [{"hello": "world"}, [], {"FlowLogs": [{"FlowLogId": "fl-1"}]}, [1, None]]
)
def test_json_without_a_record_says_so(document):
    counts = parse_flow_log(io.BytesIO(as_json(document)), names=["x.json"])
    assert counts.total.flows == 0
    sentences = " ".join(cautions(counts))
    assert sentences.startswith(
        "x.json: is JSON without one record" if counts.total.records else "x.json: holds no record"
    )


def test_one_log_of_others_among_ones_own_is_set_aside_and_the_rest_counts():
    flow = as_json({"message": "2 1 eni 10.0.0.1 10.0.0.2 1024 443 6 1 40 1 2 ACCEPT OK"})
    lines = b"\n".join([flow, as_json(CLOUDTRAIL), as_json(GOOGLE), flow])
    counts = parse_flow_log(io.BytesIO(lines), names=["x.json"])
    assert counts.total.flows == 2
    assert [fault.line for fault in counts.faults] == [2, 3]
    assert {fault.reason for fault in counts.faults} == {"no record in the JSON"}


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


def read(text, wanted=COUNTED):
    """Each record with its number and its kind."""
    pieces = iter([text.encode() if isinstance(text, str) else text])
    found = json_records("a.json", pieces, wanted, Budget("a.json"))
    return [(number, row, kind) for kind, numbered in found for number, row in numbered]


def test_records_have_the_line_where_each_is_a_line_and_else_their_place():
    documents = [json.dumps({"message": RECORD})] * 3
    assert [number for number, *_ in read("\n\n".join(documents))] == [1, 3, 5]
    assert [number for number, *_ in read("".join(documents))] == [1, 2, 3]
    events = json.dumps({"events": [{"message": RECORD}] * 3}, indent=1)
    assert [number for number, *_ in read(events)] == [1, 2, 3]


@pytest.mark.parametrize(("status", "reason"), NOTES.items())
@pytest.mark.parametrize("without", [None, "", "-", ...], ids=["null", "empty", "dash", "absent"])
def test_a_note_of_aws_s_is_one_whatever_stands_for_port_and_protocol(status, reason, without):
    port = {} if without is ... else {"dstport": without, "protocol": without}
    note = port | {"interface_id": "eni-1", "start": 1, "log_status": status}
    flow = {"interface_id": "eni-1", "dstport": 443, "protocol": "TCP", "log_status": "OK"}
    counts = parse(json.dumps([note, flow]).encode())
    assert counts.total.set_aside == {reason: 1}
    assert counts.requests.protocol.tolist() == [6]


@pytest.mark.parametrize(("status", "reason"), NOTES.items())
def test_what_elastic_and_opentelemetry_store_of_a_log_is_the_log(status, reason):
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


def test_attributes_that_are_no_pairs_are_looked_through_like_any_array():
    log = json.dumps({"attributes": [{"key": "a", "value": {}}, {"message": RECORD}]})
    assert parse(log.encode()).total.flows == 1


def test_wanted_fields_are_kept_in_the_order_that_they_are_wanted_in():
    flow = {"dstaddr": "10.0.0.2", "vpc": {"protocol": 6.0, "bytes": None, "srcPort": 1}}
    documents = [flow | {"dstport": 443}, {"dstport": 53, "protocol": "17", "bytes": 5}]
    wanted = ("dstport", "bytes", "srcaddr", "protocol", "dstaddr")
    found = read("\n".join(map(json.dumps, documents)), wanted)
    assert [row for _, row, _ in found] == [b"443 6 10.0.0.2", b"53 5 17"]
    assert [kind.layout.names for *_, kind in found] == [
        ("dstport", "protocol", "dstaddr"),
        ("dstport", "bytes", "protocol"),
    ]


def test_a_payload_is_unpacked_and_a_broken_one_is_set_aside_alone():
    whole = base64.b64encode(gzip.compress(f"{RECORD}\n{RECORD}\n".encode())).decode()
    cut = base64.b64encode(gzip.compress(f"{RECORD}\n{RECORD}".encode())[:-9]).decode()
    payloads = [whole, "no base64!", base64.b64encode(b"\x1f\x8b\0").decode(), cut]
    found = read(json.dumps({"records": [{"data": data} for data in payloads]}))
    reasons = [kind.reason for *_, kind in found]
    assert [row for _, row, _ in found][:2] == [RECORD.encode()] * 2
    assert reasons[:3] == [None, None, Reason.NO_RECORD_IN_JSON]
    assert reasons[-1] == Reason.CUT_SHORT
    assert reasons[3] in (Reason.NO_RECORD_IN_JSON, Reason.CUT_SHORT)


def test_what_a_subscription_says_of_itself_is_no_record():
    control = {"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL CONTROL MESSAGE"}]}
    assert read(json.dumps(control)) == []


def test_documents_in_documents_end_somewhere():
    def nested(depth):
        document = {"message": RECORD}
        for _ in range(depth):
            document = [document]
        return json.dumps({"x": document})

    assert [row for _, row, _ in read(nested(5))] == [RECORD.encode()]
    ((_, _, kind),) = read(nested(50))
    assert kind.reason == Reason.NO_RECORD_IN_JSON


def test_a_message_with_line_ends_is_a_record_a_line():
    assert [row for _, row, _ in read(json.dumps({"message": f"{RECORD}\nshort\n"}))] == [
        RECORD.encode(),
        b"short",
    ]


def test_a_text_of_few_words_is_no_record_where_the_fields_are_there():
    flow = {"dstport": 443, "protocol": 6, "start": 1700000000}
    rows = [row for _, row, _ in read(json.dumps({**flow, "message": "ok"}))]
    assert rows == [b"443 6 1700000000"]
    rows = [row for _, row, _ in read(json.dumps({**flow, "message": RECORD}))]
    assert rows == [RECORD.encode()]


def test_where_the_json_is_cut_short_the_records_before_are_there():
    content = "".join([json.dumps({"message": RECORD})] * 3)[:-9].encode()
    got = []
    with pytest.raises(DamagedLogError, match=r"^a\.json: is cut short: its JSON stops in line 1 "):
        got.extend(json_records("a.json", iter([content]), COUNTED, Budget("a.json")))
    assert [row for _, numbered in got for _, row in numbered][:2] == [RECORD.encode()] * 2


def test_damage_around_the_json_is_said_as_it_was_said():
    def pieces():
        yield json.dumps({"message": RECORD}).encode()
        raise DamagedLogError("a.gz: is damaged.")

    got = []
    with pytest.raises(DamagedLogError, match=r"^a\.gz: is damaged\.$"):
        got.extend(json_records("a.json", pieces(), COUNTED, Budget("a.json")))
    assert [row for _, numbered in got for _, row in numbered] == [RECORD.encode()]


@pytest.mark.parametrize("wrap", [lambda each: [each], lambda each: {"records": [[each]]}])
def test_the_logs_of_others_are_refused_however_deep_the_first_one_is(wrap):
    with pytest.raises(LogError, match=r"^a\.json: holds CloudTrail events"):
        read(json.dumps(wrap(wrap(CLOUDTRAIL))))
