"""Generates, from a seed, logs in which about a third of the lines are odd, and matching lookups."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from random import Random
from typing import NamedTuple

from .addresses import address as any_address
from .oracle import DEFAULT, KNOWN, PROTOCOL_NUMBER, TRANSIT_GATEWAY

PORTS = [443, 80, 22, 53, 25, 23, 110, 143, 993, 3389, 0, 8080, 8443, 6000, 6063, 5432, 3306, 123]
PORTS += [161, 514, 1024, 31, 68]
PROTOCOLS = [6] * 20 + [17] * 8 + [1] * 3
PROTOCOLS += [132, 33, 136, 58, 47, 50, 0, 255, 253, 61, 148, 135, 124, 84, 147, 41, 2]
LAYOUTS = [
    "dstport protocol".split(),
    "protocol srcport dstport action".split(),
    """version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport
    dstport pkt-srcaddr pkt-dstaddr protocol bytes packets start end action tcp-flags
    log-status""".split(),
    """account-id action az-id bytes dstaddr dstport end flow-direction instance-id interface-id
    log-status packets pkt-dst-aws-service pkt-dstaddr pkt-src-aws-service pkt-srcaddr protocol
    region srcaddr srcport start sublocation-id sublocation-type subnet-id tcp-flags traffic-path
    type version vpc-id""".split(),
    """version srcaddr dstaddr srcport dstport protocol start end action log_status
    ecs_cluster_name""".split(),
    """version account-id interface-id srcaddr dstaddr srcport dstport protocol bytes packets start
    end action log-status""".split(),
    "version quantum-state dstport protocol new_thing2 bytes".split(),
    "dstport protocol dstport log-status".split(),
    TRANSIT_GATEWAY,
]
LAYOUTS_WITHOUT_PORT = [
    "version srcaddr dstaddr".split(),
    "srcport dstport action".split(),
    "protocol action log-status".split(),
]
ODD_WORDS = [
    ("dstport", "65536 99999 070000 100000 000443 0000000443 123456789012345678901234567890"),
    ("dstport", "- +443 -443 443.0 0x1bb https 4e2 443, 4_43 \uff14\uff14\uff13 \u0664 443\u00b2"),
    ("dstport", "00443 0443 00000 0 65535 00022 1"),
    ("protocol", "256 260 999 99999 - tcp TCP 6.0 +6 -6 000006 6,"),
    ("protocol", "tcp TCP Udp ICMP icmp6 ICMPv6 ipv6-icmp hopopt 3pc ttp tp++ a/n any tcp/udp"),
    ("protocol", "06 006 00006 00017 255 254 0 143 99"),
    ("log-status", "NODATA SKIPDATA nodata NODATA2 XNODATA SKIP - OK2 ok FAIL"),
    ("action", "- accept DROP ACCEPTED ACCEPT2 REJEC REJECTX A REJECT,"),
    ("start", "1700000000123 1700000100000 17 0 - 99999999999 x -1700000000 1700000000.5"),
    ("start", "946684799 946684800 4102444799 4102444800 0001700000000 1234567890123456"),
    ("packets", "- +5 1.0 999999999999999 1000000000000000 0 007 x 000000000000001"),
    ("bytes", "- -40 1e3 999999999999999 1000000000000000 0 0040 x 0000000000000040"),
    ("srcport", "- 65536 0 00022 000022 +22 22.0 x 443 65535"),
    ("version", "3 5 02 2.0 v2 - 22 +2 11"),
]
STAMPS = (
    "2023-11-14T22:13:20.000Z 2023-11-14T22:13:20Z 2023-11-14T22:13:20+00:00 2023-11-14T22:13:20 "
    "1700000000000 2023-11-14T22:13:20.123456Z"
).split()
NBSP, BOM = b"\xc2\xa0", b"\xef\xbb\xbf"
NO_FLOWS = (
    b"bogus line|dstport|VERSION ACCOUNT-ID|version quantum state|- -|2|EVENTS of today|the end|"
    b"dstport protocol: 6|account-id 12"
).split(b"|")
WHITE_LINES = b"| |\t|\r|\xc2\xa0|\xef\xbb\xbf| \xc2\xa0\r|\xef\xbb\xbf \r".split(b"|")
AROUND = [
    (
        b"\xc2\xa0| \xc2\xa0|\t|  |\xef\xbb\xbf| \xef\xbb\xbf\xc2\xa0",
        b"\xc2\xa0| \r|\t\t|\xc2\xa0\r|",
    ),
    (b"", b"\r"),
    (b"# |#|  # |\xef\xbb\xbf#|#\t", b""),
    (b"", b" extra| extra -| extra - 7"),
    (b"", b"\xa0|\xc3\xa0|\xe3\x80\xa0|\xc2|\x0c|\x0b|\xef\xbb\xbf|\0"),
    (b"\xa0|\x0c|\x0b|\0|\xc2|\xef\xbb\xbf\xef\xbb\xbf|\xff\xfe", b""),
]
"""What may come before a flow and after it: white space, and bytes that are almost white space."""
ALONE = AROUND[-1][0].split(b"|")
JOINTS = b"\x0b|\x0c|\r|\xc2\xa0|\x85|\x1c|\xe2\x80\xa8|\xe3\x80\x80".split(b"|")
BEHIND_WORDS = b"\x0b|\x0c|\r|\xc2\xa0|\x85|\xc3\xa0|\xa0|\x1f|\xef\xbb\xbf".split(b"|")
WORDS_OF_BYTES = b'\0|a\0b|\xff\xfe|\xc3\xa9|\xe6\x9d\xb1||"|,'.split(b"|")
NOISE = [bytes([n]) for n in b' \t\r\x0b\x0c\x1c\x1f\x85\xc2\xa0-+.#09K\0\xff\x80\n,"_\x7f\x01e$']
NOISE += b"  |\xc2\xa0|\xef\xbb\xbf|\xe2\x80\xa8|\xe3\x80\x80|\xc3\xa0|\xef\xbc\x94".split(b"|")


class Generated(NamedTuple):
    """One log as text, gzipped in several members, and cut into parts before headers; and a lookup."""

    text: bytes
    packed: bytes
    parts: list[bytes]
    lookup: bytes


def generate(seed: int, lines: int) -> Generated:
    """Return the log, of `lines` lines or pieces of lines, and the lookup that belong to a seed."""
    log = LogWriter(seed)
    written = log.lines(lines)
    pick = log.random
    cuts = pick.sample(range(1, lines), min(lines - 1, 4))
    members = [gzip.compress(part, mtime=0) for part in _cut(written, cuts, pick)]
    headers = [at for at, line in enumerate(written) if at and line in log.headers]
    parts = _cut(written, pick.sample(headers, min(len(headers), 4)), pick)
    (text,) = _cut(written, [], pick)
    return Generated(text, b"".join(members), parts, LookupWriter(seed).lookup())


def _cut(lines: list[bytes], cuts: list[int], random: Random) -> list[bytes]:
    """Return the lines in parts that begin at the cuts; the last line of a part may lack its line end."""
    edges = [0, *sorted(cuts), len(lines)]
    return [
        b"\n".join(lines[start:end]) + random.choice([b"\n", b""]) for start, end in pairwise(edges)
    ]


def some_port(random: Random) -> int:
    """Return a port that rules often name, or any port."""
    return random.choice(
        [*random.choices(PORTS, k=5), random.randrange(65536), random.randrange(49152, 49252)]
    )


class LogWriter:
    """Writes lines, and remembers the current layout."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.layout = DEFAULT
        self.headers: set[bytes] = set()
        self.lines_to_default = 0
        self.clock = 1_700_000_000

    def lines(self, count: int) -> list[bytes]:
        """Return `count` lines; a few of them contain a line end and count as two."""
        beginning = self.random.randrange(6)
        starts = [b"", b"# taken by hand", BOM + self.good(), self.header(DEFAULT)]
        lines = [*starts[beginning : beginning + 1], self.good()]
        while len(lines) < count:
            lines.append(self.line())
        return lines[:count]

    def line(self) -> bytes:
        """Return one line, good or odd; a custom layout soon gives way to the default one."""
        self.lines_to_default -= 1
        if self.lines_to_default == 0:
            return self.header(DEFAULT)
        if self.layout != DEFAULT and self.random.random() < 0.05:
            return self.good_by_default()
        return self.random.choice(ODDITIES)(self) if self.random.random() < 0.36 else self.good()

    def good(self) -> bytes:
        """Return a flow as AWS writes it, in the current layout."""
        return " ".join(map(self.word, self.layout)).encode()

    def good_by_default(self) -> bytes:
        """Return a flow in the default layout, even if that is not the current one."""
        return " ".join(map(self.word, DEFAULT)).encode()

    def word(self, name: str) -> str:
        """Return a typical value for the field with this name."""
        random = self.random
        make = WORDS.get(name)
        return (
            make(self)
            if make
            else random.choice(["-", f"x-{random.randrange(100)}", "a%20b", "IPv4"])
        )

    def time(self) -> str:
        """Return a start time; time moves on by up to two seconds."""
        self.clock += self.random.randrange(3)
        return str(self.clock)

    def address(self) -> str:
        """Return an address: now and then one at the edge of a range or a near miss, one in ten IPv6."""
        random = self.random
        if random.random() < 0.3:
            return any_address(random)
        if random.random() < 0.1:
            return f"2001:db8::{random.randrange(65536):x}"
        return ".".join(["10", *(str(random.randrange(256)) for _ in range(3))])

    def port(self) -> str:
        """Return a port that rules often name, or one that clients use."""
        random = self.random
        return str(some_port(random) if random.random() < 0.6 else random.randrange(1024, 65536))

    def header(self, layout: list[str]) -> bytes:
        """Return a header in one of the spellings found in the wild, and change to its layout."""
        self.layout = [name.replace("_", "-") for name in layout]
        plain = " ".join(layout)
        spellings = [
            " ".join(f"${{{name}}}" for name in layout),
            " ".join(f"$${{{name}}}" for name in layout),
            plain.replace("-", "_"),
            "  ".join(layout) + " ",
            f"\ufeff{plain}\r",
            *[plain] * 5,
        ]
        header = self.random.choice(spellings).encode()
        self.headers.add(header)
        return header

    def with_odd_word(self, field: str, words: str) -> bytes:
        """Return a flow in which one field has an odd value."""
        line = list(map(self.word, self.layout))
        if field in self.layout:
            line[self.layout.index(field)] = self.random.choice(words.split())
        return " ".join(line).encode()

    def with_odd_bytes(self, change: Callable[[bytes], bytes]) -> bytes:
        """Return a flow in which one word has been changed."""
        words = self.good().split(b" ")
        at = self.random.randrange(len(words))
        return b" ".join([*words[:at], change(words[at]), *words[at + 1 :]])

    def with_something_around(self, front: bytes, behind: bytes) -> bytes:
        """Return a flow with one of the given texts before it and one after it."""
        choice = self.random.choice
        return choice(front.split(b"|")) + self.good() + choice(behind.split(b"|"))

    def with_joined_words(self) -> bytes:
        """Return a flow with something between two words that does not separate them."""
        words = self.good().split(b" ")
        at = self.random.randrange(1, len(words))
        return b" ".join(words[:at]) + self.random.choice(JOINTS) + b" ".join(words[at:])

    def with_other_gaps(self) -> bytes:
        """Return a flow with tabs or runs of spaces between its words."""
        return self.random.choice([b"\t", b"  ", b" \t ", b"   "]).join(self.good().split(b" "))

    def mutated(self) -> bytes:
        """Return a flow in which bytes have been inserted, changed or removed in one to three places."""
        line = bytearray(self.good())
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(line) + 1)
            cut = self.random.choice([0, 0, 0, 0, 0, 1, 1, 1, 2, 3])
            line[at : at + cut] = self.random.choice([*NOISE, b""]) if cut < 2 else b""
        return bytes(line)

    def short(self) -> bytes:
        """Return a line with fewer words than fields."""
        words = self.good().split(b" ")
        return b" ".join(words[: self.random.randrange(1, len(words))])

    def very_long(self) -> bytes:
        """Return a flow; now and then a line too long to be read in one go: one record, or thousands."""
        if self.random.random() > 0.01:
            return self.good()
        long = self.good() + b" extra" * 50_000
        return self.random.choice([long, b"\t".join(self.good() for _ in range(3_000))])

    def without_data(self) -> bytes:
        """Return a NODATA or SKIPDATA record, or a similar one with another status."""
        status = self.random.choice("NODATA NODATA NODATA SKIPDATA SKIPDATA OK -".split())
        kept = {"version", "account-id", "interface-id", "start", "end"}
        words = {name: self.word(name) if name in kept else "-" for name in self.layout}
        words |= {"log-status": status} if "log-status" in words else {}
        return " ".join(words[name] for name in self.layout).encode()

    def stamped(self) -> bytes:
        """Return a record after a CloudWatch time stamp, and perhaps a stream name."""
        gap = self.random.choice([b" ", b"  ", b"\t"])
        stream = self.random.choice([b"", b"", b"eni-0ab-all ", b"eni-0ab-accept "])
        records = [self.good] * 3 + [self.without_data, lambda: self.good() + b" extra", self.short]
        return self.random.choice(STAMPS).encode() + gap + stream + self.random.choice(records)()

    def several(self) -> bytes:
        """Return records, some of them incomplete or invalid, separated by tabs."""
        kinds = [self.good] * 10 + [self.without_data, self.without_data, self.short]
        kinds.append(lambda: self.with_odd_word("dstport", "x"))
        pieces = [self.random.choice(kinds)() for _ in range(self.random.randrange(1, 6))]
        return b"\t".join([self.good(), *pieces])

    def two(self) -> bytes:
        """Return two records; separated by a space they count as one, by a tab as two."""
        return self.good() + self.random.choice([b" ", b"\t"]) + self.good()

    def custom_header(self) -> bytes:
        """Return a header that applies to the next few lines."""
        self.lines_to_default = self.random.randrange(2, 13)
        return self.header(self.random.choice(LAYOUTS))

    def default_header(self) -> bytes:
        """Return the header of the default layout, or now and then one without port or protocol."""
        if self.random.random() < 0.7:
            return self.header(DEFAULT)
        self.lines_to_default = self.random.randrange(2, 6)
        any_names = self.random.sample(sorted(KNOWN), 5)
        return self.header(self.random.choice([*LAYOUTS_WITHOUT_PORT, any_names, any_names]))


WORDS: dict[str, Callable[[LogWriter], str]] = {
    "version": lambda log: "2" if log.layout == DEFAULT else log.random.choice("23456789"),
    "dstport": LogWriter.port,
    "srcport": LogWriter.port,
    "protocol": lambda log: str(log.random.choice(PROTOCOLS)),
    "packets": lambda log: str(log.random.randrange(1, 10 ** log.random.randrange(1, 7))),
    "bytes": lambda log: str(log.random.randrange(40, 10 ** log.random.randrange(2, 13))),
    "start": LogWriter.time,
    "end": lambda log: str(log.clock + 60),
    "action": lambda log: log.random.choice(["ACCEPT", "ACCEPT", "ACCEPT", "REJECT"]),
    "log-status": lambda _: "OK",
    **dict.fromkeys(("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"), LogWriter.address),
    "account-id": lambda _: "123456789012",
    "interface-id": lambda log: f"eni-{log.random.randrange(16**10):017x}",
}
ODDITIES: list[Callable[[LogWriter], bytes]] = [
    *(partial(LogWriter.with_odd_word, field=field, words=words) for field, words in ODD_WORDS),
    *(partial(LogWriter.with_something_around, front=f, behind=b) for f, b in AROUND),
    lambda log: log.random.choice(WHITE_LINES),
    lambda log: log.random.choice(NO_FLOWS),
    lambda log: log.random.choice(ALONE),
    lambda log: log.with_odd_bytes(lambda word: word + log.random.choice(BEHIND_WORDS)),
    lambda log: log.with_odd_bytes(lambda _: log.random.choice(WORDS_OF_BYTES)),
    LogWriter.with_joined_words,
    LogWriter.with_other_gaps,
    LogWriter.mutated,
    LogWriter.short,
    LogWriter.very_long,
    *[LogWriter.without_data] * 2,
    *[LogWriter.stamped] * 2,
    LogWriter.several,
    LogWriter.two,
    LogWriter.custom_header,
    LogWriter.default_header,
]

TAGS = (
    """web|Web|WEB|mail|sv_P1|sv_P2|SV_P3|db|a,b|say "hi"|café|=1+1|@x|-dash|+plus|two  words|it's|"""
    "über|semi;colon|z|owner:ann|007|1.0|None|nan|*|# no comment"
).split("|")
WIDE_TAGS = ["東京", "\U0001f600", "\uff5e", "e\u0301"]
COMMON_PROTOCOLS = "tcp TCP Tcp udp UDP uDP icmp ICMP 6 17 06 1".split()
RARE_PROTOCOLS = "253 254 255 61 148 0 132 99".split()
NO_PORTS = "65536|-1|443.5|000443|https|90-80|80-70000|80-|-80|6-Jul|80-90-100||0x50|1e3|**".split(
    "|"
)
NO_PROTOCOLS = "|any|tcp/udp|icmpv6|256|-1|reserved|transmission control|tc p".split("|")
NO_TAGS = "| |Untagged|UNTAGGED|untagged ".split("|")
HEADERS = (
    "dstport,protocol,tag|Destination Port,Proto,TAG |dst-port,PROTOCOL,Tag|Dst_Port,protocol,tag|"
    "port,proto,tag|destport,protocol,tag|#dstport,protocol,tag|"
).split("|")

Row = tuple[str, str, str]


class LookupWriter:
    """Writes one lookup with a random encoding, delimiter and order of columns."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"lookup {seed}")
        pick = self.random.choice
        self.encoding = pick(["utf-8", "utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp1252"])
        self.delimiter = pick([",", ",", ",", ";", "\t"])
        self.line_end = pick(["\n", "\n", "\r\n", "\r"])
        self.header = pick(HEADERS).split(",")
        self.order = [0, 1, 2]
        self.has_owners = False
        if self.header[0] not in ("", "#dstport"):
            self.random.shuffle(self.order)
            self.has_owners = pick([True, False])
        self.tags = TAGS if self.encoding == "cp1252" else TAGS + WIDE_TAGS

    def lookup(self) -> bytes:
        """Return the file: perhaps an Excel line, mostly a header, then rows and lines that are not rows."""
        top = [f"sep={self.delimiter}"] if self.random.random() < 0.15 else []
        first = self.header if any(self.header) else ["443", "tcp", "café"]
        cells = [first[at] for at in self.order] + ["Owner"] * self.has_owners
        top.append(self.delimiter.join(cells))
        rows = [*self.rows(self.random.randrange(200, 400)), ("1", "tcp", "café")]
        lines = [line for row in rows for line in (*self.between(), self.line(row))]
        text = self.line_end.join(top + lines) + self.random.choice(
            [self.line_end, self.line_end, ""]
        )
        mark = "\ufeff" if self.encoding.startswith("utf-16") else ""
        return (mark + text).encode(self.encoding)

    def rows(self, count: int) -> list[Row]:
        """Return `count` rows; some cannot be used, some repeat the port and protocol of an earlier one."""
        rows: list[Row] = []
        for _ in range(count):
            what = self.random.random()
            if what < 0.12:
                rows.append(self.unusable())
            elif what < 0.2 and rows:
                port, protocol, tag = self.random.choice(rows)
                rows.append((port, protocol, self.random.choice([tag, self.tag()])))
            else:
                rows.append((self.port(), self.protocol(), self.tag()))
        return rows

    def tag(self) -> str:
        """Return a tag that is awkward in one way or another."""
        return self.random.choice(self.tags)

    def port(self) -> str:
        """Return a port, a range or `*`, in one of their spellings."""
        what = self.random.random()
        if what < 0.65:
            return self.random.choice(["%d"] * 6 + ["%05d", "%d.0"]) % some_port(self.random)
        if what > 0.93:
            return "*"
        low = self.random.choice([self.random.choice(PORTS), self.random.randrange(65536)])
        width = self.random.choice([0, 0, 1, 5, 63, 100, 1000, 20000, 65535])
        tab = "%d-\t%d" if self.delimiter != "\t" else "%d-%d"
        spelling = self.random.choice(["%d-%d", "%d - %d", "%d -%d", "%05d-%05d", tab])
        return spelling % (low, min(65535, low + width))

    def protocol(self) -> str:
        """Return a keyword in any case, a number or `*`."""
        what = self.random.random()
        if what < 0.5:
            return self.random.choice(COMMON_PROTOCOLS)
        if what < 0.75:
            word = self.random.choice(sorted(PROTOCOL_NUMBER))
            return self.random.choice([word, word.upper(), word.title()])
        return self.random.choice(RARE_PROTOCOLS) if what < 0.85 else "*"

    def unusable(self) -> Row:
        """Return a row in which one cell is unusable."""
        pick = self.random.choice
        no_port = pick(NO_PORTS), self.protocol(), self.tag()
        no_protocol = self.port(), pick(NO_PROTOCOLS), self.tag()
        return pick([no_port, no_protocol, (self.port(), self.protocol(), pick(NO_TAGS))])

    def between(self) -> list[str]:
        """Return now and then a line that is not a row."""
        two = self.delimiter * 2
        commented = self.delimiter.join(["#80", "tcp", "old"])
        nothing = self.random.choice(["", "   ", two, "# note", commented])
        return [nothing] if self.random.random() < 0.03 else []

    def line(self, row: Row) -> str:
        """Return a row as a line of the file."""
        cells = [row[at] for at in self.order]
        if cells[0].startswith("#"):
            cells = cells[1:]  # not a comment then, but a row that is too short
        if self.has_owners:
            cells.append(self.random.choice(["", "ann", "bob, the", "two\nlines"]))
        return self.delimiter.join(map(self.quoted, cells))

    def quoted(self, cell: str) -> str:
        """Return the cell, in quotes if it needs them (and sometimes if not), perhaps with trailing blanks."""
        if any(odd in cell for odd in ',;"\t\r\n') or self.random.random() < 0.08:
            return '"' + cell.replace('"', '""') + '"'
        return (
            self.random.choice([cell, cell, cell, cell, cell + " ", cell + "  "]) if cell else cell
        )
