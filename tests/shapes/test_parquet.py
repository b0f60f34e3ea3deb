"""A Parquet file counts the same as its rows written as text, whatever types its columns have."""

import io
import subprocess
import sys
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.counting import compiled
from flowtag_core.counts import Reason
from flowtag_core.errors import LogError
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.parquet import parquet_records
from flowtag_core.shapes.records import Kind
from flowtag_core.sources import budget
from flowtag_core.sources.budget import Budget
from tests.conftest import ROOT
from tests.fuzz.kernel import facts
from tests.logs import flow_lines, line
from tests.shapes.made import parquet
from tests.sources.made import parse

needs_numba = pytest.mark.skipif(
    not compiled.can_compile(), reason="numba has no wheel for this platform"
)


def test_a_truncated_parquet_file_is_refused():
    packed = parquet([line(dstport=str(port)) for port in range(20)])
    for cut in range(8, len(packed), 7):
        with pytest.raises(LogError, match="damaged or cut short"):
            parse(packed[:cut])


def test_a_file_that_would_need_too_much_memory_is_refused_before_it_is_unpacked(monkeypatch):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(budget, "MOST_HELD", 1_000_000)
    fixed = pa.array([b"4" * 300] * 3, pa.binary(300))
    for port, what in ((["x" * 200_000] * 3, "row group 1"), (fixed, "its column dstport")):
        out = io.BytesIO()
        pq.write_table(pa.table({"dstport": port, "protocol": [6] * 3, "start": [1] * 3}), out)
        with pytest.raises(LogError, match=f"{what} needs [0-9,]+ bytes of memory"):
            parse(out.getvalue())


def test_a_parquet_file_that_cannot_be_counted_is_refused_and_its_columns_are_listed():
    out = io.BytesIO()
    pd.DataFrame({"a": [1], "dstport": [443]}).to_parquet(out)
    with pytest.raises(
        LogError, match="without the columns dstport and protocol; its columns are a, dstport"
    ):
        parse(out.getvalue())
    out = io.BytesIO()
    pd.DataFrame({"message": [line().decode()]}).to_parquet(out)
    assert parse(out.getvalue()).total.flows == 1


@pytest.mark.parametrize("has_kernel", [True, False])
def test_text_in_a_table_may_be_invalid_utf_8(tmp_path, monkeypatch, has_kernel):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    if not has_kernel:
        monkeypatch.setattr(compiled, "kernel", lambda: None)
        monkeypatch.setattr(compiled._Loaded, "kernel", None)
    ends = np.array([0, 6, 8, 14], np.int32)
    action = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(ends), pa.py_buffer(b"ACCEPT\xff\xfeREJECT")]
    )
    table = pa.table({"dstport": [1, 2, 70_000], "protocol": [6, 6, 6], "action": action})
    pq.write_table(table, tmp_path / "log.parquet")
    total = parse_flow_log(tmp_path / "log.parquet").total
    assert (total.flows, total.odd_words) == (2, {"action": 1})
    assert total.set_aside == {Reason.BAD_PORT: 1}


@pytest.mark.parametrize("column", ["start", "dstport"])
def test_the_rows_before_a_value_that_cannot_be_read_are_counted(tmp_path, column):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    size = 100_000
    columns = {
        "dstport": pa.array(np.full(size, 443)),
        "protocol": pa.array(np.full(size, 6)),
        "start": pa.array(np.full(size, 1_700_000_000)),
    }
    spans = np.full(size, 19_000)
    spans[70_000] = 2**62  # more seconds than Python's timedelta can represent
    columns[column] = pa.array(spans, pa.duration("s"))
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    for _ in range(5):  # whichever thread comes first
        total = parse_flow_log(tmp_path / "log.parquet").total
        assert total.records == 70_000 // 8192 * 8192
        assert "cannot be read after row 65,536." in next(iter(total.damage))


def test_column_names_may_contain_dots_or_appear_twice_and_lists_are_not_columns(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    flow = {"dstport": 443, "protocol": 6}
    dotted = pa.table({f"log.{name}": [value] for name, value in flow.items()})
    twice = pa.Table.from_arrays(
        [pa.array([443]), pa.array([22]), pa.array([6])], ["dstport", "dstport", "protocol"]
    )
    for table in (dotted, twice):
        pq.write_table(table, tmp_path / "log.parquet")
        counts = parse_flow_log(tmp_path / "log.parquet")
        assert counts.requests.port.tolist() == [443]
    pq.write_table(
        pa.table({"log": [[flow]]}), tmp_path / "log.parquet", use_compliant_nested_type=False
    )
    with pytest.raises(LogError, match="without the columns dstport and protocol"):
        parse_flow_log(tmp_path / "log.parquet")


def read(table, wanted=COUNTED):
    """Return the parts in which a table is read."""
    pq = pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    pq.write_table(table, out)
    return list(parquet_records("a.parquet", out, wanted, Budget("a.parquet")))


def test_only_the_wanted_columns_are_read():
    pa = pytest.importorskip("pyarrow")
    (part,) = read(
        pa.table({"dstport": [1], "protocol": [6], "bytes": [2]}), ("protocol", "dstport")
    )
    assert part.kind.layout.names == ("protocol", "dstport")
    assert part.text(np.arange(1)) == [(1, b"6 1")]


def test_records_in_a_column_come_unchanged_and_numbered_by_row():
    pa = pytest.importorskip("pyarrow")
    (part,) = read(pa.table({"x": [1, 2, 3], "message": [line().decode(), None, "two\nlines"]}))
    assert part.kind == Kind("Parquet, records in the column message")
    assert part.numbered == [(1, line()), (2, b""), (3, b"two"), (3, b"lines")]


def write(table):
    out = io.BytesIO()
    pytest.importorskip("pyarrow.parquet").write_table(table, out)
    return out.getvalue()


ATHENA = {
    "interfaceid": ["eni-1"] * 3,
    "sourceport": [50000, 50000, None],
    "destinationport": [443, 53, None],
    "protocol": [6, 17, None],
    "numpackets": [1, 1, None],
    "numbytes": [40, 40, None],
    "starttime": [1700000000] * 3,
    "action": ["ACCEPT", "REJECT", None],
    "logstatus": ["OK", "OK", "SKIPDATA"],
}
TAILPIPE = {
    "interface_id": ["eni-1"] * 3,
    "src_port": [50000, 50000, None],
    "dst_port": [443, 53, None],
    "protocol": ["TCP", "udp", None],
    "packets": [1, 1, None],
    "bytes": [40, 40, None],
    "start_time": [*[np.datetime64(1700000000, "s")] * 3],
    "action": ["ACCEPT", "REJECT", None],
    "log_status": ["OK", "OK", "SKIPDATA"],
}


@pytest.mark.parametrize("columns", [ATHENA, TAILPIPE], ids=["Athena", "Tailpipe"])
def test_aws_flow_logs_under_other_names_count_and_skipped_data_is_recognized(columns):
    pa = pytest.importorskip("pyarrow")
    counts = parse(write(pa.table(columns)))
    assert counts.total.set_aside == {Reason.SKIPPED_DATA: 1}
    assert not counts.total.unreadable
    rows = counts.requests + counts.replies
    assert [*zip(rows.port, rows.protocol, rows.bytes, rows.action, strict=True)] == [
        (443, 6, 40, 0),
        (53, 17, 40, 1),
    ]


def test_names_that_other_products_use_too_count_only_with_a_given_format():
    pa = pytest.importorskip("pyarrow")
    content = write(pa.table({"dst_port": [443], "protocol": ["tcp"]}))
    with pytest.raises(LogError, match="run again with --format 'dstport protocol'"):
        parse(content)
    assert parse(content, format="dstport protocol").total.flows == 1


def ocsf(classes, products=None):
    pa = pytest.importorskip("pyarrow")
    size = len(classes)
    columns = {
        "class_uid": classes,
        "dst_endpoint": [{"port": port} for port in range(size)],
        "connection_info": [{"protocol_num": 6}] * size,
        "metadata": [{"product": {"name": name}} for name in products or ["Amazon VPC"] * size],
        "time": [1700000000000] * size,
    }
    return write(pa.table(columns))


def test_rows_of_another_ocsf_class_are_set_aside_and_named():
    counts = parse(ocsf([4003, 4001, 4001, 6003, 4001]))
    assert (counts.total.flows, counts.total.set_aside) == (3, {Reason.NOT_A_FLOW: 2})
    assert counts.requests.port.tolist() == [1, 2, 4]
    assert any("DNS Activity" in shape for shape in counts.total.shapes)
    with pytest.raises(LogError, match=r"contains OCSF DNS Activity events \(class_uid 4003\)"):
        parse(ocsf([4003] * 9))
    with pytest.raises(LogError, match="another product"):
        parse(ocsf([4001], ["Fence"]))
    many = parse(ocsf([4001] * 40, ["Amazon VPC", *map(str, range(39))]))
    assert (many.total.flows, many.total.set_aside) == (1, {Reason.NOT_A_FLOW: 39})
    assert any("records from other products" in shape for shape in many.total.shapes)


def test_a_message_nested_in_a_column_is_found_and_each_of_its_lines_is_a_record():
    pa = pytest.importorskip("pyarrow")
    two = f"{line().decode()}\n{line(status='NODATA').decode()}\n"
    assert parse(write(pa.table({"message": [two]}))).total.records == 2
    within = pa.table({"event": [{"original": line().decode(), "x": 1}]})
    assert parse(write(within)).total.flows == 1
    with pytest.raises(LogError, match="without the columns dstport and protocol"):
        parse(write(pa.table({"detail": [{"message": "x"}]})))


def test_messages_of_only_another_product_are_refused_with_its_name():
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(LogError, match="DNS queries"):
        parse(write(pa.table({"message": ['{"query_name": "x"}'] * 3})))


def test_a_table_of_another_product_is_refused_with_its_name():
    pa = pytest.importorskip("pyarrow")
    content = write(pa.table({"query_name": ["x"], "srcport": [1], "protocol": [17]}))
    with pytest.raises(LogError, match="DNS queries"):
        parse(content)


def test_messages_in_a_column_may_be_json():
    pa = pytest.importorskip("pyarrow")
    flow = '{"dstPort": 443, "protocol": 6, "start": 1700000000}'
    counts = parse(write(pa.table({"message": [flow, line().decode(), "{}", "[1]"]})))
    assert (counts.total.flows, counts.total.faults) == (2, 2)
    assert [fault.line for fault in counts.faults] == [3, 4]


def test_a_table_without_rows_has_no_records():
    pa = pytest.importorskip("pyarrow")
    empty = pa.table({"dstport": pa.array([], pa.int64()), "protocol": pa.array([], pa.int64())})
    assert read(empty) == []


def test_without_pyarrow_the_error_says_how_to_install_it(monkeypatch):
    content = parquet([line()])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LogError, match="pip install pyarrow"):
        parse(content)


@pytest.mark.parametrize("rows_in_a_group", [20_000, 200_000])
def test_row_groups_of_any_size_give_the_same_counts(rows_in_a_group):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rng, size = np.random.default_rng(4), 150_000
    table = pa.table(
        {
            "srcaddr": rng.choice(["10.0.0.1", "8.8.8.8", "-", None], size).tolist(),
            "dstaddr": [f"10.{n % 200}.{n % 250}.1" for n in range(size)],
            "dstport": rng.integers(0, 65_540, size),
            "protocol": rng.choice([6, 17, None], size).tolist(),
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=rows_in_a_group)
    found = parse(out.getvalue())
    alone = parse(write(table.slice(0, 100_000))) + parse(write(table.slice(100_000)))
    assert (found.requests, found.total.set_aside) == (alone.requests, alone.total.set_aside)


@needs_numba
@pytest.mark.parametrize("rows_in_a_group", [20_000, 200_000])
def test_of_a_damaged_row_group_the_rows_before_the_damage_are_counted(rows_in_a_group):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    ports = pa.array(np.arange(150_000) % 60_000)
    table = pa.table({"dstport": ports, "protocol": pa.array(np.full(150_000, 6))})
    out = io.BytesIO()
    options = {"use_dictionary": False, "compression": "gzip", "data_page_size": 40_000}
    pq.write_table(table, out, row_group_size=rows_in_a_group, **options)
    content = bytearray(out.getvalue())
    metadata = pq.ParquetFile(out).metadata
    column = metadata.row_group(metadata.num_row_groups - 1).column(0)
    place = column.data_page_offset + column.total_compressed_size - 2000
    content[place : place + 100] = bytes(100)
    total = parse(bytes(content)).total
    assert total.damage
    assert 100_000 < total.records < 150_000


@needs_numba
@given(
    st.lists(
        st.one_of(
            flow_lines.map(bytes.decode),
            st.sampled_from(
                [
                    "",
                    "two\nlines",
                    '"quoted"',
                    "a\0b",
                    "1,2",
                    '{"message": "x"}',
                    line(dstport="x").decode(),
                ]
            ),
            st.sampled_from(["version dstport protocol", f"{line().decode()}\n", None, "START x"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_messages_are_counted_alike_with_and_without_the_kernel(messages):
    pa = pytest.importorskip("pyarrow")
    content = write(pa.table({"message": pa.array(messages, pa.string())}))
    fast = facts(parse(content))
    with (
        mock.patch.object(compiled, "kernel", return_value=None),
        mock.patch.object(compiled, "loaded", return_value=None),
    ):
        slow = facts(parse(content))
    assert fast == slow


def test_plain_columns_are_counted_without_modules_that_take_long_to_import(tmp_path):
    path = tmp_path / "log.parquet"
    path.write_bytes(parquet([line(dstport=str(port)) for port in range(20)]))
    program = (
        "import sys; from flowtag_core import parse_flow_log; "
        "print(parse_flow_log(sys.argv[1]).total.flows, "
        "sorted({'pandas', 'pyarrow.compute', 'pyarrow.dataset'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "20 []\n"
