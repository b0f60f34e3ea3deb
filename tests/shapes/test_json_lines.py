"""Blocks of like objects, read by the kernel, give what reading the JSON as one text gives."""

import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.shapes import json_blocks, json_documents, json_lines
from flowtag_core.shapes.json_lines import begins_with_lines
from tests.logs import line
from tests.shapes.like_objects import (
    assert_counted_alike,
    counted_as_text,
    counts,
    flow,
    messages,
    objects,
)

pytestmark = pytest.mark.usefixtures("kernel")


def assert_same(content, cuts=()):
    with patch.object(json_lines, "_LINES_FIRST", 2), patch.object(json_blocks, "_BLOCK", 1):
        fast = counts(content, cuts)
    assert_counted_alike(fast, counted_as_text(content))


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


written = objects.map(json.dumps)


@given(
    st.lists(st.one_of(written, written, written, odd_lines), max_size=30),
    st.booleans(),
    st.lists(st.integers(1, 4000)),
)
def test_blocks_of_objects_are_counted_like_one_text(drawn, ends, cuts):
    head = [json.dumps(flow(packets=str(number))) for number in range(1, 4)]
    assert_same(("\n".join([*head, *drawn]) + "\n" * ends).encode(), cuts)


logged = messages.map(lambda text: json.dumps({"timestamp": 1, "message": text}))


@given(
    st.lists(st.one_of(logged, logged, odd_lines), max_size=30),
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


def test_only_the_block_of_a_broken_line_is_read_as_text():
    flows = [json.dumps(flow(packets=str(number))) for number in range(20_000)]
    content = "\n".join([*flows[:5], '{"version": 2, "broken', *flows[5:], ""]).encode()
    with patch.object(
        json_documents, "_in_document", side_effect=json_documents._in_document
    ) as parsed:
        fast = counts(content)
    assert parsed.call_count < 5_000
    assert_counted_alike(fast, counted_as_text(content))
    assert fast.total.flows == 20_000


def test_the_usual_order_of_keys_is_read_in_blocks_even_if_the_first_line_has_another():
    first = json.dumps(dict(reversed(flow().items())))
    content = "\n".join([first, *[json.dumps(flow())] * 2000]).encode()
    parse = json_documents._in_document
    with patch.object(json_documents, "_in_document", side_effect=parse) as parsed:
        assert counts(content).total.flows == 2001
    assert parsed.call_count < 100


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


ALB = (
    "https 2023-11-14T22:13:20.000000Z app/my-lb/1 10.0.0.1:5 10.0.0.2:443 0 0 0 200 200 1 1 x x x"
)


@pytest.mark.parametrize("flows", [[], [line().decode()]])
def test_messages_of_another_product_are_refused_unless_one_is_a_flow(flows):
    written = [json.dumps({"timestamp": 1, "message": text}) for text in [ALB] * 500 + flows]
    content = "\n".join([*written, ""]).encode()
    fast, slow = counts(content), counted_as_text(content)
    assert_counted_alike(fast, slow)
    assert isinstance(fast, str) == (not flows)
