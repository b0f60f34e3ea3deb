"""The reference against an oracle that was written independently, on logs full of oddities.

Larger ones by hand: python -m tests.fuzz.compare --seeds 3 --lines 200000
"""

import pytest

from tests.fuzz import oracle
from tests.fuzz.compare import differences


@pytest.mark.parametrize("seed", range(3))
def test_reference_and_oracle_agree_on_logs_full_of_oddities(seed, tmp_path):
    assert differences(seed, 1500, tmp_path) == []


def test_the_comparison_can_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(oracle, "NBSP", b"\xc2\xa0\xc2\xa0")
    assert any("equation of" in sentence for sentence in differences(0, 1500, tmp_path))
