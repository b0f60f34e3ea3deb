"""The keys of a JSON document -> how it is read: as a flow, as text under a key, as somebody else's."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from flowtag_core.counts import Reason
from flowtag_core.shapes.fields import (
    IN_EVERY_FLOW,
    MESSAGE_KEYS,
    are_flows,
    fields_of,
    is_summary,
    may_be_flows,
    may_be_of_others,
    summary_refusal,
)
from flowtag_core.shapes.layout import Layout
from flowtag_core.shapes.others import telling, whose
from flowtag_core.shapes.records import Kind, of_others
from flowtag_core.sources.budget import Budget

MOST_KEYS: Final = 500
"""A document with more values is no flow's."""
_KEYS_COST: Final = 100_000
_KEY_COST: Final = 2_000
"""The work to look at keys that were not seen before, and at each of them, in bytes of log to count."""

_MOST_KNOWN: Final = 32

Keys = tuple[str, ...]


class Reading(NamedTuple):
    """How a document with certain keys is read.

    `paths` has those of the wanted fields, `kind` is that of the record, None where it is none; `messages`
    are the keys that may have a record as text, `telling` the paths whose values say whose it is. `status`
    is the path that may say that it is a note of AWS's. It `may_be` a flow under names that are anybody's.
    """

    paths: dict[str, str]
    kind: Kind | None
    status: str
    messages: Keys
    telling: dict[str, str]
    may_be: bool


_KNOWN: Final[dict[tuple[Keys, Keys, bool], Reading]] = {}
"""The readings of keys that came before; mostly all documents of a file have the same."""


def reading_of(keys: Keys, wanted: Keys, budget: Budget, *, is_known: bool) -> Reading:
    """How documents with these keys are read. Names that are anybody's count if it `is_known` that they are AWS's."""
    asked = keys, wanted, is_known
    if (reading := _KNOWN.get(asked)) is None:
        budget.stream(_KEYS_COST + _KEY_COST * len(keys))
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        reading = _KNOWN[asked] = _reading(keys, wanted, is_known)
    return reading


@lru_cache(maxsize=32)
def note_of(keys: Keys, wanted: Keys) -> Reading:
    """How documents with these keys are read that say themselves that they are notes of AWS's."""
    found = dict.fromkeys(IN_EVERY_FLOW, "") | fields_of(keys, is_known=True)
    return _named(keys, found, wanted)


@lru_cache(maxsize=32)
def flow_of(keys: Keys, wanted: Keys) -> Reading | None:
    """How documents with these keys are read that have a mark of AWS in a value; None if they are no flows."""
    found = fields_of(keys, is_known=True)
    return _named(keys, found, wanted) if are_flows(found, keys) else None


@lru_cache(maxsize=8)
def unmarked(keys: Keys) -> Kind:
    """The kind of documents with these keys that have no mark of AWS."""
    return Kind("JSON", reason=Reason.NO_RECORD_IN_JSON, refusal=may_be_of_others(keys))


def _reading(keys: Keys, wanted: Keys, is_known: bool) -> Reading:
    found = fields_of(keys, is_known=is_known)
    reading = _named(keys, found, wanted)
    if others := whose(keys):
        return reading._replace(kind=of_others("JSON", others), telling={})
    if reading.telling:  # without port and protocol it is still a record
        return _named(keys, dict.fromkeys(IN_EVERY_FLOW, "") | found, wanted)
    if is_summary(keys):
        refusal = summary_refusal(keys)
        kind = Kind("JSON", reason=Reason.NO_RECORD_IN_JSON, refusal=refusal)
        return reading._replace(kind=kind)
    is_flow = found.keys() >= IN_EVERY_FLOW if is_known else are_flows(found, keys)
    return reading if is_flow else reading._replace(kind=None)


def _named(keys: Keys, found: dict[str, str], wanted: Keys) -> Reading:
    there = {field: found[field] for field in wanted if field in found}
    return Reading(
        there,
        Kind("JSON, fields under keys", Layout(tuple(there), "named by keys")),
        fields_of(keys, is_known=True).get("log-status", ""),
        tuple(key for key in MESSAGE_KEYS if key in keys),
        telling(keys),
        may_be_flows(keys),
    )
