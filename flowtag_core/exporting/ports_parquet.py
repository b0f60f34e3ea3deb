"""Handout -> a Parquet file with a row per port, protocol, action and boundary."""

from __future__ import annotations

import io
import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowtag_core import arrow
from flowtag_core.counts import ACTIONS, BOUNDARIES, MEASURES, Ints
from flowtag_core.exporting.result_json import FORMAT, VERSION, summary
from flowtag_core.iana import protocol_name
from flowtag_core.showing.handout import Handout
from flowtag_core.showing.log_notes import measures
from flowtag_core.tagging.report import places_in, sums_at

_NAMES: Final = [protocol_name(number) for number in range(256)]
_SAID: Final = ("flowtag", "made", "filters", "from", "to", "covered", "internal")
"""The keys of the JSON document that the file's metadata contains too, under `flowtag`."""


def ports_parquet(handout: Handout) -> bytes:
    """Return a Parquet file of the ports that the page lists, sorted by port, protocol, action and boundary.

    The columns are `port`, `protocol`, `tag`, `action`, `boundary`, `flows`, `packets` and `bytes`. If no
    log has a field for a measure, its sums are null.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = _columns(handout)
    table = pa.Table.from_arrays(list(columns.values()), names=list(columns))
    document = summary(handout)
    said = {"format": FORMAT, "version": VERSION, **{key: document[key] for key in _SAID}}
    file = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata({"flowtag": json.dumps(said)}), file, compression="zstd"
    )
    return file.getvalue()


def _columns(handout: Handout) -> dict[str, Any]:
    import pyarrow as pa

    found, selection = handout.ports, handout.view.selections.report
    place = _joined(
        [places_in(found, _wide(each.port), _wide(each.protocol)) for each in selection.tables]
    )
    is_found = place >= 0
    kinds = len(ACTIONS) * len(BOUNDARIES)
    kind = _joined(
        [_wide(each.action) * len(BOUNDARIES) + each.boundary for each in selection.tables]
    )
    key, row = np.unique((place * kinds + kind)[is_found], return_inverse=True)
    at, kind = key // kinds, key % kinds
    columns = {
        "port": arrow.numbers(found.port[at]),
        "protocol": arrow.words(_NAMES, found.protocol[at]),
        "tag": arrow.coded(found.tags, found.tag[at]),
        "action": arrow.words(ACTIONS, _wide(kind // len(BOUNDARIES))),
        "boundary": arrow.words(BOUNDARIES, _wide(kind % len(BOUNDARIES))),
    }
    known = measures(handout.view.counts)
    for measure in MEASURES:
        values = _joined([getattr(each, measure) for each in selection.tables])[is_found]
        sums: Ints = sums_at((len(key),), row, values)
        columns[measure] = (
            arrow.numbers(sums) if measure in known else pa.nulls(len(key), pa.int64())
        )
    return columns


def _wide(column: NDArray[Any]) -> NDArray[np.int32]:
    return column.astype(np.int32)


def _joined(columns: list[NDArray[Any]]) -> Ints:
    return np.concatenate(columns).astype(np.int64)
