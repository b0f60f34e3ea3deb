"""The constants that the kernel and its callers share fit into a key, a cell and the layout array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counting import compiled, contract, scratch
from flowtag_core.counting.tally import rows_of
from flowtag_core.counts import (
    ACTIONS,
    BOUNDARIES,
    MOST_WINDOWS,
    UNKNOWN_TIME,
    UNKNOWN_WINDOW,
    WINDOW_SHIFT,
    key_of,
)
from flowtag_core.shapes import other_layouts
from flowtag_core.shapes.layout import ASSUMED, KNOWN_FIELDS
from tests.logs import line

LAST_MINUTE = 4_102_444_800 // 60


def test_every_minute_fits_below_the_kind_and_every_key_into_63_bits():
    last = len(ACTIONS) - 1, len(BOUNDARIES) - 1
    largest = key_of(np.array([contract.UNKNOWN_MINUTE]), 255, 65535, *last)
    assert LAST_MINUTE < contract.UNKNOWN_MINUTE
    assert largest[0] < 1 << contract.KIND_SHIFT
    assert 2 << contract.KIND_SHIFT | int(largest[0]) < 1 << 63


def test_the_unknown_minute_has_the_lowest_bits_of_the_unknown_window():
    assert UNKNOWN_WINDOW & contract.UNKNOWN_MINUTE == contract.UNKNOWN_MINUTE
    assert UNKNOWN_TIME & contract.UNKNOWN_MINUTE == contract.UNKNOWN_MINUTE
    assert contract.UNKNOWN_MINUTE.bit_length() == contract.KIND_SHIFT - WINDOW_SHIFT


def test_every_window_and_every_row_fits_into_a_cell_of_31_bits():
    assert MOST_WINDOWS + 1 <= 1 << 8
    assert contract.MOST_FOLDED <= 1 << (31 - 8)


def test_the_sections_of_the_layout_array_do_not_overlap():
    names = {name.encode()[:3] for name in KNOWN_FIELDS}
    names |= {name.replace(b"-", b"_") for name in names}
    assert len(names) <= contract.MOST_STARTS
    assert max(other_layouts.places(())) <= contract.WORDS_TOLD
    places = range(contract.FIELDS, contract.INTERFACE + 1)
    ends = [
        contract.HAS_PORTS,
        contract.FIRST_OCTETS,
        contract.NAME_STARTS,
        contract.OTHERS,
        contract.OTHER_PLACES,
    ]
    assert len(places) == ends[0]
    assert np.diff(ends).tolist() == [256, 256, contract.MOST_STARTS, contract.WORDS_TOLD + 2]


def test_adding_fits_none_to_a_fault_never_gives_another_verdict():
    assert contract.UNSUPPORTED_VERSION < contract.FITS_NONE


def test_every_kernel_function_has_a_signature():
    assert {*contract.SIGNATURES} == {*contract.Kernel._fields}


def test_a_scratch_has_room_for_at_least_one_line():
    assert min(contract.ROWS_TOLD, contract.ODD_TOLD) >= 2
    assert contract.MOST_SEPARATORS > contract.WORDS_TOLD


flows = st.tuples(
    st.one_of(st.just(UNKNOWN_TIME), st.integers(946_684_800 // 60, LAST_MINUTE - 1)),
    st.integers(0, 255),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.sampled_from([0, 1, 2]),
    st.integers(0, 10**15 - 1),
    st.integers(0, 10**15 - 1),
    st.integers(0, 4),
)
ADDRESSES = [
    ("10.0.0.1", "fc00::1"),
    ("8.8.8.8", "::1"),
    ("10.0.0.1", "2600::"),
    ("1.1.1.1", "2600::"),
    ("-", "x"),
]
"""A source and a destination address for each boundary."""


@pytest.mark.skipif(not compiled.can_compile(), reason="numba has no wheel for this platform")
@given(flows)
def test_kernel_and_reference_write_the_same_rows_with_the_same_keys(flow):
    minute, protocol, dstport, srcport, action, packets, volume, boundary = flow
    text = line(
        start="-" if minute < 0 else str(minute * 60),
        protocol=str(protocol),
        dstport=str(dstport),
        srcport=str(srcport),
        action=("ACCEPT", "REJECT", "DROP")[action],
        packets=str(packets),
        volume=str(volume),
        srcaddr=ADDRESSES[boundary][0],
        dstaddr=ADDRESSES[boundary][1],
    )
    own = scratch.Scratch().read(compiled.kernel(wait=True), text + b"\n", ASSUMED)
    rows = own.rows[: 3 * own.found.rows].reshape(-1, 3).tolist()
    window = contract.UNKNOWN_MINUTE if minute < 0 else minute
    by_dstport, by_srcport = (
        int(key_of(np.int64(window), protocol, port, action, boundary))
        for port in (dstport, srcport)
    )
    kinds = [row[0] >> contract.KIND_SHIFT for row in rows]
    assert kinds in ([0], [1, 2])
    keys = [by_dstport, by_srcport][: len(kinds)]
    assert rows == [
        [kind << contract.KIND_SHIFT | key, packets, volume]
        for kind, key in zip(kinds, keys, strict=True)
    ]
    by_reference = rows_of(np.array([flow], np.int64)).reshape(-1, 3).tolist()
    assert rows == by_reference
