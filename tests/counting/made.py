"""Random tables and counts, and counting with and without the kernel."""

from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from hypothesis import strategies as st

from flowtag_core import counts
from flowtag_core.counting import compiled
from flowtag_core.counts import (
    MOST_SUM,
    UNKNOWN_TIME,
    Fault,
    FileCounts,
    FlowCounts,
    Reason,
    tabulate,
)

MINUTE = 28_000_000
BY_KERNEL = [
    False,
    pytest.param(
        True,
        marks=pytest.mark.skipif(
            not compiled.can_compile(), reason="numba has no wheel for this platform"
        ),
    ),
]

_sums = st.one_of(st.integers(0, 10**6), st.integers(0, MOST_SUM))
_rows = st.tuples(
    st.one_of(
        st.just(UNKNOWN_TIME),
        st.integers(MINUTE, MINUTE + 8),
        st.integers(MINUTE, MINUTE + 600),
        st.integers(0, 68_000_000),
    ),
    st.sampled_from([0, 6, 17, 255]),
    st.sampled_from([0, 443, 65535]),
    st.integers(0, 2),
    _sums,
    _sums,
    st.integers(0, 4),
)


def table_of(rows):
    """Return the table of rows (minute, protocol, port, action, packets, bytes, boundary)."""
    return tabulate(*np.array(rows, np.int64).reshape(-1, 7).T)


tables = st.lists(_rows, max_size=14).map(table_of)

_counters = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9), max_size=2).map(
    counts.Counter
)
_some_words = st.frozensets(st.sampled_from("xyz"), max_size=2)
files = st.builds(
    FileCounts,
    size=st.integers(0, 99),
    headers=st.integers(0, 9),
    blank=st.integers(0, 9),
    flows=st.integers(0, 9),
    set_aside=st.dictionaries(st.sampled_from(Reason), st.integers(1, 9), max_size=2).map(
        counts.Counter
    ),
    unreadable=_counters,
    lacking=_counters,
    odd_words=_counters,
    fitting=_counters,
    misfits=_some_words,
    shapes=_some_words,
    damage=_some_words,
)
faults = st.lists(
    st.builds(
        Fault,
        file=st.sampled_from("ab"),
        line=st.integers(1, 9),
        reason=st.sampled_from(Reason),
        text=st.sampled_from(["", "x"]),
    ),
    max_size=5,
).map(lambda some: tuple(sorted(some)))
flow_counts = st.builds(
    FlowCounts, tables, tables, tables, st.dictionaries(st.sampled_from("ab"), files), faults
)

flows = st.lists(
    st.tuples(
        st.one_of(st.just(UNKNOWN_TIME), st.integers(MINUTE, MINUTE + 600)),
        st.sampled_from([1, 6, 17, 47]),
        st.sampled_from([0, 443, 50_000, 65535]),
        st.sampled_from([UNKNOWN_TIME, 0, 443, 50_000]),
        st.integers(0, 2),
        st.integers(0, 10**15),
        st.integers(0, 10**15),
        st.integers(0, 4),
    ),
    max_size=8,
).map(lambda some: np.array(some, np.int64).reshape(-1, 8))
"""Arrays of flows like those that `Reference.take_flows` returns."""


@contextmanager
def few_windows():
    """Allow so few windows and rows that small tables climb the whole ladder of widths."""
    with mock.patch.object(counts, "MOST_WINDOWS", 4), mock.patch.object(counts, "MOST_ROWS", 12):
        yield


@contextmanager
def counting(*, by_kernel):
    """Count with the kernel, or as if there were none."""
    if by_kernel:
        assert compiled.kernel(wait=True) is not None
        yield
        return
    with (
        mock.patch.object(compiled, "kernel", return_value=None),
        mock.patch.object(compiled._Loaded, "kernel", None),
    ):
        yield
