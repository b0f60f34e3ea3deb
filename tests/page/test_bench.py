"""On the workbench, a click applies to what was shown, and a tick stays with its pair."""

import pytest

from flowtag_core.page import bench as bench_room
from flowtag_core.page.bench import Bench
from flowtag_core.page.logs import Logs
from flowtag_core.showing.suggestions import suggestion
from flowtag_core.showing.workbench import UntaggedPair
from flowtag_core.tagging.report import map_tags
from tests.logs import line
from tests.page.made import counted_log, lookup


def pair(port):
    return UntaggedPair(port, 6, suggestion(port, 6))


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test advances: clock.append(seconds)."""
    passed = [100.0]
    monkeypatch.setattr(bench_room.time, "monotonic", lambda: sum(passed))
    return passed


def test_a_click_applies_to_the_pair_that_was_shown_or_to_nothing(clock):
    bench = Bench()
    bench.show([pair(8080), pair(8081), pair(22)])
    assert bench.clicked(0, "+ http-alt") == pair(8080)
    bench.show([pair(8081), pair(22)])
    # The second half of a double click.
    clock.append(0.2)
    assert bench.clicked(0, "+ http-alt") is None
    # If the list is sorted, the second half may hit another row.
    assert bench.clicked(1, "+ ssh") is None
    clock.append(0.2)
    # The browser still shows the previous list.
    assert bench.clicked(2, "+ ssh") == pair(22)
    clock.append(1.0)
    assert bench.clicked(1, "+ nothing of that") is None
    assert bench.clicked(99, "+ ssh") is None


def test_a_click_that_could_be_meant_for_either_list_does_nothing():
    bench = Bench()
    bench.show([pair(22), pair(8080), pair(8081)])
    bench.show([pair(22), pair(8081)])
    assert bench.clicked(1, "+ http-alt") is None


def test_ticks_follow_their_pairs_when_the_list_moves():
    bench = Bench()
    bench.show([pair(1), pair(2), pair(3)])
    bench.tick([1, 2])
    assert bench.show([pair(3), pair(2)]) == [0, 1]
    assert bench.offered == [pair(3), pair(2)]
    assert bench.show([pair(2)]) == [0]


def test_a_click_never_applies_to_a_list_from_several_seconds_ago(clock):
    bench = Bench()
    bench.show([pair(8080), pair(22)])
    bench.show([pair(22)])
    clock.append(3.1)
    assert bench.clicked(1, "+ ssh") is None
    assert bench.clicked(0, "+ ssh") == pair(22)


def test_a_click_on_a_pair_that_is_gone_does_nothing(clock):
    bench = Bench()
    bench.show([pair(8080), pair(22)])
    bench.show([pair(22)])
    clock.append(1.0)
    assert bench.clicked(0, "+ http-alt") is None


def test_a_tag_applies_to_the_ticked_pairs_or_else_to_the_first():
    bench = Bench()
    assert bench.show([]) == []
    assert bench.offered == []
    bench.show([pair(1), pair(2), pair(3)])
    assert bench.offered == [pair(1)]
    bench.tick([1, 2, 99])
    assert bench.offered == [pair(2), pair(3)]
    bench.tick([])
    assert bench.offered == [pair(1)]


def test_no_two_benches_have_the_same_name():
    assert len({Bench().name for _ in range(100)}) == 100


def test_a_tick_or_a_change_clears_the_last_error():
    bench = Bench()
    for deed in (lambda: bench.tick([]), lambda: bench.did("Undone"), lambda: bench.refuse("")):
        bench.refuse("not so")
        assert bench.wrong == "not so"
        deed()
        assert bench.wrong == ""


def test_the_effect_of_a_change_is_shown_while_the_same_flows_are_counted():
    logs = Logs().plus([counted_log("a", line()), counted_log("b", line(dstport="25"))])
    before, after = (map_tags(logs.counts, each) for each in (lookup("1,tcp,x\n"), lookup()))
    bench = Bench()
    bench.drawn(before, "view")
    bench.did("443/tcp is now web")
    assert bench.said == ""
    for _ in ("drawn", "drawn again"):
        bench.drawn(after, "view")
        assert bench.said == "443/tcp is now web. Untagged went from 100.0% to 50.0% of flows."
    bench.drawn(after, "another view")
    assert bench.said == ""


def test_of_several_changes_the_last_is_named_and_the_others_are_counted():
    before, after = (
        map_tags(counted_log("a", line()).counts, lookup(each))
        for each in ("1,tcp,x\n", "443,tcp,x\n")
    )
    bench = Bench()
    bench.drawn(before, "view")
    for deed in ("one", "two", "three"):
        bench.did(deed)
    bench.drawn(after, "view")
    assert bench.said == "three and 2 more changes. Untagged went from 100.0% to 0.0% of flows."
    bench.did("four")
    bench.drawn(after, "view")
    assert bench.said == "four. Untagged went from 0.0% to 0.0% of flows."
