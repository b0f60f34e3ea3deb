"""In a CSV table, no row is lost to a quote, a header or another row."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.shapes.csv_rows import csv_records
from flowtag_core.shapes.csv_tables import table_of
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.layout import DEFAULT_FIELDS
from flowtag_core.sources.budget import Budget
from tests.logs import line
from tests.shapes.made import as_csv
from tests.sources.made import parse

RECORD = line().decode()


def test_a_quote_that_is_never_closed_spoils_only_its_own_row():
    fields = ",".join(DEFAULT_FIELDS).encode()
    rows = [line(dstport=str(port)).replace(b" ", b",") for port in range(500)]
    rows[100] = rows[100].replace(b",100,", b',"100,')
    counts = parse(b"\n".join([fields, *rows]))
    assert counts.total.records == 500
    assert counts.total.flows >= 499
    cut = parse(b"\n".join([fields, *rows[:3], rows[3][:60] + b',"17']))
    assert cut.total.set_aside == {Reason.CUT_SHORT: 1}
    assert cut.total.flows == 3


def test_each_line_of_a_quoted_message_is_a_record_numbered_by_its_row():
    message = b'"' + line() + b"\r\n" + line(dstport="x") + b'"'
    counts = parse(b"timestamp,message\r\n1," + message + b"\r\n2," + line(dstport="y"))
    assert counts.total.flows == 1
    assert [fault.line for fault in counts.faults] == [2, 4]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("message,note", [RECORD.replace("0a", '"0a') + ',"y\nz"', *[f"{RECORD},n"] * 99]),
        ("message,note", [RECORD + ' a"b,"n', *[f"{RECORD},n"] * 99]),
        ("start,dstport,protocol,size,note", ['1700000000,443,6,19" rack,"a\nb"'] * 100),
        ("timestamp,note,message,x", [f'1,"y\nz",{RECORD}'] * 100),
        ("timestamp,note,message", [f'1,"y\nz",{RECORD},'] * 100),
        ("note,dstport,protocol,start,bytes", ['"a\nb",443,6,1700000000,5,'] * 100),
        ("timestamp,message", [f"1,{RECORD}", *[RECORD] * 99]),
        ("start,dstport,protocol,bytes", ["1700000000,443,6,1", *[RECORD] * 99]),
    ],
    ids=range(8),
)
def test_no_row_of_a_table_is_lost_to_another_row(header, rows):
    counts = parse("\n".join([header, *rows]).encode())
    assert counts.total.flows >= 99
    assert counts.total.records >= 100


def test_a_stray_quote_does_not_swallow_the_rows_below_it():
    rows = [f'"{RECORD}","n"', '"2 eni-"0a","a\nb"', *[f'"{RECORD}","n"'] * 9]
    assert parse("\n".join(["message,note", *rows]).encode()).total.flows >= 10


@pytest.mark.parametrize(
    ("head", "delimiter", "columns"),
    [
        (b"dstport,protocol,bytes\n1,6,2\n", ",", ["dstport", "protocol", "bytes"]),
        (b"\xef\xbb\xbfdstport;protocol\r\n", ";", ["dstport", "protocol"]),
        (b"dstport\tprotocol", "\t", ["dstport", "protocol"]),
        (b"# a comment, of one\n\n \ndstport,protocol\n", ",", ["dstport", "protocol"]),
        (b"sep=|\ndstport|protocol\n", "|", ["dstport", "protocol"]),
        (b'"SEP=;"\r\ndstport;protocol\n', ";", ["dstport", "protocol"]),
        (b'"dst,port",protocol , dstport\n', ",", ["dst,port", "protocol", "dstport"]),
        (b"timestamp,message\n", ",", ["timestamp", "message"]),
        (b"dstPort,count(*)\n", ",", ["dstPort", "count(*)"]),
        (b"x,dest_port,proto\n", ",", ["x", "dest_port", "proto"]),
    ],
)
def test_a_table_is_recognized_by_the_columns_in_its_first_row(head, delimiter, columns):
    table = table_of(head)
    assert (table.delimiter, table.columns) == (delimiter, columns)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n\n",
        RECORD.encode(),
        RECORD.replace(" ", ",").replace("2,", "3,", 1).encode(),
        RECORD.replace(" ", ",").replace(",OK", ",OK,more").encode(),
        RECORD.replace(" ", ",").replace(",6,", ",x,").encode(),
        RECORD.replace(" ", "\t").encode(),
        b"dstport\n1\n",
        b"a,b,c\n1,2,3\n",
        b"x,dest_port\n",
        b"port;proto;owner\n443;tcp;web\n",
        b"version,start\n",
        b"dstport protocol, with a comment\n",
        b'"dstport,protocol\n' + b'x" ' * (1 << 15),
    ],
)
def test_a_file_that_does_not_begin_with_known_columns_is_not_a_table(head):
    assert table_of(head) is None


def read(text, wanted=COUNTED, pieces=None):
    """Return each record of a table with its number and its kind."""
    table = table_of(text)
    found = csv_records(
        "a.csv", table, iter([text] if pieces is None else pieces), wanted, Budget("a.csv")
    )
    return [(number, row, kind) for kind, numbered in found for number, row in numbered]


def rows(text, wanted=COUNTED):
    return [(number, row.decode()) for number, row, _ in read(text, wanted)]


@given(
    notes=st.lists(st.text("ab\"',; \t#é", max_size=6), min_size=1, max_size=9),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([0, 1, 2]),
)
def test_the_text_in_other_cells_never_changes_a_flow(notes, delimiter, quoting):
    flows = [[n, 6, n * n, note, n + 1] for n, note in enumerate(notes)]
    table = [["dstport", "protocol", "bytes", "note", "packets"], *flows]
    text = as_csv(table, delimiter=delimiter, quoting=quoting)
    assert rows(text) == [(n + 2, f"{n} 6 {n + 1} {n * n}") for n in range(len(notes))]


def test_wanted_fields_are_kept_in_the_wanted_order():
    text = b"dstaddr,bytes,protocol,dstport,note\n10.0.0.2,5,6,443,x\n,7,17,53,y\n"
    wanted = ("dstport", "srcaddr", "protocol", "dstaddr")
    assert rows(text, wanted) == [(2, "443 6 10.0.0.2"), (3, "53 17 -")]
    (kind,) = {kind for *_, kind in read(text, wanted)}
    assert kind.layout.names == ("dstport", "protocol", "dstaddr")
    assert kind.shape == "a table, fields in columns"


def test_a_later_header_may_name_other_columns():
    text = (
        b"dstport,protocol,bytes\n1,6,2\nbytes,protocol,dstport\n2,6,3\n@timestamp,@logStream,message\n1,2,%b\n"
        % (RECORD.encode())
    )
    found = read(text)
    assert [row.decode() for _, row, _ in found] == ["1 6 2", "3 6 2", RECORD]
    assert found[-1][2].layout is None
    assert found[-1][0] == 6


def test_a_row_that_is_too_short_is_a_record_by_itself_and_an_empty_row_is_a_blank_line():
    text = f"note,dstport,protocol,bytes\nx,443,6\n\n{RECORD}\ny,53,17,5,more\n".encode()
    assert rows(text) == [(2, "443 6 -"), (3, ""), (4, RECORD), (5, "53 17 5")]


def test_a_quote_that_is_still_open_at_the_end_of_the_file_is_cut_short():
    found = read(b'dstport,protocol,bytes\n1,6,2\n1,6,"2')
    assert [(number, kind.reason) for number, _, kind in found] == [
        (2, None),
        (3, Reason.CUT_SHORT),
    ]


def test_the_rows_before_the_damage_in_a_table_are_kept():
    def pieces():
        yield b"dstport,protocol,bytes\n1,6,2\n2,6,3\n3,6"
        raise DamagedLogError("a.csv: is cut short.")

    found = csv_records(
        "a.csv", table_of(b"dstport,protocol,bytes\n"), pieces(), COUNTED, Budget("a.csv")
    )
    got = []
    with pytest.raises(DamagedLogError) as damage:
        got.extend(found)
    assert [text for _, numbered in got for text in numbered] == [(2, b"1 6 2"), (3, b"2 6 3")]
    assert damage.value.tail == b"3,6"


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.replace(" ", ","),
        lambda text: text.replace(" ", ", "),
        lambda text: text.replace(" ", ";"),
        lambda text: '"' + text.replace(" ", '","') + '"',
    ],
)
def test_rows_without_a_header_have_the_default_layout_of_aws(write):
    odd = [RECORD.replace("2 ", "3 ", 1), RECORD.rpartition(" ")[0]]
    log = [RECORD, RECORD.replace(" 443 ", " 53 "), RECORD.replace("OK", "NODATA"), *odd, RECORD]
    counts = parse("\n".join(map(write, log)).encode())
    assert (counts.total.records, counts.total.flows) == (6, 3)
    assert counts.total.set_aside == {
        Reason.NO_DATA: 1,
        Reason.UNSUPPORTED_VERSION: 1,
        Reason.TOO_FEW_FIELDS: 1,
    }
    assert "a table without a header, version 2 default layout, assumed" in counts.total.shapes


@pytest.mark.parametrize("cell", ["protocol", "proto", "dst_port", "log", "event", "content"])
def test_a_cell_that_happens_to_be_a_column_name_does_not_make_a_header(cell):
    table = (
        f"@timestamp,@message,type\n1,{RECORD},flow\n2,Some words here,{cell}\n3,{RECORD},flow\n"
    )
    total = parse(table.encode()).total
    assert (total.flows, total.set_aside) == (2, {Reason.TOO_FEW_FIELDS: 1})


def test_a_table_of_messages_from_another_product_is_refused_with_its_name():
    lines = "tls 2.0 2018-12-20T02:59:40 net/my-lb/c6e77e28c25b2234 g3d4b5e8\n" * 2
    table = "@timestamp,@message\n" + "".join(f"1,{text}\n" for text in lines.splitlines())
    with pytest.raises(LogError, match="Network Load Balancer"):
        parse(table.encode())


def test_rows_without_a_header_have_the_given_format():
    names = "srcaddr dstport protocol note"
    counts = parse(b"10.0.0.1,443,TCP,x\n10.0.0.1,53,17,y,more\n-,-,-,-\n", format=names)
    assert (counts.total.flows, counts.total.set_aside) == (2, {Reason.NO_DATA: 1})
    assert parse(b"srcaddr,dstport,protocol,bytes\nx,443,6,1\n", format=names).total.flows == 1
    headed = parse(b"from,to,what,note\nx,443,6,1\ny,53,17,2\n", format=names).total
    assert (headed.records, headed.headers, headed.flows) == (3, 1, 2)


def test_names_that_other_products_use_too_count_with_an_aws_marker_or_a_given_format():
    unmarked = b"src_ip,src_port,Dest Port,protocol\n10.0.0.1,50000,443,tcp\n"
    with pytest.raises(
        LogError, match="run again with --format 'srcaddr srcport dstport protocol'"
    ):
        parse(unmarked)
    assert parse(unmarked, format="srcport dstport protocol").total.flows == 1
    marked = unmarked.replace(b"protocol", b"protocol,bytes,x").replace(b"tcp", b"tcp,1,%s")
    assert parse(marked % b"eni-0f00ba40").total.flows == 1
    with pytest.raises(LogError, match="nothing in it shows that it is from AWS"):
        parse(marked % b"eth0")
    # An AWS marker does not turn the rows of a summary into flows.
    with pytest.raises(LogError, match="without a column that describes a single flow"):
        parse(b"dstport,protocol,flows,account\n443,6,17,123456789012\n")


@pytest.mark.parametrize("missing", ["", "-", "null"])
@pytest.mark.parametrize(
    ("status", "reason"), [("NODATA", Reason.NO_DATA), ("SKIPDATA", Reason.SKIPPED_DATA)]
)
@pytest.mark.parametrize(
    "header", ["log-status,src_port,dst_port,protocol", "Log Status,srcPort,dstPort,Protocol"]
)
def test_a_row_without_data_is_recognized_whatever_its_port_and_protocol_say(
    missing, status, reason, header
):
    table = f"{header},start\nOK,1,443,6,1700000000\n{status},{missing},{missing},{missing},1\n"
    counts = parse(table.encode())
    assert (counts.total.flows, counts.total.set_aside) == (1, {reason: 1})


def test_a_message_may_be_json():
    flow = {"srcPort": 50000, "dstPort": 443, "protocol": 6, "start": 1700000000}
    cells = [flow, {"message": RECORD}, [flow, flow], {"no": "record"}]
    table = as_csv([["@timestamp", "@message"], *[["x", json.dumps(each)] for each in cells]])
    counts = parse(table)
    assert (counts.total.flows, counts.total.set_aside) == (4, {Reason.NO_RECORD_IN_JSON: 1})
    assert [fault.line for fault in counts.faults] == [5]


def test_an_american_time_counts_if_the_column_says_that_it_is_utc():
    table = 'SrcPort,DstPort,Protocol,LogStatus,{}\n50000,443,6,OK,"11/14/2023, 10:13:20.000 PM"\n'
    counts = parse(table.format("Start [UTC]").encode())
    assert counts.requests.window.tolist() == [1_699_999_980]
    assert parse(table.format("Start").encode()).total.unreadable == {"start": 1}


def test_a_cell_may_be_longer_than_the_default_limit_of_the_csv_module():
    text = b'note,dstport,protocol,bytes\n"%b",443,6,2\n' % (b"x," * 100_000)
    assert rows(text) == [(2, "443 6 2")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"dstport,protocol,tag\n25,tcp,mail\n", "is a lookup, not a flow log"),
        (b"dstport,bytes,start\n25,1,2\n", "is a table without a dstport or protocol column"),
        (b"dstport,protocol,flows\n25,6,2\n", "without a column that describes a single flow"),
        (b"start,count(*)\n1,2\n", "an aggregate query"),
    ],
)
def test_a_table_whose_rows_are_not_flows_is_refused(text, sentence):
    with pytest.raises(LogError, match=f"^a.csv: .*{sentence}".replace("(*)", "")):
        read(text)


def test_a_protocol_name_or_a_dash_in_a_later_row_loses_no_row():
    assert len(rows(b"dstport,protocol,bytes\n25,6,2\n25,TCP,2\n25,-,2\n")) == 3
