"""JSON -> records: messages in envelopes, in lines or in arrays, or fields under keys.

To add a shape, say in a table where its records are: _CONTAINERS has the places of arrays, _PACKED
those of payloads, `fields` the keys under which a record stands as text and the names that
its fields go by. How a file is taken apart, whatever its size, is in `json_text`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError, LogError, OverBudgetError
from flowtag_core.shapes.fields import (
    FEWEST_WORDS,
    IN_EVERY_FLOW,
    MESSAGE_KEYS,
    are_flows,
    fields_of,
    is_ocsf,
    is_summary,
    others,
    summary_refusal,
    text_of,
    word,
)
from flowtag_core.shapes.json_text import JsonText, Unread, is_json
from flowtag_core.shapes.layout import Layout
from flowtag_core.shapes.records import Kind, Records, batched
from flowtag_core.shapes.text import whole_lines
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import File, Pieces, peeked
from flowtag_core.sources.unpacking import unpacked

_CONTAINERS: Final = (
    "events",  # aws logs filter-log-events, get-log-events
    "logEvents",  # a subscription's envelope
    "results",  # aws logs get-query-results
    "records",  # Firehose over HTTP; Azure's logs
    "Records",  # Kinesis; CloudTrail
    "hits.hits",  # a search tool
    "resourceLogs",  # OpenTelemetry, each of the three within the one before
    "scopeLogs",
    "logRecords",
)
"""Where in a JSON document the array of its records is."""
_PACKED: Final = ("awslogs.data", "kinesis.data", "Data", "data")
"""Where base64 of records stands."""
_ENVELOPE: Final = frozenset(
    ["messageType", *(place.partition(".")[0] for place in (*_CONTAINERS, *_PACKED))]
)
"""Keys of an envelope around records; a document with none of them is looked at less closely."""
_CONTROL: Final = "CONTROL_MESSAGE"
_DEEPEST: Final = 32
_LONGEST_TOLD: Final = 400
_LONGEST_PATH: Final = 200
_PART_COST: Final = 1_500
_LEAF_COST: Final = 100
"""The work to look at a part of a document, and at a value in it, in bytes of log to count."""

_NOTES: Final = ("NODATA", "SKIPDATA")
"""What log-status says where AWS has no flow to tell of."""

_UNKNOWN: Final = Kind("JSON", reason=Reason.NO_RECORD_IN_JSON)
_UNREAD: Final = {reason: Kind("JSON", reason=reason) for reason in Reason}
_AS_TEXT: Final = Kind("JSON, records as text")
_IN_BASE64: Final = Kind("JSON, records in base64")
_UNDER: Final = {key: Kind(f"JSON, records under {key}") for key in MESSAGE_KEYS}

Texts = Iterator[tuple[Kind, bytes]]
Wanted = tuple[str, ...]


class _Within(NamedTuple):
    """The wanted fields, the file's budget, and how deep in a document a part of it is."""

    wanted: Wanted
    budget: Budget
    depth: int = 0

    @property
    def deeper(self) -> _Within:
        """The same one level below."""
        return _Within(self.wanted, self.budget, self.depth + 1)


def json_records(name: str, pieces: Pieces, wanted: Wanted, budget: Budget) -> Iterator[Records]:
    """The records, with the `wanted` fields, of a file that begins as JSON.

    Each has the number of its line where every line is a document, else its place among the records.
    Raises LogError where the file holds the logs of others, DamagedLogError, after everything that
    came before, where it ends too early, OverBudgetError where what is packed in it is too much.
    """
    text = JsonText(pieces, _CONTAINERS, budget)
    yield from batched(_numbered(name, text, _Within(wanted, budget)), budget)


def _numbered(
    name: str, text: JsonText, within: _Within
) -> Iterator[tuple[Kind, tuple[int, bytes]]]:
    place = 0
    has_lines = False
    for line, document in text.documents():
        if not place:
            _refuse_others(name, document)
            has_lines = text.is_line_ending
        for kind, record in _in_document(document, within):
            place += 1
            yield kind, (line if has_lines else place, record)
    if text.damage:
        raise text.damage
    if text.is_cut:
        raise DamagedLogError(
            f"{name}: is cut short: its JSON stops in line {text.line:,} without its end."
        )


def _refuse_others(name: str, document: Any) -> None:
    """Raises LogError where the first document is one of somebody else's logs."""
    for _ in range(_DEEPEST):
        inner = _contained(document)
        document = inner[0] if inner else _one_object(document)
        if not inner:
            break
    keys = dict(_leaves(document)) if isinstance(document, dict) else {}
    if any(key in keys for key in MESSAGE_KEYS):
        return
    if whose := others(keys):
        raise LogError(f"{name}: holds {whose}. Give AWS VPC flow logs.")
    if is_summary(keys):
        raise LogError(summary_refusal(name, keys))


def _contained(document: Any) -> list[Any] | None:
    """The first array of which the document is an envelope, if it is one."""
    if isinstance(document, list) and isinstance(_one_object(document), list):
        return document
    if not isinstance(document, dict):
        return None
    arrays = (_at(document, place) for place in _CONTAINERS)
    return next((array for array in arrays if isinstance(array, list)), None)


def _in_document(document: Any, within: _Within) -> Texts:
    """The records of one JSON document, or of a part of one."""
    within.budget.stream(_PART_COST)
    document = _one_object(document)
    if isinstance(document, Unread):
        yield _UNREAD[document.reason], document.text.encode("utf-8", "replace")
    elif within.depth > _DEEPEST:
        yield _UNKNOWN, _told(document)
    elif isinstance(document, list):
        for inner in document:
            yield from _in_document(inner, within.deeper)
    elif isinstance(document, dict):
        source = document.get("_source")
        yield from _in_object(
            _with_attributes(source if isinstance(source, dict) else document), within
        )
    elif isinstance(document, str):
        yield from _in_text(_AS_TEXT, document)
    else:
        yield _UNKNOWN, _told(document)


def _one_object(document: Any) -> Any:
    """A row of Logs Insights, which comes as pairs, as the object that it means."""
    is_row = isinstance(document, list) and all(
        isinstance(pair, dict) and "field" in pair for pair in document
    )
    if not is_row or not document:
        return document
    return {text_of(pair["field"]): pair.get("value") for pair in document}


def _with_attributes(document: dict[str, Any]) -> dict[str, Any]:
    """A record of OpenTelemetry with its attributes, pairs of a name and a typed value, as keys."""
    pairs = document.get("attributes")
    if not isinstance(pairs, list) or not all(
        isinstance(pair, dict) and "key" in pair and isinstance(pair.get("value"), dict)
        for pair in pairs
    ):
        return document
    named = {text_of(pair["key"]): next(iter(pair["value"].values()), None) for pair in pairs}
    return {**document, "attributes": None, **named}


def _in_text(kind: Kind, text: str) -> Texts:
    lines = text.removesuffix("\n").split("\n") if "\n" in text else (text,)
    for line in lines:
        yield kind, line.encode("utf-8", "replace")


def _in_object(document: dict[str, Any], within: _Within) -> Texts:
    if document.keys().isdisjoint(_ENVELOPE):
        yield from _in_record(document, within)
        return
    payloads = (_at(document, place) for place in _PACKED)
    packed = next((payload for payload in payloads if isinstance(payload, str)), None)
    if document.get("messageType") == _CONTROL:
        return
    arrays = [array for place in _CONTAINERS if isinstance(array := _at(document, place), list)]
    is_record = not document.keys().isdisjoint(MESSAGE_KEYS) or are_flows(fields_of(document), [])
    if is_record or (packed is None and not arrays):
        yield from _in_record(document, within)
    elif packed is not None:
        yield from _in_payload(packed, within)
    for array in arrays:
        yield from _in_document(array, within.deeper)


def _in_record(document: dict[str, Any], within: _Within) -> Texts:
    """The record that an object is: as text under one of its keys, or its fields under several.

    Where it is neither, those in its arrays.
    """
    leaves = {path: value for path, value in _leaves(document) if value is not None}
    within.budget.stream(_LEAF_COST * len(leaves))
    keys = tuple(leaves)
    paths, kind = _fields(keys, within.wanted)
    if kind is None and leaves.get(_status(keys)) in _NOTES:
        paths, kind = _fields(keys, within.wanted, is_note=True)
    for key in MESSAGE_KEYS:
        text = leaves.get(key)
        if isinstance(text, str) and (kind is None or len(text.split()) >= FEWEST_WORDS):
            yield from _in_text(_UNDER[key], text)
            return
    if kind is not None:
        words = (word(leaves.get(path), field) for field, path in paths.items())
        yield kind, " ".join(words).encode("utf-8", "replace")
        return
    arrays = [value for value in leaves.values() if isinstance(value, list) and value]
    for array in arrays:
        yield from _in_document(array, within.deeper)
    if not arrays:
        yield _UNKNOWN, _told(document)


@lru_cache(maxsize=16)
def _status(paths: tuple[str, ...]) -> str:
    """The path of the field log-status, empty where there is none."""
    return fields_of(paths).get("log-status", "")


@lru_cache(maxsize=16)
def _fields(
    paths: tuple[str, ...], wanted: Wanted, is_note: bool = False
) -> tuple[dict[str, str], Kind | None]:
    """The paths of the wanted fields, and the kind of records that they make, if any.

    Mostly all documents of a file have the same keys.
    """
    found = fields_of(paths)
    if is_note or is_ocsf(paths):  # without port and protocol it is still a record
        found = dict.fromkeys(IN_EVERY_FLOW, "") | found
    elif not are_flows(found, paths):
        return {}, None
    there = {field: found[field] for field in wanted if field in found}
    layout = Layout(tuple(there), "named by keys")
    return there, Kind("JSON, fields under keys", layout)


def _told(document: Any) -> bytes:
    """The beginning of what is no record, to be set aside."""
    try:
        return json.dumps(document, default=str)[:_LONGEST_TOLD].encode()
    except RecursionError:
        return b"..."


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _leaves(document: dict[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every value with the path of keys that leads to it."""
    for key, value in document.items():
        if len(above) + len(key) > _LONGEST_PATH:
            continue  # no field is called so, and a long name may stand above thousands
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _leaves(value, f"{above}{key}.", depth + 1)
        else:
            yield f"{above}{key}", value


def _in_payload(packed: str, within: _Within) -> Texts:
    """The records in what Lambda and Firehose are given: base64, mostly of gzip."""
    try:
        payload = base64.b64decode("".join(packed.split()), validate=True)
        within.budget.stream(len(payload))
        for file in unpacked(File("the payload", iter([payload]), budget=within.budget)):
            yield from _in_file(file, within)
    except OverBudgetError:
        raise
    except DamagedLogError as damage:
        yield _UNREAD[Reason.CUT_SHORT], damage.tail or packed[:_LONGEST_TOLD].encode()
    except (LogError, binascii.Error, ValueError):
        yield _UNKNOWN, packed[:_LONGEST_TOLD].encode("utf-8", "replace")


def _in_file(file: File, within: _Within) -> Texts:
    head, pieces = peeked(file.pieces())
    if not is_json(head):
        for block in whole_lines(pieces):
            for line in block.text.removesuffix(b"\n").split(b"\n"):
                yield _IN_BASE64, line
        return
    text = JsonText(pieces, _CONTAINERS, within.budget)
    for _, document in text.documents():
        yield from _in_document(document, within.deeper)
    if text.damage:
        raise text.damage
