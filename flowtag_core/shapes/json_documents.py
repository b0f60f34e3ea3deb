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
    is_mark,
    is_summary,
    may_be_flows,
    may_be_of_others,
    summary_refusal,
    text_of,
    with_port_0,
    word,
)
from flowtag_core.shapes.json_text import JsonText, Unread, is_json
from flowtag_core.shapes.layout import Layout
from flowtag_core.shapes.others import FIREWALL, telling, whose, whose_by, whose_line, whose_value
from flowtag_core.shapes.records import Kind, Records, batched, of_others, sound
from flowtag_core.shapes.text import whole_lines
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import HEAD_SIZE, File, Pieces, peeked
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
_FOUND: Final = ("_source", "result", "map")
"""Under which key a search tool has what it found."""
_FIELDS: Final = "fields"
_HIT: Final = frozenset({*_FOUND, _FIELDS})
_PACKED: Final = ("awslogs.data", "kinesis.data", "Data", "data", "rawData")
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

_VERSION_2: Final = "2 "
"""How most records begin; they are nobody else's."""
_OPENERS: Final = ("{", "[")
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
    """The settings for all documents, and how deep in one a part of it is.

    It `is_known` that they are AWS's where somebody says so.
    """

    wanted: Wanted
    budget: Budget
    is_known: bool
    depth: int = 0

    @property
    def deeper(self) -> _Within:
        """The same one level below."""
        return self._replace(depth=self.depth + 1)


def json_records(
    name: str, pieces: Pieces, wanted: Wanted, budget: Budget, *, is_known: bool = False
) -> Iterator[Records]:
    """The records, with the `wanted` fields, of a file that begins as JSON.

    Each has the number of its line where every line is a document, else its place among the records.
    Names that others use too count only if it `is_known` that the log is AWS's. Raises LogError where
    the file holds only logs of others, DamagedLogError, after everything that came before, where it ends
    too early, OverBudgetError where what is packed in it is too much.
    """
    text = JsonText(pieces, _CONTAINERS, budget)
    found = _numbered(name, text, _Within(wanted, budget, is_known))
    yield from batched(sound(name, found), budget)


def message_records(
    kind: Kind, text: str, wanted: Wanted, budget: Budget, *, is_known: bool = False
) -> Texts:
    """The records in a message, the cell of a table: in JSON, if it is that, else one in each line."""
    yield from _in_message(kind, text, _Within(wanted, budget, is_known))


def _numbered(
    name: str, text: JsonText, within: _Within
) -> Iterator[tuple[Kind, tuple[int, bytes]]]:
    place = 0
    has_lines = False
    for line, document in text.documents():
        if not place:
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


def _in_json(pieces: Pieces, within: _Within) -> Texts:
    """The records in JSON that stands within something else."""
    text = JsonText(pieces, _CONTAINERS, within.budget)
    for _, document in text.documents():
        yield from _in_document(document, within.deeper)
    if text.damage:
        raise text.damage


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
    elif isinstance(document, dict) and (rows := _rows(document)) is not None:
        for row in rows:
            yield from _in_document(row, within.deeper)
    elif isinstance(document, dict):
        yield from _in_object(_with_attributes(_found(document)), within)
    elif isinstance(document, str):
        yield from _in_message(_AS_TEXT, document, within)
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


def _rows(document: dict[str, Any]) -> Iterator[dict[str, Any]] | None:
    """The rows of a table, each as an object; None where the document is no table.

    That is one of names and rows, as of Log Analytics and pandas, or what Athena gives.
    """
    columns, rows = document.get("columns"), document.get("rows", document.get("data"))
    if isinstance(athena := _at(document, "ResultSet.Rows"), list):
        cells = [_cells(row) for row in athena]
        columns, rows = cells[0] if cells else [], cells[1:]
    if not isinstance(columns, list) or not isinstance(rows, list):
        return None
    names = [text_of(each.get("name") if isinstance(each, dict) else each) for each in columns]
    return (dict(zip(names, row, strict=False)) for row in rows if isinstance(row, list))


def _cells(row: Any) -> list[Any]:
    cells = row.get("Data") if isinstance(row, dict) else None
    if not isinstance(cells, list):
        return []
    return [each.get("VarCharValue") if isinstance(each, dict) else None for each in cells]


def _found(document: dict[str, Any]) -> dict[str, Any]:
    """The document that a search found, out of its hit: whole, or as fields with an array of values each."""
    if document.keys().isdisjoint(_HIT):
        return document  # as nearly always
    for _ in range(_DEEPEST):
        inner = (document.get(key) for key in _FOUND)
        source = next((each for each in inner if each and isinstance(each, dict)), None)
        if source is None:
            break
        document = source
    fields = document.get(_FIELDS)
    if isinstance(fields, dict) and all(isinstance(values, list) for values in fields.values()):
        return {key: values[0] if len(values) == 1 else values for key, values in fields.items()}
    return document


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


def _in_message(kind: Kind, text: str, within: _Within) -> Texts:
    """The records in a text: in JSON, if it is that, else one in each line."""
    if text.lstrip()[:1] in _OPENERS:
        content = text.encode("utf-8", "replace")
        if is_json(content[:HEAD_SIZE]):
            yield from _in_json(iter([content]), within)
            return
    lines = text.removesuffix("\n").split("\n") if "\n" in text else (text,)
    for line in lines:
        record = line.encode("utf-8", "replace")
        others = "" if line[:2] == _VERSION_2 else whose_line(record)
        yield of_others("JSON", others) if others else kind, record


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
    every = dict(_leaves(document))
    within.budget.stream(_LEAF_COST * len(every))
    leaves = every
    if None in every.values():
        leaves = {path: value for path, value in every.items() if value is not None}
    reading = _reading(tuple(leaves), within.wanted, within.is_known)
    for key in reading.messages:
        text = leaves[key]
        if isinstance(text, str) and (reading.kind is None or _is_whole(text)):
            yield from _in_message(_UNDER[key], text, within)
            return
    if reading.telling:
        others = whose_by({name: leaves[path] for name, path in reading.telling.items()})
        if others:
            yield of_others("JSON", others), _told(document)
            return
    if reading.kind is None:
        reading = _closer(reading, every, leaves, within)
    if reading.kind is not None:
        yield reading.kind, _told(document) if reading.kind.reason else _record(reading, leaves)
        return
    yield from _in_arrays(document, leaves, within)


def _is_whole(text: str) -> bool:
    """Whether a text beside the fields of a flow may be the record itself."""
    return len(text.split()) >= FEWEST_WORDS or text.lstrip()[:1] in _OPENERS


class _Reading(NamedTuple):
    """How a document with certain keys is read.

    `paths` has those of the wanted fields, `kind` is that of the record, None where it is none; `messages`
    are the keys that may have a record as text, `telling` the paths whose values say whose it is.
    """

    paths: dict[str, str]
    kind: Kind | None
    status: str
    messages: tuple[str, ...]
    telling: dict[str, str]


@lru_cache(maxsize=32)
def _reading(
    paths: tuple[str, ...], wanted: Wanted, is_known: bool, is_note: bool = False
) -> _Reading:
    """How documents with these keys are read; mostly all of a file have the same."""
    found = fields_of(paths, is_known=is_known)
    status, told = found.get("log-status", ""), telling(paths)
    messages = tuple(key for key in MESSAGE_KEYS if key in paths)
    if others := whose(paths):
        return _Reading({}, of_others("JSON", others), status, messages, {})
    if is_note or told:  # without port and protocol it is still a record
        found = dict.fromkeys(IN_EVERY_FLOW, "") | found
    elif not (found.keys() >= IN_EVERY_FLOW if is_known else are_flows(found, paths)):
        summary = summary_refusal(paths) if is_summary(paths) else ""
        kind = Kind("JSON", reason=Reason.NO_RECORD_IN_JSON, refusal=summary) if summary else None
        return _Reading({}, kind, status, messages, told)
    there = {field: found[field] for field in wanted if field in found}
    layout = Layout(tuple(there), "named by keys")
    kind = Kind("JSON, fields under keys", layout)
    return _Reading(there, kind, status, messages, told)


def _closer(
    reading: _Reading, every: dict[str, Any], leaves: dict[str, Any], within: _Within
) -> _Reading:
    """How a document is read that is no flow by its keys: as AWS's note that there is none, perhaps.

    Or as a flow whose names are anybody's, if a value is a mark of AWS.
    """
    keys = tuple(leaves)
    if leaves.get(reading.status) in _NOTES:
        return _reading(keys, within.wanted, within.is_known, True)
    if len(every) > len(leaves):
        with_nulls = _reading(tuple(every), within.wanted, within.is_known)
        if with_nulls.kind is not None:
            return with_nulls
    if not may_be_flows(keys):
        return reading
    as_known = _reading(keys, within.wanted, True)
    if are_flows(fields_of(keys, is_known=True), keys) and any(map(is_mark, keys, leaves.values())):
        return as_known
    if others := next(filter(None, map(whose_value, leaves.values())), ""):
        return as_known._replace(kind=of_others("JSON", others))
    return as_known._replace(kind=_unmarked(keys))


@lru_cache(maxsize=8)
def _unmarked(paths: tuple[str, ...]) -> Kind:
    return Kind("JSON", reason=Reason.NO_RECORD_IN_JSON, refusal=may_be_of_others(paths))


def _record(reading: _Reading, leaves: dict[str, Any]) -> bytes:
    words = {field: word(leaves.get(path), field) for field, path in reading.paths.items()}
    if FIREWALL in reading.telling:
        words = with_port_0(words)
    return " ".join(words.values()).encode("utf-8", "replace")


def _in_arrays(document: dict[str, Any], leaves: dict[str, Any], within: _Within) -> Texts:
    """The records in the arrays of an object; where they have none, the object as what it is.

    What stands beside records in an array is reported, but for a few words alone, such as a time stamp.
    """
    is_bare = True
    for array in leaves.values():
        if isinstance(array, list):
            found = [each for each in _in_document(array, within.deeper) if not _is_short(*each)]
            if any(kind is not _UNKNOWN for kind, _ in found):
                is_bare = False
                yield from found
    if is_bare:
        yield _UNKNOWN, _told(document)


def _is_short(kind: Kind, text: bytes) -> bool:
    return kind is _AS_TEXT and len(text.split()) < FEWEST_WORDS


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
    if is_json(head):
        yield from _in_json(pieces, within)
        return
    for block in whole_lines(pieces):
        for line in block.text.removesuffix(b"\n").split(b"\n"):
            yield _IN_BASE64, line
