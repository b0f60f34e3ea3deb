"""Names and values from other tools mean the same as AWS's own."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.shapes.fields import (
    COUNTED,
    are_flows,
    field_name,
    fields_of,
    is_mark,
    is_of_aws,
    is_summary,
    may_be_flows,
    may_be_of_others,
    summary_refusal,
    utc_time,
    with_port_0,
    word,
)
from flowtag_core.shapes.layout import KNOWN_FIELDS
from tests.shapes.made import insights


@pytest.mark.parametrize(
    "spelled",
    [
        str,
        str.upper,
        lambda name: name.replace("-", "_"),
        lambda name: f"${{{name}}}",
        lambda name: f"$${{{name}}}",
        lambda name: f"{name.replace('-', ' ').title()} [UTC]",
        insights,
        lambda name: re.sub("-(.)", lambda found: found[1].upper(), name),
    ],
)
def test_a_field_is_recognized_in_the_spelling_of_any_tool(spelled):
    assert {name: field_name(spelled(name)) for name in KNOWN_FIELDS} == {
        name: name for name in KNOWN_FIELDS
    }


@pytest.mark.parametrize("name", ["", "port", "dst", "flows", "dst_port", "@timestamp", "time"])
def test_a_name_that_no_flow_log_has_is_not_a_field(name):
    assert field_name(name) is None


def test_fields_may_be_nested_and_the_first_of_two_counts():
    paths = ["note", "aws.vpcflow.dstport", "dst_port", "dstPort", "aws.srcport.x", "start_time"]
    assert fields_of(paths) == {"dstport": "aws.vpcflow.dstport", "start": "start_time"}


ATHENA = "version account interfaceid sourceaddress sourceport destinationport protocol numpackets numbytes starttime endtime action logstatus"
TAILPIPE = "tp_id account_id interface_id src_addr src_port dst_port protocol packets bytes start_time action log_status"
SPLUNK = "_time version interface_id src_ip dest_ip src_port dest_port protocol_code packets bytes start_time vpcflow_action log_status"
POWERSHELL = "IngestionTime Version AccountId InterfaceId SourceAddress DestAddress SourcePort DestPort Protocol Packets Bytes StartTime Action Status"
OF_ALL = {"srcport", "dstport", "protocol", "packets", "bytes", "start", "action", "log-status"}


MARKS = ("interface-id", "log-status", "action")


@pytest.mark.parametrize(
    "columns",
    [ATHENA, TAILPIPE, SPLUNK, POWERSHELL],
    ids=["Athena", "Tailpipe", "Splunk", "PowerShell"],
)
def test_aws_flow_logs_are_recognized_under_the_names_of_other_tools(columns):
    names = columns.split()
    fields = fields_of(names)
    assert fields.keys() >= OF_ALL
    assert are_flows(fields, names)
    assert not may_be_flows(names)
    # Without an AWS marker, these names could be from any product, unless the user says they are AWS's.
    unmarked = [
        name for name in names if fields.keys() and name not in {fields.get(mark) for mark in MARKS}
    ]
    assert not is_of_aws(unmarked)
    assert "dstport" not in fields_of(unmarked)
    assert may_be_flows(unmarked)
    assert fields_of(unmarked, is_known=True).keys() == fields.keys() - {*MARKS}


def test_aws_own_name_takes_precedence_over_a_name_that_other_products_use_too():
    names = ["status", "dst_port", "dstPort", "log_status"]
    assert fields_of(names) == {"dstport": "dstPort", "log-status": "log_status"}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("x", "eni-0f00ba40000000001", True),
        ("x", "aws:cloudwatchlogs:vpcflow", True),
        ("x", "AWS_VPC_FLOW", True),
        ("x", "gcp.vpcflow", False),
        ("x", "s3://b/AWSLogs/1/vpcflowlogs/x.gz", True),
        ("stream", "eni-0f00ba40-all", True),
        ("x", "seni-0f00ba40", False),
        ("x", "eni-xyz", False),
        ("account", "123456789012", True),
        ("Account ID", 123456789012, True),
        ("x", "123456789012", False),
        ("account", "1234567890123", False),
        ("Type", "AWSVPCFlow", True),
        ("dataset", "aws.vpcflow", True),
        ("x", None, False),
        ("x", ["eni-0f00ba40"], True),
    ],
)
def test_a_value_may_be_an_aws_marker(name, value, expected):
    assert is_mark(name, value) is expected


def test_a_log_that_may_be_from_any_product_is_refused_with_the_format_that_reads_it():
    sentence = may_be_of_others(["src_ip", "dest_port", "proto", "bytes"])
    assert "src_ip, dest_port, proto, bytes" in sentence
    assert "run again with --format 'srcaddr dstport protocol bytes'" in sentence
    long = may_be_of_others(["dst_port", "protocol", "x" * 9_999])
    assert "dst_port, protocol, ..." in long


def test_the_names_of_ecs_may_be_from_any_product():
    names = ["destination.port", "network.transport", "source.bytes"]
    assert not fields_of(names).keys() & {"dstport", "protocol"}
    assert may_be_flows(names)
    assert fields_of(names, is_known=True).keys() == {"dstport", "protocol", "bytes"}


@pytest.mark.parametrize("column", ["count", "Flows", "hits"])
def test_no_format_is_suggested_for_a_summary_under_names_that_many_products_use(column):
    assert not may_be_flows(["dst_port", "protocol", column])


def test_a_flow_stored_by_elastic_takes_its_version_only_from_aws_fields():
    paths = [
        "ecs.version",
        "event.action",
        "event.start",
        "source.port",
        "source.bytes",
        "destination.port",
        "network.transport",
        "network.iana_number",
        "network.bytes",
        "aws.vpcflow.log_status",
        "aws.vpcflow.action",
    ]
    assert fields_of(paths) == {
        "dstport": "destination.port",
        "srcport": "source.port",
        "protocol": "network.iana_number",
        "bytes": "network.bytes",
        "start": "event.start",
        "action": "aws.vpcflow.action",
        "log-status": "aws.vpcflow.log_status",
    }
    assert "dstport" not in fields_of(paths[:-2])


def test_the_keys_of_ocsf_have_their_own_meaning_and_the_time_has_four_names():
    paths = ["class_uid", "time_dt", "start_time", "dst_endpoint.port", "x.dstport", "action_id"]
    assert fields_of(paths) == {
        "dstport": "dst_endpoint.port",
        "start": "start_time",
        "action": "action_id",
    }
    assert fields_of(paths[1:]) == {"start": "start_time", "dstport": "x.dstport"}


def test_the_number_of_a_protocol_takes_precedence_over_its_name():
    name, number = "connection_info.protocol_name", "connection_info.protocol_num"
    assert fields_of(["class_uid", name, number]) == {"protocol": number}
    assert fields_of(["class_uid", name]) == {"protocol": name}


def test_key_paths_may_be_the_columns_of_a_table():
    names = ["class_uid", "dst_endpoint_port", "connection_info_protocol_num", "traffic_bytes"]
    assert fields_of(names).keys() == {"dstport", "protocol", "bytes"}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (COUNTED, True),
        (("dstport", "protocol"), True),
        (("dstport", "protocol", "@timestamp"), True),
        (("dstport", "protocol", "action"), True),
        (("dstport", "protocol", "flows"), False),
        (("dstport", "protocol", "tag"), False),
        (("dstport", "protocol", "flows", "start"), True),
        (("dstport", "bytes"), False),
        (("protocol", "bytes"), False),
    ],
)
def test_flows_have_port_and_protocol_and_either_only_fields_or_a_per_flow_field(columns, expected):
    assert are_flows(fields_of(columns), columns) is expected


def test_an_aggregate_query_is_recognized_by_a_column_that_is_a_function_call():
    assert is_summary(["dstPort", "count(*)"])
    assert not is_summary([*KNOWN_FIELDS, "count", "a (b) c"])
    sentence = summary_refusal(["dstPort", "count(*)"] * 99)
    assert sentence.startswith("is the result of an aggregate query (dstPort, count(*), ")
    assert len(sentence) < 400


@pytest.mark.parametrize(
    ("value", "field", "expected"),
    [
        (443, "dstport", "443"),
        (443.0, "dstport", "443"),
        ("443.00", "dstport", "443"),
        ("443.5", "dstport", "443.5"),
        (b" 443 ", "dstport", "443"),
        (b"\xff", "dstport", "�"),
        ("1 000", "bytes", "1000"),
        *(
            (missing, "bytes", "-")
            for missing in (None, "", " ", "-", "None", "NaN", "null", "<NA>")
        ),
        (float("nan"), "start", "-"),
        ("ALLOWED", "action", "ACCEPT"),
        ("Denied", "action", "REJECT"),
        (1, "action", "ACCEPT"),
        ("2", "action", "REJECT"),
        (3, "action", "3"),
        ("blocked", "action", "REJECT"),
        ("drop", "action", "drop"),
        ("1", "protocol", "1"),
        ("TCP", "protocol", "6"),
        (b"icmp6", "protocol", "58"),
        ("carrier pigeon", "protocol", "carrierpigeon"),
        ("tcp", "action", "tcp"),
        ("ALLOWED", "log-status", "ALLOWED"),
        ("2024-01-15 10:30:00", "start", "1705314600"),
        ("2024-01-15 10:30:00.900", "start", "1705314600"),
        ("2024-01-15T10:30:00Z", "start", "1705314600"),
        ("2024-01-15 10:30:00 UTC", "start", "1705314600"),
        ("2024-01-15T12:30:00+02:00", "start", "1705314600"),
        ("2024-13-15T12:30:00", "start", "2024-13-15T12:30:00"),
        ("2024-01-15 10:30:00", "end", "2024-01-1510:30:00"),
        (1705314600, "start", "1705314600"),
    ],
)
def test_a_value_becomes_the_word_that_aws_would_write(value, field, expected):
    assert word(value, field) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("11/14/2023, 10:13:20.000 PM", "2023-11-14 22:13:20"),
        ("1/2/2023, 12:03:04 AM", "2023-01-02 00:03:04"),
        ("1/2/2023 12:03:04 pm", "2023-01-02 12:03:04"),
        ("11/14/2023, 22:13:20", "2023-11-14 22:13:20"),
        ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
        ("1700000000", "1700000000"),
        ("", ""),
    ],
)
def test_an_american_time_is_read_with_the_month_before_the_day(text, expected):
    assert utc_time(text) == expected


@pytest.mark.parametrize(
    ("protocol", "ports"),
    [("1", "0"), ("58", "0"), ("6", "-"), ("17", "-"), ("-", "-"), ("carrierpigeon", "-")],
)
def test_a_protocol_without_ports_has_port_0(protocol, ports):
    words = with_port_0({"dstport": "-", "srcport": "-", "protocol": protocol})
    assert words == {"dstport": ports, "srcport": ports, "protocol": protocol}
    assert with_port_0({"dstport": "8", "protocol": protocol})["dstport"] == "8"


@given(
    st.one_of(st.text(), st.binary(), st.none(), st.floats(), st.integers(), st.booleans()),
    st.sampled_from(COUNTED),
)
def test_any_value_becomes_exactly_one_word(value, field):
    assert word(value, field).split() == [word(value, field)]
