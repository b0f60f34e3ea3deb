"""Blocks of objects in arrays, read by the kernel, give what reading the JSON as one text gives."""

import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.shapes import json_arrays, json_blocks, json_documents
from tests.logs import line
from tests.shapes.like_objects import (
    assert_counted_alike,
    counted_as_text,
    counts,
    event,
    flow,
    messages,
    objects,
)

pytestmark = pytest.mark.usefixtures("kernel")


def counted_by_blocks(content, cuts=()):
    with (
        patch.object(json_arrays, "_WORTH_BLOCKS", 300),
        patch.object(json_arrays, "_LARGE", 1200),
        patch.object(json_blocks, "_BLOCK", 1),
    ):
        return counts(content, cuts)


def envelope(events, **others):
    return {"messageType": "DATA_MESSAGE", "owner": "1", **others, "logEvents": events}


CONTROL = envelope(
    [event("CWL CONTROL MESSAGE"), event(line().decode())], messageType="CONTROL_MESSAGE"
)
BROKEN = [
    '{"a"',
    "x",
    '{"id": "1", "message": "open',
    "}",
    "]",
    '{"a": 01}',
    "\x00",
    '{"\\u00x": 1}',
]

cuts = st.lists(st.integers(1, 4000))
events = st.lists(messages.map(event), min_size=1, max_size=6)
odd_documents = st.sampled_from(
    [
        CONTROL,
        envelope([]),
        envelope([event(line().decode())], more=None),
        envelope([event(line().decode())], subscriptionFilters=["a", "b"]),
        envelope([event(line().decode())], message=line().decode()),
        envelope([event(line().decode())], data="bm8="),
        envelope([event(line().decode())], records=[flow()]),
        {"logEvents": [event(line().decode())]},
        flow(),
        [flow()],
        "text",
    ]
)
documents = st.lists(
    st.one_of(events.map(envelope), events.map(envelope), odd_documents), max_size=8
)
HEAD = envelope([event(line(packets=str(number)).decode()) for number in range(1, 4)])


@given(documents, st.sampled_from(["", "\n", "\r\n", " ", ",\n"]), st.booleans(), cuts)
def test_envelopes_are_counted_like_one_text(drawn, between, is_compact, cuts):
    options = {"separators": (",", ":")} if is_compact else {}
    written = [json.dumps(each, **options) for each in (HEAD, HEAD, HEAD, *drawn)]
    content = between.join([*written, ""]).encode()
    assert_counted_alike(counted_by_blocks(content, cuts), counted_as_text(content))


@given(
    st.lists(st.one_of(objects, messages.map(event)), max_size=20),
    st.sampled_from(["events", "records", "results", None, "others"]),
    st.sampled_from([None, None, 0, 2]),
    st.one_of(st.none(), st.tuples(st.integers(0, 60), st.sampled_from(BROKEN))),
    st.one_of(st.none(), st.integers(1, 3000)),
    cuts,
)
def test_one_document_is_counted_like_one_text(drawn, key, indent, broken, end, cuts):
    first = [flow(packets=str(number)) for number in range(1, 6)]
    array = [*first, *drawn]
    whole = array if key is None else {key: array, "nextToken": None}
    text = json.dumps(whole, indent=indent)
    if broken:
        parts = text.split("{")
        place = min(broken[0] + 5, len(parts))
        text = "{".join(parts[:place]) + broken[1] + "{".join(parts[place:])
    content = text.encode()[: None if end is None else -end]
    assert_counted_alike(counted_by_blocks(content, cuts), counted_as_text(content))


def parsed(content):
    """Return how many documents or objects were parsed one by one, and the counts."""
    parse = json_documents._in_document
    with patch.object(json_documents, "_in_document", side_effect=parse) as one_by_one:
        found = counts(content, range(1 << 18, len(content), 1 << 18))
    return one_by_one.call_count, found


DATA = [event(line(packets=str(number % 1000 + 1)).decode()) for number in range(20_000)]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"events": DATA, "nextToken": "x"}),
        json.dumps({"events": DATA}, indent=4),
        json.dumps([flow(packets=str(number % 1000 + 1)) for number in range(20_000)]),
        "".join(json.dumps(envelope(DATA[at : at + 40])) for at in range(0, 20_000, 40)),
        "\n".join(json.dumps(envelope(DATA[at : at + 40])) for at in range(0, 20_000, 40)),
        "".join(json.dumps(envelope(DATA[at : at + 1000])) for at in range(0, 20_000, 1000)),
        "\ufeff" + json.dumps([{"_id": "1", "_source": flow()}] * 20_000),
    ],
    ids=["events", "indented", "array", "envelopes", "lines", "long envelopes", "hits"],
)
def test_like_objects_are_not_parsed_one_by_one(content):
    times, found = parsed(content.encode())
    assert found.total.flows == 20_000
    assert times < 5000
    assert_counted_alike(found, counted_as_text(content.encode()))


def test_a_control_message_does_not_end_the_reading_by_blocks():
    written = [json.dumps(envelope(DATA[at : at + 40])) for at in range(0, 20_000, 40)]
    times, found = parsed("".join([*written[:200], json.dumps(CONTROL), *written[200:]]).encode())
    assert found.total.flows == 20_000
    assert times < 8000


def test_a_false_beginning_inside_an_object_does_not_lose_it():
    inner = [{"id": "1", "timestamp": 1}] * 3000
    array = [*DATA[:5000], {**DATA[0], "inner": inner}, *DATA[5000:10_000]]
    content = json.dumps({"events": array}).encode()
    assert counts(content).total.flows == 10_001


MANY = [event(line(packets=str(number + 1)).decode()) for number in range(400)]
SAME = [flow(packets=str(number + 1)) for number in range(400)]


@pytest.mark.parametrize(
    "document",
    [
        {"hits": {"hits": SAME}, "events": SAME},
        {"events": SAME, "hits": {"hits": SAME}},
        {"records": SAME, "events": SAME},
        {**envelope(MANY), "messageType": "CONTROL_MESSAGE"},
        {"logEvents": MANY, "messageType": "CONTROL_MESSAGE"},
        {"logEvents": MANY, "message": json.dumps(flow())},
        {"logEvents": MANY, "columns": ["dstport"], "rows": [[1]]},
        {"logEvents": MANY, "_source": flow()},
        {"events": [{**each, "field": 1} for each in SAME]},
        [{"a.dstport": 443, **each, "a": {"dstport": None}} for each in SAME],
        [{"dstport": 443, "": {"dstport": 53}, "protocol": 6, "packets": 1} for _ in range(1000)],
        [{**each, "n": 5, "x": int("9" * 4000)} for each in SAME],
    ],
    ids=range(12),
)
def test_a_document_that_says_more_than_its_array_is_counted_like_one_text(document):
    content = json.dumps(document).encode()
    assert_counted_alike(counts(content), counted_as_text(content))
    escaped = content.replace(b"CONTROL_", b"CONTROL\\u005f")
    assert_counted_alike(counts(escaped), counted_as_text(escaped))


def test_beginnings_that_take_long_to_search_for_are_not_searched_for():
    spaces = [
        '{"k":[' + " " * (40_000 + n) + "5]," + json.dumps(flow())[1:] + " " * (n + 1)
        for n in range(3)
    ]
    content = "[" + ",".join([*spaces, '{"z":[' + " " * 800_000 + "1]}", json.dumps(flow())]) + "]"
    assert_counted_alike(counts(content.encode()), counted_as_text(content.encode()))
