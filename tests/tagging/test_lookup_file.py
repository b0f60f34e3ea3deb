"""A lookup is read whichever program wrote it, and any other file is refused in one sentence."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import LookupFileError
from flowtag_core.tagging import lookup, lookup_file
from flowtag_core.tagging.lookup import Trouble
from flowtag_core.tagging.lookup_file import (
    decode,
    load_lookup_table,
    looks_like_csv,
    looks_like_lookup,
    read_lookup,
)
from tests.logs import DEFAULT_HEADER, flow_lines, log_lines, lookup_text, rule_texts
from tests.tagging.made import keys, load, troubles


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_a_line_that_is_too_long_in_any_encoding_is_refused_before_it_is_decoded(end):
    for begin in (b"a", b"\x81", b",", b'"', b"\xff\xfea\0"):
        content = b"dstport,protocol,tag" + end + b"1,6,a" + end + begin * (5 << 20)
        with pytest.raises(LookupFileError, match=r"lookup: line \d+ is longer than 1,048,576"):
            load_lookup_table(io.BytesIO(content))


def test_every_byte_is_decoded_differently_and_survives_a_round_trip():
    content = b"dstport,protocol,tag\n1,6," + bytes(range(128, 256)) + b"\n"
    text = decode(content, "a")
    assert text.encoded(text.text) == content
    assert text.readable.count("\ufffd") == 5
    assert len(set(text.text)) >= 128


def test_an_unclosed_quote_in_the_iana_list_is_an_error():
    text = b'Service Name,Port Number,Transport Protocol\nssh,22,tcp\n"a,23,tcp\nb,24,tcp\n'
    with pytest.raises(LookupFileError, match="line 3: a quote is opened but never closed"):
        read_lookup(text, "a")


def test_only_the_first_of_very_many_problems_are_listed_and_the_rest_are_counted(monkeypatch):
    monkeypatch.setattr(lookup, "MOST_LISTED", 2)
    rows = (
        ["1,6,a"] * 4
        + ["1,6,b"]
        + ["*,6,c", "0-65535,6,d", "3-9,6,e"]
        + [f"{n},6,f" for n in range(3, 10)]
    )
    loaded = load("dstport,protocol,tag\n" + "\n".join(rows) + "\n")
    assert [kind for _, kind in troubles(loaded)].count(Trouble.LOSES) == 2
    assert "rows that lose to later rows: 2 more, not listed." in loaded.notices[0]


@given(st.lists(rule_texts, max_size=15))
def test_a_saved_lookup_has_the_same_rules_when_loaded_again(rows):
    lookup = load(lookup_text(rows))
    assert keys(load(lookup_text(rule.cells for rule in lookup.rules))) == keys(lookup)
    again = read_lookup(lookup.content, lookup.name)
    assert (again.rules, again.problems, again.content) == (
        lookup.rules,
        lookup.problems,
        lookup.content,
    )


@given(
    st.lists(rule_texts, max_size=10),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r", "\r\n"]),
)
def test_delimiter_line_ends_and_encoding_do_not_matter(rows, delimiter, end):
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


def test_columns_may_be_in_any_order_and_the_first_match_counts():
    lookup = load("note,tag,proto,port,dstport\nx,web,tcp,443,80\n")
    assert keys(lookup) == [("443,tcp", "web")]


def test_without_a_header_the_first_row_is_data_and_a_notice_says_so():
    lookup = load("443,tcp,web\n25,tcp,mail\n", name="mine.csv")
    assert keys(lookup) == [("443,tcp", "web"), ("25,tcp", "mail")]
    assert lookup.notices[0].startswith("mine.csv: has no header")


def test_spaces_before_a_quote_and_long_cells_are_accepted():
    lookup = load(f'dstport,protocol,tag,note\n80, tcp, "a,b",{"x" * 200_000}\n')
    assert keys(lookup) == [("80,tcp", "a,b")]


def test_excels_sep_line_sets_the_delimiter():
    lookup = load('sep=;\ndstport;protocol;tag\n443;tcp;"a;b,c"\n')
    assert keys(lookup) == [("443,tcp", "a;b,c")]
    assert lookup.rules[0].line == 3


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
def test_a_row_that_cannot_be_used_is_reported_and_the_others_load(row):
    lookup = load(f"dstport,protocol,tag\n25,tcp,mail\n{row}\n53,udp,dns\n")
    assert keys(lookup) == [("25,tcp", "mail"), ("53,udp", "dns")]
    assert troubles(lookup) == [(3, Trouble.UNUSABLE)]


def test_comments_and_empty_rows_are_ignored_but_line_numbers_include_them():
    lookup = load(
        '# mine\n\ndstport,protocol,tag\n\n#443,tcp,x\n,,\n25,tcp,"a\nb"\n1,tcp,c\n2,x,d\n'
    )
    assert [(rule.key, rule.line) for rule in lookup.rules] == [("25,tcp", 7), ("1,tcp", 9)]
    assert troubles(lookup) == [(10, Trouble.UNUSABLE)]


def test_tags_keep_their_case_and_are_stripped_of_white_space():
    assert keys(load("dstport,protocol,tag\n1,tcp, sv_P1 \n2,tcp,SV_p1\n")) == [
        ("1,tcp", "sv_P1"),
        ("2,tcp", "SV_p1"),
    ]


def test_a_file_that_is_not_utf_8_is_read_as_windows_1252_and_a_notice_says_so():
    lookup = load("dstport,protocol,tag\n1,tcp,Büro\n".encode("cp1252"))
    assert keys(lookup) == [("1,tcp", "Büro")]
    assert "Windows-1252" in lookup.notices[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty, but a lookup needs the three columns"),
        (b"dstport,name\n443,x\n", "line 1 reads 'dstport,name'"),
        (b"99999,tcp,x\n", "add the line dstport,protocol,tag at the top"),
        (b'dstport,protocol,tag\n1,tcp,x\n2,tcp,"x\n3,tcp,y\n', "line 3: a quote is opened"),
        (b'dstport,protocol,tag\n1,tcp,"' + b"x" * 200_000, "line 2: a quote is opened but never"),
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
def test_a_file_that_is_not_a_lookup_is_refused_in_one_sentence(content, message):
    with pytest.raises(LookupFileError, match=message) as error:
        load(content, name="mine.csv")
    assert str(error.value).startswith("mine.csv: ")
    assert not looks_like_lookup(content) or b'"' in content


def test_the_error_for_a_missing_file_or_a_folder_says_so(tmp_path):
    with pytest.raises(LookupFileError, match=r"nowhere\.csv: there is no such file"):
        load_lookup_table(tmp_path / "nowhere.csv")
    with pytest.raises(LookupFileError):
        load_lookup_table(tmp_path)
    with pytest.raises(LookupFileError, match="binary mode"):
        load_lookup_table(io.StringIO("dstport,protocol,tag\n"))


def test_a_lookup_full_of_bad_rows_loads_and_reports_them_all():
    rows = "".join(f"{port},tcp,x\n{port},nothing,x\n" for port in range(20_000))
    lookup = load("dstport,protocol,tag\n" + rows)
    assert len(lookup) == len(lookup.problems) == 20_000
    assert lookup.tag_of(19_999, 6) == "x"


def test_a_log_does_not_look_like_a_lookup_and_a_lookup_does():
    assert not looks_like_lookup(b"2 123 eni-1 10.0.0.1 10.0.0.2 443 49153 6 25 2 1 2 ACCEPT OK\n")
    assert not looks_like_lookup(b"version dstport protocol\n")
    assert looks_like_lookup(b"443;tcp;web\n")
    assert looks_like_lookup("dstport,protocol,tag\n".encode("utf-16"))


@given(st.lists(rule_texts, max_size=9))
def test_a_gzipped_lookup_loads_like_the_plain_one(rules):
    text = lookup_text(rules).encode()
    plain = load_lookup_table(io.BytesIO(text), name="x")
    packed = load_lookup_table(io.BytesIO(gzip.compress(text)), name="x")
    assert (packed.rules, packed.problems, packed.content) == (plain.rules, plain.problems, text)
    assert packed.notices == plain.notices
    assert (plain.form, packed.form) == ("", "a gzip file")


def test_a_truncated_gzip_file_is_refused():
    packed = gzip.compress(b"dstport,protocol,tag\n25,tcp,mail\n")
    for cut in range(2, len(packed)):
        with pytest.raises(LookupFileError, match="damaged or cut short"):
            load_lookup_table(io.BytesIO(packed[:cut]), name="x")


def test_a_gzip_file_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(lookup_file, "LARGEST_FILE", 1 << 16)
    with pytest.raises(LookupFileError, match="too large for a lookup"):
        load_lookup_table(io.BytesIO(gzip.compress(b"\n" * (1 << 20))), name="x")


def test_a_column_called_name_is_the_protocol_if_nothing_else_can_be():
    lookup = load("dstport,name,tag\n25,tcp,mail\n")
    assert [rule.key for rule in lookup.rules] == ["25,tcp"]
    assert "the column called name was taken as the protocol" in lookup.notices[0]
    with pytest.raises(LookupFileError, match="needs the three columns"):
        load("dstport,name,owner,tag\n25,tcp,me,mail\n")


@pytest.mark.parametrize("cell", ["7-Jun", "Jun-63", "06.07.2024", "2024-06-07", "7. Juni"])
def test_a_range_that_a_spreadsheet_turned_into_a_date_is_reported_as_such(cell):
    (problem,) = load(f"dstport,protocol,tag\n{cell},tcp,mail\n").problems
    assert "a date, which a spreadsheet made from a range" in problem.text


PACKED = {"plain": bytes, "gzip": gzip.compress}
packs = pytest.mark.parametrize("pack", PACKED.values(), ids=PACKED)


@packs
@given(
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.lists(rule_texts, max_size=9),
    st.booleans(),
)
def test_a_file_that_loads_as_a_lookup_looks_like_one(pack, encoding, rows, has_header):
    rows = [row for row in rows if row[2] != "x\ny"]
    text = lookup_text(rows) if has_header or not rows else lookup_text(rows).partition("\n")[2]
    content = pack(text.encode(encoding))
    assert keys(load(content)) == keys(load(lookup_text(rows)))
    assert looks_like_lookup(content)


@packs
@pytest.mark.parametrize("length", [10, 4095, 4096, 4097, 20_000])
def test_a_lookup_below_long_comments_looks_like_one(pack, length):
    comments = b"#" + b"x" * length + b"\n# more, and more\n\n"
    assert looks_like_lookup(pack(comments + b"dstport,protocol,tag\n"))
    assert looks_like_lookup(pack(comments + b"ssh 22/tcp\n"))
    assert not looks_like_lookup(pack(comments + DEFAULT_HEADER.encode() + b"\n"))
    assert not looks_like_lookup(pack(comments))


@packs
def test_a_header_longer_than_the_first_read_still_looks_like_a_lookup(pack):
    columns = ",".join(f"column {number}" for number in range(500))
    assert len(columns) > 4096
    content = f"{columns},dstport,protocol,tag\n".encode()
    assert looks_like_lookup(pack(content))
    assert len(load(content)) == 0
    assert not looks_like_lookup(pack(f"{columns},dstport,protocol\n".encode()))


@packs
@given(st.lists(flow_lines, min_size=1, max_size=5), log_lines, st.booleans())
def test_a_log_never_looks_like_a_lookup(pack, flows, others, has_header):
    header = [DEFAULT_HEADER.encode()] if has_header else []
    assert not looks_like_lookup(pack(b"\n".join([*header, *flows, *others])))
    assert not looks_like_lookup(pack(b"\n".join([*others[:1], *header, *flows])))


def test_a_log_in_csv_looks_like_a_csv_but_not_like_a_lookup():
    log = DEFAULT_HEADER.replace(" ", ",").encode() + b"\n"
    assert not looks_like_lookup(log)
    assert looks_like_csv(log)
    assert looks_like_csv(b"a;b")
    assert not looks_like_csv(b"a b\n1,2\n")
    assert not looks_like_csv(b"PK\x03\x04,,,")
    assert not looks_like_csv(gzip.compress(b"a,b"))


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\x1f\x8b", b"\x1f\x8b,;/=\n", b"a,b\0c\n", b"PK\x03\x04,tcp,x\n"]
)
def test_an_empty_binary_or_damaged_file_does_not_look_like_a_lookup(content):
    assert not looks_like_lookup(content)


@given(
    st.one_of(
        st.binary(max_size=30),
        st.tuples(st.text(max_size=20), st.sampled_from(["utf-8-sig", "utf-16", "utf-16-be"])).map(
            lambda drawn: drawn[0].encode(drawn[1])
        ),
    )
)
def test_decoded_text_is_encoded_back_byte_for_byte(content):
    try:
        text = decode(content, "x")
    except LookupFileError:
        assert b"\0" in content or content.startswith((b"PK", b"\xd0\xcf", b"\x1f\x8b"))
        return
    assert text.encoded(text.text) == content
    text.readable.encode()


HEADER = b"dstport,protocol,tag\n"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf# mine\n" + HEADER,
        ("# mine\n" + HEADER.decode()).encode("utf-16"),
        b" # mine\n" + HEADER,
        gzip.compress(b"#" * 4096 + b"\n" + HEADER),
        gzip.compress(b"x" * 4096 + b"," + HEADER),
        (HEADER.decode() + "1,tcp,x\n" * 253 + "#\U0001f600\n").encode("utf-16"),
    ],
    ids=["BOM", "UTF-16", "blank", "packed comment", "packed column", "cut character"],
)
def test_a_lookup_is_recognized_despite_comments_byte_order_marks_and_cuts(content):
    load(content)
    assert looks_like_lookup(content)
