"""The names that other tools give to AWS's fields, and the ways in which they write values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from flowtag_core.iana import protocol_number
from flowtag_core.shapes.layout import KNOWN_FIELDS

COUNTED: Final = tuple(
    "version srcport dstport protocol packets bytes start action log-status".split()
)
"""The fields that counting wants; the others of a table need not be looked at."""

IN_EVERY_FLOW: Final = frozenset({"dstport", "protocol"})
"""The fields without which nothing can be counted."""

_OF_ONE_FLOW: Final = frozenset(
    {"version", "srcport", "packets", "bytes", "start", "end", "log-status"}
)
"""Fields with a value of its own in each flow; a query that sums up does not group by them."""

FEWEST_WORDS: Final = 4
"""Fewer words are no record, where a document has the fields of a flow beside its text."""

MESSAGE_KEYS: Final = (
    "@message message _raw event.original result._raw body event log textPayload Message line Line "
    "attributes.message body.stringValue content"
).split()
"""Under which key, or in which column, a record stands as text; the first that is there has it."""

_UNIT: Final = re.compile(r"\s*\[[^\]]*\]$")
_LETTERS: Final = str.maketrans("", "", "-_ ")


def _plain(name: str) -> str:
    """A name in one spelling, without case, `_`, `-`, blanks, `${...}` or a unit as in `Start [UTC]`."""
    return _UNIT.sub("", name).strip("${}").lower().translate(_LETTERS)


_NAMES: Final = {
    **{_plain(name): name for name in KNOWN_FIELDS},
    "starttime": "start",
    "endtime": "end",
    "account": "account-id",
    "sourceaddress": "srcaddr",
    "destinationaddress": "dstaddr",
    "numpackets": "packets",
    "numbytes": "bytes",
}
"""The fields by their names as _plain gives them, with those of AWS's older Athena table."""

_ALSO_OF_OTHERS: Final = {
    "src_port": "srcport",
    "dst_port": "dstport",
    "sourceport": "srcport",
    "destinationport": "dstport",
    "dest_port": "dstport",
    "protocol_code": "protocol",
    "vpcflow_action": "action",
}
"""Names in Athena's older table, Tailpipe and Splunk that others use too: fields only beside a mark of AWS."""

_MARKS: Final = frozenset({"interface-id", "log-status"})
"""Fields that only AWS's flow logs have."""

_ELASTIC: Final = "vpcflow."
_ELASTICS: Final = {
    "destination.port": "dstport",
    "source.port": "srcport",
    "network.iana_number": "protocol",
    "network.transport": "protocol",
    "network.packets": "packets",
    "source.packets": "packets",
    "network.bytes": "bytes",
    "source.bytes": "bytes",
    "event.start": "start",
}
"""A flow as Elastic stores it (ECS); what AWS alone has stands below aws.vpcflow."""

_OTEL: Final = "aws.vpc.flow."
_OTELS: Final = {
    "destination.port": "dstport",
    "source.port": "srcport",
    "network.protocol.name": "protocol",
    "aws.vpc.flow.status": "log-status",
}
"""A flow as OpenTelemetry's collector has it; what is not here has AWS's own name below aws.vpc.flow."""

_OCSF_CLASS: Final = "class_uid"
_OCSF: Final = {
    "dst_endpoint.port": "dstport",
    "src_endpoint.port": "srcport",
    "connection_info.protocol_num": "protocol",
    "traffic.packets": "packets",
    "traffic.bytes": "bytes",
    "start_time": "start",
    "start_time_dt": "start",
    "time": "start",
    "time_dt": "start",
    "action": "action",
    "action_id": "action",
    "status_code": "log-status",
}
"""Network activity of the Open Cybersecurity Schema Framework, as Security Lake has it."""

_OTHERS: Final = {
    "userIdentity.type": "CloudTrail events, which record calls and no traffic",
    "recipientAccountId": "CloudTrail events, which record calls and no traffic",
    "s3.bucket.name": "S3's notes of what happened in a bucket",
    "webaclId": "requests that AWS WAF saw",
    "query_name": "DNS queries",
    "firewall_name": "alerts of AWS Network Firewall",
    "detail-type": "events of EventBridge",
    "jsonPayload.connection.dest_port": "Google Cloud's flow logs",
    "connection.dest_port": "Google Cloud's flow logs",
    "dest_port": "flow logs of another cloud than AWS",
    "properties.flows": "Azure's flow logs",
    "flowRecords.flows": "Azure's flow logs",
    "dst_port": "flow logs of another kind than AWS's",
    "DestinationPort": "flow logs of another kind than AWS's",
    "DestPort": "flow logs of another kind than AWS's",
}
"""Keys and columns that only the logs of others have, and whose they are."""

_ACTIONS: Final = {
    **dict.fromkeys(("allowed", "accept", "1"), "ACCEPT"),
    **dict.fromkeys(("denied", "reject", "2"), "REJECT"),
}
_ICMP_6: Final = dict.fromkeys(("icmp6", "icmpv6"), "ipv6-icmp")
"""Names that tools give to a protocol beside IANA's keyword."""
MISSING: Final = "-"
"""What stands for a value that is not there."""
_MISSING: Final = frozenset({"", "-", "none", "nan", "null", "<na>"})
_WHOLE_FLOAT: Final = re.compile(r"(\d+)\.0+")
_CALL: Final = re.compile(r"\w+\([^()]*\)")
_WRITTEN_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


def field_name(name: str) -> str | None:
    """The name that AWS's own files have for a field; None where it is no field of a flow log."""
    if name.lower() in _ALSO_OF_OTHERS:
        return None
    return _NAMES.get(_plain(name))


def is_of_aws(paths: Iterable[str]) -> bool:
    """Whether one of these columns or paths of keys is a mark of AWS's flow logs."""
    return any(
        _ELASTIC in path or _OTEL in path or field_name(path.rpartition(".")[2]) in _MARKS
        for path in paths
    )


def fields_of(paths: Iterable[str]) -> dict[str, str]:
    """For each field that is there, which of the columns or paths of keys has it.

    Keys may stand within others, `aws.vpcflow.dstport`; of two with one field the first counts.
    """
    paths = list(paths)
    if is_ocsf(paths):
        return _named(paths, _OCSF)
    for mark, names in ((_ELASTIC, _ELASTICS), (_OTEL, _OTELS)):
        if marked := [path for path in paths if mark in path]:
            # Elsewhere `version` and `action` mean something else: ecs.version, event.action.
            bare = [path for path in paths if "." not in path]
            return _by_last_name(bare) | _by_last_name(marked) | _named(paths, names)
    return _by_last_name(paths)


def _named(paths: Sequence[str], names: Mapping[str, str]) -> dict[str, str]:
    """The fields of the paths that have these names; of two with one field the first name counts."""
    there = frozenset(paths)
    fields: dict[str, str] = {}
    for path, field in names.items():
        if path in there:
            fields.setdefault(field, path)
    return fields


def _by_last_name(paths: Sequence[str]) -> dict[str, str]:
    """The fields of the paths whose last name is one; the first path of a field counts."""
    fields: dict[str, str] = {}
    is_marked = is_of_aws(paths)
    for path in paths:
        last = path.rpartition(".")[2]
        name = field_name(last)
        if not name and is_marked:
            name = _ALSO_OF_OTHERS.get(last.lower())
        if name:
            fields.setdefault(name, path)
    return fields


def are_flows(fields: Mapping[str, str | int], paths: Iterable[str]) -> bool:
    """Whether columns or keys with these fields are those of flows.

    Without a field of _OF_ONE_FLOW, but with a column of another kind, they may be those of a summary
    (`srcAddr,dstPort,protocol,flows`) or a lookup.
    """
    is_each = not _OF_ONE_FLOW.isdisjoint(fields) or all(
        path[:1] == "@" or field_name(path.rpartition(".")[2]) for path in paths
    )
    return is_each and fields.keys() >= IN_EVERY_FLOW


def is_ocsf(paths: Sequence[str]) -> bool:
    """Whether these are the keys of an OCSF document."""
    return _OCSF_CLASS in paths


def others(names: Iterable[str]) -> str:
    """Whose logs these keys or columns are, if not those of VPC flow logs; else nothing."""
    names = list(names)
    if is_of_aws(names):
        return ""
    return next((_OTHERS[name] for name in names if name in _OTHERS), "")


def is_summary(names: Iterable[str]) -> bool:
    """Whether these are the columns of a query that sums up: `dstPort`, `count(*)`."""
    return any(_CALL.fullmatch(name) for name in names)


def summary_refusal(name: str, columns: Iterable[str]) -> str:
    """Why the result of such a query is no flow log."""
    return (
        f"{name}: is the result of a query that sums up ({', '.join(columns)[:200]}), no flow log: "
        "its rows are no flows. Query the records themselves (fields @message)."
    )


def text_of(value: object) -> str:
    """A value of any kind as text; dots for one that is nested too deeply."""
    try:
        return str(value)
    except RecursionError:
        return "..."


def word(value: object, field: str) -> str:
    """A value of any kind as a word of a record: `-` where it is missing, `443` for 443.0."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = "" if value is None else text_of(value).strip()
    if text.isdigit() and field != "action":
        return text  # as most are
    if text.lower() in _MISSING:
        return MISSING
    if field == "start" and (seconds := _seconds(text)) is not None:
        return str(seconds)
    if field == "protocol":
        text = _ICMP_6.get(text.lower(), text)
        if (number := protocol_number(text)) is not None:
            return str(number)
    if field == "action":
        text = _ACTIONS.get(text.lower(), text)
    whole = _WHOLE_FLOAT.fullmatch(text)
    return whole[1] if whole else "".join(text.split())


def _seconds(text: str) -> int | None:
    """Seconds since 1970 of a time that is written out."""
    if not _WRITTEN_TIME.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" UTC", "Z"))
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
