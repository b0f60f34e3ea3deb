"""Decide from the keys of a JSON document whether it is a flow, has text records, or is another product's."""

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
"""A document with more values than this is not a flow."""
_KEYS_COST: Final = 100_000
_KEY_COST: Final = 2_000
"""The costs of a new set of keys, and of each key in it, in bytes of log that take as long to count."""

_MOST_KNOWN: Final = 32

Keys = tuple[str, ...]


class Reading(NamedTuple):
    """How to read documents with a certain set of keys.

    `paths` has the key path of each wanted field. `kind` is the kind of the record, or None if the document
    is not a record. `messages` are the keys whose text may be a record. `telling` has the paths whose
    values show whose record it is, and `status` is the path of log-status, or empty. `may_be` is true if
    the document would be a flow under names that other products use too.
    """

    paths: dict[str, str]
    kind: Kind | None
    status: str
    messages: Keys
    telling: dict[str, str]
    may_be: bool


_KNOWN: Final[dict[tuple[Keys, Keys, bool], Reading]] = {}
"""The readings of recent sets of keys; usually all documents of a file have the same keys."""


def reading_of(keys: Keys, wanted: Keys, budget: Budget, *, is_known: bool) -> Reading:
    """Return how to read documents with these keys; readings are cached.

    Names that other products use too count only if the log `is_known` to be AWS's.
    """
    asked = keys, wanted, is_known
    if (reading := _KNOWN.get(asked)) is None:
        budget.stream(_KEYS_COST + _KEY_COST * len(keys))
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        reading = _KNOWN[asked] = _reading(keys, wanted, is_known)
    return reading


@lru_cache(maxsize=32)
def note_of(keys: Keys, wanted: Keys) -> Reading:
    """Return how to read documents with these keys whose log-status is NODATA or SKIPDATA."""
    found = dict.fromkeys(IN_EVERY_FLOW, "") | fields_of(keys, is_known=True)
    return _named(keys, found, wanted)


@lru_cache(maxsize=32)
def flow_of(keys: Keys, wanted: Keys) -> Reading | None:
    """Return how to read documents with these keys and an AWS marker in a value, or None if not flows."""
    found = fields_of(keys, is_known=True)
    return _named(keys, found, wanted) if are_flows(found, keys) else None


@lru_cache(maxsize=8)
def unmarked(keys: Keys) -> Kind:
    """Return the kind of documents with these keys and no AWS marker."""
    return Kind("JSON", reason=Reason.NO_RECORD_IN_JSON, refusal=may_be_of_others(keys))


def _reading(keys: Keys, wanted: Keys, is_known: bool) -> Reading:
    found = fields_of(keys, is_known=is_known)
    reading = _named(keys, found, wanted)
    if others := whose(keys):
        return reading._replace(kind=of_others("JSON", others), telling={})
    if reading.telling:  # it is a record even without port and protocol
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
