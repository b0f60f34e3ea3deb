"""The columns of a table are the same numbers, times, words and addresses as their text, whatever their types."""

import numpy as np
import pytest

from flowtag_core import parse_flow_log
from flowtag_core.shapes import parquet as tables
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.parquet_columns import interfaces
from flowtag_core.shapes.records import NUMBERS
from tests.fuzz.kernel import facts
from tests.shapes.test_parquet import needs_numba, read, write
from tests.sources.made import parse


def numbers_in(part):
    """Return the numbers in each column of a part, none if there is no such column."""
    found = {}
    for name, column in zip(NUMBERS, part.numbers(), strict=True):
        values, meanings = column or ([], None)
        found[name] = [int(value if meanings is None else meanings[value]) for value in values]
    return found


@pytest.mark.parametrize("unit", ["ms", "us"])
@pytest.mark.parametrize("zone", [None, "America/New_York", "Asia/Tokyo", "Foo/Bar"])
def test_a_far_off_time_in_a_table_is_unreadable_and_does_no_other_harm(tmp_path, unit, zone):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    size, second = 20_000, {"ms": 10**3, "us": 10**6}[unit]
    start = np.full(size, 1_700_000_000 * second)
    start[[3, 7, 9000]] = 2**62, -62_135_596_800 * second, 253_402_297_200 * second
    table = pa.table(
        {
            "dstport": np.full(size, 443),
            "protocol": np.full(size, 6),
            "start": pa.array(start).cast(pa.timestamp(unit, zone)),
        }
    )
    pq.write_table(table, tmp_path / "log.parquet")
    total = parse_flow_log(tmp_path / "log.parquet").total
    assert (total.flows, total.unreadable, total.damage) == (size, {"start": 3}, frozenset())


@needs_numba
def test_the_numbers_of_a_table_and_the_text_of_its_rows_give_the_same_counts(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rng, size = np.random.default_rng(3), 100_000
    odd = rng.random(size) < 0.05
    columns = {
        "version": np.full(size, 2),
        "srcport": rng.integers(-2, 65540, size),
        "dstport": rng.integers(-2, 65540, size),
        "protocol": rng.integers(-1, 258, size),
        "packets": rng.integers(-1, 10**16, size),
        "bytes": rng.integers(-1, 10**6, size),
        "start": np.where(odd, rng.integers(0, 5 * 10**9, size), 1_700_000_000 + rng.integers(0, 86_400, size)),
        "action": rng.choice(["ACCEPT", "REJECT", "accept", "DROP", "-"], size),
        "log_status": rng.choice(["OK", "OK", "OK", "NODATA", "SKIPDATA", "?"], size),
    }  # fmt: skip
    table = pa.table(columns)
    nulls = pa.array(rng.random(size) < 0.01)
    for name in ("srcport", "packets", "action"):
        place = table.schema.get_field_index(name)
        values = pa.compute.if_else(nulls, None, table[name])
        table = table.set_column(place, name, values)
    numbers, text = tmp_path / "numbers.parquet", tmp_path / "text.parquet"
    pq.write_table(table, numbers)
    pq.write_table(pa.table({n: table[n].cast(pa.string()) for n in table.schema.names}), text)
    one = facts(parse_flow_log(numbers, names=["log"]))
    other = facts(parse_flow_log(text, names=["log"]))
    sizes = [next(iter(each[1].values())) for each in (one, other)]
    assert one[0] == other[0]
    assert one[2] == other[2]
    assert [s.flows for s in sizes] == [sizes[0].flows] * 2
    assert sizes[0].set_aside == sizes[1].set_aside
    assert sizes[0].unreadable == sizes[1].unreadable
    assert sizes[0].odd_words == sizes[1].odd_words


def test_rows_come_as_numbers_and_only_the_requested_ones_as_text(monkeypatch):
    pa = pytest.importorskip("pyarrow")
    monkeypatch.setattr(tables, "_ROWS_AT_ONCE", 3)
    flows = {
        "dstaddr": ["a", "b", None, "d e", "f"],
        "protocol": pa.array([6, None, 17, 6, 6], pa.int16()),
        "action": ["ACCEPT", "drop", None, "REJECT", "accept"],
        "dstport": [443, 53, -7, 70_000, 22],
        "log_status": ["OK", "OK", "NODATA", None, "OK"],
        "start": pa.array([1_700_000_000_999, None, 0, 5, 6], pa.timestamp("ms")),
        "bytes": [1.0, 2.5, None, 4.0, 5.0],
    }
    parts = read(pa.table(flows), ("dstaddr", *COUNTED))
    names = "dstaddr dstport protocol bytes start action log-status".split()
    assert [part.kind.layout.names for part in parts] == [tuple(names)] * 2
    assert [(part.first, part.size) for part in parts] == [(1, 3), (4, 2)]
    numbers = [numbers_in(part) for part in parts]
    assert {
        name: one + other
        for (name, one), other in zip(numbers[0].items(), numbers[1].values(), strict=True)
    } == {
        "dstport": [443, 53, -7, 70_000, 22],
        "protocol": [6, -1, 17, 6, 6],
        "srcport": [],
        "packets": [],
        "bytes": [1, -1, -1, 4, 5],
        "start": [1_700_000_000, -1, 0, 0, 0],
        "action": [0, -1, -1, 1, 0],
        "log-status": [0, 0, -1, -1, 0],
    }
    assert [row for part in parts for row in part.text(np.arange(part.size))] == [
        (1, b"a 443 6 1 1700000000 ACCEPT OK"),
        (2, b"b 53 - 2.5 - drop OK"),
        (3, b"- -7 17 - 0 - NODATA"),
        (4, b"de 70000 6 4 0 REJECT -"),
        (5, b"f 22 6 5 0 ACCEPT OK"),
    ]
    assert parts[0].text(np.array([2])) == [(3, b"- -7 17 - 0 - NODATA")]
    assert parts[1].text(np.array([], np.int64)) == []


def test_the_addresses_of_a_row_decide_its_boundary():
    pa = pytest.importorskip("pyarrow")
    flows = {
        "dstport": [1, 2, 3, 4, 5, 6],
        "protocol": [6] * 6,
        "srcaddr": ["10.0.0.1", "203.0.113.9", "10.0.0.1", "8.8.8.8", None, "x"],
        "dstaddr": ["fc00::1", "::ffff:10.0.0.1", "8.8.8.8", "2600::1", "10.0.0.1", "10.0.0.1"],
    }
    content = write(pa.table(flows))
    assert parse(content).requests.boundary.tolist() == [0, 1, 2, 3, 4, 4]
    odd = flows | {"srcaddr": ["10.0.0.1", "#", "1 2", "x" * 9_999, "10.0.0.1\n8.8.8.8", ""]}
    assert parse(write(pa.table(odd))).requests.boundary.tolist() == [0, 4, 4, 4, 4, 4]
    number = flows | {"srcaddr": [1, 2, 3, 4, 5, 6]}
    assert parse(write(pa.table(number))).requests.boundary.tolist() == [4] * 6
    assert parse(content, internal="203.0.113.0/24").requests.boundary.tolist() == [
        0,
        0,
        2,
        3,
        4,
        4,
    ]


def test_fields_nested_in_a_column_are_found():
    pa = pytest.importorskip("pyarrow")
    (part,) = read(pa.table({"flow": [{"dstport": 443, "protocol": 6, "x": {"bytes": 5}}]}))
    assert part.text(np.arange(1)) == [(1, b"443 6 5")]
    found = numbers_in(part)
    assert [found["dstport"], found["protocol"], found["bytes"]] == [[443], [6], [5]]


def test_each_interface_is_a_word_once_and_a_null_is_none_of_them():
    pa = pytest.importorskip("pyarrow")
    batch = pa.record_batch({"eni": ["eni-1", None, "eni-2", "eni-1"]})
    found = interfaces(batch, {"interface-id": "eni"})
    assert found.distinct == [b"eni-1", b"eni-2"]
    assert found.indexes.tolist() == [0, 2, 1, 0]
    assert interfaces(batch, {}) is None
