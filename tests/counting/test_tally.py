"""A tally adds up to the table of the same rows, however full it gets."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core import counts
from flowtag_core.counting import compiled, contract, folding, tally

pytestmark = pytest.mark.skipif(
    not compiled.can_compile(), reason="numba has no wheel for this platform"
)


def rows_of(seed, size, minutes, ports, unknown, most=10**12):
    """Return rows as the kernel writes them, their kinds, and the columns that they are made from."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, size)
    minute = 28_000_000 + np.sort(rng.integers(0, minutes, size))
    minute[rng.random(size) < unknown] = contract.UNKNOWN_MINUTE
    protocol, port = rng.choice([1, 6, 17], size), rng.integers(0, ports, size)
    action = rng.integers(0, 3, size)
    key = kind << contract.KIND_SHIFT
    boundary = rng.integers(0, 5, size)
    key |= counts.key_of(minute, protocol, port, action, boundary)
    values = rng.integers(0, most, (2, size))
    rows = np.ascontiguousarray(np.stack([key, *values], axis=1)).reshape(-1)
    known = np.where(minute == contract.UNKNOWN_MINUTE, counts.UNKNOWN_TIME, minute)
    return rows, kind, (known, protocol, port, action, *values, boundary)


@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(0, 6000), max_size=6),
    minutes=st.sampled_from([1, 5, 239, 241, 3000, 600_000]),
    ports=st.sampled_from([1, 20, 65536]),
    unknown=st.sampled_from([0, 0, 0.1, 1]),
    sizes_of_piles=st.sampled_from([(100,), (16, 3000), (3 << 18,)]),
    hot_bits=st.sampled_from([4, 11]),
    most=st.sampled_from([10**12, counts.MOST_SUM]),
    most_span=st.sampled_from([1000, 1 << 20]),
    most_folded=st.sampled_from([500, 1 << 23]),
)
@settings(max_examples=40)
def test_a_tally_gives_the_table_of_its_rows(
    seed, sizes, minutes, ports, unknown, sizes_of_piles, hot_bits, most, most_span, most_folded
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "_MOST_SPAN", most_span)
        patch.setattr(folding, "MOST_FOLDED", most_folded)
        patch.setattr(tally, "_PILE_SIZES", sizes_of_piles)
        patch.setattr(tally, "_HOT_BITS", hot_bits)
        patch.setattr(counts, "MOST_ROWS", 2000)
        added = tally.Tally(compiled.kernel(wait=True))
        parts = [
            rows_of(seed + n, size, minutes, ports, unknown, most) for n, size in enumerate(sizes)
        ]
        for rows, _kind, _ in parts:
            added.add(rows)
        total = added.counts()
        for number, name in enumerate(("requests", "replies", "replies_by_service")):
            tables = [
                counts.tabulate(*(column[kind == number] for column in columns))
                for _, kind, columns in parts
            ]
            assert getattr(total, name) == sum(tables, counts.Table())


@pytest.mark.parametrize("few", [0, 1 << 16])
def test_two_sums_that_take_turns_keep_their_own_rows(few, monkeypatch):
    assert compiled.kernel(wait=True) is not None
    monkeypatch.setattr(tally, "_MOST_FEW", few)
    monkeypatch.setattr(tally, "_TALLIES", deque())
    one, other, taken = tally.RowSum(), tally.RowSum(), []
    for size in (10, 20, 30):
        for number, each in enumerate((one, other), 1):
            rows, *_ = rows_of(size, size * number, 5, 20, 0.1)
            each.add(rows)
            if number == 1:
                taken.append(each.counts())
                each.add(rows)
    taken += [one.counts(), other.counts()]
    flows = [
        sum(
            int(getattr(counted, name).flows.sum())
            for name in ("requests", "replies", "replies_by_service")
        )
        for counted in taken
    ]
    assert flows == [10, 10 + 20, 20 + 30, 30, 2 * (10 + 20 + 30)]
