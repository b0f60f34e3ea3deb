"""The state of a follower in a file: what was counted, and how far each log was read.

The file consists of a first line with the version, the sizes of the next two parts, a description as JSON, the
positions as JSON, the columns of the tables as 64-bit numbers, and a checksum of everything. It is replaced as a
whole, so that counts and positions always belong together.
"""

from __future__ import annotations

import json
import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from flowtag_core.counting.recent import Span
from flowtag_core.counting.total import TABLES
from flowtag_core.counts import Fault, FileCounts, FlowCounts, Reason, Table
from flowtag_core.errors import StateError, reason_of
from flowtag_core.output import write_whole

try:
    from isal.isal_zlib import crc32
except ImportError:  # zlib's is slower.
    from zlib import crc32

VERSION: Final = 2
_COLUMNS: Final = ("key", "flows", "packets", "bytes")
_FIRST_LINE: Final = re.compile(rb"flowtag state (\d{1,9})\n")
_SIZES: Final = struct.Struct("<QQ")
_CHECKSUM: Final = struct.Struct("<I")
_REMEDY: Final = "Restore an older copy, or delete it to start over."
DAMAGED: Final = f"is not a flowtag state file, or is damaged. {_REMEDY}"


class State(NamedTuple):
    """The counts so far, and what `Follower.positions` returned at the same moment.

    `layout` are the fields of text without a header. `newest` and `spans` are those of `Recent`. `last_true`
    maps the name of each alert to the minute, since 1970, when it was last true.
    """

    counts: FlowCounts
    positions: str
    layout: Sequence[str]
    newest: int = 0
    spans: Mapping[Span, FlowCounts] = MappingProxyType({})
    last_true: Mapping[str, int] = MappingProxyType({})


def save(state: State, path: str) -> None:
    """Replace the file at `path`. Raises OutputError if that fails; the old file is then still there."""
    write_whole(_with_checksum(_content(state)), path)


def _content(state: State) -> Iterator[bytes | memoryview]:
    counts = state.counts
    all_counts = [counts, *state.spans.values()]
    tables = [[getattr(each, name) for name in TABLES] for each in all_counts]
    about = {
        "layout": state.layout,
        "internal": counts.internal,
        "files": {name: _as_json(file) for name, file in counts.files.items()},
        "faults": counts.faults,
        "newest": state.newest,
        "spans": list(state.spans),
        "tables": [[(each.rung, len(each)) for each in some] for some in tables],
        "last true": dict(state.last_true),
    }
    texts = json.dumps(about).encode(), state.positions.encode()
    yield b"flowtag state %d\n" % VERSION
    yield _SIZES.pack(*map(len, texts))
    yield from texts
    for some in tables:
        for each in some:
            for column in _COLUMNS:
                yield np.ascontiguousarray(getattr(each, column), "<i8").data


def _with_checksum(pieces: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    checksum = 0
    for piece in pieces:
        checksum = crc32(piece, checksum)
        yield piece
    yield _CHECKSUM.pack(checksum)


def load(path: str) -> State:
    """Return the state in a file. Raises StateError if the file is not a valid state of this version."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {reason_of(error)}. {_REMEDY}") from error
    first_line = _FIRST_LINE.match(content)
    if first_line and int(first_line[1]) != VERSION:
        raise StateError(
            f"{path}: was written by another version of flowtag (state {int(first_line[1])}, not "
            f"{VERSION}). Use that version, or delete the file to start over."
        )
    end = len(content) - _CHECKSUM.size
    if not first_line or content[end:] != _CHECKSUM.pack(crc32(content[:end])):
        raise StateError(f"{path}: {DAMAGED}")
    try:
        return _state(content, first_line.end())
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise StateError(f"{path}: {DAMAGED}") from error


def _state(content: bytes, at: int) -> State:
    about_size, places_size = _SIZES.unpack_from(content, at)
    at += _SIZES.size
    about = json.loads(content[at : at + about_size])
    at += about_size
    positions = content[at : at + places_size].decode()
    counts, *recent = _tables(about["tables"], content, at + places_size)
    whole = replace(
        counts,
        files={name: _from_json(file) for name, file in about["files"].items()},
        faults=tuple(
            Fault(name, line, Reason(reason), text) for name, line, reason, text in about["faults"]
        ),
        internal=None if about["internal"] is None else tuple(about["internal"]),
    )
    spans = {Span(*span): each for span, each in zip(about["spans"], recent, strict=True)}
    return State(whole, positions, about["layout"], about["newest"], spans, about["last true"])


def _tables(
    described: Sequence[Sequence[tuple[int, int]]], content: bytes, at: int
) -> Iterator[FlowCounts]:
    """Yield the counts whose columns are stored one after another in the content, starting at the index `at`."""
    for some in described:
        tables: list[Table] = []
        for rung, rows in some:
            columns = np.frombuffer(content, "<i8", len(_COLUMNS) * rows, at).astype(np.int64)
            at += columns.nbytes
            key, flows, packets, volume = columns.reshape(len(_COLUMNS), rows)
            tables.append(Table(key, flows, packets, volume, rung))
        requests, replies, by_service = tables
        yield FlowCounts(requests, replies, by_service)


def _as_json(file: FileCounts) -> dict[str, Any]:
    values = {each.name: getattr(file, each.name) for each in fields(FileCounts)}
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in values.items()
        if value
    }


def _from_json(values: Mapping[str, Any]) -> FileCounts:
    found: dict[str, Any] = {}
    for each in fields(FileCounts):
        value = values.get(each.name)
        if isinstance(value, list):
            found[each.name] = frozenset(value)
        elif isinstance(value, dict):
            kind = Reason if each.name == "set_aside" else str
            found[each.name] = Counter({kind(key): count for key, count in value.items()})
        elif value is not None:
            found[each.name] = value
    return FileCounts(**found)
