"""The product that wrote a record is named only if a name, a value or the start of a line is a marker of it."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.counts import Reason
from flowtag_core.errors import LogError
from flowtag_core.shapes.fields import MESSAGE_KEYS
from flowtag_core.shapes.layout import KNOWN_FIELDS
from flowtag_core.shapes.others import telling, whose, whose_by, whose_line, whose_value
from tests.logs import line
from tests.sources.made import parse

EVENT = {"src_ip": "10.0.0.1", "src_port": 40000, "dest_ip": "10.0.0.2", "dest_port": 443}
SURICATA = {"flow_id": 1, "event_type": "flow", "proto": "TCP", **EVENT}
OTHERS = {
    "CloudTrail": {"eventSource": "ec2.amazonaws.com", "eventName": "RunInstances"},
    "contains CloudTrail events": {"recipientAccountId": "123456789012"},
    "S3 event notifications": {"s3": {"bucket": {"name": "x"}}},
    "AWS WAF": {"webaclId": "arn", "action": "BLOCK"},
    "DNS queries": {"query_name": "x.", "query_type": "A", "srcport": "1", "srcaddr": "10.0.0.1"},
    "GuardDuty": {"service": {"action": {"actionType": "PORT_PROBE"}}},
    "Global Accelerator": {"accelerator_id": "a", "client_ip": "b", "log_status": "OK"},
    "VPC Lattice": {"serviceNetworkArn": "arn", "protocol": "HTTP/1.1"},
    "VPC Lattice access logs": {"serviceArn": "arn", "targetGroupArn": "arn"},
    "EKS network policy logs": {
        "Src IP": "10.0.0.1",
        "Dest IP": "10.0.0.2",
        "Dest Port": 53,
        "Proto": "UDP",
        "Verdict": "ACCEPT",
    },
    "Kubernetes": {"auditID": "x", "requestURI": "/api"},
    "Google Cloud": {"jsonPayload": {"connection": {"dest_port": 443, "protocol": 6}}},
    "Google Cloud network logs": {"connection": {"dest_port": 443, "protocol": 6}},
    "Azure": {"properties": {"flows": []}},
    "Azure flow": {"flowRecords": {"flows": []}},
    "Azure flow logs": {"L4Protocol": "T", "FlowStatus": "A", "DestPort": 443},
    "IBM Cloud": {"collector_crn": "crn", "flow_logs": [{"target_port": 443}]},
    "IBM Cloud flow logs": {
        "initiator_ip": "10.0.0.1",
        "target_ip": "10.0.0.2",
        "target_port": 443,
    },
    "Zeek": {"id.orig_h": "10.0.0.1", "id.resp_h": "10.0.0.2", "id.resp_p": 443, "proto": "tcp"},
    "Suricata": SURICATA,
    "Alibaba": {
        "vswitch-id": "vsw",
        "srcport": 1,
        "dstport": 443,
        "protocol": 6,
        "log-status": "OK",
    },
    "Oracle": {"data": {"destinationPort": 443}, "oracle": {"compartmentid": "ocid1"}},
    "Google Cloud network": {
        "gcp": {"vpcflow": {"reporter": "SRC"}},
        "destination": {"port": 443},
        "network": {"transport": "tcp"},
    },
    "Google": {
        "event": {"dataset": "gcp.vpcflow"},
        "destination": {"port": 443},
        "network": {"transport": "tcp"},
    },
    "Oracle Cloud": {"type": "com.oraclecloud.vcn.flowlogs", "dst_port": 443, "protocol": 6},
    "AWS Network Firewall alerts": {
        "firewall_name": "x",
        "event": {"event_type": "alert", "proto": "TCP", **EVENT},
    },
    "AWS Network Firewall events (tls)": {
        "firewall_name": "x",
        "event": {"event_type": "tls", **EVENT},
    },
    "DNS Activity events (class_uid 4003)": {
        "class_uid": 4003,
        "dst_endpoint": {"port": 53},
        "connection_info": {"protocol_num": 17},
        "time": 1,
    },
    "API Activity events (class_uid 6003)": {"class_uid": "6003", "time": 1},
    "OCSF events (class_uid 7)": {"class_uid": 7, "time": 1},
    "another product (Fence)": {
        "class_uid": 4001,
        "metadata": {"product": {"name": "Fence"}},
        "dst_endpoint": {"port": 443},
        "connection_info": {"protocol_num": 6},
        "time": 1,
    },
}
FLOW = {"dstport": 443, "protocol": 6, "start": 1700000000, "interface_id": "eni-1"}


def lines(*documents):
    return "\n".join(map(json.dumps, documents)).encode()


def paths(document, above=""):
    for key, value in document.items():
        if isinstance(value, dict):
            yield from paths(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda document: lines(document, document),
        lambda document: lines({"events": [{"message": json.dumps(document)}]}),
        lambda document: lines([document]),
    ],
    ids=["lines", "messages", "an array"],
)
def test_a_log_of_only_another_product_is_refused_with_its_name(what, wrap):
    with pytest.raises(LogError, match=r"^a\.json: contains ") as error:
        parse_flow_log(io.BytesIO(wrap(OTHERS[what])), names=["a.json"])
    assert what in str(error.value)
    assert str(error.value).endswith("Use AWS VPC flow logs instead.")


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("order", [1, -1], ids=["before", "after"])
def test_records_of_other_products_among_flows_are_set_aside_and_are_not_faults(what, order):
    total = parse(lines(*[OTHERS[what], FLOW, OTHERS[what]][::order], FLOW)).total
    assert (total.flows, total.set_aside, total.faults) == (2, {Reason.NOT_A_FLOW: 2}, 0)
    assert any(
        what.removeprefix("contains ") in shape and "set aside" in shape for shape in total.shapes
    )


@pytest.mark.parametrize("what", ["AWS Network Firewall alerts", "Zeek", "Google Cloud"])
def test_a_table_of_another_product_is_refused_with_its_name(what):
    named = dict(paths(OTHERS[what]))
    table = f"{','.join(named)}\n{','.join(map(str, named.values()))}\n"
    with pytest.raises(LogError, match=what):
        parse(table.encode())


def test_rows_of_another_product_in_a_table_are_set_aside():
    table = (
        b"firewall_name,event.event_type,event.dest_port,event.proto,event.netflow.bytes\n"
        b"x,alert,443,TCP,\nx,netflow,443,TCP,100\nx,netflow,,ICMP,100\n"
    )
    counts = parse(table)
    assert counts.total.set_aside == {Reason.NOT_A_FLOW: 1}
    assert [*zip(counts.requests.port, counts.requests.protocol, strict=True)] == [(0, 1), (443, 6)]


@given(st.lists(st.sampled_from([*sorted(KNOWN_FIELDS), *MESSAGE_KEYS, *EVENT, "proto", "x"])))
def test_names_that_many_products_use_do_not_identify_any_product(names):
    assert whose(names) == ""
    assert telling(names) == {}


def test_an_interface_id_among_the_names_is_an_aws_marker_whatever_else_is_present():
    assert whose(["id.resp_p", "query_name", "interfaceId"]) == ""
    assert whose(["id.resp_p", "log_status"]) == "Zeek logs"


@pytest.mark.parametrize(
    "product",
    [{}, {"name": None}, {"name": "Amazon VPC"}, {"name": "VPC", "vendor_name": "AWS"}],
)
def test_network_activity_counts_if_no_other_product_is_named(product):
    document = {"class_uid": 4001, "metadata": {"product": product}}
    names = dict(paths(document))
    told = {meaning: names[path] for meaning, path in telling(names).items()}
    assert whose_by(told) == ""


@pytest.mark.parametrize(
    "document",
    [
        {"metadata": {"product": {"name": "VPC Flow Logs", "vendor_name": "Google"}}},
        {"metadata": {"product": {"vendor_name": "Zeek"}}},
        {"cloud": {"provider": "GCP"}},
    ],
)
def test_network_activity_of_another_vendor_or_cloud_is_not_from_aws(document):
    names = dict(paths({"class_uid": 4001, **document}))
    told = {meaning: names[path] for meaning, path in telling(names).items()}
    assert "from another product" in whose_by(told)


OWN = {"dstport": 443, "protocol": 6, "bytes": 1, "log_status": "OK"}


@pytest.mark.parametrize(
    "beside",
    [
        {"firewall_name": "x", "interface_id": "eni-1"},
        {"class_uid": "x"},
        {"recipientAccountId": "123456789012"},
        {"query_name": "x"},
        {"flow_id": 1, "event_type": "x", "src_ip": "10.0.0.1"},
    ],
)
def test_a_record_with_the_port_protocol_and_status_of_aws_counts_whatever_else_it_has(beside):
    assert parse(lines({**OWN, **beside})).total.flows == 1


@pytest.mark.parametrize(
    "mark",
    [
        {"cloud": {"account": {"id": "123456789012"}}},
        {"project_account": "123456789012"},
        {"note": "not a vpcflow log"},
    ],
)
def test_the_cloud_account_of_a_host_is_not_an_aws_marker(mark):
    flow = {"src_port": 1, "dest_port": 443, "protocol": 6, "bytes": 1}
    with pytest.raises(LogError, match="nothing in it shows that it is from AWS"):
        parse(lines({**flow, **mark}))


def test_values_of_any_type_and_length_are_described_briefly():
    assert len(whose_by({"class_uid": "9" * 999})) < 200
    assert len(whose_by({"firewall_name": 1, "event.event_type": ["x" * 999]})) < 200
    assert whose_by({}) == whose_by({"event.event_type": "alert"}) == ""


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("https 2018-07-02T22:23:00.186641Z app/my-lb/50dc6c495c0c9188 1.1.1.1:1", "Application"),
        (
            "tls 2.0 2018-12-20T02:59:40 net/my-lb/c6e77e28c25b2234 g3d4b5e8",
            "Network Load Balancer",
        ),
        ("2015-05-13T23:39:43.945958Z my-lb 192.168.131.39:2817 10.0.0.1:80 0.1", "Classic"),
        ("79a59df900b949e5" * 4 + " bucket [06/Feb/2019:00:00:38 +0000]", "S3"),
        ("#separator \\x09", "Zeek"),
        ("version aws_account_id accelerator_id client_ip client_port", "Global Accelerator"),
        ("2.0 123456789012 ad530208-6600-4e87-9706-1f89a7e36abc 139.162.106.181", "Global"),
        ("Node: ip-10-0-0-1;SIP: 10.0.0.1;SPORT: 1;DIP: 10.0.0.2;DPORT: 53;PROTOCOL: UDP", "EKS"),
    ],
)
def test_lines_of_other_products_are_recognized_by_how_they_begin(text, what):
    assert what in whose_line(text.encode())
    for given_as in (text.encode(), json.dumps([{"message": text}] * 2).encode()):
        with pytest.raises(LogError, match=what):
            parse(given_as)


@pytest.mark.parametrize("value", [None, 443, "ACCEPT", "aws.vpcflow", "eni-0f00ba40", ["gcp"]])
def test_most_values_do_not_identify_any_product(value):
    assert whose_value(value) == ""


def test_a_record_from_aws_is_never_taken_for_another_product():
    assert whose_line(line()) == ""
    assert whose_line(b"2018-09-22T20:28:14.000Z " + line()) == ""
