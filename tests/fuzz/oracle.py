"""A slow, obvious second opinion on logs and lookups; it shares no code with flowtag_core.

It reads text logs and whole gzip logs, and treats every byte, line and rule in the plainest way. The two
must stay independent, so this module may not import anything from flowtag_core.
"""

from __future__ import annotations

import ipaddress
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .addresses import ALWAYS_INSIDE

KEYWORDS = """
0 hopopt|1 icmp|2 igmp|3 ggp|4 ipv4|5 st|6 tcp|7 cbt|8 egp|9 igp|10 bbn-rcc-mon|11 nvp-ii|12 pup
13 argus|14 emcon|15 xnet|16 chaos|17 udp|18 mux|19 dcn-meas|20 hmp|21 prm|22 xns-idp|23 trunk-1
24 trunk-2|25 leaf-1|26 leaf-2|27 rdp|28 irtp|29 iso-tp4|30 netblt|31 mfe-nsp|32 merit-inp|33 dccp
34 3pc|35 idpr|36 xtp|37 ddp|38 idpr-cmtp|39 tp++|40 il|41 ipv6|42 sdrp|43 ipv6-route|44 ipv6-frag
45 idrp|46 rsvp|47 gre|48 dsr|49 bna|50 esp|51 ah|52 i-nlsp|53 swipe|54 narp|55 min-ipv4|56 tlsp
57 skip|58 ipv6-icmp|59 ipv6-nonxt|60 ipv6-opts|62 cftp|64 sat-expak|65 kryptolan|66 rvd|67 ippc
69 sat-mon|70 visa|71 ipcv|72 cpnx|73 cphb|74 wsn|75 pvp|76 br-sat-mon|77 sun-nd|78 wb-mon
79 wb-expak|80 iso-ip|81 vmtp|82 secure-vmtp|83 vines|84 iptm|85 nsfnet-igp|86 dgp|87 tcf|88 eigrp
89 ospfigp|90 sprite-rpc|91 larp|92 mtp|93 ax.25|94 ipip|95 micp|96 scc-sp|97 etherip|98 encap
100 gmtp|101 ifmp|102 pnni|103 pim|104 aris|105 scps|106 qnx|107 a/n|108 ipcomp|109 snp
110 compaq-peer|111 ipx-in-ip|112 vrrp|113 pgm|115 l2tp|116 ddx|117 iatp|118 stp|119 srp|120 uti
121 smp|122 sm|123 ptp|124 isis over ipv4|125 fire|126 crtp|127 crudp|128 sscopmce|129 iplt|130 sps
131 pipe|132 sctp|133 fc|134 rsvp-e2e-ignore|135 mobility header|136 udplite|137 mpls-in-ip
138 manet|139 hip|140 shim6|141 wesp|142 rohc|143 ethernet|144 aggfrag|145 nsh|146 homa|147 bit-emu
"""
PROTOCOL_NAME = {
    int(entry.split(" ")[0]): entry.split(" ", 1)[1]
    for entry in re.split(r"[|\n]", KEYWORDS.strip())
}
PROTOCOL_NUMBER = {name: number for number, name in PROTOCOL_NAME.items()} | {
    "ttp": 84,
    "argus (deprecated)": 13,
    "swipe (deprecated)": 53,
    "micp (deprecated)": 95,
    "sm (deprecated)": 122,
}
HAS_PORTS = {6, 17, 33, 132, 136}  # tcp, udp, dccp, sctp, udplite

DEFAULT = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status"
).split()
TRANSIT_GATEWAY = (
    "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id "
    "tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id "
    "tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr "
    "srcport dstport protocol packets bytes start end log-status type packets-lost-no-route "
    "packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region "
    "flow-direction pkt-src-aws-service pkt-dst-aws-service"
).split()
OTHER_FIELDS = (
    "vpc-id subnet-id instance-id pkt-srcaddr pkt-dstaddr az-id sublocation-type sublocation-id "
    "traffic-path ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn "
    "ecs-container-instance-id ecs-container-id ecs-second-container-id ecs-service-name "
    "ecs-task-definition-arn ecs-task-arn ecs-task-id reject-reason resource-id encryption-status "
    "instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2 interface-type "
    "next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id "
    "next-hop-interface-type"
).split()
KNOWN = {*DEFAULT, *TRANSIT_GATEWAY, *OTHER_FIELDS}

UNKNOWN_TIME = -1
WIDTHS = (1, 5, 10, 30, 60, 120, 240, 720, 1440, 10080, 40320, 0)  # minutes; 0: one window for all
MOST_WINDOWS, MOST_ROWS, MOST_FAULTS = 240, 2**19, 1000
TABLES = ("requests", "replies", "replies by service")

Layout = list[str]
Key = tuple[int, int, int, str, str]  # start or window in seconds, protocol, port, boundary, action
Table = dict[Key, tuple[int, int, int]]  # flows, packets, bytes


def protocol_name(number: int) -> str:
    """Return the keyword of a protocol, or its number if it has none."""
    return PROTOCOL_NAME.get(number, str(number))


INSIDE = [ipaddress.ip_network(text) for text in ALWAYS_INSIDE]
NBSP = b"\xc2\xa0"
BOM = b"\xef\xbb\xbf"
ISO_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
MILLISECONDS_STAMP = re.compile(r"[0-9]{13}")
NAME = re.compile(r"([a-z][a-z0-9_-]*)|\$?\$\{([a-z][a-z0-9_-]*)\}")


def without_white(line: bytes) -> bytes:
    """Return the line without spaces, tabs, CRs and no-break spaces at its ends."""
    longer = None
    while line != longer:
        longer = line
        for white in (b" ", b"\t", b"\r", NBSP):
            line = line.removeprefix(white).removesuffix(white)
    return line


def clean(line: bytes) -> bytes:
    """Strip white space from both ends, then one byte order mark, then white space again."""
    return without_white(without_white(line).removeprefix(BOM))


def words_of(line: bytes) -> list[str]:
    """Return the words of a line; only runs of spaces or tabs separate words."""
    return [word.decode("latin-1") for word in re.split(rb"[ \t]+", line) if word]


def header_names(words: list[str]) -> Layout | None:
    """Return the field names in a header with these words; None if they are not a header.

    A header has two or more words, which all look like names. Either dstport and protocol are among them,
    or all of them are AWS's. `${x}` and `$${x}` mean x, and `_` means `-`.
    """
    matches = [NAME.fullmatch(word) for word in words[:1]]
    matches += [NAME.fullmatch(word) for word in words[1:] if matches[0]]
    if len(matches) < 2 or not all(matches):
        return None
    names = [(match[1] or match[2]).replace("_", "-") for match in matches if match]
    return names if {"dstport", "protocol"} <= set(names) or set(names) <= KNOWN else None


def whole(text: str, digits: int, most: int) -> int | None:
    """Return the value of at most `digits` ASCII digits; None if it is above `most` or not a number."""
    fits = re.fullmatch(r"[0-9]+", text) and len(text) <= digits and int(text) <= most
    return int(text) if fits else None


def is_record(words: list[str], layout: Layout) -> bool:
    """Whether the words are a header, or there is one for each field.

    In the default layout the first word must be a whole number.
    """
    if header_names(words) is not None:
        return True
    number_first = layout != DEFAULT or re.fullmatch(r"[0-9]+", "".join(words[:1])) is not None
    return len(words) >= len(layout) and number_first


def without_prefix(words: list[str], layout: Layout) -> list[str]:
    """Return the words after a time stamp, or after a time stamp and a stream name; all words if there is none.

    If the layout itself may begin with such a time stamp, the stamp is part of the record.
    """
    first = words[0] if words else ""
    in_milliseconds = MILLISECONDS_STAMP.fullmatch(first) is not None
    belongs = layout[0] not in KNOWN or (in_milliseconds and layout[0] in ("start", "end"))
    if belongs or not (in_milliseconds or ISO_STAMP.fullmatch(first)):
        return words
    for rest in (words[1:], words[2:]):
        # Otherwise only the default layout and headers show that there is no stream name before them.
        shows = layout == DEFAULT or header_names(rest) is not None or len(rest) == len(layout)
        if shows and is_record(rest, layout):
            return rest
    return words[1:] if is_record(words[1:], layout) else words


def pieces_of(line: bytes, layout: Layout) -> list[bytes]:
    """Return the records of a line in which tabs separate whole records, or else the line itself.

    Such a line has at least the words of two records, and the piece before its first tab is a whole record.
    """
    first = words_of(clean(line.partition(b"\t")[0]))
    several = (
        b"\t" in line
        and not line.startswith(b"#")
        and len(words_of(line)) >= 2 * len(layout)
        and (is_record(first, layout) or is_record(without_prefix(first, layout), layout))
    )
    return [clean(piece) for piece in line.split(b"\t")] if several else [line]


def protocol_of(text: str, named: bool) -> int | None:
    """Return the number of a protocol; a keyword (or icmp6 or icmpv6) is valid only under a header."""
    number = whole(text, 5, 255)
    if number is None and named and " " not in text:
        word = text.lower()
        return 58 if word in ("icmp6", "icmpv6") else PROTOCOL_NUMBER.get(word)
    return number


def objection(words: list[str], layout: Layout, named: bool) -> str | None:
    """Return the first reason why these words are not a flow, or else None."""
    if not {"dstport", "protocol"} <= set(layout):
        return "layout without port or protocol"
    if len(words) < len(layout):
        return "too few fields"
    word = fields_of(words, layout)
    if layout == DEFAULT and word["version"] != "2":
        return "unsupported version"
    dashes = "log-status" not in word and word["dstport"] == word["protocol"] == "-"
    reasons = {
        "no data": word.get("log-status") == "NODATA" or dashes,
        "skipped data": word.get("log-status") == "SKIPDATA",
        "bad port": whole(word["dstport"], 5, 65535) is None,
        "bad protocol": protocol_of(word["protocol"], named) is None,
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def fields_of(words: list[str], layout: Layout) -> dict[str, str]:
    """Return the word of each field; of two fields with the same name the first counts."""
    return dict(reversed(list(zip(layout, words, strict=False))))


def seconds_of(text: str) -> int | None:
    """Return a time in seconds or milliseconds as seconds since 1970; None if it is not from 2000 to 2099."""
    value = whole(text, 15, 10**15)
    if value is None:
        return None
    return next((t for t in (value, value // 1000) if 946684800 <= t < 4102444800), None)


def is_inside(text: str) -> bool | None:
    """Whether an address is never routed on the internet; None if it is not a valid address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if "%" in text:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return any(address in network for network in INSIDE if network.version == address.version)


def boundary_of(source: str, destination: str) -> str:
    """Return the boundary of a flow with these addresses."""
    ends = is_inside(source), is_inside(destination)
    if None in ends:
        return "unknown"
    ways = {(True, True): "internal", (False, True): "inbound", (True, False): "outbound"}
    return ways.get(ends, "external")


@dataclass
class FileCounts:
    """What became of the records of one file; they are read in order."""

    records: int = 0
    headers: int = 0
    blank: int = 0
    flows: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    lacking: Counter[str] = field(default_factory=Counter)
    odd_words: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    rows: dict[str, list[tuple[Key, int, int]]] = field(default_factory=lambda: defaultdict(list))
    layout: Layout = field(default_factory=lambda: DEFAULT)
    named: bool = False

    def read_record(self, number: int, line: bytes) -> None:
        """Count one record from the line with this number."""
        self.records += 1
        if line == b"" or line.startswith(b"#"):
            self.blank += 1
            return
        words = without_prefix(words_of(line), self.layout)
        names = header_names(words)
        reason = objection(words, self.layout, self.named)
        if names is not None:
            self.headers += 1
            self.layout, self.named = names, True
        elif reason is not None:
            self.set_aside[reason] += 1
            if reason not in ("no data", "skipped data"):
                self.faults.append((number, reason))
        else:
            self.flows += 1
            self.read_flow(fields_of(words, self.layout))

    def read_flow(self, word: dict[str, str]) -> None:
        """Add one flow to its tables; without a readable source port it is a request."""
        port, protocol = int(word["dstport"]), protocol_of(word["protocol"], self.named)
        assert protocol is not None
        source = self.value(word, "srcport", lambda text: whole(text, 5, 65535))
        start = self.value(word, "start", seconds_of)
        packets = self.value(word, "packets", lambda text: whole(text, 15, 10**15)) or 0
        volume = self.value(word, "bytes", lambda text: whole(text, 15, 10**15)) or 0
        time = UNKNOWN_TIME if start is None else start
        action = self.action(word)
        boundary = boundary_of(word.get("srcaddr", "-"), word.get("dstaddr", "-"))
        self.odd_words["log-status"] += word.get("log-status", "OK") != "OK"
        if source is not None and source < port and protocol in HAS_PORTS:
            ports = {"replies": port, "replies by service": source}
        else:
            ports = {"requests": port}
        for table, at in ports.items():
            key = (time, protocol, at, boundary, action)
            self.rows[table].append((key, packets, volume))

    def value(
        self, word: dict[str, str], name: str, read: Callable[[str], int | None]
    ) -> int | None:
        """Return the value of a field; if it is absent or unreadable, count that and return None."""
        if name not in word:
            self.lacking[name] += 1
            return None
        value = read(word[name])
        self.unreadable[name] += value is None
        return value

    def action(self, word: dict[str, str]) -> str:
        """Return ACCEPT, REJECT or other; count a missing field and an odd word."""
        if "action" not in word:
            self.lacking["action"] += 1
            return "other"
        is_known = word["action"] in ("ACCEPT", "REJECT")
        self.odd_words["action"] += not is_known
        return word["action"] if is_known else "other"


def gunzipped(data: bytes) -> bytes:
    """Return the content of all members; each member ends its last line, and zeros between them are padding."""
    out = b""
    while data:
        member = zlib.decompressobj(31)
        out += member.decompress(data)
        if out and not out.endswith(b"\n"):
            out += b"\n"
        data = member.unused_data.lstrip(b"\0")
    return out


def count_file(data: bytes) -> FileCounts:
    """Count one file from the first byte to the last; only LF ends a line."""
    if data.startswith(b"\x1f\x8b"):
        data = gunzipped(data)
    counts = FileCounts()
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n") if data else [], 1):
        for piece in pieces_of(clean(line), counts.layout):
            counts.read_record(number, piece)
    return counts


Files = dict[str, FileCounts]


def count(files: dict[str, bytes]) -> Files:
    """Count files, given by name and content; a layout does not carry over to the next file."""
    return {name: count_file(data) for name, data in files.items()}


def first_faults(files: Files) -> list[tuple[str, int, str]]:
    """Return file, line and reason of the first thousand faults, by file and line."""
    faults = [(name, *f) for name, file in files.items() for f in file.faults[:MOST_FAULTS]]
    return sorted(faults)[:MOST_FAULTS]


def table(files: Files, name: str) -> tuple[int, Table]:
    """Return the narrowest width that gives few windows and few rows (or one window), and those rows."""
    rows: Table = {}
    for file in files.values():
        for key, packets, volume in file.rows[name]:
            add(rows, key, (1, packets, volume))
    for width in WIDTHS:
        rows = in_windows(rows, width)
        known = [key for key in rows if key[0] != UNKNOWN_TIME]
        windows = len({key[0] for key in known})
        if windows <= 1 or (windows <= MOST_WINDOWS and len(known) <= MOST_ROWS):
            break
    return width, rows


def add(rows: Table, key: Key, more: tuple[int, int, int]) -> None:
    """Add flows, packets and bytes to one row."""
    flows, packets, volume = rows.get(key, (0, 0, 0))
    rows[key] = (flows + more[0], packets + more[1], volume + more[2])


def in_windows(rows: Table, width: int) -> Table:
    """Return the rows in windows of `width` minutes; an unknown time stays unknown."""
    wider: Table = {}
    for (start, *rest), row in rows.items():
        window = start - start % (60 * width) if width else 0
        add(wider, (UNKNOWN_TIME if start == UNKNOWN_TIME else window, *rest), row)
    return wider


class Rule(NamedTuple):
    """A usable row; `width` is 0 for an exact port, else the number of ports; protocol None means `*`."""

    line: int
    low: int
    high: int
    width: int
    protocol: int | None
    tag: str

    def rank(self) -> tuple[int, bool, int]:
        """Return a sort key, larger for the stronger rule: narrower, then with a named protocol, then later."""
        return (-self.width, self.protocol is not None, self.line)

    def applies_to(self, protocol: int) -> bool:
        """Whether the rule is for this protocol."""
        return self.protocol in (None, protocol)


@dataclass
class Lookup:
    """The rules, a problem (line, kind) for each misleading row, and notices on how the file was read."""

    rules: list[Rule] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def tag(self, port: int, protocol: int) -> str:
        """Return the tag of the strongest rule that matches."""
        matching = [r for r in self.rules if r.low <= port <= r.high and r.applies_to(protocol)]
        return max(matching, key=Rule.rank).tag if matching else "Untagged"

    def keep_winners(self) -> None:
        """Keep the last of the rows with the same key; if another row has a different tag, it is a problem."""
        last = {rule[1:5]: rule for rule in self.rules}
        for rule in self.rules:
            if rule.tag != last[rule[1:5]].tag:
                self.problems.append((rule.line, "conflict"))
        self.rules = [rule for rule in self.rules if last[rule[1:5]] is rule]

    def find_hidden(self) -> None:
        """Paint the rules over all ports, weakest first; a rule that stays hidden never applies."""
        named = {rule.protocol for rule in self.rules if rule.protocol is not None}
        unnamed = next(number for number in range(256) if number not in named)
        seen: set[int] = set()
        for protocol in {*named, unnamed}:
            painted = [0] * 65536
            for rule in sorted(self.rules, key=Rule.rank):
                if rule.applies_to(protocol):
                    painted[rule.low : rule.high + 1] = [rule.line] * (rule.high - rule.low + 1)
            seen.update(painted)
        self.problems += [(rule.line, "never") for rule in self.rules if rule.line not in seen]


def decoded(data: bytes, notices: list[str]) -> str:
    """Decode UTF-16 if there is its byte order mark, else UTF-8, else Windows-1252."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data.removeprefix(mark).decode(encoding)
    try:
        return data.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError:
        notices.append("cp1252")
        return data.decode("cp1252", "replace")


def csv_rows(text: str, delimiter: str, line: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row and the number of its first line, starting at `line`; CR, LF and CRLF end a row."""
    cell = re.compile(rf'(?:"((?:[^"]|"")*+)")?([^{delimiter}\r\n]*)({delimiter}|\r\n|\r|\n|\Z)')
    at, row_line, cells = 0, line, []
    while at < len(text) or cells:
        match = cell.match(text, at)
        assert match is not None
        assert match[1] is not None or not match[2].startswith('"'), "a quote is never closed"
        cells.append(((match[1] or "").replace('""', '"') + match[2]).strip())
        at = match.end()
        line += len(re.findall(r"\r\n|\r|\n", match[0]))
        if match[3] != delimiter:
            yield row_line, cells
            row_line, cells = line, []


COLUMNS = ({"dstport", "destport", "destinationport", "port"}, {"protocol", "proto"}, {"tag"})


def header_columns(cells: list[str]) -> list[int] | None:
    """Return the columns of port, protocol and tag, judging by letters alone; None if one is missing."""
    words = ["".join(filter(str.isalpha, cell)).lower() for cell in cells]
    found = [[at for at, word in enumerate(words) if word in names] for names in COLUMNS]
    return [at[0] for at in found] if all(found) else None


def ports_of(text: str) -> tuple[int, int, int] | None:
    """Return low, high and width of `443`, `443.0`, `6000-6063` or `*`; None for anything else."""
    if text == "*":
        return 0, 65535, 65537  # wider than any range
    one = re.fullmatch(r"([0-9]{1,5})(\.0)?", text)
    two = re.fullmatch(r"([0-9]{1,5})\s*-\s*([0-9]{1,5})", text)
    low, high = (one[1], one[1]) if one else (two[1], two[2]) if two else ("1", "0")
    if not int(low) <= int(high) <= 65535:
        return None
    return int(low), int(high), 0 if one else int(high) - int(low) + 1


def protocols_of(text: str) -> tuple[int | None] | None:
    """Return the number of a protocol in a tuple; (None,) for `*`, None if it is unusable."""
    if text == "*":
        return (None,)
    number = whole(text, 5, 255)
    number = PROTOCOL_NUMBER.get(text.lower()) if number is None else number
    return None if number is None else (number,)


def rule_of(line: int, port: str, protocol: str, tag: str) -> Rule | None:
    """Return the rule of one row; None if the row cannot be used."""
    ports, protocols = ports_of(port), protocols_of(protocol)
    if ports is None or protocols is None or tag == "" or tag.lower() == "untagged":
        return None
    return Rule(line, *ports, *protocols, tag)


Rows = list[tuple[int, list[str]]]


def rows_and_columns(text: str, notices: list[str]) -> tuple[Rows, list[int]]:
    """Return the rows with data, and the columns of port, protocol and tag.

    The first delimiter that gives a header wins; if none does, the first that gives a row of data.
    """
    excel = re.match(r"sep=(.)(?:\r\n|\r|\n)", text)
    delimiters, line = (excel[1], 2) if excel else (",;\t", 1)
    text = text[excel.end() :] if excel else text
    ways = [[row for row in csv_rows(text, d, line) if any(row[1])] for d in delimiters]
    for rows in ways:
        columns = header_columns(rows[0][1])
        if columns is not None:
            return rows[1:], columns
    notices.append("no header")
    return next(r for r in ways if len(r[0][1]) > 2 and rule_of(0, *r[0][1][:3])), [0, 1, 2]


def load_lookup(data: bytes) -> Lookup:
    """Return the lookup in a CSV file."""
    lookup = Lookup()
    rows, columns = rows_and_columns(decoded(data, lookup.notices), lookup.notices)
    for line, cells in rows:
        if cells[0].startswith("#"):
            continue
        rule = rule_of(line, *((cells + [""] * max(columns))[at] for at in columns))
        if rule is None:
            lookup.problems.append((line, "unusable"))
        else:
            lookup.rules.append(rule)
    lookup.keep_winners()
    lookup.find_hidden()
    lookup.problems.sort()
    return lookup


def csv_cell(text: str) -> str:
    """Return a cell, in quotes only if it needs them."""
    return '"' + text.replace('"', '""') + '"' if re.search('[,"\r\n]', text) else text


def result_csv(files: Files, lookup: Lookup) -> bytes:
    """Return the result: tags by count and name, Untagged last, then destination ports and protocols."""
    rows = [row for file in files.values() for row in file.rows["requests"] + file.rows["replies"]]
    combinations = Counter((port, protocol) for (_, protocol, port, _, _), _, _ in rows)
    tags: Counter[str] = Counter()
    for (port, protocol), flows in combinations.items():
        tags[lookup.tag(port, protocol)] += flows
    untagged = tags.pop("Untagged", 0)
    by_count = sorted(tags.items(), key=lambda item: (-item[1], item[0]))
    by_port = sorted((port, protocol_name(p), flows) for (port, p), flows in combinations.items())
    tag_lines = [f"{csv_cell(tag)},{flows}" for tag, flows in by_count]
    lines = ["Tag Counts:", "Tag,Count", *tag_lines, f"Untagged,{untagged}", ""]
    lines += ["Port/Protocol Combination Counts:", "Port,Protocol,Count"]
    lines += [f"{port},{name},{flows}" for port, name, flows in by_port]
    return "".join(line + "\n" for line in lines).encode()
