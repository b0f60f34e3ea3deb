"""How far each file was read, as JSON, for a follower that continues there."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from flowtag_core.counting.file_count import Reached
from flowtag_core.reading.copies import Known
from flowtag_core.reading.tail import Tail
from flowtag_core.reading.whole import Whole
from flowtag_core.shapes.layout import Layout

Identity = tuple[int, int]
"""The device and inode number of a file, which stay the same when it is renamed."""


def saved(identity: Identity, known: Known) -> str:
    """Return the position in a file as JSON, converted again only if it changed: there may be thousands of files."""
    now: object = (
        (identity, known.path, known.seen, known.is_counted, known.is_copy, len(known.text))
        if isinstance(known, Whole)
        else (identity, known.path, known.count, known.line_start, len(known.head), *known.copies)
    )
    if not isinstance(known.saved, tuple) or known.saved[0] != now:
        known.saved = now, json.dumps(position(identity, known))
    return str(known.saved[1])


def position(identity: Identity, known: Known) -> dict[str, Any]:
    """Return the position in a file as a JSON object."""
    device, number = identity
    common = {"path": known.path, "device": device, "number": number}
    if isinstance(known, Whole):
        return {
            **common,
            "head": _text(known.head),
            "text": _text(known.text),
            "seen": known.seen,
            "is_counted": known.is_counted,
            "is_copy": known.is_copy,
        }
    layout, line, has_header, misfit = known.count.reached
    # Half a line is read again: only the bytes before it count as read.
    mark = known.mark[: max(len(known.mark) - (known.offset - known.line_start), 0)]
    return {
        **common,
        "head": _text(known.head[: known.line_start]),
        "name": known.name,
        "offset": known.line_start,
        "mark": _text(mark),
        "copies": known.copies,
        "layout": layout.names,
        "origin": layout.origin,
        "line": line,
        "has_header": has_header,
        "misfit": misfit,
    }


def resumed(found: Mapping[str, Any], new: Callable[[str, str], Tail]) -> tuple[Identity, Known]:
    """Return a file at the position that `position` returned; `new(name, path)` makes one at its beginning.

    Raises KeyError, TypeError or ValueError if it is not such a position.
    """
    path, identity = found["path"], (found["device"], found["number"])
    head = b64decode(found["head"])
    if "line" not in found:
        is_counted, is_copy = found["is_counted"], found["is_copy"]
        # A file that is not counted yet must be the same in two more looks.
        seen = tuple(found["seen"]) if is_counted and found["seen"] else None
        text = b64decode(found["text"])
        # It was found before the files that will be, and after those of text.
        return identity, Whole(
            path, head, text, seen, born=0, is_counted=is_counted, is_copy=is_copy
        )
    tail = new(found["name"], path)
    tail.born = -1
    layout = Layout(tuple(found["layout"]), found["origin"])
    tail.count.resume(Reached(layout, found["line"], found["has_header"], found["misfit"]))
    tail.offset = tail.line_start = found["offset"]
    tail.head, tail.mark = head, b64decode(found["mark"])
    tail.copies = list(found["copies"])
    return identity, tail


def _text(content: bytes) -> str:
    return b64encode(content).decode()
