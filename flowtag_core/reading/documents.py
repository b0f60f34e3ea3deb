"""JSON of any size -> records: messages in envelopes, in lines or in arrays, or fields under keys.

To add a shape, say in a table where its records are: _CONTAINERS has the places of arrays, the room
`fields` the keys under which a record stands as text and the names that its fields go by.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Any, BinaryIO, Final, NamedTuple, cast

from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.reading.fields import (
    MESSAGE_KEYS,
    WANTED,
    fields_of,
    is_summary,
    others,
    summary_refusal,
    word,
)
from flowtag_core.reading.layout import Layout
from flowtag_core.reading.records import NumberedTexts, Records
from flowtag_core.reading.sources import whole_lines
from flowtag_core.reading.unpacking import HEAD_SIZE, Pieces, Tape

_CONTAINERS: Final = (
    "events.item",  # aws logs filter-log-events, get-log-events
    "logEvents.item",  # a subscription's envelope
    "results.item",  # aws logs get-query-results
    "records.item",  # Firehose over HTTP; Azure's logs
    "Records.item",  # CloudTrail
    "hits.hits.item",  # a search tool
    "item",  # any array
)
"""Where in a JSON document its records are, as ijson names places."""
_PLACES: Final = frozenset(_CONTAINERS)
_ENVELOPE: Final = frozenset(
    ["awslogs", "data", "messageType", *(place.partition(".")[0] for place in _CONTAINERS)]
)
"""Of what holds records, one of these is a key; no other document need be looked at so closely."""
_CONTROL: Final = "CONTROL_MESSAGE"
_RECORDS_AT_ONCE: Final = 1 << 10
_MOST_HELD: Final = 1 << 18
"""Keys, values and brackets of one document that are held at once."""
_DEEPEST: Final = 32
_STARTS: Final = ("start_map", "start_array")
_ENDS: Final = ("end_map", "end_array")
_LONGEST_TOLD: Final = 400
_LARGEST_PAYLOAD: Final = 1 << 26
_GZIP: Final = b"\x1f\x8b"
_SPACE: Final = re.compile(r"\s*")

Found = Iterator[tuple["_Kind", bytes]]


class _Kind(NamedTuple):
    """Where a record was found, for people, and what its words are if the shape says so."""

    shape: str
    names: tuple[str, ...] = ()


_UNKNOWN: Final = _Kind("JSON")


def json_records(name: str, head: bytes, pieces: Pieces) -> Iterator[Records]:
    """The records of a file that begins as JSON, each with its line or its place in the file.

    Raises LogError where it holds the logs of others, DamagedLogError, after everything that came
    before, where it ends too early.
    """
    documents = _lines(pieces) if _is_line_by_line(head) else _streamed(name, pieces)
    first = next(documents, None)
    if first is None:
        return
    _refuse_others(name, first[1])
    batch: NumberedTexts = []
    before = _UNKNOWN
    try:
        for number, document in chain([first], documents):
            for kind, text in _in_document(document):
                if batch and (kind != before or len(batch) >= _RECORDS_AT_ONCE):
                    yield _batch(before, batch)
                    batch = []
                before = kind
                batch.append((number, text))
    except DamagedLogError:
        yield _batch(before, batch)
        raise
    yield _batch(before, batch)


def _batch(kind: _Kind, numbered: NumberedTexts) -> Records:
    layout = Layout(kind.names, "named by keys") if kind.names else None
    reason = Reason.NO_RECORD_IN_JSON if kind is _UNKNOWN else None
    return Records(numbered, kind.shape, layout, reason)


def _refuse_others(name: str, document: Any) -> None:
    """Raises LogError where the first document is one of somebody else's logs."""
    document = _one_object(document)
    keys = dict(_leaves(document)) if isinstance(document, dict) else {}
    if whose := others(keys):
        raise LogError(f"{name}: holds {whose}. Give AWS VPC flow logs.")
    if is_summary(keys):
        raise LogError(summary_refusal(name, keys))


def _is_line_by_line(head: bytes) -> bool:
    """Whether the first line is a document of its own and another line follows."""
    first, _, rest = head.lstrip().partition(b"\n")
    return bool(rest.strip()) and not isinstance(_parsed(first), str)


def _lines(pieces: Pieces) -> Iterator[tuple[int, Any]]:
    """The document on each line; a line that is none comes as the text that it is."""
    number = 0
    for block in whole_lines(pieces):
        for line in block.text.split(b"\n"):
            number += 1
            if line.strip():
                yield number, _parsed(line)
        number -= block.text.endswith(b"\n")  # what follows the last line end is no line


def _parsed(text: bytes) -> Any:
    """The document that a text is, or the text where it is none."""
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return text.decode("utf-8-sig", "replace")


def _streamed(name: str, pieces: Pieces) -> Iterator[tuple[int, Any]]:
    """Each record, or document without a container, with its place; one at a time is held."""
    try:
        import ijson
    except ImportError:
        raise LogError(
            f"{name}: is JSON, for which the Python package ijson is needed. "
            "Install it: pip install ijson."
        ) from None
    tape = Tape(pieces)
    events = ijson.parse(cast(BinaryIO, tape), multiple_values=True)
    try:
        yield from enumerate(_built(name, events), 1)
    except ijson.JSONError as error:
        raise tape.damage or DamagedLogError(
            f"{name}: is damaged or cut short: the JSON does not hold together to its end."
        ) from error
    if tape.damage:
        raise tape.damage


def _built(name: str, events: Iterator[tuple[str, str, Any]]) -> Iterator[Any]:
    """What stands in the containers of each document, or the document where it has none."""
    import ijson

    around = building = ijson.ObjectBuilder()
    depth = base = held = held_around = 0
    is_control = has_items = False
    for prefix, event, value in events:
        if building is around and prefix in _PLACES and event not in _ENDS:
            building, base, held_around, held = ijson.ObjectBuilder(), depth, held, 0
            has_items = True
        building.event(event, value)
        held += 1
        depth += (event in _STARTS) - (event in _ENDS)
        if prefix == "messageType":
            is_control = value == _CONTROL
        if depth > base:
            if held > _MOST_HELD or depth > _DEEPEST:
                raise _too_large(name)
        elif building is not around:
            if not is_control:
                yield building.value
            building, base, held = around, 0, held_around
        else:
            if not has_items:
                yield around.value
            around = building = ijson.ObjectBuilder()
            held, is_control, has_items = 0, False, False


def _too_large(name: str) -> LogError:
    return LogError(
        f"{name}: is JSON whose records stand in no place that flowtag knows. Give them as an array, "
        "or one a line."
    )


def _in_document(document: Any, depth: int = 0) -> Found:
    """The records of one JSON document."""
    if depth > _DEEPEST:
        yield _UNKNOWN, _told(document)
    elif isinstance(document := _one_object(document), list):
        for inner in document:
            yield from _in_document(inner, depth + 1)
    elif isinstance(document, dict):
        yield from _in_object(document.get("_source", document), depth)
    elif isinstance(document, str):
        yield from _in_text(_Kind("JSON, records as text"), document)
    else:
        yield _UNKNOWN, _told(document)


def _one_object(document: Any) -> Any:
    """A row of Logs Insights, which comes as pairs, as the object that it means."""
    is_row = isinstance(document, list) and all(
        isinstance(pair, dict) and "field" in pair for pair in document
    )
    if not is_row or not document:
        return document
    return {str(pair["field"]): pair.get("value") for pair in document}


def _in_text(kind: _Kind, text: str) -> Found:
    for line in text.splitlines() or [""]:
        yield kind, line.encode("utf-8", "replace")


def _in_object(document: Any, depth: int) -> Found:
    if not isinstance(document, dict):
        yield _UNKNOWN, _told(document)
        return
    if document.keys().isdisjoint(_ENVELOPE):
        yield from _in_record(document, depth)
        return
    packed = _at(document, "awslogs.data") or (_at(document, "data") if len(document) < 3 else None)
    containers = (_at(document, place.removesuffix(".item")) for place in _CONTAINERS[:-1])
    inner = next((inner for inner in containers if isinstance(inner, list)), None)
    if document.get("messageType") == _CONTROL:
        return
    if isinstance(packed, str):
        yield from _in_payload(packed, depth)
    elif inner is not None:
        yield from _in_document(inner, depth + 1)
    else:
        yield from _in_record(document, depth)


def _in_record(document: dict[str, Any], depth: int) -> Found:
    """The record that an object is: as text under one of its keys, or its fields under several.

    Where it is neither, those in its arrays.
    """
    leaves = dict(_leaves(document))
    paths = _fields(tuple(leaves))
    has_flow = {"dstport", "protocol"} <= paths.keys()
    for key in MESSAGE_KEYS:
        text = leaves.get(key)
        if isinstance(text, str) and (not has_flow or len(text.split()) > 3):
            yield from _in_text(_Kind(f"JSON, records under {key}"), text)
            return
    if has_flow:
        names = tuple(field for field in WANTED if field in paths)
        text = " ".join(word(leaves[paths[field]], field) for field in names)
        yield _Kind("JSON, fields under keys", names), text.encode("utf-8", "replace")
        return
    arrays = [value for value in leaves.values() if isinstance(value, list) and value]
    for array in arrays:
        yield from _in_document(array, depth + 1)
    if not arrays:
        yield _UNKNOWN, _told(document)


@lru_cache(maxsize=16)
def _fields(paths: tuple[str, ...]) -> dict[str, str]:
    """Where the fields stand; mostly all documents of a file have the same keys."""
    return fields_of(paths)


def _told(document: Any) -> bytes:
    """The beginning of what is no record, to be set aside."""
    return json.dumps(document, default=str)[:_LONGEST_TOLD].encode()


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _leaves(document: dict[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every value with the path of keys that leads to it."""
    for key, value in document.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _leaves(value, f"{above}{key}.", depth + 1)
        else:
            yield f"{above}{key}", value


def _in_payload(packed: str, depth: int) -> Found:
    """The records in what Lambda and Firehose are given: base64, mostly of gzip."""
    try:
        payload = base64.b64decode(packed, validate=True)
        if payload.startswith(_GZIP):
            payload = zlib.decompressobj(wbits=31).decompress(payload, _LARGEST_PAYLOAD)
    except (binascii.Error, zlib.error, ValueError):
        yield _UNKNOWN, packed[:_LONGEST_TOLD].encode("utf-8", "replace")
        return
    if payload[:HEAD_SIZE].lstrip()[:1] not in (b"{", b"["):
        yield from _in_text(_Kind("JSON, records in base64"), payload.decode("utf-8", "replace"))
        return
    for document in _back_to_back(payload.decode("utf-8", "replace")):
        yield from _in_document(document, depth + 1)


def _back_to_back(text: str) -> Iterator[Any]:
    """The documents of a text that is held whole, whether or not line ends part them."""
    decoder, end = json.JSONDecoder(), 0
    while (start := cast(re.Match[str], _SPACE.match(text, end)).end()) < len(text):
        try:
            document, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            document, end = text[start:], len(text)
        yield document
