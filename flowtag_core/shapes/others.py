"""Recognize logs of other products and services, which are not VPC flow logs.

A log is named only if its names or values have a marker that no other log has. Source: the field tables in the
documentation of each service; for OCSF, its schema, version 1.5.
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
    ("auditID requestURI", "Kubernetes audit logs, such as those of EKS"),
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
"""Column names or key paths that only these logs have: a single one, or several that occur together."""
_WITH_STATUS: Final = frozenset({_ACCELERATOR, _ALIBABA})
"""Logs whose other names are the same as in VPC flow logs."""
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
"""Patterns for the beginning of a line that only these logs have."""
_BY_LINE: Final = re.compile(b"|".join(b"(" + line + b")" for line, _ in _LINES))

_VALUES: Final = (
    (re.compile(r"gcp\.vpcflow|\bcompute\.googleapis\.com"), _GOOGLE),
    (re.compile(r"\bcom\.oraclecloud\."), _ORACLE),
    (re.compile(r"AWSNetworkFirewall|\baws\.(?:network_)?firewall"), _FIREWALL_LOGS),
)
"""Patterns in a value that are markers of other products."""

_CLASS: Final = "class_uid"
_PRODUCT: Final = "metadata.product.name"
_VENDOR: Final = "metadata.product.vendor_name"
_PROVIDER: Final = "cloud.provider"
FIREWALL: Final = "firewall_name"
_EVENT: Final = "event.event_type"
_TELLING: Final = {
    joined(name): name for name in (_CLASS, _PRODUCT, _VENDOR, _PROVIDER, FIREWALL, _EVENT)
}
"""Names whose values show whose record it is."""

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
"""Some OCSF classes by their class_uid."""
_AWS: Final = re.compile(r"\baws\b|amazon", re.IGNORECASE)
_FLOW_EVENT: Final = "netflow"
_LONGEST: Final = 60


def whose(names: Iterable[str]) -> str:
    """Return whose records have these columns or key paths, or an empty string if they may be AWS's flows."""
    names = list(names)
    there = {joined(name) for name in names}
    found = next((what for marks, what in _BY_NAMES if marks <= there), "")
    if not found or any(field_name(name.rpartition(".")[2]) == "interface-id" for name in names):
        return ""
    return found if found in _WITH_STATUS or not has_own_flow(names) else ""


def whose_line(line: bytes) -> str:
    """Return whose log this line of text is from, or an empty string if it may be a VPC flow log."""
    found = _BY_LINE.match(line)
    return _LINES[found.lastindex - 1][1] if found and found.lastindex else ""


def whose_value(value: object) -> str:
    """Return whose records contain such a value, or an empty string, as for most values."""
    text = value if isinstance(value, str) else ""
    return next((what for mark, what in _VALUES if mark.search(text)), "")


def telling(names: Iterable[str]) -> dict[str, str]:
    """Return the columns or key paths whose values `whose_by` needs, keyed by their meaning."""
    names = list(names)
    if has_own_flow(names):
        return {}
    told = {_TELLING[joined(name)]: name for name in names if joined(name) in _TELLING}
    return told if _CLASS in told or FIREWALL in told else {}


def whose_by(values: Mapping[str, object]) -> str:
    """Return whose record has these values, keyed as in `telling`, or an empty string if it may be a flow."""
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
    return f"OCSF Network Activity events from another product ({by[:_LONGEST]})"
