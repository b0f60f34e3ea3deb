"""Nothing takes quadratic time: twice the input takes about twice as long."""

import io
import time
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flowtag_core import load_lookup_table, map_tags, parse_flow_log
from flowtag_core.counts import (
    MOST_FAULTS,
    UNKNOWN_TIME,
    Fault,
    FileCounts,
    FlowCounts,
    Reason,
    tabulate,
)
from flowtag_core.reading.flow_log import distinct_names
from flowtag_core.shapes import parquet_columns as columns
from flowtag_core.showing import log_notes
from flowtag_core.sources import places
from flowtag_core.tagging.lookup import Lookup
from tests.logs import line


def seconds(call):
    """Return the processor time of a call, the best of three."""
    taken = []
    for _ in range(3):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return min(taken)


def damaged(files):
    """Return the counts of `files` files that could not be read at all."""
    return FlowCounts(
        files={f"{n}.log": FileCounts(damage=frozenset([f"{n}: a picture"])) for n in range(files)}
    )


def test_the_total_of_many_damaged_files_takes_linear_time_and_is_computed_once():
    many = damaged(16_000)
    assert len(many.total.damage) == 16_000
    assert many.total is many.total
    few, many = ([damaged(files) for _ in range(3)] for files in (1_000, 16_000))
    assert seconds(lambda: many.pop().total) < 100 * max(seconds(lambda: few.pop().total), 1e-3)


def test_cautions_about_many_files_go_through_the_faults_only_once():
    looked = Counter()

    class Counted(tuple):
        __slots__ = ()

        def __iter__(self):
            looked["times"] += 1
            return super().__iter__()

    faults = Counted(Fault(f"{n}.log", 1, Reason.BAD_PORT, "x") for n in range(MOST_FAULTS))
    file = FileCounts(size=9, set_aside=Counter({Reason.BAD_PORT: 1}))
    counts = FlowCounts(files={f"{n}.log": file for n in range(2_000)}, faults=faults)
    assert len(list(log_notes.cautions(counts))) == 2_000
    assert looked["times"] < 3


def test_many_equal_names_are_made_distinct_quickly():
    assert seconds(lambda: distinct_names(["a.log"] * 20_000)) < 2
    assert distinct_names(["a", "a (2)", "a", "a", "a (2)"]) == [
        "a",
        "a (2)",
        "a (3)",
        "a (4)",
        "a (2) (2)",
    ]


def test_each_file_in_a_folder_is_opened_once_whether_it_is_a_log_or_not(tmp_path, monkeypatch):
    opened = Counter()
    monkeypatch.setattr(
        places,
        "open",
        lambda path, *given, **named: opened.update([path]) or open(path, *given, **named),  # noqa: SIM115
        raising=False,
    )
    for n in range(40):
        (tmp_path / f"{n}.log").write_bytes(b"\x89PNG\r\n" if n % 2 else line())
    assert len(parse_flow_log(tmp_path).total.damage) == 20
    assert set(opened.values()) == {1}
    assert len(opened) == 40


def test_each_word_in_a_parquet_column_is_looked_at_once(tmp_path, monkeypatch):
    looked = Counter()
    word = columns.word
    monkeypatch.setattr(
        columns, "word", lambda value, field: looked.update([field]) or word(value, field)
    )
    rows = 100_000
    table = pa.table(
        {
            "dstport": np.full(rows, 443),
            "protocol": np.full(rows, 6),
            "action": [f"word {n}" for n in range(rows)],
        }
    )
    pq.write_table(table, tmp_path / "log.parquet", dictionary_pagesize_limit=1 << 30)
    total = parse_flow_log(tmp_path / "log.parquet").total
    assert (total.flows, total.odd_words) == (rows, {"action": rows})
    assert looked["action"] <= 2 * rows  # once for the numbers, once for the text


def test_rules_for_all_protocols_are_gone_through_once_not_once_per_protocol(monkeypatch):
    ports, protocols = 300, 256
    rows = np.array(
        [(UNKNOWN_TIME, q, p, 0, 1, 1) for p in range(ports) for q in range(protocols)], np.int64
    )
    counts = FlowCounts(requests=tabulate(*rows.T))
    rules = [f"{n}-{n + 1},*,all {n % 7}" for n in range(0, ports, 2)]
    rules += [f"{n}-{n + 3},{n},named" for n in range(256)]
    lookup = load_lookup_table(io.BytesIO("\n".join(["dstport,protocol,tag", *rules]).encode()))
    gone_through = Counter()
    winners_among = Lookup._winners_among

    def counted(self, places):
        gone_through["rules"] += len(places)
        return winners_among(self, places)

    monkeypatch.setattr(Lookup, "_winners_among", counted)
    report = map_tags(counts, lookup)
    assert gone_through["rules"] <= 2 * len(rules)
    assert report.untagged == 0
    assert report.total == ports * protocols
