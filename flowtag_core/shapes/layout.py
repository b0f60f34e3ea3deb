"""Layouts, which say which word of a line is which field: AWS's default, headers, format strings.

Source: the field tables of the AWS documentation for VPC flow logs (versions 2 to 11) and transit
gateway flow logs (version 6). A custom layout is any subset in any order.
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
"""Version 2 in this order is what AWS writes where nobody chose otherwise."""

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
"""Every field that there was with each version, in the order in which AWS lists them."""

TRANSIT_GATEWAY: Final = tuple(
    """version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id
    tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id
    tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr
    srcport dstport protocol packets bytes start end log-status type packets-lost-no-route
    packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region
    flow-direction pkt-src-aws-service pkt-dst-aws-service""".split()
)
"""The default of transit gateway flow logs, version 6."""

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
    """The field names in their order, and where they are known from.

    A position is the number of a word in the line, or ABSENT. Of two equal names the first counts.
    """

    names: tuple[str, ...]
    origin: str

    @cached_property
    def is_default(self) -> bool:
        """Whether this is AWS's default layout, whose lines must say version 2."""
        return self.names == DEFAULT_FIELDS

    @cached_property
    def is_unsaid(self) -> bool:
        """Whether the file does not name it: it may have another one."""
        return self.origin in (_ASSUMED, _GIVEN)

    @cached_property
    def is_given(self) -> bool:
        """Whether somebody says that the file is a flow log of these fields."""
        return self.origin == _GIVEN

    @cached_property
    def names_port_and_protocol(self) -> bool:
        """Whether lines of this layout can be counted at all."""
        return "dstport" in self.names and "protocol" in self.names

    @cached_property
    def shape(self) -> str:
        """A few words for people on how lines of this layout are read."""
        what = "version 2 default layout" if self.is_default else f"{len(self.names)} fields"
        return f"{what}, {self.origin}"

    def position(self, name: str) -> int:
        """The place of a field, or ABSENT."""
        return self.names.index(name) if name in self.names else ABSENT


ASSUMED: Final = Layout(DEFAULT_FIELDS, _ASSUMED)
"""What a file without a header is read as."""


def header_layout(line: bytes) -> Layout | None:
    """The layout that a stripped line names, or None where it is no header.

    A header has at least two words, all of them like names; either dstport and protocol are among
    them, or all are known: AWS adds fields every year, so an unknown name is news, not damage.
    """
    if len(line) > _LONGEST_HEADER or not _HEADER.fullmatch(line):
        return None
    return _named(line.decode("ascii"))


@lru_cache(maxsize=8)  # where files were put together, the same header comes again and again
def _named(text: str) -> Layout | None:
    words = text.split()
    if "dstport" not in text and text[0] != "$" and words[0].replace("_", "-") not in KNOWN_FIELDS:
        return None  # as nearly every line of other words: their names need not be made
    names = _names(words)
    layout = Layout(names, "named by a header")
    if layout.names_port_and_protocol or KNOWN_FIELDS.issuperset(names):
        return layout
    return None


def format_layout(text: str) -> Layout:
    """The layout of a format string: `${version} ${dstport} ...` or bare names.

    Words are parted by spaces or commas. Raises FormatError where port or protocol is missing.
    Source: `LogFormat` of the AWS command `describe-flow-logs`; Terraform writes `$${version}`.
    """
    names = _names(text.replace(",", " ").split())
    layout = Layout(names, _GIVEN)
    if not layout.names_port_and_protocol:
        unknown = sorted(set(names) - KNOWN_FIELDS)
        hint = f"; not AWS field names: {', '.join(unknown)}" if unknown else ""
        fields = "1 field" if len(names) == 1 else f"{len(names)} fields"
        raise FormatError(
            f"The format names {fields} but not both dstport and protocol{hint}. "
            "Give the fields in the log's order, such as '${version} ${dstport} ${protocol}'."
        )
    return layout


def _names(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(_WRAPPED.sub(r"\1", word).replace("_", "-") for word in words)
