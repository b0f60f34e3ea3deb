"""Names and values of others mean what AWS's own mean."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.shapes.fields import (
    COUNTED,
    are_flows,
    field_name,
    fields_of,
    is_ocsf,
    is_of_aws,
    is_summary,
    others,
    summary_refusal,
    word,
)
from flowtag_core.shapes.layout import KNOWN_FIELDS
from tests.shapes.made import insights


@pytest.mark.parametrize(
    "spelt",
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
def test_a_field_may_be_spelt_as_any_tool_spells_it(spelt):
    assert {name: field_name(spelt(name)) for name in KNOWN_FIELDS} == {
        name: name for name in KNOWN_FIELDS
    }


@pytest.mark.parametrize("name", ["", "port", "dst", "flows", "dst_port", "@timestamp", "time"])
def test_what_no_flow_log_has_is_no_field(name):
    assert field_name(name) is None


def test_fields_may_stand_within_others_and_of_two_the_first_counts():
    paths = ["note", "aws.vpcflow.dstport", "dst_port", "dstPort", "aws.srcport.x", "start_time"]
    assert fields_of(paths) == {"dstport": "aws.vpcflow.dstport", "start": "start_time"}


ATHENA = "version account interfaceid sourceaddress sourceport destinationport protocol numpackets numbytes starttime endtime action logstatus"
TAILPIPE = "tp_id account_id interface_id src_addr src_port dst_port protocol packets bytes start_time action log_status"
SPLUNK = "_time version interface_id src_ip dest_ip src_port dest_port protocol_code packets bytes start_time vpcflow_action log_status"
OF_ALL = {"srcport", "dstport", "protocol", "packets", "bytes", "start", "action", "log-status"}


@pytest.mark.parametrize(
    "columns", [ATHENA, TAILPIPE, SPLUNK], ids=["Athena", "Tailpipe", "Splunk"]
)
def test_aws_s_flow_logs_are_known_under_the_names_of_other_tools(columns):
    names = columns.split()
    fields = fields_of(names)
    assert fields.keys() >= OF_ALL
    assert are_flows(fields, names)
    assert others(names) == ""
    # Without a mark of AWS the same names may be anybody's.
    unmarked = [name for name in names if field_name(name) not in ("interface-id", "log-status")]
    assert not is_of_aws(unmarked)
    assert "dstport" not in fields_of(unmarked)


def test_a_flow_that_elastic_stores_has_its_version_from_aws_alone():
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


def test_the_keys_of_ocsf_have_a_meaning_of_their_own_and_the_time_has_four_names():
    paths = ["class_uid", "time_dt", "start_time", "dst_endpoint.port", "x.dstport", "action_id"]
    assert is_ocsf(paths)
    assert fields_of(paths) == {
        "dstport": "dst_endpoint.port",
        "start": "start_time",
        "action": "action_id",
    }
    assert not is_ocsf(paths[1:])
    assert fields_of(paths[1:]) == {"start": "start_time", "dstport": "x.dstport"}


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
def test_flows_have_port_and_protocol_and_nothing_of_another_kind_alone(columns, expected):
    assert are_flows(fields_of(columns), columns) is expected


def test_the_logs_of_others_are_known_by_what_only_they_have():
    assert others(["x", "dest_port", "dstport"]) == "flow logs of another cloud than AWS"
    assert others([*KNOWN_FIELDS, "x"]) == ""
    assert others(["dest_port", "log_status"]) == ""


def test_a_query_that_sums_up_is_known_by_a_column_that_is_a_call():
    assert is_summary(["dstPort", "count(*)"])
    assert not is_summary([*KNOWN_FIELDS, "count", "a (b) c"])
    sentence = summary_refusal("a.csv", ["dstPort", "count(*)"] * 99)
    assert sentence.startswith("a.csv: is the result of a query that sums up (dstPort, count(*), ")
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
def test_a_value_is_the_word_that_aws_would_write(value, field, expected):
    assert word(value, field) == expected


@given(
    st.one_of(st.text(), st.binary(), st.none(), st.floats(), st.integers(), st.booleans()),
    st.sampled_from(COUNTED),
)
def test_whatever_a_value_is_it_is_one_word(value, field):
    assert word(value, field).split() == [word(value, field)]
