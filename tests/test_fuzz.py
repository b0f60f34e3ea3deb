"""Compare the reference with an independently written oracle, on logs full of oddities.

Run larger comparisons by hand: python -m tests.fuzz.compare --seeds 3 --lines 200000. The same goes for blocks of
records in other shapes: python -m tests.fuzz.shapes.
"""

import pytest

from flowtag_core.counting import compiled
from tests.fuzz import oracle, shapes
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


@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_counting_by_blocks_and_record_by_record_agree_on_mutated_logs(shape):
    compiled.kernel(wait=True)
    assert [shapes.differences(shape, seed, 4000) for seed in range(2)] == [[], []]
