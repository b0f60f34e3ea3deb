"""JSON objects that are nearly alike, and their counts by blocks and as one text."""

from unittest.mock import patch

from hypothesis import strategies as st

from flowtag_core.counting import file_count
from flowtag_core.errors import LogError
from flowtag_core.shapes import json_documents
from flowtag_core.shapes.json_documents import Rest, _in_text
from tests.logs import flow_lines, line
from tests.shapes.made import counted_in_pieces
from tests.shapes.test_csv_rows import NAMES, TABLES


def counts(content, cuts=()):
    """Return the counts of JSON, or the error."""
    try:
        return counted_in_pieces(content, cuts, "a.json")
    except LogError as error:
        return str(error)


def counted_as_text(content):
    """Return the counts of JSON that is read document by document and counted by the reference, or the error."""

    def in_text(name, pieces, within):
        return _in_text(name, Rest(pieces), within)

    with (
        patch.object(json_documents, "_in_lines", in_text),
        patch.object(json_documents, "_in_arrays", in_text),
        patch.object(json_documents, "_plain_event", lambda _: None),
        patch.object(file_count, "_WORTH_A_CALL", 1 << 60),
    ):
        return counts(content)


def assert_counted_alike(fast, slow):
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


def event(message):
    return {"id": "1", "timestamp": 1_700_000_000_000, "message": message}


objects = st.one_of(
    flow_lines.map(lambda text: fields(text.decode().split())),
    flow_lines.map(lambda text: fields(text.decode().split())),
    flow_lines.map(lambda text: fields(text.decode().split(), is_number=False)),
    st.sampled_from(
        [
            dict(reversed(flow().items())),
            {**flow(), "more": 1},
            {**flow(), "srcport": None},
            {**flow(), "dstport": None},
            {**flow(), "account_id": None, "action": None},
            {name: value for name, value in flow().items() if name != "action"},
            {name: value for name, value in flow().items() if name not in ("start", "end")},
            {name: value for name, value in flow().items() if name != "protocol"},
            {**flow(), "account_id": 'a "quote" \\ '},
            {**flow(), "account_id": "\t\u00e9\ud83d\ude00"},
            {**flow(), "action": "ACC\nEPT"},
            {**flow(), "account_id": {"a": 1}},
            {**flow(), "account_id": [1, "two", {"three": 4}]},
            {**flow(), "account_id": True},
            {**flow(), "account_id": "},{"},
            {**flow(), "packets": 1.5, "bytes": -3},
            {**flow(), "dstport": "x"},
            {**flow(), "dstport": 443.0, "packets": 10.0, "bytes": 1e16, "start": 1.7e9},
            {**flow(), "dstport": "443.0", "srcport": 5.25, "bytes": 123456789012345.0},
            {**flow(), "action": "ACCEPT\n", "account_id": "x\n", "srcaddr": "10.0.0.1\n"},
            {**flow(), "srcport": "", "start": ""},
            {"a": {"b": flow()}},
            {"_index": "x", "_source": flow()},
            {"_index": "x", "_score": 1.5, "_source": dict(reversed(flow().items()))},
            {**flow(), "class_uid": 4001},
            {**flow(), "class_uid": 4002},
            {**flow(), "firewall_name": "x", "event.event_type": "alert"},
            flow(dstport="-", protocol="-", status="NODATA"),
            flow(action="allowed"),
            {"dstport": 1, "protocol": 6, "start": 1_700_000_000},
            {"message": line().decode()},
            {"message": line().decode(), "dstport": 1},
            event(line().decode()),
            {},
            [],
            [flow(), flow()],
            "text",
            7,
            None,
        ]
    ),
)
messages = st.one_of(
    flow_lines.map(bytes.decode),
    flow_lines.map(bytes.decode),
    st.sampled_from(
        [
            "",
            "2 3\n4 5",
            f"{line().decode()}\n{line().decode()}",
            "version dstport protocol",
            "START RequestId",
            '{"message": "x"}',
            line(dstport="x").decode(),
            line(version="3").decode(),
            line(status="NODATA").decode(),
            f"{line().decode()} more",
            f"{line().decode()}\n",
            f"{line().decode()} \u00e9",
        ]
    ),
)
