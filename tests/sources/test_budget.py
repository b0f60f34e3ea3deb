"""A file that expands to more than any real flow log is refused."""

import gzip

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import LogError, OverBudgetError
from flowtag_core.sources import budget
from flowtag_core.sources.budget import Budget
from tests.sources.made import parse, zipped


def test_a_bomb_is_refused_by_size_and_ratio(monkeypatch):
    monkeypatch.setattr(budget, "_MOST_STREAMED", 1 << 22)
    with pytest.raises(LogError, match="over 1,000 times its size"):
        parse(gzip.compress(b"\n" * (1 << 24), 9))


@given(packed=st.integers(0, 1 << 40), over=st.integers(0, 1))
def test_a_file_is_refused_only_if_it_expands_to_over_1_gb_and_over_1000_times_its_size(
    packed, over
):
    size = max(1 << 30, 1000 * packed) + over
    charged = Budget("a.log", lambda: packed)
    charged.stream(size // 2)
    if over:
        with pytest.raises(OverBudgetError, match=f"^a.log: .*{size:,} bytes"):
            charged.stream(size - size // 2)
    else:
        charged.stream(size - size // 2)


@pytest.mark.parametrize(
    ("pack", "size"),
    [
        (zipped, 1 << 24),
        (zstandard.compress, 1 << 26),  # A single read may yield 32 MB of it.
        (lambda log: zipped(gzip.compress(log, 9)), 1 << 24),
    ],
)
def test_a_bomb_in_any_packing_is_refused_before_all_of_it_is_unpacked(monkeypatch, pack, size):
    monkeypatch.setattr(budget, "_MOST_STREAMED", 1 << 20)
    monkeypatch.setattr(budget, "_RATIO", 100)
    with pytest.raises(LogError, match="over 100 times its size") as error:
        parse(pack(b"\n" * size))
    assert f"{size:,}" not in str(error.value)
