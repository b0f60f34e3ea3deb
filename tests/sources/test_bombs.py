"""What unpacks to more than any flow log could be is refused."""

import gzip

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import LogError
from flowtag_core.sources import bombs
from flowtag_core.sources.bombs import refuse_bomb
from tests.sources.made import parse, zipped


def test_a_bomb_is_refused_by_size_and_ratio(monkeypatch):
    monkeypatch.setattr(bombs, "_BOMB_SIZE", 1 << 22)
    with pytest.raises(LogError, match="unpacks to over 1,000 times its size"):
        parse(gzip.compress(b"\n" * (1 << 24), 9))


@given(packed=st.integers(0, 1 << 40), over=st.integers(0, 1))
def test_only_what_is_both_large_and_a_thousand_times_its_size_is_refused(packed, over):
    size = max(1 << 30, 1000 * packed) + over
    if over:
        with pytest.raises(LogError, match=f"^a.log: unpacks to over 1,000 times .*{size:,} bytes"):
            refuse_bomb("a.log", packed, size)
    else:
        refuse_bomb("a.log", packed, size)


def test_what_is_small_may_be_packed_as_well_as_it_can_be():
    refuse_bomb("a.log", 1, 1 << 30)


@pytest.mark.parametrize(
    ("pack", "size"),
    [
        (zipped, 1 << 24),
        (zstandard.compress, 1 << 26),  # of which a single read may give 32 MB
        (lambda log: zipped(gzip.compress(log, 9)), 1 << 24),
    ],
)
def test_a_bomb_is_refused_however_it_is_packed_and_before_all_of_it_is_unpacked(
    monkeypatch, pack, size
):
    monkeypatch.setattr(bombs, "_BOMB_SIZE", 1 << 20)
    monkeypatch.setattr(bombs, "_BOMB_RATIO", 100)
    with pytest.raises(LogError, match="unpacks to over 100 times its size") as error:
        parse(pack(b"\n" * size))
    assert f"{size:,}" not in str(error.value)
