"""Turn columns into an Arrow stream, which Polars, DuckDB, pandas and others read as a table.

Columns are built from raw buffers: `pyarrow.array` would import pandas, which takes longer than
counting a small log.
Source: the Arrow PyCapsule Interface, `__arrow_c_stream__`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def stream(columns: Mapping[str, Any], requested: object) -> object:
    """Return a stream of columns of equal length; `requested` is the schema that the caller wants."""
    import pyarrow as pa

    table = pa.Table.from_arrays(list(columns.values()), names=list(columns))
    return table.__arrow_c_stream__(requested)


def numbers(values: NDArray[Any]) -> Any:
    """Return a column of integers of the same type as the array."""
    import pyarrow as pa

    return _column(pa.from_numpy_dtype(values.dtype), len(values), values)


def words(names: Sequence[str], places: NDArray[Any]) -> Any:
    """Return a column of text; each item of `places` is an index into `names`."""
    return coded(names, places).dictionary_decode()


def coded(names: Sequence[str], places: NDArray[Any]) -> Any:
    """Return the same column, but with each name only once, however long it is."""
    import pyarrow as pa

    encoded = [name.encode(errors="replace") for name in names]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    text = _column(pa.large_utf8(), len(names), ends, b"".join(encoded))
    return pa.DictionaryArray.from_arrays(numbers(places), text)


def moments(seconds: NDArray[Any], is_known: NDArray[np.bool_]) -> Any:
    """Return a column of UTC timestamps, given seconds since 1970; unknown times become null."""
    import pyarrow as pa

    return _column(pa.timestamp("s", tz="UTC"), len(seconds), seconds, is_known=is_known)


def truths(values: NDArray[np.bool_]) -> Any:
    """Return a column of Booleans."""
    import pyarrow as pa

    return _column(pa.bool_(), len(values), _bits(values))


def _column(
    kind: Any, length: int, *buffers: Any, is_known: NDArray[np.bool_] | None = None
) -> Any:
    import pyarrow as pa

    known = None if is_known is None else pa.py_buffer(_bits(is_known))
    parts = (
        np.ascontiguousarray(part) if isinstance(part, np.ndarray) else part for part in buffers
    )
    return pa.Array.from_buffers(kind, length, [known, *map(pa.py_buffer, parts)])


def _bits(values: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.packbits(values, bitorder="little")
