"""Following gives the same sum as counting at once, however many files there are and whatever is dropped."""

import json

import pytest

from flowtag_core import parse_flow_log
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import StateError
from flowtag_core.reading import live as module
from flowtag_core.reading.follow import Follower
from flowtag_core.reading.live import CLEAN, OTHER, Live
from flowtag_core.reading.state import load, save
from tests.commands.made import on_posix
from tests.logs import line

pytestmark = on_posix
TABLES = ("requests", "replies", "replies_by_service")


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"".join(line(dstport=str(port)) + b"\n" for port in range(1, 9)))
    return path


def test_the_records_of_many_files_are_added_up_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_FILES", 5)
    live = Live(Follower([str(tmp_path)]))
    for number in range(40):
        fault = b"short\n" if number % 4 == 0 else b""
        path = tmp_path / f"{number:02}.log"
        path.write_bytes(line(packets=str(number)) + b"\n" + fault)
        live.look()
    with path.open("ab") as file:
        file.write(line() + b"\n")
    live.look()
    live.follower.close()
    expected = parse_flow_log(str(tmp_path))
    assert len(live.sum.files) <= 15
    assert {CLEAN, OTHER} <= {*live.sum.files}
    assert live.sum.files[OTHER].faults
    assert not live.sum.files[CLEAN].faults
    assert live.sum.total == expected.total
    assert live.sum.faults == expected.faults
    assert str(path) in live.sum.files
    for name in TABLES:
        assert getattr(live.sum, name) == getattr(expected, name)


def test_a_look_of_zero_seconds_still_makes_progress_and_says_that_there_is_more(tmp_path, log):
    assert log.exists()
    for number in range(5):
        (tmp_path / f"{number}.log").write_bytes(line(packets=str(number)) + b"\n")
    live, looks = Live(Follower([str(tmp_path)])), 0
    while live.look(0) or live.follower.is_behind:
        looks += 1
        live.save(str(tmp_path.with_suffix(".state")), {})
        again = Live(Follower([str(tmp_path)]))
        again.resume(str(tmp_path.with_suffix(".state")))
        again.look()
        again.follower.close()
        assert again.sum.total.flows == 13
    live.follower.close()
    assert looks >= 6
    assert live.sum.total.flows == 13


def test_the_sum_and_the_recent_part_are_resumed(tmp_path, log):
    kept = str(tmp_path / "kept")
    live = Live(Follower([str(log)]))
    live.look()
    live.save(kept, {"x": 1})
    again = Live(Follower([str(log)]))
    assert again.resume(kept).last_true == {"x": 1}
    again.look()
    for each in (live, again):
        each.follower.close()
    assert again.sum.total == live.sum.total
    assert again.recent.spans() == live.recent.spans()
    assert again.last(60).requests == live.last(60).requests
    assert again.last(60).total == live.sum.total


def test_two_that_write_to_one_state_are_told_so(tmp_path, log):
    kept = str(tmp_path / "kept")
    one, other = (Live(Follower([str(log)])) for _ in range(2))
    for each in (one, other):
        each.look()
        each.save(kept, {})
        each.save(kept, {})
    with pytest.raises(StateError, match="was changed by another program"):
        one.save(kept, {})
    (tmp_path / "kept").unlink()
    one.save(kept, {})
    for each in (one, other):
        each.follower.close()


def test_a_state_with_invalid_positions_is_damaged(tmp_path, log):
    kept = str(tmp_path / "kept")
    live = Live(Follower([str(log)]))
    live.look()
    live.save(kept, {})
    live.follower.close()
    state = load(kept)
    files = json.loads(state.positions)["files"]
    for positions in ("", "[]", "{}", '{"files": [{}]}', json.dumps({"files": files})):
        save(state._replace(positions=positions), kept)
        with pytest.raises(StateError, match="is not a flowtag state file, or is damaged"):
            Live(Follower([str(log)])).resume(kept)


def test_the_lag_is_unknown_before_there_is_a_time_and_never_negative(log, monkeypatch):
    live = Live(Follower([str(log)]))
    assert live.lag is None
    live.look()
    assert live.lag > 10**7
    monkeypatch.setattr(module.time, "time", lambda: 0)
    assert live.lag == 0
    live.follower.close()


def test_an_empty_folder_has_nothing_new(tmp_path):
    live = Live(Follower([str(tmp_path)]))
    assert not live.look()
    assert live.sum == FlowCounts(internal=())
