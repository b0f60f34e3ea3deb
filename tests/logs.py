"""Flow log lines and lookups for tests: fixed examples, and Hypothesis strategies for random ones."""

import random
import re

from hypothesis import strategies as st

from flowtag_core.iana import KEYWORDS

DEFAULT_HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status"
)
LOOKUP = b"dstport,protocol,tag\n25,tcp,mail\n443,tcp,web\n53,*,dns\n1000-1999,udp,games\n"


def line(
    *,
    version="2",
    srcaddr="10.0.0.1",
    dstaddr="10.0.0.2",
    srcport="50000",
    dstport="443",
    protocol="6",
    packets="10",
    volume="840",
    start="1700000000",
    action="ACCEPT",
    status="OK",
):
    """Return one line in the default layout, without a line ending."""
    return (
        f"{version} 123456789012 eni-0a1b2c3d {srcaddr} {dstaddr} {srcport} {dstport} {protocol} "
        f"{packets} {volume} {start} 1700000060 {action} {status}"
    ).encode()


def random_lines(count, seed=1):
    """Return lines of an hour, each with its line end: a few busy ports, and many others."""
    rng = random.Random(seed)
    return [
        line(
            dstport=str(rng.choice([443, 53, 25, rng.randrange(65_536)])),
            srcaddr=f"10.0.{rng.randrange(256)}.{rng.randrange(256)}",
            volume=str(rng.randrange(10**7)),
            start=str(1_700_000_000 + rng.randrange(3_600)),
        )
        + b"\n"
        for _ in range(count)
    ]


_LIKE = {
    "version": "5",
    "account-id": "123456789012",
    "srcaddr": "10.0.0.1",
    "dstaddr": "fd00::1",
    "pkt-srcaddr": "10.0.0.1",
    "pkt-dstaddr": "-",
    "srcport": "49152",
    "protocol": "6",
    "packets": "3",
    "bytes": "180",
    "start": "1620140761",
    "end": "1620140821",
    "action": "ACCEPT",
    "log-status": "OK",
    "type": "IPv4",
    "tcp-flags": "2",
    "flow-direction": "egress",
    "traffic-path": "1",
}


def record(names, **fields):
    """Return a flow as text in this layout. Fields that are not given get a usual value, or `-`."""
    words = _LIKE | {name.replace("_", "-"): word for name, word in fields.items()}
    return " ".join(words.get(name, "-") for name in names)


addresses = st.sampled_from(["10.0.0.1", "8.8.8.8", "fd00::1", "2600::1", "-"])
flow_lines = st.builds(
    line,
    srcaddr=addresses,
    dstaddr=addresses,
    srcport=st.sampled_from(["-", "0", "22", "443", "50000"]),
    dstport=st.sampled_from(["0", "25", "53", "443", "1500", "50001", "65535"]),
    protocol=st.sampled_from(["1", "6", "17", "132", "200"]),
    packets=st.integers(0, 10**6).map(str),
    volume=st.integers(0, 10**9).map(str),
    start=st.one_of(
        st.integers(1_700_000_000, 1_700_100_000).map(str),
        st.integers(946_684_800, 4_102_444_799).map(str),
        st.just("-"),
    ),
    action=st.sampled_from(["ACCEPT", "REJECT", "DROP"]),
)

odd_lines = st.one_of(
    st.sampled_from(
        [
            b"",
            b" \t\r",
            b"\xc2\xa0",
            b"# a comment",
            DEFAULT_HEADER.encode(),
            b"dstport protocol action",
            b"version action",
            b"2 123456789012 eni-0a1b2c3d",
            b"6000 17 ACCEPT",
            line(dstport="65536"),
            line(dstport="+443"),
            line(protocol="256"),
            line(version="3"),
            line(status="NODATA"),
            line(status="SKIPDATA"),
            line() + b"\r",
            b"\xef\xbb\xbf" + line(),
            b"\xc2\xa0 " + line() + b" \xc2\xa0",
            b"2018-09-22T20:28:14.000Z " + line(),
            b"\t".join([line(), line(dstport="25")]),
            line().replace(b" ", b"\t"),
            line().replace(b" ", b"  "),
            line() + b" more fields",
        ]
    ),
    st.binary(max_size=40).map(lambda raw: re.sub(rb"[\n,;\t=]", b" ", raw)),
)

# The log begins with a comment, and the random bytes contain no delimiters. Otherwise one random line
# could make the whole file look like CSV or another format.
log_lines = st.lists(st.one_of(flow_lines, flow_lines, odd_lines), max_size=30).map(
    lambda lines: [b"# a log", *lines]
)

rule_texts = st.tuples(
    st.one_of(
        st.integers(0, 65535).map(str),
        st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(
            lambda pair: f"{min(pair)}-{max(pair)}"
        ),
        st.sampled_from(["*", "25", "53", "443", "1-1023"]),
    ),
    st.sampled_from(["*", "tcp", "udp", "6", "17", *KEYWORDS.values()]),
    st.sampled_from(["web", "mail", "dns", "Größe", 'a,"b"', "x\ny", "=1+1", "<b>"]),
)


def lookup_text(rules):
    """Return a lookup CSV with these (ports, protocol, tag) rows."""
    quoted = (
        f'{ports},{protocol},"{tag.replace(chr(34), chr(34) * 2)}"'
        for ports, protocol, tag in rules
    )
    return "dstport,protocol,tag\n" + "".join(f"{row}\n" for row in quoted)


notes = st.builds(line, status=st.sampled_from(["NODATA", "SKIPDATA"]))
record_lists = st.lists(st.one_of(flow_lines, notes), min_size=1, max_size=12)


def text(records):
    return b"".join(record + b"\n" for record in records)
