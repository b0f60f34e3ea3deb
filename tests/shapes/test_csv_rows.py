"""Blocks of plain rows, read by the kernel, give what reading row by row gives: counts, reasons and line numbers."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counting import file_count
from flowtag_core.shapes import csv_rows
from tests.logs import flow_lines, line
from tests.shapes.made import counted_in_pieces

NAMES = (
    "version account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log_status"
).split()
TABLES = ("requests", "replies", "replies_by_service")


pytestmark = pytest.mark.usefixtures("kernel")


def counts(content, cuts=()):
    return counted_in_pieces(content, cuts, "a.csv")


def both(content, cuts=()):
    """Return the counts with blocks of rows, however small, and those row by row."""
    with (
        patch.object(csv_rows, "_READ_FIRST", 2),
        patch("flowtag_core.shapes.text._BLOCK_SIZE", 1),
    ):
        fast = counts(content, cuts)
    with (
        patch.object(csv_rows._Reading, "cells", None),
        patch.object(file_count, "_WORTH_A_CALL", 1 << 60),
    ):
        return fast, counts(content)


def assert_same(content, cuts=()):
    fast, slow = both(content, cuts)
    for name in (*TABLES, "faults"):
        assert getattr(fast, name) == getattr(slow, name), name
    one, other = fast.total, slow.total
    for name in ("records", "headers", "blank", "flows", "set_aside", "unreadable", "lacking"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.odd_words == other.odd_words


def row(words, quote=""):
    return ",".join(f"{quote}{word}{quote}" for word in words)


odd_rows = st.sampled_from(
    [
        "",
        "# a comment",
        ",".join(NAMES),
        row(NAMES, '"'),
        "version,srcaddr,dstaddr,dstport,protocol",
        "dstport,protocol,packets,start",
        '"2,3',
        'x"y',
        '"a""b",1,2',
        '"two\nlines",6',
        "2,1,eni-1,10.0.0.1",
        row(line().decode().split()) + ",more",
        row(line().decode().split()) + "\r",
        row(line().decode().split(), '"') + "\r",
        row(line(dstport="tcp").decode().split()),
        row(line(dstport="443.0", protocol="tcp").decode().split()),
        row(line(action="allowed", start="2023-11-14T22:13:20Z").decode().split()),
        row(line(packets="").decode().split(" ")),
        row(line(srcport="null", volume="N/A").decode().split()),
        row(line(dstport="", protocol="", status="NODATA").decode().split(" ")),
        row([" 2 ", *line().decode().split()[1:]]),
        row(line(srcaddr="é").decode().split()),
        row(line(srcaddr="1 2").decode().split(), '"'),
        "443,6,1,1700000000",
        row(["2", "1", '"a,b"', *line().decode().split()[3:]]),
        row(["2", "1", '"a ""b"", c"', *line().decode().split()[3:]]),
        row(["2", '"""1"""', '""', *line().decode().split()[3:]]),
        row(["2", "1", '"a\nb"', *line().decode().split()[3:]]),
        row(["2", "1", "e", '"10.""0.0.1"', *line().decode().split()[4:]]),
        row(line(srcport="", packets="-", volume="", start="", action="").decode().split(" ")),
        row(line(start="12", action="-").decode().split()),
        row(line(packets="1e3").decode().split()),
        row(line(packets="1.0", volume="840.0", start="1700000000.0").decode().split(), '"'),
        row(line(packets="1.00", volume=".0", srcport="5.5", protocol="6.0").decode().split()),
        row(line(packets="1234567890123456.0", srcaddr="10.0", action="7.0").decode().split()),
        row(line(packets="9" * 16, srcport="65536").decode().split()),
    ]
)
rows = st.one_of(
    flow_lines.map(lambda flow: row(flow.decode().split())),
    flow_lines.map(lambda flow: row(flow.decode().split(), '"')),
    odd_rows,
)


@given(st.lists(rows, max_size=30), st.booleans(), st.booleans(), st.lists(st.integers(1, 3000)))
def test_blocks_of_rows_are_counted_like_single_rows(drawn, is_quoted, ends, cuts):
    text = "\n".join([row(NAMES, '"' if is_quoted else ""), *drawn]) + "\n" * ends
    assert_same(text.encode(), cuts)


messages = st.one_of(
    flow_lines.map(bytes.decode),
    flow_lines.map(lambda flow: f'"{flow.decode()}"'),
    st.sampled_from(
        [
            "",
            '"2 3\n4 5"',
            "version dstport protocol",
            "START RequestId",
            '"{""message"": ""x""}"',
            "-",
            line(dstport="x").decode(),
            line(version="3").decode(),
            line(status="NODATA").decode(),
            f"{line().decode()} more",
            f"2023-11-14T22:13:20.000Z {line().decode()}",
            "1,2",
        ]
    ),
)


@given(st.lists(messages, max_size=30), st.lists(st.integers(1, 3000)))
def test_blocks_of_messages_are_counted_like_single_messages(drawn, cuts):
    stamped = [f"2023-11-14 22:13:20.000,{message}" for message in drawn]
    assert_same("\n".join(["@timestamp,@message", *stamped, ""]).encode(), cuts)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_delimiter_and_order_of_columns_is_read_in_blocks(delimiter):
    names = ["end", "bytes", "protocol", "note", "dstport", "start"]
    made = [names, *([str(n), "9", "6", "", str(n), "1700000000"] for n in range(500))]
    content = "\n".join(delimiter.join(each) for each in made).encode()
    assert_same(content)
    assert counts(content).total.flows == 500


def test_plain_rows_are_not_read_one_by_one():
    content = "\n".join([row(NAMES, '"'), *[row(line().decode().split(), '"')] * 5000]).encode()
    with patch.object(
        csv_rows._Reading, "records", autospec=True, side_effect=csv_rows._Reading.records
    ) as read:
        assert counts(content).total.flows == 5000
    assert read.call_count < 100


def test_a_row_that_goes_on_beyond_a_block_is_joined():
    text = row(NAMES) + "\n" + (row(line().decode().split()) + "\n") * 9
    text += '"2","a' + "\n" * 50 + 'b",3\n' + row(line().decode().split()) + "\n"
    assert_same(text.encode(), range(1, len(text), 7))


@pytest.mark.parametrize("every", ["", "\ufeff", "\r"])
def test_tables_that_were_joined_are_read_on(every):
    row_ = row(line().decode().split(), '"')
    table = "\n".join([every + row(NAMES, '"'), *[row_] * 100, ""])
    fast, slow = both((table * 3).encode())
    assert fast.total.flows == slow.total.flows == 300
    assert fast.total.set_aside == slow.total.set_aside


@pytest.mark.parametrize("sign", ["\u012c", "\u092c", "|", "\x01"])
def test_a_delimiter_that_is_not_a_byte_is_read_row_by_row(sign):
    words = line().decode().split()
    table = "\n".join([f"sep={sign}", sign.join(NAMES), *[sign.join(words)] * 100, ",".join(words)])
    assert_same(table.encode())
