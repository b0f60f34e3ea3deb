"""The names that other tools use for AWS's fields, and the ways they write values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from flowtag_core.iana import WITH_PORTS, keyword_number, protocol_number
from flowtag_core.shapes.layout import KNOWN_FIELDS

COUNTED: Final = tuple(
    "version srcaddr dstaddr srcport dstport protocol packets bytes start action log-status".split()
)
"""The fields that counting needs; the other columns of a table can be ignored."""

IN_EVERY_FLOW: Final = frozenset({"dstport", "protocol"})
"""The fields without which a flow cannot be counted."""

_OF_ONE_FLOW: Final = frozenset(
    {"version", "srcport", "packets", "bytes", "start", "end", "log-status"}
)
"""Fields that describe a single flow; a query that aggregates flows does not group by them."""

FEWEST_WORDS: Final = 4
"""The fewest words that a text must have to be a record, if its document also has the fields of a flow."""

MESSAGE_KEYS: Final = (
    "@message message _raw event.original result._raw body event log textPayload Message line Line "
    "attributes.message body.stringValue content"
).split()
"""The keys or columns that may contain a record as text; the first one that is present is used."""

_MOST_SHOWN: Final = 200
_UNIT: Final = re.compile(r"\s*\[[^\]]*\]$")
_LETTERS: Final = str.maketrans("", "", "-_ ")


def _plain(name: str) -> str:
    """Return a name in lowercase, without `_`, `-`, spaces, `${...}` or a unit, as in `Start [UTC]`."""
    return _UNIT.sub("", name).strip("${}").lower().translate(_LETTERS)


def _spaced(name: str) -> str:
    """Return a name in lowercase with `_` between its words, without `${...}` or a unit."""
    return _UNIT.sub("", name).strip("${}").lower().replace("-", "_").replace(" ", "_")


def joined(path: str) -> str:
    """Return a key path in lowercase without separators, since tables may join keys with `_`, not dots."""
    return _plain(path).replace(".", "")


_NAMES: Final = {
    **{_plain(name): name for name in KNOWN_FIELDS},
    "starttime": "start",
    "endtime": "end",
    "account": "account-id",
    "sourceaddress": "srcaddr",
    "sourceip": "srcaddr",
    "srcip": "srcaddr",
    "destinationaddress": "dstaddr",
    "destaddress": "dstaddr",
    "destinationip": "dstaddr",
    "destip": "dstaddr",
    "dstip": "dstaddr",
    "numpackets": "packets",
    "numbytes": "bytes",
}
"""The fields by their names as `_plain` returns them, including those in AWS's older Athena table."""

_ALSO_OF_OTHERS: Final = {
    "src_port": "srcport",
    "source_port": "srcport",
    "sourceport": "srcport",
    "dst_port": "dstport",
    "dest_port": "dstport",
    "destport": "dstport",
    "destination_port": "dstport",
    "destinationport": "dstport",
    "proto": "protocol",
    "protocol_code": "protocol",
    "ip_protocol": "protocol",
    "transport": "protocol",
    "transport_protocol": "protocol",
    "vpcflow_action": "action",
    "status": "log-status",
}
"""Names from Athena's older table, Tailpipe, Splunk and PowerShell that logs of other products use too.

They name fields only if the log is known to be AWS's.
"""

_MARKS: Final = frozenset({"interface-id", "log-status"})
"""Fields that only AWS's flow logs have."""
_OWN: Final = IN_EVERY_FLOW | {"log-status"}
_MARK: Final = re.compile(r"awsvpcflow|vpcflowaction$")
"""A pattern found only in names from AWS's flow logs, once `joined` has normalized them."""
_VALUE_MARK: Final = re.compile(
    r"\beni-[0-9a-f]{8,17}\b|\baws[_.:-]?(?:\w+:)?vpc[_.-]?flow|vpcflowlogs", re.IGNORECASE
)
"""A network interface ID, or the name of an AWS VPC flow log."""
_ACCOUNTS: Final = frozenset({"account", "accountid", "awsaccount", "awsaccountid"})
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)


_ECS: Final = {
    "destination.port": "dstport",
    "source.port": "srcport",
    "source.ip": "srcaddr",
    "source.address": "srcaddr",
    "destination.ip": "dstaddr",
    "destination.address": "dstaddr",
    "network.iana_number": "protocol",
    "network.transport": "protocol",
    "network.packets": "packets",
    "source.packets": "packets",
    "network.bytes": "bytes",
    "source.bytes": "bytes",
    "event.start": "start",
}
"""Elastic's names, which it uses for the flows of any product."""
_ECS_PORT: Final = "destination.port"


class _Schema(NamedTuple):
    """A tool's names for the fields of a flow, which apply if any path in the log contains `mark`.

    Fields that are not listed may have AWS's own names, at the top level or in a path with `mark`.
    """

    mark: str
    names: Mapping[str, str]


_SCHEMAS: Final = (
    # Network Activity in the Open Cybersecurity Schema Framework (OCSF), as stored by Security Lake.
    _Schema(
        "class_uid",
        {
            "dst_endpoint.port": "dstport",
            "src_endpoint.port": "srcport",
            "src_endpoint.ip": "srcaddr",
            "dst_endpoint.ip": "dstaddr",
            "connection_info.protocol_num": "protocol",
            "connection_info.protocol_name": "protocol",
            "traffic.packets": "packets",
            "traffic.bytes": "bytes",
            "start_time": "start",
            "start_time_dt": "start",
            "time": "start",
            "time_dt": "start",
            "action": "action",
            "action_id": "action",
            "status_code": "log-status",
        },
    ),
    # The flow events of AWS Network Firewall, one for each direction.
    _Schema(
        "firewall_name",
        {
            "event.dest_port": "dstport",
            "event.src_port": "srcport",
            "event.src_ip": "srcaddr",
            "event.dest_ip": "dstaddr",
            "event.proto": "protocol",
            "event.netflow.pkts": "packets",
            "event.netflow.bytes": "bytes",
            "event.netflow.start": "start",
        },
    ),
    # Elastic Common Schema (ECS); the fields that only AWS has are under aws.vpcflow.
    _Schema("aws.vpcflow.", _ECS),
    # The OpenTelemetry Collector.
    _Schema(
        "aws.vpc.flow.",
        {
            "destination.port": "dstport",
            "source.port": "srcport",
            "source.address": "srcaddr",
            "destination.address": "dstaddr",
            "network.protocol.name": "protocol",
            "aws.vpc.flow.status": "log-status",
        },
    ),
)

_ACTIONS: Final = {
    **dict.fromkeys(("allowed", "accept", "1"), "ACCEPT"),
    **dict.fromkeys(("denied", "blocked", "reject", "2"), "REJECT"),
}
MISSING: Final = "-"
"""The placeholder for a missing value."""
_MISSING: Final = frozenset(
    ["", "-", "none", "nan", "null", "<na>", "\\n", "(null)", "(empty)", "n/a"]
)
_WHOLE_FLOAT: Final = re.compile(r"(\d+)\.0+")
_SUMS: Final = frozenset("count flows hits total records".split())
"""Names of a column that says how many flows a row represents."""
_CALL: Final = re.compile(r"\w+\([^()]*\)")
_WRITTEN_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")

_AMERICAN_TIME: Final = re.compile(
    r"(\d\d?)/(\d\d?)/(\d{4}),? (\d\d?):(\d\d:\d\d)(?:\.\d+)?(?: ?([AaPp][Mm]))?", re.ASCII
)


def field_name(name: str) -> str | None:
    """Return AWS's own name for a field, or None if this name is not a field of a flow log."""
    return None if _spaced(name) in _ALSO_OF_OTHERS else _NAMES.get(_plain(name))


def is_of_aws(paths: Iterable[str]) -> bool:
    """Whether any of these columns or key paths occurs only in AWS's flow logs."""
    return any(_MARK.search(joined(path)) or field_name(_last(path)) in _MARKS for path in paths)


def is_mark(name: str, value: object) -> bool:
    """Whether a value in a column or under a key is an AWS marker: an interface ID or an account number."""
    text = value if isinstance(value, str) else text_of(value)
    if _VALUE_MARK.search(text):
        return True
    return _plain(_last(name)) in _ACCOUNTS and _ACCOUNT.fullmatch(text.strip()) is not None


def fields_of(paths: Iterable[str], *, is_known: bool = False) -> dict[str, str]:
    """Return the column or key path of each field that is present.

    Keys may be nested, as in `aws.vpcflow.dstport`; if two paths name the same field, the first counts.
    Names that other products use too count only if the log `is_known` to be AWS's or one of the names is an
    AWS marker.
    """
    paths = list(paths)
    if has_own_flow(paths):
        return _by_last_name(paths, is_known=True)
    for mark, names in _SCHEMAS:
        if marked := [path for path in paths if mark in path]:
            # In other paths `version` and `action` mean something else: ecs.version, event.action.
            alone = [path for path in paths if "." not in path]
            return _by_last_name(alone) | _by_last_name(marked) | _named(paths, names)
    if is_known and _ECS_PORT in paths:
        return _by_last_name(paths) | _named(paths, _ECS)
    return _by_last_name(paths, is_known=is_known or is_of_aws(paths))


def has_own_flow(paths: Iterable[str]) -> bool:
    """Whether the port, protocol and status of a flow are all present under AWS's own names."""
    return _by_last_name(path for path in paths if "." not in path).keys() >= _OWN


def _named(paths: Iterable[str], names: Mapping[str, str]) -> dict[str, str]:
    """Return the fields whose paths are among these names; if two names mean one field, the first counts."""
    there = {joined(path): path for path in paths}
    fields: dict[str, str] = {}
    for name, field in names.items():
        if path := there.get(joined(name)):
            fields.setdefault(field, path)
    return fields


def _by_last_name(paths: Iterable[str], *, is_known: bool = False) -> dict[str, str]:
    """Return the fields that the last key of a path names; if two paths name one field, the first counts."""
    fields: dict[str, str] = {}
    also: dict[str, str] = {}
    for path in paths:
        if name := field_name(_last(path)):
            fields.setdefault(name, path)
        elif is_known and (name := _ALSO_OF_OTHERS.get(_spaced(_last(path)))):
            also.setdefault(name, path)
    return also | fields


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def are_flows(fields: Mapping[str, str | int], paths: Iterable[str]) -> bool:
    """Whether columns or keys with these fields belong to flows.

    If none of the fields is in _OF_ONE_FLOW and some column is not a field at all, they may belong to a
    summary (`srcAddr,dstPort,protocol,flows`) or a lookup.
    """
    is_each = not _OF_ONE_FLOW.isdisjoint(fields) or all(
        path[:1] == "@" or field_name(_last(path)) for path in paths
    )
    return is_each and fields.keys() >= IN_EVERY_FLOW


def may_be_flows(paths: Iterable[str]) -> bool:
    """Whether columns or keys would belong to flows only if the user said that the log is AWS's."""
    paths = list(paths)
    known, own = fields_of(paths, is_known=True), fields_of(paths)
    sums_up = any(_last(path).lower() in _SUMS for path in paths)
    return known.keys() >= IN_EVERY_FLOW and not own.keys() >= IN_EVERY_FLOW and not sums_up


def is_summary(names: Iterable[str]) -> bool:
    """Whether these are the columns of a query that aggregates flows, such as `dstPort`, `count(*)`."""
    return any(_CALL.fullmatch(name) for name in names)


def summary_refusal(columns: Iterable[str]) -> str:
    """Return why the result of a query that aggregates flows is not a flow log, and the remedy."""
    return (
        f"is the result of an aggregate query ({listed(columns)}), not a flow log: "
        "its rows are not flows. Query the records themselves (fields @message)."
    )


def may_be_of_others(names: Iterable[str], looked_at: str = "nothing in it") -> str:
    """Return why a log that may be from another product is refused, and what to do if it is from AWS."""
    names = list(names)
    fields = fields_of(names, is_known=True)
    wanted = " ".join(name for name in COUNTED if name in fields)
    return (
        f"may be a flow log, but {looked_at} shows that it is from AWS. Its fields are {listed(names)}. "
        f"If it is, run again with --format '{wanted}', or enter that under Custom format on the page."
    )


def listed(names: Iterable[str]) -> str:
    """Return as many names, separated by commas, as fit in a sentence."""
    text = ", ".join(names)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN].rpartition(',')[0]}, ..."


def text_of(value: object) -> str:
    """Return any value as text, or `...` if it is nested too deeply."""
    try:
        return str(value)
    except RecursionError:
        return "..."


def word(value: object, field: str) -> str:
    """Return any value as a single word of a record: `-` if it is missing, `443` for 443.0."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = "" if value is None else text_of(value).strip()
    if text.isdigit() and field != "action":
        return text  # the common case
    if text.lower() in _MISSING:
        return MISSING
    if field == "start" and (seconds := _seconds(text)) is not None:
        return str(seconds)
    if field == "protocol":
        number = protocol_number(text)
        number = keyword_number(text) if number is None else number
        if number is not None:
            return str(number)
    if field == "action":
        text = _ACTIONS.get(text.lower(), text)
    whole = _WHOLE_FLOAT.fullmatch(text)
    return whole[1] if whole else "".join(text.split())


def utc_time(text: str) -> str:
    """Return an American time such as `11/14/2023, 10:13:20.000 PM` in ISO form, or other text unchanged."""
    found = _AMERICAN_TIME.fullmatch(text.strip())
    if not found:
        return text
    month, day, year, hour, rest, half = found.groups()
    if half:
        hour = str(int(hour) % 12 + 12 * (half.lower() == "pm"))
    return f"{year}-{month:0>2}-{day:0>2} {hour:0>2}:{rest}"


def _seconds(text: str) -> int | None:
    """Return a written date and time as seconds since 1970, or None if the text is not one."""
    if not _WRITTEN_TIME.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" UTC", "Z"))
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def with_port_0(words: dict[str, str]) -> dict[str, str]:
    """Return a record's words with port 0 for missing ports if its protocol has none, as AWS writes it."""
    if not words["protocol"].isdigit() or int(words["protocol"]) in WITH_PORTS:
        return words
    ports = {field: "0" for field in ("srcport", "dstport") if words.get(field) == MISSING}
    return words | ports
