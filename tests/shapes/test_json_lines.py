"""Blocks of like objects, read by the kernel, give what reading the JSON as one text gives."""

import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counting import compiled
from flowtag_core.errors import LogError
from flowtag_core.shapes import json_documents, json_lines
from flowtag_core.shapes.json_lines import begins_with_lines, plan_of
from flowtag_core.shapes.records import Kind
from tests.logs import flow_lines, line
from tests.shapes.made import counted_in_pieces
from tests.shapes.test_csv_rows import NAMES, TABLES

WORDS = line().decode().split()


@pytest.fixture(autouse=True, scope="module")
def kernel():
    assert compiled.kernel(wait=True)


def counts(content, cuts=()):
    """Return the counts of JSON, or the error."""
    try:
        return counted_in_pieces(content, cuts, "a.json")
    except LogError as error:
        return str(error)


def assert_same(content, cuts=()):
    with patch.object(json_lines, "_LINES_FIRST", 2), patch.object(json_lines, "_BLOCK", 1):
        fast = counts(content, cuts)
    with patch.object(json_documents, "begins_with_lines", lambda _: False):
        slow = counts(content)
    if isinstance(slow, str) or isinstance(fast, str):
        assert fast == slow
        return
    for name in (*TABLES, "faults"):
        assert getattr(fast, name) == getattr(slow, name), name
    for name in ("headers", "blank", "flows", "set_aside", "unreadable", "lacking", "odd_words"):
        assert getattr(fast.total, name) == getattr(slow.total, name), name
    assert fast.total.damage == slow.total.damage


def fields(words, is_number=True):
    numbers = {"version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end"}
    return {
        name: int(word) if is_number and name in numbers and word.isdigit() else word
        for name, word in zip(NAMES, words, strict=True)
    }


def flow(**words):
    return fields(line(**words).decode().split(" "))


objects = st.one_of(
    flow_lines.map(lambda text: fields(text.decode().split())),
    flow_lines.map(lambda text: fields(text.decode().split())),
    flow_lines.map(lambda text: fields(text.decode().split(), is_number=False)),
    st.sampled_from(
        [
            dict(reversed(flow().items())),
            {**flow(), "more": 1},
            {**flow(), "srcport": None},
            {**flow(), "account_id": 'a "quote" \\ '},
            {**flow(), "account_id": "é"},
            {**flow(), "account_id": {"a": 1}},
            {**flow(), "packets": 1.5, "bytes": -3},
            {**flow(), "dstport": "x"},
            {**flow(), "srcport": "", "start": ""},
            flow(dstport="-", protocol="-", status="NODATA"),
            flow(action="allowed"),
            {"dstport": 1, "protocol": 6, "start": 1_700_000_000},
            {"message": line().decode()},
            {},
            [],
            [flow(), flow()],
            "text",
            7,
            None,
        ]
    ),
).map(json.dumps)
odd_lines = st.sampled_from(
    [
        "",
        "  ",
        "text",
        "{",
        '{"a": ',
        "[",
        "]",
        '{"dstport": 1}{"dstport": 2}',
        json.dumps(flow()) + ",",
        json.dumps(flow()) + "\r",
        " " + json.dumps(flow()),
        json.dumps(flow(), separators=(",", ":")),
        json.dumps(flow())[:-9],
        json.dumps(flow(), indent=1),
        json.dumps(flow()).replace("443", "0443"),
        json.dumps(flow()).replace("443", "4\x0043"),
        json.dumps(flow()).replace("ACCEPT", "ACC\tEPT"),
        json.dumps(flow()).replace("eni-", "eni\x7f"),
        "\ufeff" + json.dumps(flow()),
    ]
)


@given(
    st.lists(st.one_of(objects, objects, objects, odd_lines), max_size=30),
    st.booleans(),
    st.lists(st.integers(1, 4000)),
)
def test_blocks_of_objects_are_counted_like_one_text(drawn, ends, cuts):
    head = [json.dumps(flow(packets=str(number))) for number in range(1, 4)]
    assert_same(("\n".join([*head, *drawn]) + "\n" * ends).encode(), cuts)


messages = st.one_of(
    flow_lines.map(bytes.decode),
    st.sampled_from(
        [
            "",
            "2 3\n4 5",
            "version dstport protocol",
            "START RequestId",
            '{"message": "x"}',
            line(dstport="x").decode(),
            line(version="3").decode(),
            line(status="NODATA").decode(),
            f"{line().decode()} more",
            "\u00e9",
        ]
    ),
).map(lambda text: json.dumps({"timestamp": 1, "message": text}))


@given(
    st.lists(st.one_of(messages, messages, odd_lines), max_size=30),
    st.lists(st.integers(1, 4000)),
)
def test_blocks_of_messages_are_counted_like_one_text(drawn, cuts):
    head = [json.dumps({"timestamp": 1, "message": line().decode()})] * 3
    assert_same("\n".join([*head, *drawn, ""]).encode(), cuts)


def test_like_objects_are_not_parsed_one_by_one():
    content = (json.dumps(flow()) + "\n").encode() * 5000
    parse = json_documents._in_document
    with patch.object(json_documents, "_in_document", side_effect=parse) as parsed:
        assert counts(content).total.flows == 5000
    assert parsed.call_count < 100


def test_the_usual_order_of_members_is_read_in_blocks_even_if_the_first_line_has_another():
    first = json.dumps(dict(reversed(flow().items())))
    content = "\n".join([first, *[json.dumps(flow())] * 2000]).encode()
    parse = json_documents._in_document
    with patch.object(json_documents, "_in_document", side_effect=parse) as parsed:
        assert counts(content).total.flows == 2001
    assert parsed.call_count < 100


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": null}',
        b'{"a": -1}',
        b'{"a": 1.5}',
        b'{"a": 01}',
        b'{"a": "\\n"}',
        b'{"a": "\xc3\xa9"}',
        b'{"a": {}}',
        b'{"a": 1, "a": 2}',
        b'{"a": 1} x',
        b'{"a": 1',
        b"{}",
        b"[1]",
        b"",
    ],
)
def test_an_object_with_other_values_than_plain_texts_and_numbers_has_no_plan(text):
    assert plan_of(text, lambda _: pytest.fail("it was asked")) is None


def test_a_plan_has_what_stands_around_the_values_and_which_are_wanted():
    values = json_lines.Values(Kind("x"), {"b": "dstport", "c": "protocol"}, is_text=False)
    plan = plan_of(b'{ "a": "1", "b" :2,"c":""}\r\n', lambda _: values)
    segments = bytes(plan.members.segments[:-8])
    ends = plan.members.ends.tolist()
    parts = [segments[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    assert parts == [b'{ "a": "', b'", "b" :', b',"c":"', b'"}']
    assert plan.members.kinds.tolist() == [0, 3, 2]
    assert plan.layout.names == ("dstport", "protocol")


@pytest.mark.parametrize(
    ("head", "is_by_lines"),
    [
        (b'{"a": 1}\n{"b": 2}\n', True),
        (b'{"a": 1}\n{"b": 2}\n{"c":', True),
        (b'{"a": 1}\n', False),
        (b'{"a": 1}\n[1]\n', False),
        (b'{"a":\n1}\n', False),
        (b'{"a": 1}{"b": 2}\n{"c": 3}\n', False),
        (b'\xef\xbb\xbf{"a": 1}\n{"b": 2}\n', False),
        (b"[\n{}\n]\n", False),
        (b"", False),
    ],
)
def test_a_file_is_read_by_lines_if_its_first_lines_are_objects(head, is_by_lines):
    assert begins_with_lines(head) is is_by_lines
