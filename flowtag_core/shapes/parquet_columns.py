"""Columns of a batch of Parquet rows as numbers, addresses, interfaces and words.

A batch is an Arrow record batch; its values may have any type. Reading a damaged one raises what pyarrow raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowtag_core.boundary import LONGEST_ADDRESS
from flowtag_core.counts import Ints
from flowtag_core.shapes.fields import MISSING, word
from flowtag_core.shapes.records import NUMBERS, SOUND_WORDS, Addresses, Column, Words

Paths = dict[str, str]
"""The column of each field; a dot leads to a column within another one."""

_INTERFACE: Final = "interface-id"
_LONGEST_WORD: Final = 200
_LONGEST_READ: Final = 1 << 16
"""How many bytes of a text are looked at for a word."""
_LARGEST_WHOLE: Final = 1 << 53
"""Up to here, a float can be any whole number."""
_PARTS_OF_A_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def numbers(batch: Any, paths: Paths) -> list[Column | None]:
    """Return the columns of NUMBERS as numbers, with -1 for a null or a word that is not one of AWS's."""
    return [
        _number(_column(batch, paths[field]), field) if field in paths else None
        for field in NUMBERS
    ]


def _number(values: Any, field: str) -> Column | None:
    if field in SOUND_WORDS:
        return _codes(values, field)
    found = _whole(values)
    return None if found is None else Column(found)


def addresses(batch: Any, paths: Paths) -> Addresses | None:
    """Return the addresses of the rows, or None if the table has none."""
    if "srcaddr" not in paths or "dstaddr" not in paths:
        return None
    ends = [_encoded(_column(batch, paths[field])) for field in ("srcaddr", "dstaddr")]
    first, second = (each.dictionary for each in ends)
    count = len(first) + len(second)
    text, offsets = _as_one(first, second)
    sources = _array(_filled(ends[0].indices, count))
    destinations = _array(_filled(ends[1].indices, len(second))) + np.int32(len(first))

    def words_at(places: Ints) -> list[bytes]:
        distinct = [*_distinct(ends[0]), *_distinct(ends[1])] if len(places) else []
        return [_word(distinct[n], "srcaddr").encode() for n in places.tolist()]

    return Addresses(count, text, offsets, words_at, sources, destinations)


def interfaces(batch: Any, paths: Paths) -> Words | None:
    """Return the interfaces of the rows, or None if the table has none."""
    if _INTERFACE not in paths:
        return None
    encoded = _encoded(_column(batch, paths[_INTERFACE]))
    distinct = [_word(each, _INTERFACE).encode() for each in _distinct(encoded)]
    return Words(distinct, _array(_filled(encoded.indices, len(distinct))))


def words(batch: Any, path: str, field: str) -> list[str]:
    """Return a column's values as words of a record."""
    return _converted(batch, path, lambda value: _word(value, field), MISSING)


def messages(batch: Any, path: str) -> list[str]:
    """Return a column's values as text, each without the line end at its end."""
    return _converted(batch, path, _text, "")


def _word(value: Any, field: str) -> str:
    """Return a value as a word of a record, or only its beginning if it is long."""
    return word(value[:_LONGEST_READ] if isinstance(value, bytes) else value, field)[:_LONGEST_WORD]


def _as_one(first: Any, second: Any) -> tuple[NDArray[np.uint8], NDArray[np.int32] | None]:
    """Return the texts in two arrays, one after another, and where each begins and ends; None if some are too long."""
    import pyarrow as pa

    nothing = np.empty(0, np.uint8)
    if not (pa.types.is_string(first.type) and pa.types.is_string(second.type)):
        return nothing, None
    texts = pa.concat_arrays([first, second])
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1]
    if len(texts) and np.diff(ends).max() > LONGEST_ADDRESS:
        return nothing, None
    return np.frombuffer(data, np.uint8) if data else nothing, ends


def _whole(values: Any) -> NDArray[np.int32] | Ints | None:
    """Return a column of whole numbers or, in seconds, of timestamps, with -1 for others; None for other types."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_timestamp(kind):
        return _seconds(values)
    if pa.types.is_floating(kind):
        return _whole_floats(values)
    if not pa.types.is_integer(kind) or kind == pa.uint64():
        return None
    if kind not in (pa.int32(), pa.int64()):
        values = values.cast(pa.int64())
    found: Ints = _array(_filled(values, -1))
    return found


def _whole_floats(values: Any) -> Ints:
    """Return floats as integers, with -1 for nulls and for those that are not whole numbers from 0 up."""
    import pyarrow as pa

    floats = _array(_filled(values.cast(pa.float64()), -1))
    is_whole = ~np.signbit(floats) & (floats < _LARGEST_WHOLE) & (np.floor(floats) == floats)
    return np.where(is_whole, floats, -1).astype(np.int64)


def _seconds(times: Any) -> Ints:
    """Return timestamps as seconds since 1970, with -1 for nulls."""
    import pyarrow as pa

    parts = _array(_filled(times.view(pa.int64()), -1))
    return np.asarray(parts // _PARTS_OF_A_SECOND[times.type.unit])


def _codes(values: Any, field: str) -> Column:
    """Return words as their indexes in SOUND_WORDS, with -1 for all others."""
    values = _encoded(values)
    sound = SOUND_WORDS[field]
    distinct = [word(value, field) for value in _distinct(values)]
    codes = np.array(
        [sound.index(each) if each in sound else -1 for each in distinct] + [-1], np.int64
    )
    return Column(_array(_filled(values.indices, len(distinct))), codes)


def _filled(values: Any, null: int) -> Any:
    """Return numbers with another one for null; without nulls, that must not import pyarrow's functions."""
    return values.fill_null(null) if values.null_count else values


def _array(values: Any) -> Any:
    """Return integers without nulls as a NumPy array, without copying.

    pyarrow's own conversion would import pandas first.
    """
    return np.asarray(np.from_dlpack(values))


def _column(batch: Any, path: str) -> Any:
    names = batch.schema.names
    if path in names:  # a name may contain dots, or appear twice
        return batch.column(names.index(path))
    column, *within = path.split(".")
    values = batch.column(names.index(column))
    for key in within:
        values = values.field(key)
    return values


def _converted(batch: Any, path: str, convert: Callable[[Any], str], null: str) -> list[str]:
    """Return a column's values as text; each distinct value is converted only once."""
    values = _encoded(_column(batch, path))
    texts = [convert(value) for value in _distinct(values)]
    return [null if place is None else texts[place] for place in values.indices.to_pylist()]


def _encoded(values: Any) -> Any:
    """Return the values as indexes into a dictionary that is no larger than the values.

    The dictionary of a whole column may be much larger than one batch of its rows; in that case only the
    entries that the rows use are kept.
    """
    values = values.dictionary_encode()
    if len(values.dictionary) <= len(values):
        return values
    import pyarrow.compute as pc  # imported lazily: that takes as long as counting 20 MB

    named = values.indices.drop_null().unique()
    places = pc.index_in(values.indices, named)
    return type(values).from_arrays(places, values.dictionary.take(named))


def _distinct(values: Any) -> list[Any]:
    """Return the values of a dictionary, text as bytes, since it may be invalid, and times as seconds."""
    import pyarrow as pa

    distinct = values.dictionary
    if pa.types.is_date(distinct.type):
        distinct = distinct.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(distinct.type):  # Python's datetime ends with the year 9999
        return list(_seconds(distinct).tolist())
    if pa.types.is_string(distinct.type):
        distinct = distinct.view(pa.binary())
    if pa.types.is_large_string(distinct.type):
        distinct = distinct.view(pa.large_binary())
    return list(distinct.to_pylist())


def _text(value: object) -> str:
    """Return a value as text, without the line end at its end."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.rstrip("\r\n")
