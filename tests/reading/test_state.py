"""A state is kept as a whole, comes back as it was, and is never half used."""

from dataclasses import replace

import pytest

from flowtag_core import parse_flow_log
from flowtag_core.counting.recent import Span
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import OutputError, StateError
from flowtag_core.reading import state
from flowtag_core.reading.state import State, load, save
from tests.logs import line


@pytest.fixture
def counts(tmp_path):
    log = tmp_path / "a.log"
    odd = [b"short", b"", line(dstport="x"), line(status="SKIPDATA"), line(action="odd")]
    log.write_bytes(b"\n".join([line(), *odd, line(dstport="9", srcport="7", start="-")]))
    return parse_flow_log(str(log), internal="203.0.113.0/24")


@pytest.mark.parametrize("is_empty", [True, False])
def test_what_is_saved_is_what_is_loaded(tmp_path, counts, is_empty):
    counts = FlowCounts() if is_empty else counts
    tables = replace(counts, files={}, faults=(), internal=None)
    spans = {} if is_empty else {Span(60, 10): tables, Span(70, 1): FlowCounts()}
    kept = State(counts, '{"files": []}', ["dstport", "protocol"], 71, spans, {"new port": 70})
    save(kept, str(tmp_path / "kept"))
    assert load(str(tmp_path / "kept")) == kept


def test_a_state_with_any_byte_changed_or_missing_is_refused(tmp_path, counts):
    kept = tmp_path / "kept"
    save(State(counts, "{}", ()), str(kept))
    whole = kept.read_bytes()
    for place in range(0, len(whole), 53):
        changed = whole[place] ^ 1
        for damaged in (whole[:place], whole[:place] + bytes([changed]) + whole[place + 1 :]):
            kept.write_bytes(damaged)
            with pytest.raises(StateError):
                load(str(kept))


@pytest.mark.parametrize(
    "content", [b"", b"x" * 99, b"PK\x03\x04", b"flowtag state 2\n", b"flowtag state \n"]
)
def test_what_is_not_a_state_is_refused(tmp_path, content):
    (tmp_path / "kept").write_bytes(content)
    with pytest.raises(StateError, match="is not a flowtag state file, or is damaged"):
        load(str(tmp_path / "kept"))


def test_another_version_is_refused_by_its_number(tmp_path, counts, monkeypatch):
    monkeypatch.setattr(state, "VERSION", 99)
    save(State(counts, "{}", ()), str(tmp_path / "kept"))
    monkeypatch.undo()
    with pytest.raises(StateError, match="another version of flowtag"):
        load(str(tmp_path / "kept"))


def test_a_state_that_cannot_be_written_leaves_the_old_one(tmp_path, counts):
    save(State(counts, "{}", ()), str(tmp_path / "kept"))
    with pytest.raises(OutputError):
        save(State(counts, "{}", ()), str(tmp_path / "nowhere" / "kept"))
    assert load(str(tmp_path / "kept")).counts == counts
