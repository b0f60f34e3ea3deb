"""Flows by port and protocol in blocks of ten minutes, to compare the last ones with those before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flowtag_core.counts import ACCEPT, BOUNDARIES, REJECT, FlowCounts, Ints, Table
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import Numbers, sums_at, tag_numbers

BLOCK: Final = 10
"""The minutes in a block."""
BEFORE: Final = 12
"""How many blocks before it a block is compared with."""
NOW: Final = 2
"""How many blocks are compared with those before: the last one has only just begun."""
SPAN: Final = BLOCK * (NOW + BEFORE)
"""The minutes up to the newest flow that are compared."""
_INBOUND: Final = BOUNDARIES.index("inbound")


class Blocks(NamedTuple):
    """Flows by port and protocol in each block, the newest last: a matrix for each measure."""

    first: int
    port: Numbers
    protocol: Numbers
    tag: Numbers
    requests: Ints
    from_outside: Ints
    by_service: Ints
    rejected: Ints


def blocks_of(recent: Sequence[FlowCounts], newest: int, lookup: Lookup) -> Blocks | None:
    """Return the matrices of the last blocks, or None if there are no flows in them."""
    first = newest - (NOW + BEFORE) + 1
    requests = _rows([counts.requests for counts in recent], first)
    replies = _rows([counts.replies_by_service for counts in recent], first)
    key = np.concatenate([requests.key, replies.key])
    if not len(key):
        return None
    keys, place = np.unique(key, return_inverse=True)
    port, protocol = (keys >> 8).astype(np.int32), (keys & 255).astype(np.int32)
    block = np.concatenate([requests.block, replies.block])
    action = np.concatenate([requests.action, replies.action])
    flows = np.concatenate([requests.flows, replies.flows])
    is_request = np.arange(len(key)) < len(requests.key)
    is_inbound = np.concatenate([requests.boundary, replies.boundary]) == _INBOUND

    def matrix(rows: NDArray[np.bool_] | slice) -> Ints:
        return sums_at((len(keys), NOW + BEFORE), (place[rows], block[rows]), flows[rows])

    return Blocks(
        first * BLOCK,
        port,
        protocol,
        tag_numbers(port, protocol, lookup),
        matrix(is_request),
        matrix(is_request & is_inbound & (action == ACCEPT)),
        matrix(slice(None)),
        matrix(action == REJECT),
    )


class _Rows(NamedTuple):
    """The rows of tables in the last blocks; `key` is the port and protocol, `block` is 0 for the oldest."""

    key: Ints
    block: Ints
    boundary: Ints
    action: Ints
    flows: Ints


def _rows(tables: Sequence[Table], first: int) -> _Rows:
    columns: list[_Rows] = []
    for each in tables:
        block = each.window // (60 * BLOCK) - first
        here = (block >= 0) & (block < NOW + BEFORE)
        key = each.port << 8 | each.protocol
        whole = _Rows(key, block, each.boundary, each.action, each.flows)
        columns.append(_Rows(*(column[here] for column in whole)))
    empty = _Rows(*(np.empty(0, np.int64) for _ in _Rows._fields))
    return _Rows(*(np.concatenate(some) for some in zip(empty, *columns, strict=True)))
