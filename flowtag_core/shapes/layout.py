"""Layouts, which say which word of a line is which field: AWS's default, headers and format strings.

A custom layout is any subset of the fields, in any order. Source: the field tables in the AWS documentation
of VPC flow logs (versions 2 to 11) and transit gateway flow logs (version 6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from flowtag_core.errors import FormatError

DEFAULT_FIELDS: Final = tuple(
    """version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start
    end action log-status""".split()
)
"""The fields of version 2 in the order that AWS writes unless you choose another format."""

_ADDED: Final = {
    2: "",
    3: "vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr",
    4: "region az-id sublocation-type sublocation-id",
    5: "pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path",
    7: """ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id
    ecs-container-id ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn
    ecs-task-id""",
    8: "reject-reason",
    9: "resource-id",
    10: "encryption-status",
    11: """instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2
    interface-type next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id
    next-hop-interface-type""",
}

BY_VERSION: Final = {
    version: DEFAULT_FIELDS
    + tuple(name for older, added in _ADDED.items() if older <= version for name in added.split())
    for version in _ADDED
}
"""All fields available in each version, in the order in which AWS lists them."""

TRANSIT_GATEWAY: Final = tuple(
    """version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id
    tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id
    tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr
    srcport dstport protocol packets bytes start end log-status type packets-lost-no-route
    packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region
    flow-direction pkt-src-aws-service pkt-dst-aws-service""".split()
)
"""The default layout of transit gateway flow logs, version 6."""

KNOWN_FIELDS: Final = frozenset(BY_VERSION[max(BY_VERSION)]) | frozenset(TRANSIT_GATEWAY)

ABSENT: Final = -1
_ASSUMED: Final = "assumed"
_GIVEN: Final = "given as a format"

_LONGEST_HEADER: Final = 1 << 16
_WRAPPED = re.compile(r"\$+\{([^{}]*)\}")
_NAME = r"(?:[a-z][a-z0-9_-]*|\$+\{[a-z][a-z0-9_-]*\})"
_HEADER = re.compile(rf"{_NAME}(?:[ \t]+{_NAME})+".encode())


@dataclass(frozen=True)
class Layout:
    """The names of the fields in a line, in order, and where the names come from.

    A position is the index of a word in the line, or ABSENT. If a name appears twice, the first one counts.
    """

    names: tuple[str, ...]
    origin: str

    @cached_property
    def is_default(self) -> bool:
        """Whether this is AWS's default layout, whose lines must have version 2."""
        return self.names == DEFAULT_FIELDS

    @cached_property
    def is_unsaid(self) -> bool:
        """Whether the layout does not come from the file itself, which may have another one."""
        return self.origin in (_ASSUMED, _GIVEN)

    @cached_property
    def is_given(self) -> bool:
        """Whether the user says that the file is a flow log with these fields."""
        return self.origin == _GIVEN

    @cached_property
    def names_port_and_protocol(self) -> bool:
        """Whether the layout has both dstport and protocol, without which no line can be counted."""
        return "dstport" in self.names and "protocol" in self.names

    @cached_property
    def shape(self) -> str:
        """A short description, for the user, of how lines in this layout are read."""
        what = "version 2 default layout" if self.is_default else f"{len(self.names)} fields"
        return f"{what}, {self.origin}"

    def position(self, name: str) -> int:
        """Return the index of a field in a line, or ABSENT."""
        return self.names.index(name) if name in self.names else ABSENT


ASSUMED: Final = Layout(DEFAULT_FIELDS, _ASSUMED)
"""The layout in which a file without a header is read."""


def header_layout(line: bytes) -> Layout | None:
    """Return the layout that a stripped line names, or None if the line is not a header.

    A header has at least two words, and all of them look like field names. Either dstport and protocol are
    among them, or all are known. AWS adds fields every year, so an unknown name is probably a new field.
    """
    if len(line) > _LONGEST_HEADER or not _HEADER.fullmatch(line):
        return None
    return _named(line.decode("ascii"))


@lru_cache(maxsize=8)  # concatenated files repeat the same header many times
def _named(text: str) -> Layout | None:
    words = text.split()
    if "dstport" not in text and text[0] != "$" and words[0].replace("_", "-") not in KNOWN_FIELDS:
        return None  # nearly every other line of words, for which no names need to be built
    names = _names(words)
    layout = Layout(names, "named by a header")
    if layout.names_port_and_protocol or KNOWN_FIELDS.issuperset(names):
        return layout
    return None


def format_layout(text: str) -> Layout:
    """Return the layout that a format string describes: `${version} ${dstport} ...` or bare names.

    Names are separated by spaces or commas. Raises FormatError if dstport or protocol is missing.
    Source: `LogFormat` in the output of the AWS command `describe-flow-logs`; Terraform writes `$${version}`.
    """
    names = _names(text.replace(",", " ").split())
    layout = Layout(names, _GIVEN)
    if not layout.names_port_and_protocol:
        unknown = sorted(set(names) - KNOWN_FIELDS)
        hint = f"; not AWS field names: {', '.join(unknown)}" if unknown else ""
        fields = "1 field" if len(names) == 1 else f"{len(names)} fields"
        raise FormatError(
            f"The format names {fields} but not both dstport and protocol{hint}. "
            "List the fields in the log's order, such as '${version} ${dstport} ${protocol}'."
        )
    return layout


def _names(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(_WRAPPED.sub(r"\1", word).replace("_", "-") for word in words)
