"""Read JSON as records: as text in envelopes, lines or arrays, or as fields under keys.

To add a shape, add an entry to a table: _CONTAINERS has the paths of arrays of records, _PACKED those of
payloads, and `fields` has the keys whose text is a record and the names of fields. `json_text` splits
a file of any size into documents.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError, LogError, OverBudgetError
from flowtag_core.shapes.fields import (
    FEWEST_WORDS,
    MESSAGE_KEYS,
    are_flows,
    fields_of,
    is_mark,
    text_of,
    with_port_0,
    word,
)
from flowtag_core.shapes.json_arrays import CONTROL, MESSAGE_TYPE, Envelopes, Rest, array_parts
from flowtag_core.shapes.json_keys import (
    MOST_KEYS,
    Reading,
    flow_of,
    note_of,
    reading_of,
    unmarked,
)
from flowtag_core.shapes.json_lines import JsonLines, Slowly, begins_with_lines, line_parts
from flowtag_core.shapes.json_templates import Templates, Values
from flowtag_core.shapes.json_text import JsonText, Unread, is_json
from flowtag_core.shapes.others import FIREWALL, whose_by, whose_line, whose_value
from flowtag_core.shapes.records import Group, Kind, Records, Rows, batched, of_others, sound
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
    "hits.hits",  # Elasticsearch and OpenSearch
    "resourceLogs",  # OpenTelemetry, which nests these three in this order
    "scopeLogs",
    "logRecords",
)
"""The paths at which a JSON document may have an array of records."""
_SOURCE: Final = "_source"
_TABLE: Final = frozenset({"columns", "ResultSet"})
_HIT: Final = frozenset({"_id", "_index"})
"""Keys that a search tool adds to each document it finds."""
_FOUND: Final = ("result", "map")
"""Keys under which other tools put the record they found, if the document around it is not a record."""
_PACKED: Final = ("awslogs.data", "kinesis.data", "Data", "data", "rawData")
"""The paths at which a document may have records encoded in base64."""
_ENVELOPE: Final = frozenset(
    [MESSAGE_TYPE, *(place.partition(".")[0] for place in (*_CONTAINERS, *_PACKED))]
)
"""Keys of an envelope around records; a document with none of them is taken for a record."""
_AROUND: Final = frozenset([MESSAGE_TYPE, *(place.partition(".")[0] for place in _CONTAINERS)])
"""Keys of an envelope that has its records in arrays, not in a payload."""
_NOT_PLAIN: Final = _ENVELOPE | _TABLE | _HIT | {_SOURCE, "attributes"}
"""Keys of documents that are not read by their keys and values alone."""
_EVENT: Final = frozenset("id eventId timestamp ingestionTime logStreamName message".split())
"""Keys of an event of CloudWatch Logs."""
_DEEPEST: Final = 32
_LONGEST_TOLD: Final = 400
_LONGEST_PATH: Final = 200
_PART_COST: Final = 1_500
_BESIDE_COST: Final = 10_000
_LEAF_COST: Final = 100
"""The costs of looking at a part of a document, at an item of an array that is not in _CONTAINERS, and at a
single value, in bytes of log that take as long to count."""

_VERSION_2: Final = "2 "
"""How most records begin; no other product's log begins this way."""
_OPENERS: Final = ("{", "[")
_NOTES: Final = ("NODATA", "SKIPDATA")
"""The values of log-status in records without a flow."""

_UNKNOWN: Final = Kind("JSON", reason=Reason.NO_RECORD_IN_JSON)
_UNREAD: Final = {reason: Kind("JSON", reason=reason) for reason in Reason}
_AS_TEXT: Final = Kind("JSON, records as text")
_IN_BASE64: Final = Kind("JSON, records in base64")
_UNDER: Final = {key: Kind(f"JSON, records under {key}") for key in MESSAGE_KEYS}

Texts = Iterator[tuple[Kind, bytes]]
Wanted = tuple[str, ...]


class _Within(NamedTuple):
    """The settings for all documents of a log, and how deeply the current part is nested.

    `is_known` is true if the user says that the log is AWS's.
    """

    wanted: Wanted
    budget: Budget
    is_known: bool
    depth: int = 0

    def reading(self, leaves: dict[str, Any]) -> Reading:
        """Return how to read a document with these leaves."""
        return reading_of(tuple(leaves), self.wanted, self.budget, is_known=self.is_known)

    @property
    def deeper(self) -> _Within:
        """The same settings one level deeper."""
        return self._replace(depth=self.depth + 1)


def json_records(
    name: str, pieces: Pieces, wanted: Wanted, budget: Budget, *, is_known: bool = False
) -> Iterator[Rows | Records]:
    """Yield the records, with the `wanted` fields, of a file that begins as JSON.

    Records are numbered by line if every line is a document, and otherwise by their position in the file.
    Names that other products use too count only if the log `is_known` to be AWS's. Raises LogError if the
    file contains only logs of other products, DamagedLogError, after yielding everything before it, if the
    file is cut short, and OverBudgetError if its payloads unpack to too much data.
    """
    within = _Within(wanted, budget, is_known)
    head, pieces = peeked(pieces)
    read = _in_lines if begins_with_lines(head) else _in_arrays
    for part in sound(name, read(name, pieces, within)):
        if isinstance(part, Rows):
            budget.stream(len(part.text))
        yield part


def _in_lines(name: str, pieces: Pieces, within: _Within) -> Iterator[Rows | Records]:
    """Yield the parts of a file with a document on each line."""

    def documents(found: Iterator[tuple[int, Any]]) -> Iterator[Records]:
        records = (
            (kind, (number, record))
            for number, document in found
            for kind, record in _in_document(document, within)
        )
        return batched(records, within.budget)

    def slowly(pieces: Pieces, line: int, behind: int | None) -> Slowly:
        if line == 1 and behind is None:
            yield from _in_arrays(name, pieces, within)
            return None
        text = JsonText(pieces, _CONTAINERS, within.budget)
        text.line = line

        def is_over() -> bool:
            return behind is not None and text.has_ended(behind)

        yield from batched(_numbered(name, text, within, 0, True, is_over), within.budget)
        return (text.next_lines(), text.line) if is_over() else None

    templates = Templates(partial(_values_of, within))
    return line_parts(pieces, JsonLines(documents, templates), templates, slowly)


def _in_arrays(name: str, pieces: Pieces, within: _Within) -> Iterator[Rows | Records]:
    """Yield the parts of a file with arrays of objects, or with any other JSON."""
    envelopes = Envelopes(
        _CONTAINERS,
        _is_around,
        _is_envelope,
        lambda document: _in_document(document, within),
        within.budget,
    )
    templates = Templates(partial(_values_of, within))
    return array_parts(pieces, templates, envelopes, lambda rest: _in_text(name, rest, within))


def _in_text(name: str, rest: Rest, within: _Within) -> Iterator[Records]:
    """Yield the records in JSON of any kind."""
    text = JsonText(rest.pieces, _CONTAINERS, within.budget)
    text.line = rest.line
    return batched(_numbered(name, text, within, rest.place, rest.has_lines), within.budget)


def _is_around(document: Any) -> bool:
    """Whether a document has no records but those in one array, which it may be itself."""
    if isinstance(document, list):
        arrays = [document]
    elif (
        isinstance(document, dict)
        and _is_envelope(document.keys())
        and document.get(MESSAGE_TYPE) != CONTROL
    ):
        found = (_at(document, place) for place in _CONTAINERS)
        arrays = [array for array in found if isinstance(array, list)]
    else:
        arrays = []
    first = arrays[0][0] if len(arrays) == 1 and arrays[0] else None
    return (
        isinstance(first, dict) and "field" not in first
    )  # with that key, the array may be one row


def _is_envelope(keys: Collection[str]) -> bool:
    """Whether a document with these keys has no records but those in its arrays."""
    others = {key for key in keys if key not in _AROUND}
    is_plain = others.isdisjoint(_NOT_PLAIN) and others.isdisjoint(MESSAGE_KEYS)
    return is_plain and not are_flows(fields_of(others), [])


def _values_of(within: _Within, document: dict[str, Any]) -> Values | None:
    """Return what to read of an object, or None if its keys and a few fixed values do not decide that."""
    inner, above = document, ""
    if isinstance(source := document.get(_SOURCE), dict) and source:
        inner, above = source, f"{_SOURCE}."
    leaves = {path: value for path, value in _leaves(inner) if value is not None}
    is_odd = not _TABLE.isdisjoint(document) or not inner.keys().isdisjoint(_NOT_PLAIN)
    if is_odd or len(leaves) > MOST_KEYS:
        return None
    reading = within.reading(leaves)
    if reading.kind is None and not within.is_known:
        texts = (key for key in reading.messages if isinstance(leaves[key], str))
        key = next(texts, None)
        return Values(Group(_UNDER[key], None), (above + key,)) if key else None
    if (
        reading.kind is None
        or reading.kind.reason
        or reading.messages
        or FIREWALL in reading.telling
    ):
        return None
    told = {name: leaves[path] for name, path in reading.telling.items()}
    if reading.kind.layout is None or (told and whose_by(told)):
        return None
    paths = tuple(above + reading.paths[field] for field in reading.kind.layout.names)
    fixed = frozenset(above + path for path in reading.telling.values())
    return Values(Group(reading.kind, reading.kind.layout), paths, fixed)


def message_records(
    kind: Kind, text: str, wanted: Wanted, budget: Budget, *, is_known: bool = False
) -> Texts:
    """Yield the records in the message of a table's row: from JSON if it is JSON, otherwise one per line."""
    yield from _in_message(kind, text, _Within(wanted, budget, is_known))


def _numbered(
    name: str,
    text: JsonText,
    within: _Within,
    place: int,
    has_lines: bool | None,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Kind, tuple[int, bytes]]]:
    """Yield the records up to the document after which `is_over`, else to the end.

    They are numbered by line if `has_lines`, else from `place` on; None: the first line end decides.
    """
    for line, document in text.documents():
        if has_lines is None:
            has_lines = text.is_line_ending
        for kind, record in _in_document(document, within):
            place += 1
            yield kind, (line if has_lines else place, record)
        if is_over():
            return
    if text.damage:
        raise text.damage
    if text.is_cut:
        raise DamagedLogError(
            f"{name}: is cut short: its JSON is incomplete and stops in line {text.line:,}."
        )


def _in_json(pieces: Pieces, within: _Within) -> Texts:
    """Yield the records in JSON that is embedded in something else."""
    text = JsonText(pieces, _CONTAINERS, within.budget)
    for _, document in text.documents():
        yield from _in_document(document, within.deeper)
    if text.damage:
        raise text.damage


def _in_document(document: Any, within: _Within) -> Texts:
    """Yield the records of one JSON document or of a part of one."""
    within.budget.stream(_PART_COST)
    document = _one_object(document)
    if isinstance(document, Unread):
        yield _UNREAD[document.reason], document.text.encode("utf-8", "replace")
    elif within.depth > _DEEPEST:
        yield _UNKNOWN, _told(document)
    elif isinstance(document, list):
        for inner in document:
            if (record := _plain_event(inner)) is not None:
                yield _UNDER["message"], record
            else:
                yield from _in_document(inner, within.deeper)
    elif isinstance(document, dict) and (rows := _rows(document)) is not None:
        for row in rows:
            yield from _in_document(row, within.deeper)
    elif isinstance(document, dict):
        yield from _in_object(_with_attributes(_hit(document)), within)
    elif isinstance(document, str):
        yield from _in_message(_AS_TEXT, document, within)
    else:
        yield _UNKNOWN, _told(document)


def _plain_event(document: Any) -> bytes | None:
    """Return the record in a plain event of CloudWatch Logs, or None for anything else.

    The general way gives the same, but takes ten times as long.
    """
    if not isinstance(document, dict) or not document.keys() <= _EVENT:
        return None
    text = document.get("message")
    if not isinstance(text, str) or text[:2] != _VERSION_2 or "\n" in text:
        return None
    is_flat = all(isinstance(value, (str, int)) for value in document.values())
    return text.encode("utf-8", "replace") if is_flat else None


def _one_object(document: Any) -> Any:
    """Return a row of Logs Insights, which is a list of field and value pairs, as an object.

    Anything else is returned as it is.
    """
    is_row = isinstance(document, list) and all(
        isinstance(pair, dict) and "field" in pair for pair in document
    )
    if not is_row or not document:
        return document
    return {text_of(pair["field"]): pair.get("value") for pair in document}


def _rows(document: dict[str, Any]) -> Iterator[Any] | None:
    """Return the rows of a table in JSON, each as an object, or None if the document is not a table.

    A table has column names and rows, as written by Log Analytics, pandas, Tailpipe and Athena.
    """
    if _TABLE.isdisjoint(document):
        return None  # nearly always
    columns, rows = document.get("columns"), document.get("rows", document.get("data"))
    if isinstance(athena := _at(document, "ResultSet.Rows"), list):
        cells = [_cells(row) for row in athena]
        columns, rows = cells[0] if cells else [], cells[1:]
    if not isinstance(columns, list) or not isinstance(rows, list):
        return None
    names = [text_of(each.get("name") if isinstance(each, dict) else each) for each in columns]
    return (dict(zip(names, row, strict=False)) if isinstance(row, list) else row for row in rows)


def _cells(row: Any) -> list[Any]:
    cells = row.get("Data") if isinstance(row, dict) else None
    if not isinstance(cells, list):
        return []
    return [each.get("VarCharValue") if isinstance(each, dict) else None for each in cells]


def _hit(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document inside a search hit, from its source or from its fields, whose values are arrays.

    Anything else is returned as it is.
    """
    if _SOURCE not in document and _HIT.isdisjoint(document):
        return document  # nearly always
    source, fields = document.get(_SOURCE), document.get("fields")
    if source and isinstance(source, dict):
        return source
    if not isinstance(fields, dict):
        return document
    return {
        key: values[0] if isinstance(values, list) and len(values) == 1 else values
        for key, values in fields.items()
    }


def _with_attributes(document: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenTelemetry record with its attributes, pairs of a name and a typed value, as keys."""
    pairs = document.get("attributes")
    if not isinstance(pairs, list) or not all(
        isinstance(pair, dict) and "key" in pair and isinstance(pair.get("value"), dict)
        for pair in pairs
    ):
        return document
    named = {text_of(pair["key"]): next(iter(pair["value"].values()), None) for pair in pairs}
    return {**document, "attributes": None, **named}


def _in_message(kind: Kind, text: str, within: _Within) -> Texts:
    """Yield the records in a text: from JSON if it is JSON, otherwise one per line."""
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
    if document.get(MESSAGE_TYPE) == CONTROL:
        return
    arrays = [array for place in _CONTAINERS if isinstance(array := _at(document, place), list)]
    texts = [text for key in MESSAGE_KEYS if isinstance(text := _at(document, key), str)]
    has_text = any(_is_whole(text) for text in texts) if packed or arrays else bool(texts)
    if has_text or are_flows(fields_of(document), []) or (packed is None and not arrays):
        yield from _in_record(document, within)
    elif packed is not None:
        yield from _in_payload(packed, within)
    if any(text.lstrip()[:1] in _OPENERS for text in texts):
        return  # The text is the original envelope; its arrays would count the same records again.
    for array in arrays:
        yield from _in_document(array, within.deeper)


def _in_record(document: dict[str, Any], within: _Within) -> Texts:
    """Yield the record that an object is, either as text under one key or as fields under several.

    If the object is not a record, yield the records inside it.
    """
    every = dict(_leaves(document))
    within.budget.stream(_LEAF_COST * len(every))
    if len(every) > MOST_KEYS:
        yield from _in_others(document, every, within)
        return
    leaves = every
    if None in every.values():
        leaves = {path: value for path, value in every.items() if value is not None}
    reading = within.reading(leaves)
    for key in reading.messages:
        text = leaves[key]
        if isinstance(text, str) and (reading.kind is None or _is_whole(text)):
            yield from _in_message(_UNDER[key], text, within)
            return
    if reading.kind is None or reading.telling:
        reading = _closer(reading, every, leaves, within)
    if reading.kind is not None:
        yield reading.kind, _told(document) if reading.kind.reason else _record(reading, leaves)
    else:
        yield from _in_others(document, leaves, within)


def _is_whole(text: str) -> bool:
    """Whether a text in a document that also has a flow's fields or arrays may be a whole record."""
    words = text.split(None, FEWEST_WORDS)
    return (len(words) >= FEWEST_WORDS and words[0].isdigit()) or text.lstrip()[:1] in _OPENERS


def _closer(
    reading: Reading, every: dict[str, Any], leaves: dict[str, Any], within: _Within
) -> Reading:
    """Return how to read a document whose keys are not enough to decide, from its values.

    They may show whose record it is, or that AWS reports no data.
    """
    if reading.telling:
        others = whose_by({name: leaves[path] for name, path in reading.telling.items()})
        return reading._replace(kind=of_others("JSON", others)) if others else reading
    if leaves.get(reading.status) in _NOTES:
        return note_of(tuple(leaves), within.wanted)
    if len(every) > len(leaves):
        with_nulls = within.reading(every)
        if with_nulls.kind is not None:
            return with_nulls
    return _marked(reading, leaves, within) if reading.may_be else reading


def _marked(reading: Reading, leaves: dict[str, Any], within: _Within) -> Reading:
    """Return how to read a document with names that many products use, from the markers in its values."""
    keys = tuple(leaves)
    marked = flow_of(keys, within.wanted)
    if marked and any(map(is_mark, keys, leaves.values())):
        return marked
    if others := next(filter(None, map(whose_value, leaves.values())), ""):
        return reading._replace(kind=of_others("JSON", others))
    return reading._replace(kind=unmarked(keys))


def _record(reading: Reading, leaves: dict[str, Any]) -> bytes:
    words = {field: word(leaves.get(path), field) for field, path in reading.paths.items()}
    if FIREWALL in reading.telling:
        words = with_port_0(words)
    return " ".join(words.values()).encode("utf-8", "replace")


def _in_others(document: dict[str, Any], leaves: dict[str, Any], within: _Within) -> Texts:
    """Yield the records in an object's result or arrays; without any, yield the object to be set aside.

    Items next to records in an array are yielded too, except for short texts such as a time stamp.
    """
    inner = next((document[key] for key in _FOUND if key in document), None)
    if inner and isinstance(inner, dict):
        yield from _in_object(inner, within.deeper)
        return
    is_bare = True
    for array in leaves.values():
        if isinstance(array, list):
            within.budget.stream(_BESIDE_COST * len(array))
            found = [each for each in _in_document(array, within.deeper) if not _is_short(*each)]
            if any(kind is not _UNKNOWN for kind, _ in found):
                is_bare = False
                yield from found
    if is_bare:
        yield _UNKNOWN, _told(document)


def _is_short(kind: Kind, text: bytes) -> bool:
    return kind is _AS_TEXT and len(text.split()) < FEWEST_WORDS


def _told(document: Any) -> bytes:
    """Return the beginning of a document that is not a record, to show what was set aside."""
    try:
        return json.dumps(document, default=str)[:_LONGEST_TOLD].encode()
    except RecursionError:
        return b"..."


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _leaves(document: dict[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield every value with the path of keys that leads to it."""
    for key, value in document.items():
        if len(above) + len(key) > _LONGEST_PATH:
            continue  # no field has such a long path, and one long key may be in thousands of paths
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _leaves(value, f"{above}{key}.", depth + 1)
        else:
            yield f"{above}{key}", value


def _in_payload(packed: str, within: _Within) -> Texts:
    """Yield the records in a payload for Lambda or Firehose, which is base64, usually of gzip."""
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
