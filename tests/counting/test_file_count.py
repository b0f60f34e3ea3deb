"""The counts of a file depend neither on how it arrives nor on when they are taken."""

import io
from collections import deque
from contextlib import ExitStack, contextmanager
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core import counts as tables
from flowtag_core import parse_flow_log
from flowtag_core.counting import compiled, file_count, ledger, tally
from flowtag_core.counting import total as totals
from flowtag_core.counting.file_count import FileCount
from flowtag_core.counting.total import Total
from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError
from flowtag_core.shapes.layout import ASSUMED, BY_VERSION, Layout, format_layout
from flowtag_core.shapes.records import NUMBERS, SOUND_WORDS, Column, Columns, Kind, Records
from flowtag_core.shapes.text import Block
from tests.counting.made import BY_KERNEL, counting
from tests.fuzz.kernel import facts
from tests.logs import DEFAULT_HEADER, flow_lines, line, odd_lines, record

CUSTOM = tuple(sorted(BY_VERSION[3]))


def test_faults_are_counted_the_same_before_and_after_there_are_enough_samples():
    bad = [
        line(dstport="65536"),
        line(version="3"),
        line(protocol="tcp"),
        b"2 few",
        b"this is no flow",
    ]
    other = record(CUSTOM, dstport="443").encode()
    lines = [*bad * 300, *[other] * 5, b"# comment", *bad * 300, *[other] * 7]
    counts = parse_flow_log(io.BytesIO(b"\n".join([line(), *lines] * 20)), names=["log"])
    total = counts.total
    assert total.set_aside[Reason.TOO_FEW_FIELDS] == 2 * 600 * 20
    assert total.set_aside[Reason.BAD_PORT] == total.set_aside[Reason.BAD_PROTOCOL] == 600 * 20
    assert total.fitting[" ".join(CUSTOM)] == 12 * 20
    assert len(counts.faults) == 1000


@contextmanager
def little_room(threads, few, most_faults):
    """Shrink all limits and buffers, so that small examples reach them."""
    patches = [
        (tally, "_HOT_BITS", 4),
        (tally, "_PILE_SIZES", (20, 4000)),
        (tally, "_TALLIES", deque()),
        (tally, "_MOST_FEW", few),
        (file_count, "_WORTH_A_KERNEL", -1),
        (file_count, "_WORTH_A_CALL", few),
        (file_count, "_WORTH_THREADS", 0 if threads else 1 << 60),
        (file_count, "_FLOWS_AT_ONCE", 3),
        *((module, "MOST_FAULTS", most_faults) for module in (tables, ledger, totals)),
    ]
    with ExitStack() as stack:
        for patch in patches:
            stack.enter_context(mock.patch.object(*patch))
        yield


def columns_of(first, rows, layout):
    """Return rows of a table as columns; an invalid number or word is available only as text."""
    names = layout.names

    def numbers():
        found = np.full((len(NUMBERS), len(rows)), -1, np.int64)
        for place, name in enumerate(NUMBERS):
            for row, words in enumerate(rows):
                word = words[names.index(name)] if name in names else ""
                sound = SOUND_WORDS.get(name)
                if sound and word in sound:
                    found[place, row] = sound.index(word)
                elif not sound and word.isdigit():
                    found[place, row] = int(word)
        return [Column(column) for column in found]

    def text(places):
        return [(first + int(place), " ".join(rows[place]).encode()) for place in places]

    return Columns(Kind("Parquet", layout), first, len(rows), numbers, text)


TABLE = Layout(
    tuple("version dstport srcport protocol bytes start action log-status".split()),
    "named by columns",
)
table_rows = st.tuples(
    st.just("2"),
    st.sampled_from(["443", "50001", "65536", "-"]),
    st.sampled_from(["22", "50000", "-", "x"]),
    st.sampled_from(["6", "17", "256"]),
    st.sampled_from(["0", "900", "-"]),
    st.sampled_from(["1700000000", "1700090000", "-", "5"]),
    st.sampled_from(["ACCEPT", "REJECT", "DROP"]),
    st.sampled_from(["OK", "OK", "NODATA", "?"]),
)
KINDS = [
    Kind("JSON, records as text"),
    Kind("JSON, fields under keys", Layout(("dstport", "protocol", "bytes"), "named by keys")),
    Kind("JSON", reason=Reason.NO_RECORD_IN_JSON),
]
others = st.lists(st.integers(0, 65535), min_size=1, max_size=4).map(
    lambda ports: [record(CUSTOM, dstport=str(port)).encode() for port in ports]
)
headers = st.sampled_from(
    [DEFAULT_HEADER.encode(), b"protocol dstport action", b"dstport protocol", b"version action"]
)
blocks = st.one_of(
    st.lists(st.one_of(flow_lines, flow_lines, odd_lines), min_size=1, max_size=8),
    st.tuples(flow_lines, headers, st.just(b"443 17 ACCEPT"), flow_lines).map(list),
    st.lists(st.sampled_from([line(dstport="x"), b"2 few", b"6000 17 OK"]), min_size=1, max_size=5),
    others,
)
too_long = st.tuples(st.just("too long"), st.binary(max_size=9))
lines = st.tuples(st.just("lines"), blocks)
records = st.tuples(st.just("records"), st.tuples(st.sampled_from(KINDS), blocks))
columns = st.tuples(st.just("columns"), st.lists(table_rows, min_size=1, max_size=9))
some_parts = st.one_of(  # no file mixes lines and rows of a table
    st.lists(st.one_of(lines, lines, records, too_long), max_size=7),
    st.lists(st.one_of(columns, columns, records, too_long), max_size=7),
)


def numbered(parts, has_end=True):
    """Yield the parts of a file, numbered consecutively; its last line may lack its line end."""
    at = 0
    for place, (what, content) in enumerate(parts, 1):
        if what == "lines":
            is_whole = has_end or place < len(parts) or not content[-1]
            yield Block(b"\n".join(content) + b"\n" * is_whole)
            at += len(content)
        elif what == "too long":
            yield Block(content, too_long=True)
            at += 1
        elif what == "records":
            kind, rows = content
            yield Records(kind, list(enumerate(rows, at + 1)))
            at += len(rows)
        else:
            yield columns_of(at + 1, content, TABLE)
            at += len(content)


def counted(parts, taken_at, layout):
    """Count all parts; take the counts after some of them and at the end. Also return the last line number."""
    count, total = FileCount("log", layout, 1 << 30), Total()
    size = 0
    for place, part in enumerate(parts):
        count.count(part)
        size += place + 1
        if place in taken_at:
            total.add_counted(count.take(size, "gzip"))
            size = 0
    total.add_counted(count.take(size, "gzip", "the damage"))
    rows, files, faults = facts(total.counts())
    if len(faults) == tables.MOST_FAULTS:  # with several in one line, it is undefined which is kept
        faults = [fault[:2] for fault in faults]
    return rows, files, faults, count.lines


@pytest.mark.parametrize("by_kernel", BY_KERNEL)
@settings(max_examples=60)
@given(
    parts=some_parts,
    taken_at=st.sets(st.integers(0, 6)),
    layout=st.sampled_from([ASSUMED, format_layout("dstport protocol action")]),
    has_end=st.booleans(),
    has_threads=st.booleans(),
    few=st.sampled_from([0, 30, 1 << 16]),
    most_faults=st.sampled_from([2, 5, 1000]),
)
def test_counts_taken_along_the_way_add_up_to_the_whole(
    by_kernel, parts, taken_at, layout, has_end, has_threads, few, most_faults
):
    with counting(by_kernel=by_kernel), little_room(has_threads, few, most_faults):
        whole = counted(numbered(parts, has_end), set(), layout)
        assert counted(numbered(parts, has_end), taken_at, layout) == whole
    (file,) = whole[1].values()
    assert file.size == len(parts) * (len(parts) + 1) // 2


@pytest.mark.skipif(not compiled.can_compile(), reason="numba has no wheel for this platform")
@settings(max_examples=40)
@given(parts=some_parts, taken_at=st.sets(st.integers(0, 6)), has_threads=st.booleans())
def test_any_parts_give_the_same_counts_with_and_without_the_kernel(parts, taken_at, has_threads):
    found = []
    for by_kernel in (True, False):
        with counting(by_kernel=by_kernel), little_room(has_threads, 30, 5):
            found.append(counted(numbered(parts), taken_at, ASSUMED))
    assert found[0] == found[1]


@pytest.mark.parametrize("by_kernel", BY_KERNEL)
def test_faults_below_a_header_are_counted_in_its_layout_even_without_samples(by_kernel):
    bad = line(dstport="x")
    with counting(by_kernel=by_kernel), little_room(0, 30, 2):
        count = FileCount("log")
        count.count(Block(b"\n".join([DEFAULT_HEADER.encode(), *[bad] * 3, b""])))
        count.count(Block(b"\n".join([bad, b"dstport protocol", *[bad] * 5, b""])))
        total = count.take(0).counts.total
    assert total.set_aside == {Reason.BAD_PORT: 4, Reason.BAD_PROTOCOL: 5}
    assert total.headers == 2


@pytest.mark.parametrize("by_kernel", BY_KERNEL)
def test_keywords_below_a_header_count_before_and_after_there_are_enough_samples(by_kernel):
    lines = [line(protocol="tcp"), line(protocol="any"), line(protocol="6")] * 9
    with counting(by_kernel=by_kernel), little_room(0, 30, 2):
        count = FileCount("log")
        count.count(Block(b"\n".join([DEFAULT_HEADER.encode(), *lines, b""])))
        count.count(Block(b"\n".join([*lines, b""])))
        total = count.take(0).counts.total
    assert (total.flows, total.set_aside) == (36, {Reason.BAD_PROTOCOL: 18})


def test_nothing_is_taken_twice():
    count = FileCount("log")
    count.count(Block(line() + b"\nshort\n"))
    first, second = count.take(9), count.take(0)
    assert (first.counts.total.flows, first.counts.total.faults) == (1, 1)
    assert second.counts.total.records == 0
    assert (second.counts.faults, second.rows) == ((), [])
    assert count.lines == 2


@pytest.mark.parametrize("by_kernel", BY_KERNEL)
def test_line_numbers_continue_after_a_take(by_kernel):
    with counting(by_kernel=by_kernel):
        count = FileCount("log", size=1 << 30)
        found = []
        for _ in range(3):
            count.count(Block(line() + b"\nshort\n"))
            found += [fault.line for fault in count.take(0).counts.faults]
    assert found == [2, 4, 6]


@pytest.mark.parametrize("by_kernel", BY_KERNEL)
def test_nothing_is_counted_after_damaged_rows(by_kernel):
    def broken(*_):
        raise DamagedLogError("a.parquet: is damaged.")

    rows = [("2", "443", "22", "6", "0", "1700000000", "ACCEPT", "OK")] * 2
    sound = columns_of(1, rows, TABLE)
    damaged = columns_of(3, rows, TABLE)._replace(numbers=broken, text=broken)
    with counting(by_kernel=by_kernel):
        count = FileCount("log")
        for part in (sound, damaged, columns_of(5, rows, TABLE)):
            count.count(part)
        with pytest.raises(DamagedLogError):
            count.settle()
        total = Total()
        total.add_counted(count.take(0))
    assert total.counts().total.flows == 2
    assert count.lines == 2


def test_lines_after_columns_have_the_next_line_numbers():
    count = FileCount("log")
    row = tuple("2 443 50000 6 900 1700000000 ACCEPT OK".split())
    count.count(columns_of(1, [row], TABLE))
    count.count(Block(line(dstport="x") + b"\n"))
    (fault,) = count.take(0).counts.faults
    assert (count.lines, fault.line) == (2, 2)
