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
from dataclasses import fields
from typing import Any, Final, NamedTuple

import numpy as np

from flowtag_core.counts import Fault, FileCounts, FlowCounts, Reason, Table
from flowtag_core.errors import StateError, reason_of
from flowtag_core.output import write_whole

VERSION: Final = 1
_TABLES: Final = ("requests", "replies", "replies_by_service")
_COLUMNS: Final = ("key", "flows", "packets", "bytes")
_DAMAGE: Final = (
    *(ValueError, KeyError, TypeError, AttributeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError),
)
"""What reading a damaged archive may raise."""
_REMEDY: Final = "Restore an older copy of it, or delete it to begin again."


class State(NamedTuple):
    """The counts so far, and what `Follower.places` returned at the same moment.

    `layout` are the fields of text without a header.
    """

    counts: FlowCounts
    places: Mapping[str, Any]
    layout: Sequence[str]


def save(state: State, path: str) -> None:
    """Replace the file at `path`. Raises OutputError if that fails; the old file is then still there."""
    counts = state.counts
    about = {
        "flowtag state": VERSION,
        "places": state.places,
        "layout": state.layout,
        "internal": counts.internal,
        "files": {name: _as_json(file) for name, file in counts.files.items()},
        "faults": counts.faults,
        "rungs": [getattr(counts, name).rung for name in _TABLES],
    }
    arrays = {
        f"{name}.{column}": getattr(getattr(counts, name), column)
        for name in _TABLES
        for column in _COLUMNS
    }
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    content = io.BytesIO()
    np.savez(content, about=text, **arrays)
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
            tables = {
                name: Table(
                    **{column: archive[f"{name}.{column}"] for column in _COLUMNS}, rung=rung
                )
                for name, rung in zip(_TABLES, about["rungs"], strict=True)
            }
            files = {name: _from_json(file) for name, file in about["files"].items()}
            faults = tuple(
                Fault(name, line, Reason(reason), text)
                for name, line, reason, text in about["faults"]
            )
            internal = None if about["internal"] is None else tuple(about["internal"])
            counts = FlowCounts(**tables, files=files, faults=faults, internal=internal)
            return State(counts, about["places"], about["layout"])
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {reason_of(error)}. {_REMEDY}") from error
    except _DAMAGE as error:
        raise StateError(f"{path}: is not a state of flowtag, or is damaged. {_REMEDY}") from error


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
