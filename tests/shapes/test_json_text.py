"""In JSON text of any size, whole or broken, nothing is lost or read twice, and reading always ends."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.counts import Reason
from flowtag_core.shapes import json_text
from flowtag_core.shapes.json_text import JsonText, Unread, is_json
from flowtag_core.sources.budget import Budget

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=9,
)
objects = st.dictionaries(st.text("abc", max_size=2), values, max_size=4)
CONTAINERS = ("events", "hits.hits")


def read(content, size=None):
    """Read the content in pieces of this size; return the reader and the documents with their lines."""
    content = content.encode() if isinstance(content, str) else content
    size = size or len(content) or 1
    text = JsonText(
        iter([content[i : i + size] for i in range(0, len(content), size)]),
        CONTAINERS,
        Budget("a.json"),
    )
    return text, list(text.documents())


def found(content, size=None):
    return [value for _, value in read(content, size)[1]]


@given(st.lists(objects, max_size=5), st.sampled_from(["", "\n", " \r\n\n"]), st.integers(1, 40))
def test_documents_back_to_back_or_one_per_line_come_out_unchanged(documents, between, size):
    text = between.join(map(json.dumps, documents))
    assert found(text, size) == documents


@given(st.lists(objects), st.integers(1, 40), st.sampled_from([None, 1]))
def test_the_items_in_the_containers_of_a_large_document_come_one_by_one(items, size, indent):
    small = json_text._LARGEST_DOCUMENT
    json_text._LARGEST_DOCUMENT = 4
    try:
        for document in (
            {"a": [1, {"b": "]"}], "events": items, "c": None},
            {"took": 1, "hits": {"total": {"value": 2}, "hits": items}},
            items,
        ):
            expected = items if items or isinstance(document, list) else []
            assert found(json.dumps(document, indent=indent), size) in (expected, [document])
        bare = {"a": [1, 2, "x" * 9], "b": {"c": items}}
        assert found(json.dumps(bare, indent=indent), size) == [bare]
    finally:
        json_text._LARGEST_DOCUMENT = small


@given(st.text('{}[]",:\\\n ab1', max_size=40), st.integers(1, 9))
def test_any_text_gives_the_same_documents_however_it_is_split(text, size):
    whole, pieces = read(text), read(text, size)
    assert whole[1] == pieces[1]
    assert (whole[0].is_cut, whole[0].line) == (pieces[0].is_cut, pieces[0].line)


@settings(max_examples=100)
@given(st.lists(objects, min_size=3, max_size=6), st.data())
def test_a_broken_line_spoils_only_itself(documents, data):
    lines = [json.dumps(document) for document in documents]
    place = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(1, max(len(lines[place]) - 1, 1)))
    lines[place] = lines[place][:cut] + "\x01"
    others = documents[:place] + documents[place + 1 :]
    kept = [value for value in found("\n".join(lines)) if isinstance(value, dict)]
    assert [value for value in others if value in kept] == others


@pytest.mark.parametrize("broken", ['{"a": "x\n', '{"a": x}', "9x", '"\\q"', "tru", "{1: 2}"])
def test_a_broken_value_in_an_array_spoils_only_itself(broken):
    kept = [
        value
        for value in found('[{"a": 1}, ' + broken + ',\n{"b": 2}, {"c": 3}]')
        if isinstance(value, dict)
    ]
    assert {"a": 1} in kept
    assert {"c": 3} in kept


def test_every_document_is_numbered_by_the_line_it_begins_on():
    _, documents = read('\n{"a":\n1}\n\n{"b": 2} {"c": 3}\nplain text\n{"d": 4}')
    assert documents == [
        (2, {"a": 1}),
        (5, {"b": 2}),
        (5, {"c": 3}),
        (6, "plain text"),
        (7, {"d": 4}),
    ]


def test_text_that_is_cut_short_is_reported_and_everything_before_is_kept():
    content = json.dumps({"events": [{"m": place} for place in range(9)]})
    for cut in range(2, len(content)):
        text, documents = read(content[:cut])
        assert text.is_cut
        whole = [value for _, value in documents if not isinstance(value, Unread)]
        assert whole == [{"m": place} for place in range(len(whole))]
        assert len(whole) >= content[:cut].count("}")


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '[{"n":' + "9" * 5000 + "}]",
        '{"events":[{"message":"' + "x" * (1 << 25) + '"},{"b":1}]}',
        '{"a":"' + "\\\\" * (1 << 22) + '"}',
        "[" + "1," * (1 << 18) + "}" * (1 << 18),
        "\n" * (1 << 22) + "{",
        "{" * 1000 + "\n" + "}" * 1000,
    ],
    ids=range(8),
)
def test_hostile_text_takes_bounded_time(content):
    started = time.monotonic()
    read(content, 1 << 18)
    assert time.monotonic() - started < 20


def test_a_value_that_is_too_long_is_set_aside_and_the_next_one_is_kept(monkeypatch):
    monkeypatch.setattr(json_text, "LARGEST_VALUE", 1 << 12)
    monkeypatch.setattr(json_text, "_LARGEST_DOCUMENT", 1 << 10)
    long = '{"m": "' + "x" * (1 << 14) + '"}'
    (first, second) = found('{"events": [' + long + ', {"b": 1}]}', 1000)
    assert (first.reason, second) == (Reason.TOO_LONG, {"b": 1})
    assert found(long + '\n{"b": 1}', 1000)[1] == {"b": 1}


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'{"a"', True),
        (b"\xef\xbb\xbf \n[\n  {", True),
        (b"[1, 2]", True),
        (b'export of today\n{"message"', True),
        (b"[INFO] exporting", False),
        (b"{note} x", False),
        (b"2 123456789012 eni", False),
        (b"", False),
    ],
)
def test_json_is_distinguished_from_text_by_how_it_begins(head, expected):
    assert is_json(head) == expected
