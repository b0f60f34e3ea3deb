"""Whose records a table or a document holds, where they are none of VPC flow logs.

No kind is named unless names or values have a mark that only its logs have. Source: the tables of
fields in the documentation of each service; OCSF's from its schema, version 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from flowtag_core.shapes.fields import field_name, joined, text_of, word

_CLOUDTRAIL: Final = "CloudTrail events"
_LATTICE: Final = "requests through VPC Lattice"
_ACCELERATOR: Final = "flow logs of Global Accelerator"
_GOOGLE: Final = "Google Cloud's flow logs"
_AZURE: Final = "Azure's flow logs"
_IBM: Final = "IBM Cloud's flow logs"
_POLICY: Final = "network policy events of EKS"
_ZEEK: Final = "connections that Zeek saw"

_NAMES: Final = (
    ("userIdentity.type", _CLOUDTRAIL),
    ("recipientAccountId", _CLOUDTRAIL),
    ("eventSource eventName", _CLOUDTRAIL),
    ("s3.bucket.name", "S3's notes of what happened in a bucket"),
    ("webaclId", "requests that AWS WAF saw"),
    ("query_name", "DNS queries"),
    ("detail-type", "events of EventBridge"),
    ("service.action.actionType", "findings of GuardDuty"),
    ("accelerator_id client_ip", _ACCELERATOR),
    ("serviceNetworkArn", _LATTICE),
    ("serviceArn targetGroupArn", _LATTICE),
    ("Src_IP Dest_IP Verdict", _POLICY),
    ("auditID requestURI", "audit events of Kubernetes"),
    ("jsonPayload.connection.dest_port", _GOOGLE),
    ("connection.dest_port", _GOOGLE),
    ("properties.flows", _AZURE),
    ("flowRecords.flows", _AZURE),
    ("L4Protocol FlowStatus", _AZURE),
    ("L4Protocol_s", _AZURE),
    ("collector_crn", _IBM),
    ("initiator_ip target_ip", _IBM),
    ("id.resp_p", _ZEEK),
    ("id.resp_h", _ZEEK),
    ("flow_id event_type src_ip", "events of Suricata"),
)
"""Names of columns, or paths of keys, that only these have: one, or several that come together."""
_BY_NAMES: Final = tuple((frozenset(map(joined, names.split())), what) for names, what in _NAMES)

_TIME: Final = rb"\d{4}-\d\d-\d\dT[\d:.]+Z?"
_ADDRESS: Final = rb"[\d.]+:\d+"
_LINES: Final = (
    (
        rb"(?:https?|h2|grpcs|wss?) " + _TIME + rb" app/",
        "access logs of an Application Load Balancer",
    ),
    (rb"tls \d\.\d " + _TIME + rb" net/", "access logs of a Network Load Balancer (NLB)"),
    (
        _TIME + rb" [A-Za-z0-9-]+ " + _ADDRESS + rb" (?:-|" + _ADDRESS + rb") ",
        "access logs of a Classic Load Balancer",
    ),
    (rb"[0-9a-f]{64} \S+ \[", "access logs of S3"),
    (rb"#Version: 1\.0\r?\n#Fields:", "access logs of CloudFront or a web server"),
    (rb"#separator ", "a log of Zeek"),
    (
        rb"version aws_account_id accelerator_id |[12]\.0 \d{12} [0-9a-f]{8}-[0-9a-f]{4}-",
        _ACCELERATOR,
    ),
    (rb"Node: \S+;SIP: ", _POLICY),
)
"""How lines of text begin that only these have."""
_BY_LINE: Final = re.compile(b"|".join(b"(" + line + b")" for line, _ in _LINES))

_CLASS: Final = "class_uid"
_PRODUCT: Final = "metadata.product.name"
_FEATURE: Final = "metadata.product.feature.name"
FIREWALL: Final = "firewall_name"
_EVENT: Final = "event.event_type"
_TELLING: Final = {joined(name): name for name in (_CLASS, _PRODUCT, _FEATURE, FIREWALL, _EVENT)}
"""Names whose values tell whose record it is."""

_NETWORK_ACTIVITY: Final = "4001"
_CLASSES: Final = {
    "1001": "File System Activity",
    "1007": "Process Activity",
    "2001": "Security Finding",
    "2002": "Vulnerability Finding",
    "2003": "Compliance Finding",
    "2004": "Detection Finding",
    "3001": "Account Change",
    "3002": "Authentication",
    "4002": "HTTP Activity",
    "4003": "DNS Activity",
    "4004": "DHCP Activity",
    "4005": "RDP Activity",
    "4006": "SMB Activity",
    "4007": "SSH Activity",
    "4008": "FTP Activity",
    "4009": "Email Activity",
    "4010": "Network File Activity",
    "4013": "NTP Activity",
    "4014": "Tunnel Activity",
    "6001": "Web Resources Activity",
    "6002": "Application Lifecycle",
    "6003": "API Activity",
    "6004": "Web Resource Access Activity",
    "6005": "Datastore Activity",
}
"""Some classes of OCSF by their class_uid."""
_FLOW_EVENT: Final = "netflow"
_LONGEST: Final = 60


def whose(names: Iterable[str]) -> str:
    """Whose records have these columns or paths of keys; nothing where they may be flows of AWS."""
    names = list(names)
    if any(field_name(name.rpartition(".")[2]) == "interface-id" for name in names):
        return ""
    there = {joined(name) for name in names}
    return next((what for marks, what in _BY_NAMES if marks <= there), "")


def whose_line(line: bytes) -> str:
    """Whose line of text it is; nothing where it may be a record of AWS."""
    found = _BY_LINE.match(line)
    return _LINES[found.lastindex - 1][1] if found and found.lastindex else ""


def telling(names: Iterable[str]) -> dict[str, str]:
    """The columns or paths of keys whose values `whose_by` wants to see, by what they mean."""
    return {_TELLING[joined(name)]: name for name in names if joined(name) in _TELLING}


def whose_by(values: Mapping[str, object]) -> str:
    """Whose record has these values, by the names that `telling` gives; nothing where it may be a flow."""
    if _CLASS in values:
        return _whose_ocsf(
            word(values[_CLASS], _CLASS),
            text_of(values.get(_PRODUCT) or ""),
            text_of(values.get(_FEATURE) or ""),
        )
    if FIREWALL in values:
        event = text_of(values.get(_EVENT) or "")[:_LONGEST]
        return "" if event == _FLOW_EVENT else _whose_firewall(event)
    return ""


def _whose_firewall(event: str) -> str:
    if event == "alert":
        return "alerts of AWS Network Firewall"
    return f"events of AWS Network Firewall{f', type {event}' if event else ''}"


def _whose_ocsf(number: str, product: str, feature: str) -> str:
    if number != _NETWORK_ACTIVITY:
        called = f"{_CLASSES[number]} " if number in _CLASSES else ""
        return f"OCSF's {called}records (class_uid {number[:_LONGEST]})"
    if not product.strip("- ") or "vpc" in product.lower() or "flow" in feature.lower():
        return ""
    return f"OCSF's Network Activity of another product ({product[:_LONGEST]})"
