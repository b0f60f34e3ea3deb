import gzip
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import LookupFileError
from flowtag_core.iana import KEYWORDS
from flowtag_core.tagging import lookup_file
from flowtag_core.tagging.lookup import ANY_PROTOCOL, EXACT, PORTS, UNTAGGED, Trouble
from flowtag_core.tagging.lookup_file import (
    load_lookup_table,
    looks_like_lookup,
    lookup_csv,
    parse_lookup,
)
from tests.logs import lookup_text, rule_texts


def load(text, **options):
    content = text if isinstance(text, bytes) else text.encode()
    return load_lookup_table(io.BytesIO(content), **options)


def keys(lookup):
    return [(rule.key, rule.tag) for rule in lookup.rules]


def troubles(lookup):
    return [(problem.line, problem.trouble) for problem in lookup.problems]


def strongest(rules, port, protocol):
    """The rule that wins, by trying all of them: precedence as it is written down."""
    best = None
    for place, rule in enumerate(rules):
        form, low, high = rule.ports
        if low <= port <= high and rule.protocol in (protocol, ANY_PROTOCOL):
            strength = (-form, low - high, rule.protocol != ANY_PROTOCOL, place)
            best = max(best or (strength, rule.tag), (strength, rule.tag))
    return best[1] if best else UNTAGGED


@given(st.lists(rule_texts, max_size=15), st.data())
def test_the_winner_is_the_one_that_trying_all_rules_finds(rows, data):
    lookup = load(lookup_text(rows))
    edges = {edge for rule in lookup.rules for edge in rule.ports[1:]}
    ports = sorted(
        {0, 65535, *(port + step for port in edges for step in (-1, 0, 1))} & set(range(PORTS))
    )
    for protocol in {6, 17, 250, *(rule.protocol for rule in lookup.rules)} - {ANY_PROTOCOL}:
        port = data.draw(st.sampled_from(ports))
        assert lookup.tag_of(port, protocol) == strongest(lookup.rules, port, protocol)


@given(st.lists(rule_texts, max_size=12))
def test_a_rule_never_applies_just_when_it_wins_nowhere(rows):
    lookup = load(lookup_text(rows))
    winning = {ANY_PROTOCOL: set(lookup.winners(ANY_PROTOCOL).tolist())}
    for rule in lookup.rules:
        winning.setdefault(rule.protocol, set(lookup.winners(rule.protocol).tolist()))
    expected = {
        rule.line
        for place, rule in enumerate(lookup.rules)
        if rule.ports.form != EXACT and place not in winning[rule.protocol]
    }
    found = {p.line for p in lookup.problems if p.trouble is Trouble.NEVER_APPLIES}
    assert found == expected


@given(st.lists(rule_texts, max_size=15))
def test_a_saved_lookup_loads_as_the_same_rules(rows):
    lookup = load(lookup_text(rows))
    assert keys(load(lookup_csv(lookup.rules))) == keys(lookup)


@given(
    st.lists(rule_texts, max_size=10),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r", "\r\n"]),
)
def test_delimiter_row_ends_and_encoding_change_nothing(rows, delimiter, end):
    rows = [row for row in rows if not set(row[2]) & set('",;\n')]
    text = "".join(delimiter.join(row) + end for row in [("dstport", "protocol", "tag"), *rows])
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        assert keys(load(text.encode(encoding))) == keys(load(lookup_text(rows)))


@pytest.mark.parametrize(
    "header",
    [
        "dstport,protocol,tag",
        "#dstport,Protocol,TAG",
        "Dst-Port, PROTO ,tag",
        "Destination Port,protocol,tag",
        '"dest_port","protocol","tag"',
        "port,protocol,tag,owner",
    ],
)
def test_the_header_may_be_spelled_in_many_ways(header):
    assert keys(load(f"{header}\n443,tcp,web,me\n")) == [("443,tcp", "web")]


def test_columns_may_stand_in_any_order_and_the_first_match_counts():
    lookup = load("note,tag,proto,port,dstport\nx,web,tcp,443,80\n")
    assert keys(lookup) == [("443,tcp", "web")]


def test_without_a_header_the_first_row_is_data_and_it_is_said():
    lookup = load("443,tcp,web\n25,tcp,mail\n", name="mine.csv")
    assert keys(lookup) == [("443,tcp", "web"), ("25,tcp", "mail")]
    assert lookup.notices[0].startswith("mine.csv: has no header")


def test_blanks_before_a_quote_and_cells_of_any_length_are_fine():
    lookup = load(f'dstport,protocol,tag,note\n80, tcp, "a,b",{"x" * 200_000}\n')
    assert keys(lookup) == [("80,tcp", "a,b")]


def test_an_excel_line_says_the_delimiter():
    lookup = load('sep=;\ndstport;protocol;tag\n443;tcp;"a;b,c"\n')
    assert keys(lookup) == [("443,tcp", "a;b,c")]
    assert lookup.rules[0].line == 3


@pytest.mark.parametrize(
    ("cell", "ports"),
    [
        ("443", "443"),
        ("0443", "443"),
        ("443.0", "443"),
        ("\u00a0443\u00a0", "443"),
        ("80-80", "80-80"),
        ("6000 - 6063", "6000-6063"),
        ("*", "*"),
        ("0-65535", "0-65535"),
    ],
)
def test_ports_are_read_as_people_and_spreadsheets_write_them(cell, ports):
    assert keys(load(f"dstport,protocol,tag\n{cell},tcp,x\n")) == [(f"{ports},tcp", "x")]


@pytest.mark.parametrize(
    "row",
    [
        "65536,tcp,x",
        "000443,tcp,x",
        "-1,tcp,x",
        "9-1,tcp,x",
        "443.5,tcp,x",
        "٤٤٣,tcp,x",
        ",tcp,x",
        "443,,x",
        "443,icmpv6,x",
        "443,256,x",
        "443,tcp,",
        "443,tcp, \xa0",
        "443,tcp,UNTAGGED",
        "443",
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_the_others_load(row):
    lookup = load(f"dstport,protocol,tag\n25,tcp,mail\n{row}\n53,udp,dns\n")
    assert keys(lookup) == [("25,tcp", "mail"), ("53,udp", "dns")]
    assert troubles(lookup) == [(3, Trouble.UNUSABLE)]


def test_rows_that_lose_and_tags_like_formulas_are_named_all_at_once():
    lookup = load("dstport,protocol,tag\n443,tcp,a\n443,6,b\n443,TCP,b\n1-2,*,=x\n")
    assert keys(lookup) == [("443,tcp", "b"), ("1-2,*", "=x")]
    assert troubles(lookup) == [(2, Trouble.LOSES), (5, Trouble.FORMULA)]


def test_comments_and_empty_rows_are_nothing_and_lines_are_counted_all_the_same():
    lookup = load(
        '# mine\n\ndstport,protocol,tag\n\n#443,tcp,x\n,,\n25,tcp,"a\nb"\n1,tcp,c\n2,x,d\n'
    )
    assert [(rule.key, rule.line) for rule in lookup.rules] == [("25,tcp", 7), ("1,tcp", 9)]
    assert troubles(lookup) == [(10, Trouble.UNUSABLE)]


def test_tags_keep_their_case_and_lose_white_space_at_their_ends():
    assert keys(load("dstport,protocol,tag\n1,tcp, sv_P1 \n2,tcp,SV_p1\n")) == [
        ("1,tcp", "sv_P1"),
        ("2,tcp", "SV_p1"),
    ]


def test_what_is_not_utf8_is_read_as_windows_text_and_it_is_said():
    lookup = load("dstport,protocol,tag\n1,tcp,Büro\n".encode("cp1252"))
    assert keys(lookup) == [("1,tcp", "Büro")]
    assert "Windows-1252" in lookup.notices[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty, but a lookup needs the three columns"),
        (b"dstport,name\n443,x\n", "line 1 reads 'dstport,name'"),
        (b"99999,tcp,x\n", "put the line dstport,protocol,tag on top"),
        (b'dstport,protocol,tag\n1,tcp,x\n2,tcp,"x\n3,tcp,y\n', "line 3: a quote is opened"),
        (b'dstport,protocol,tag\n1,tcp,"' + b"x" * 200_000, "line 2: a quote is opened and never"),
        (b"PK\x03\x04", "an Excel workbook"),
        (b"\x1f\x8b", "damaged or cut short"),
        (
            gzip.compress(gzip.compress(b"x", mtime=0), mtime=0),
            "compressed with gzip more than once",
        ),
        (b"\x89PNG\r\n\x1a\n\0\0", "is binary"),
        (b"\xff\xfe\x00\xd8", "is binary|needs the three columns"),
    ],
)
def test_a_file_that_is_no_lookup_gives_one_sentence(content, message):
    with pytest.raises(LookupFileError, match=message) as error:
        load(content, name="mine.csv")
    assert str(error.value).startswith("mine.csv: ")
    assert not looks_like_lookup(content) or b'"' in content


def test_a_missing_lookup_and_a_folder_are_named(tmp_path):
    with pytest.raises(LookupFileError, match=r"nowhere\.csv: there is no such file"):
        load_lookup_table(tmp_path / "nowhere.csv")
    with pytest.raises(LookupFileError):
        load_lookup_table(tmp_path)
    with pytest.raises(LookupFileError, match="binary mode"):
        load_lookup_table(io.StringIO("dstport,protocol,tag\n"))


def test_a_lookup_full_of_faults_names_them_all_and_loads():
    rows = "".join(f"{port},tcp,x\n{port},nothing,x\n" for port in range(20_000))
    lookup = load("dstport,protocol,tag\n" + rows)
    assert len(lookup) == len(lookup.problems) == 20_000
    assert lookup.tag_of(19_999, 6) == "x"


def test_a_log_does_not_look_like_a_lookup_and_a_lookup_does():
    assert not looks_like_lookup(b"2 123 eni-1 10.0.0.1 10.0.0.2 443 49153 6 25 2 1 2 ACCEPT OK\n")
    assert not looks_like_lookup(b"version dstport protocol\n")
    assert looks_like_lookup(b"443;tcp;web\n")
    assert looks_like_lookup("dstport,protocol,tag\n".encode("utf-16"))


def test_every_keyword_is_a_protocol_of_a_lookup():
    rows = [("1", keyword.upper(), keyword) for keyword in KEYWORDS.values()]
    random.Random(1).shuffle(rows)
    lookup = parse_lookup(lookup_text(rows))
    assert all(lookup.tag_of(1, number) == keyword for number, keyword in KEYWORDS.items())


IANA = (
    "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact\r\n"
    "tcpmux,1,tcp,TCP Port Service Multiplexer,[Mark],\r\n"
    ",2-3,tcp,Unassigned,,\r\n"
    'http,80,tcp,"World Wide\r\nWeb, HTTP",,\r\n'
    "www-http,80,tcp,World Wide Web HTTP,,\r\n"
    "http,80,sctp,HTTP,,\r\n"
    "x11,6000-6063,tcp,X Window System,,\r\n"
    "portless,,tcp,,,\r\n"
    "any-protocol,7,,,,\r\n"
)
SERVICES = (
    "# Network services, Internet style\n\n"
    "tcpmux\t\t1/tcp\t\t\t# TCP port service multiplexer\n"
    "http\t\t80/tcp\t\twww\t# WorldWideWeb HTTP\n"
    "www\t\t80/tcp\n"
    "http\t\t80/sctp\n"
    "x11 6000-6063/tcp\n"
)
NAMES = ["1,tcp,tcpmux", "80,tcp,http", "80,sctp,http", "6000-6063,tcp,x11"]


@pytest.mark.parametrize(
    ("text", "form", "left_out"),
    [
        (IANA, "IANA's list of service names", "3 rows without a port, a protocol or a name"),
        ("\ufeff" + IANA, "IANA's list of service names", "1 others do not"),
        (SERVICES, "a list of services like /etc/services", "1 others do not"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_list_of_services_is_a_lookup_and_its_form_is_said(text, form, left_out, pack):
    content = pack(text.encode())
    lookup = load_lookup_table(io.BytesIO(content), name="services")
    assert [f"{rule.key},{rule.tag}" for rule in lookup.rules] == NAMES
    assert lookup.form == form
    assert form in lookup.notices[0]
    assert left_out in lookup.notices[0]
    assert lookup.problems == ()
    assert lookup.content.decode() == "dstport,protocol,tag\n" + "".join(f"{n}\n" for n in NAMES)
    assert looks_like_lookup(content[: 1 << 16])


@given(st.lists(rule_texts, max_size=9))
def test_a_packed_lookup_is_the_lookup_in_it(rules):
    text = lookup_text(rules).encode()
    plain = load_lookup_table(io.BytesIO(text), name="x")
    packed = load_lookup_table(io.BytesIO(gzip.compress(text)), name="x")
    assert (packed.rules, packed.problems, packed.content) == (plain.rules, plain.problems, text)
    assert packed.notices == plain.notices
    assert (plain.form, packed.form) == ("", "a gzip file")


def test_a_packed_lookup_that_is_cut_short_is_refused():
    packed = gzip.compress(b"dstport,protocol,tag\n25,tcp,mail\n")
    for cut in range(2, len(packed)):
        with pytest.raises(LookupFileError, match="damaged or cut short"):
            load_lookup_table(io.BytesIO(packed[:cut]), name="x")


def test_a_packed_lookup_is_bounded(monkeypatch):
    monkeypatch.setattr(lookup_file, "LARGEST_FILE", 1 << 16)
    with pytest.raises(LookupFileError, match="too large for a lookup"):
        load_lookup_table(io.BytesIO(gzip.compress(b"\n" * (1 << 20))), name="x")


def test_the_column_name_is_the_protocol_where_nothing_else_can_be():
    lookup = load("dstport,name,tag\n25,tcp,mail\n")
    assert [rule.key for rule in lookup.rules] == ["25,tcp"]
    assert "name was taken as the protocol" in lookup.notices[0]
    with pytest.raises(LookupFileError, match="needs the three columns"):
        load("dstport,name,owner,tag\n25,tcp,me,mail\n")


@pytest.mark.parametrize("cell", ["7-Jun", "Jun-63", "06.07.2024", "2024-06-07", "7. Juni"])
def test_a_range_that_a_spreadsheet_made_a_date_is_told_as_such(cell):
    (problem,) = load(f"dstport,protocol,tag\n{cell},tcp,mail\n").problems
    assert "a date that a spreadsheet made of a range" in problem.text
