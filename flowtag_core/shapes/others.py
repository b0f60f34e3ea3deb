"""Whose records a table or a document holds, where they are none of VPC flow logs.

No kind is named unless names or values have a mark that only its logs have. Source: the tables of
fields in the documentation of each service; OCSF's from its schema, version 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from flowtag_core.shapes.fields import field_name, has_own_flow, joined, text_of, word

_CLOUDTRAIL: Final = "CloudTrail events"
_LATTICE: Final = "VPC Lattice access logs"
_ACCELERATOR: Final = "Global Accelerator flow logs"
_GOOGLE: Final = "Google Cloud network logs"
_AZURE: Final = "Azure flow logs"
_IBM: Final = "IBM Cloud flow logs"
_ALIBABA: Final = "Alibaba Cloud flow logs"
_ORACLE: Final = "Oracle Cloud logs"
_FIREWALL_LOGS: Final = "AWS Network Firewall logs"
_POLICY: Final = "EKS network policy logs"
_ZEEK: Final = "Zeek logs"

_NAMES: Final = (
    ("userIdentity.type", _CLOUDTRAIL),
    ("recipientAccountId", _CLOUDTRAIL),
    ("eventSource eventName", _CLOUDTRAIL),
    ("s3.bucket.name", "S3 event notifications"),
    ("webaclId", "AWS WAF logs"),
    ("query_name", "DNS queries"),
    ("service.action.actionType", "GuardDuty findings"),
    ("accelerator_id client_ip", _ACCELERATOR),
    ("serviceNetworkArn", _LATTICE),
    ("serviceArn targetGroupArn", _LATTICE),
    ("Src_IP Dest_IP Verdict", _POLICY),
    ("auditID requestURI", "Kubernetes audit logs, as of EKS"),
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
    ("vswitch-id", _ALIBABA),
    ("oracle.compartmentid", _ORACLE),
    ("gcp.vpcflow.reporter", _GOOGLE),
    ("flow_id event_type src_ip", "Suricata events"),
)
"""Names of columns, or paths of keys, that only these have: one, or several that come together."""
_WITH_STATUS: Final = frozenset({_ACCELERATOR, _ALIBABA})
"""Logs that have the names of AWS's flow logs, but for those above."""
_BY_NAMES: Final = tuple((frozenset(map(joined, names.split())), what) for names, what in _NAMES)

_TIME: Final = rb"\d{4}-\d\d-\d\dT[\d:.]+Z?"
_ADDRESS: Final = rb"[\d.]+:\d+"
_LINES: Final = (
    (
        rb"(?:https?|h2|grpcs|wss?) " + _TIME + rb" app/",
        "Application Load Balancer access logs",
    ),
    (rb"tls \d\.\d " + _TIME + rb" net/", "Network Load Balancer (NLB) access logs"),
    (
        _TIME + rb" [A-Za-z0-9-]+ " + _ADDRESS + rb" (?:-|" + _ADDRESS + rb") ",
        "Classic Load Balancer access logs",
    ),
    (rb"[0-9a-f]{64} \S+ \[", "S3 access logs"),
    (rb"#Version: 1\.0\r?\n#Fields:", "CloudFront or web server access logs"),
    (rb"#separator ", _ZEEK),
    (
        rb"version aws_account_id accelerator_id |[12]\.0 \d{12} [0-9a-f]{8}-[0-9a-f]{4}-",
        _ACCELERATOR,
    ),
    (rb"Node: \S+;SIP: ", _POLICY),
)
"""How lines of text begin that only these have."""
_BY_LINE: Final = re.compile(b"|".join(b"(" + line + b")" for line, _ in _LINES))

_VALUES: Final = (
    (re.compile(r"gcp\.vpcflow|\bcompute\.googleapis\.com"), _GOOGLE),
    (re.compile(r"\bcom\.oraclecloud\."), _ORACLE),
    (re.compile(r"AWSNetworkFirewall|\baws\.(?:network_)?firewall"), _FIREWALL_LOGS),
)
"""What a value has in it that is a mark of others."""

_CLASS: Final = "class_uid"
_PRODUCT: Final = "metadata.product.name"
_VENDOR: Final = "metadata.product.vendor_name"
_PROVIDER: Final = "cloud.provider"
FIREWALL: Final = "firewall_name"
_EVENT: Final = "event.event_type"
_TELLING: Final = {
    joined(name): name for name in (_CLASS, _PRODUCT, _VENDOR, _PROVIDER, FIREWALL, _EVENT)
}
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
_AWS: Final = re.compile(r"\baws\b|amazon", re.IGNORECASE)
_FLOW_EVENT: Final = "netflow"
_LONGEST: Final = 60


def whose(names: Iterable[str]) -> str:
    """Whose records have these columns or paths of keys; nothing where they may be flows of AWS."""
    names = list(names)
    there = {joined(name) for name in names}
    found = next((what for marks, what in _BY_NAMES if marks <= there), "")
    if not found or any(field_name(name.rpartition(".")[2]) == "interface-id" for name in names):
        return ""
    return found if found in _WITH_STATUS or not has_own_flow(names) else ""


def whose_line(line: bytes) -> str:
    """Whose line of text it is; nothing where it may be a record of AWS."""
    found = _BY_LINE.match(line)
    return _LINES[found.lastindex - 1][1] if found and found.lastindex else ""


def whose_value(value: object) -> str:
    """Whose records have such a value; nothing for most."""
    text = value if isinstance(value, str) else ""
    return next((what for mark, what in _VALUES if mark.search(text)), "")


def telling(names: Iterable[str]) -> dict[str, str]:
    """The columns or paths of keys whose values `whose_by` wants to see, by what they mean."""
    names = list(names)
    if has_own_flow(names):
        return {}
    told = {_TELLING[joined(name)]: name for name in names if joined(name) in _TELLING}
    return told if _CLASS in told or FIREWALL in told else {}


def whose_by(values: Mapping[str, object]) -> str:
    """Whose record has these values, by the names that `telling` gives; nothing where it may be a flow."""
    if _CLASS in values:
        return _whose_ocsf(
            word(values[_CLASS], _CLASS),
            *(
                text_of(values.get(name) or "").strip("- ")
                for name in (_PROVIDER, _VENDOR, _PRODUCT)
            ),
        )
    if FIREWALL in values:
        event = text_of(values.get(_EVENT) or "")[:_LONGEST]
        return "" if event == _FLOW_EVENT else _whose_firewall(event)
    return ""


def _whose_firewall(event: str) -> str:
    if event == "alert":
        return "AWS Network Firewall alerts"
    return f"AWS Network Firewall events{f' ({event})' if event else ''}"


def _whose_ocsf(number: str, provider: str, vendor: str, product: str) -> str:
    if number != _NETWORK_ACTIVITY:
        called = f"{_CLASSES[number]} " if number in _CLASSES else ""
        return f"OCSF {called}events (class_uid {number[:_LONGEST]})"
    is_aws = all(not name or _AWS.search(name) for name in (provider, vendor))
    if is_aws and (not product or "vpc" in product.lower()):
        return ""
    by = product or vendor or provider
    return f"OCSF Network Activity events of another product ({by[:_LONGEST]})"
