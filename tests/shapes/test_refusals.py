"""What is no flow log is named as what it is, with the remedy, in one sentence."""

import gzip
import io
import json
import zipfile

import pytest

from flowtag_core import parse_flow_log
from flowtag_core.errors import LogError
from flowtag_core.showing.log_notes import cautions


def archive(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as files:
        for name in names:
            files.writestr(name, "application/vnd.oasis.opendocument.spreadsheet")
    return out.getvalue()


def as_json(document, **options):
    return json.dumps(document, **options).encode()


CLOUDTRAIL = {
    "eventVersion": "1.08",
    "userIdentity": {"type": "Root"},
    "eventSource": "ec2.amazonaws.com",
    "eventName": "DescribeFlowLogs",
}
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
    "an error that S3 answered (AccessDenied)": S3_ERROR,
    "a web page or XML": b"\n<!doctype HTML><html><head><title>Sign in</title></head></html>",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 130\n",
    "CloudTrail events": gzip.compress(as_json({"Records": [CLOUDTRAIL] * 2})),
    "Azure's flow logs": as_json({"records": [AZURE_NSG]}),
    "Azure's flow logs.": as_json({"records": [AZURE_VNET]}, indent=1),
    "Google Cloud's flow logs": as_json([GOOGLE]),
    "Google Cloud's flow logs.": as_json(GOOGLE) + b"\n" + as_json(GOOGLE),
    "Google Cloud's": b"timestamp,connection.src_ip,connection.dest_port\n1,2,443\n",
    "another kind than AWS's": b"time,src_ip,dst_ip,dst_port,Protocol\n1,a,b,443,TCP\n",
    "their protocol is a name": b"start_time,dstport,protocol,action\n1,443,TCP,ACCEPTED\n",
    "a query that sums up (dstPort, count(*))": b"dstPort,count(*)\r\n443,17\r\n",
    "a query that sums up (bin(5m), sum(bytes))": b'"bin(5m)","sum(bytes)"\n"2024-01-01","17"\n',
    "a query that sums up (dstPort": as_json({"results": INSIGHTS, "status": "Complete"}),
    "its columns are dstPort, flows": b"dstPort,flows\n443,17\n",
    "is a lookup": b"dstport,protocol,tag\n25,tcp,mail\n",
    "name its third column tag": b"dstport,protocol,application\n25,tcp,mail\n",
    "a result that flowtag wrote": b"Tag Counts:\nTag,Count\nmail,1\n",
    "an Office document": archive("[Content_Types].xml", "xl/workbook.xml"),
    "an Office document,": archive("mimetype", "content.xml"),
    "requests that AWS WAF saw": as_json({"webaclId": "arn", "action": "BLOCK"}) + b"\n",
    "DNS queries": as_json({"version": "1.1", "query_name": "x.", "query_type": "A"}),
    "AWS Network Firewall": as_json({"firewall_name": "x", "event": {"dest_port": 443}}),
    "a load balancer": LOAD_BALANCER,
    "CloudFront": b"#Version: 1.0\n#Fields: date time\n2019-12-04\t21:02:31\n",
    "an access log of S3": b"79a59df900b949e5" * 4 + b" bucket [06/Feb/2019:00:00:38 +0000] x\n",
    "a log of Zeek": b"#separator \\x09\n#fields\tts\n",
    "a capture of packets": b"\xd4\xc3\xb2\xa1\x02\0\x04\0",
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
def test_what_is_no_flow_log_is_named_with_the_remedy(what, pack):
    with pytest.raises(LogError) as error:
        parse_flow_log(io.BytesIO(pack(REFUSED[what])), names=["given.log"])
    sentence = str(error.value)
    assert sentence.startswith("given.log")
    assert what in sentence
    assert "\n" not in sentence
    assert sentence.count(". ") >= 1, "a remedy follows"


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
