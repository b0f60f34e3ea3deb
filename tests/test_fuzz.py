"""Compare the reference with an independently written oracle, on logs full of oddities.

Run larger comparisons by hand: python -m tests.fuzz.compare --seeds 3 --lines 200000
"""

import pytest

from tests.fuzz import oracle
from tests.fuzz.compare import differences


@pytest.mark.parametrize("seed", range(3))
def test_reference_and_oracle_agree_on_logs_full_of_oddities(seed, tmp_path):
    assert differences(seed, 1500, tmp_path) == []


@pytest.mark.parametrize(
    ("name", "wrong", "fact"),
    [
        ("NBSP", b"\xc2\xa0\xc2\xa0", "plain file, equation of log.txt"),
        ("BOM", b"\xfe\xff", "plain file, set aside in log.txt"),
        ("HAS_PORTS", {6, 17}, "plain file, rows of replies by service"),
        ("MOST_FAULTS", 100, "gzip file, faults"),
        ("MOST_WINDOWS", 2, "log in parts, table of requests"),
        ("PROTOCOL_NUMBER", {**oracle.PROTOCOL_NUMBER, "udp": 6}, "lookup, rules"),
        ("PROTOCOL_NAME", {**oracle.PROTOCOL_NAME, 6: "TCP"}, "gzip file, lines of the result"),
        ("KNOWN", set(oracle.DEFAULT), "log in parts, equation of part-"),
        ("pieces_of", lambda line, _: [line], "log in parts, actions of requests"),
    ],
)
def test_the_comparison_notices_a_bug_in_the_oracle(name, wrong, fact, tmp_path, monkeypatch):
    monkeypatch.setattr(oracle, name, wrong)
    assert any(sentence.startswith(fact) for sentence in differences(0, 1500, tmp_path))
