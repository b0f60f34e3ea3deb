"""The state of a follower in a file: what was counted, and how far each log was read.

The file is a NumPy archive (.npz): the tables as arrays, and everything else as JSON in the array `about`. It
is replaced as a whole, so that counts and positions always belong together.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from flowtag_core.counting.recent import Span
from flowtag_core.counts import Fault, FileCounts, FlowCounts, Reason, Table
from flowtag_core.errors import StateError, reason_of
from flowtag_core.output import write_whole

VERSION: Final = 2
_TABLES: Final = ("requests", "replies", "replies_by_service")
_COLUMNS: Final = ("key", "flows", "packets", "bytes")
_DAMAGE: Final = (
    *(ValueError, KeyError, TypeError, AttributeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError),
)
"""What reading a damaged archive may raise."""
_REMEDY: Final = "Restore an older copy of it, or delete it to begin again."
DAMAGED: Final = f"is not a state of flowtag, or is damaged. {_REMEDY}"


class State(NamedTuple):
    """The counts so far, and what `Follower.places` returned at the same moment.

    `layout` are the fields of text without a header. `newest` and `spans` are those of `Recent`. `told`
    says by its name when each piece of news was last told, in minutes since 1970.
    """

    counts: FlowCounts
    places: str
    layout: Sequence[str]
    newest: int = 0
    spans: Mapping[Span, FlowCounts] = MappingProxyType({})
    told: Mapping[str, int] = MappingProxyType({})


def save(state: State, path: str) -> None:
    """Replace the file at `path`. Raises OutputError if that fails; the old file is then still there."""
    counts = state.counts
    all_counts = [counts, *state.spans.values()]
    about = {
        "flowtag state": VERSION,
        "layout": state.layout,
        "internal": counts.internal,
        "files": {name: _as_json(file) for name, file in counts.files.items()},
        "faults": counts.faults,
        "newest": state.newest,
        "spans": list(state.spans),
        "rungs": [[getattr(each, name).rung for name in _TABLES] for each in all_counts],
        "rows": [[len(getattr(each, name)) for name in _TABLES] for each in all_counts],
        "told": dict(state.told),
    }
    arrays = {
        f"{name}.{column}": np.concatenate(
            [getattr(getattr(each, name), column) for each in all_counts]
        )
        for name in _TABLES
        for column in _COLUMNS
    }
    texts = {
        name: np.frombuffer(text.encode(), np.uint8)
        for name, text in (("about", json.dumps(about)), ("places", state.places))
    }
    content = io.BytesIO()
    save_arrays: Any = np.savez  # Its type does not allow arrays by name.
    save_arrays(content, **texts, **arrays)
    write_whole([content.getvalue()], path)


def load(path: str) -> State:
    """Return the state in a file. Raises StateError if the file is not a valid state of this version."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            about = json.loads(archive["about"].tobytes())
            version = about["flowtag state"]
            if version != VERSION:
                raise StateError(
                    f"{path}: was written by another version of flowtag (state {version}, not {VERSION}). "
                    "Use that version, or delete the file to begin again."
                )
            places = archive["places"].tobytes().decode()
            counts, *recent = _tables(about["rungs"], about["rows"], archive)
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {reason_of(error)}. {_REMEDY}") from error
    except _DAMAGE as error:
        raise StateError(f"{path}: {DAMAGED}") from error
    try:
        spans = {Span(*span): each for span, each in zip(about["spans"], recent, strict=True)}
        whole = replace(
            counts,
            files={name: _from_json(file) for name, file in about["files"].items()},
            faults=tuple(
                Fault(name, line, Reason(reason), text)
                for name, line, reason, text in about["faults"]
            ),
            internal=None if about["internal"] is None else tuple(about["internal"]),
        )
        return State(whole, places, about["layout"], about["newest"], spans, about["told"])
    except _DAMAGE as error:
        raise StateError(f"{path}: {DAMAGED}") from error


def _tables(
    rungs: Sequence[Sequence[int]], rows: Sequence[Sequence[int]], archive: Mapping[str, Any]
) -> list[FlowCounts]:
    """Return the tables that lie one after another in the arrays, which are read once each."""
    found: list[list[Table]] = [[] for _ in rungs]
    for number, name in enumerate(_TABLES):
        columns = [archive[f"{name}.{column}"] for column in _COLUMNS]
        end = 0
        for tables, its_rungs, its_rows in zip(found, rungs, rows, strict=True):
            first, end = end, end + its_rows[number]
            key, flows, packets, volume = (column[first:end] for column in columns)
            tables.append(Table(key, flows, packets, volume, its_rungs[number]))
    return [FlowCounts(requests, replies, by_service) for requests, replies, by_service in found]


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
