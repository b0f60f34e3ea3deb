"""A follower that is killed twice among rotations, truncations and packed files counts every line once."""

from tests.commands.made import on_posix
from tests.traffic import run

pytestmark = on_posix


def test_ten_seconds_of_traffic_are_counted_to_the_last_line():
    wrong, expected, *_ = run(10, 50_000, "1s")
    assert wrong == {}
    assert expected.total.flows > 100_000
