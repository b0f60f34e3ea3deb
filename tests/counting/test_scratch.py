"""The layout array that the kernel reads and the memory that it writes to can be used on any thread."""

import weakref
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.boundary import Inside
from flowtag_core.counting import compiled, contract, scratch
from flowtag_core.counting.ledger import Plain
from flowtag_core.counting.reference import STAMPED
from flowtag_core.counts import PORT_SHIFT, Reason
from flowtag_core.shapes.layout import ASSUMED, format_layout
from flowtag_core.shapes.records import NUMBERS, Column
from tests.logs import line

pytestmark = pytest.mark.skipif(
    not compiled.can_compile(), reason="numba has no wheel for this platform"
)


@pytest.fixture(scope="module", autouse=True)
def kernel():
    assert compiled.kernel(wait=True) is not None


@pytest.mark.parametrize("function", ["read", "pick"])
def test_the_layout_array_stays_alive_while_the_kernel_runs(function, monkeypatch):
    """By then another thread may have replaced it in the cache."""
    told = []

    def numbers(*_):
        array = np.zeros(1000, np.int64)
        told.append(weakref.ref(array))
        return array

    def run(*_):
        assert told[-1]() is not None
        return 0

    monkeypatch.setattr(scratch, "_numbers", numbers)
    kernel = compiled.loaded()._replace(**{function: run})
    arguments = {"read": (b"",), "pick": ([None], 0, 1)}[function]
    getattr(scratch.Scratch(), function)(kernel, *arguments, ASSUMED)
    assert len(told) == 1


def flows_among_odd_ones(count):
    """Return the columns of a table in which every third row is odd."""
    columns = np.full((len(NUMBERS), count), 1, np.int64)
    columns[NUMBERS.index("dstport")] = np.where(np.arange(count) % 3, np.arange(count) % 65536, -1)
    columns[NUMBERS.index("start")] = 1_700_000_000
    columns[[NUMBERS.index(name) for name in ("action", "log-status")]] = 0
    return [*map(Column, columns), None, None]


@given(count=st.integers(1, 60), begin=st.integers(0, 59))
def test_picking_from_an_index_gives_the_rows_from_there_on(count, begin):
    begin = min(begin, count - 1)
    columns, own = flows_among_odd_ones(count), scratch.Scratch()
    done, flows, rows, odd = own.pick(compiled.kernel(), columns, begin, count, ASSUMED)
    assert done == count
    assert odd.tolist() == [row for row in range(begin, count) if row % 3 == 0]
    assert flows == count - begin - len(odd)
    ports = (rows[::3] >> PORT_SHIFT & 65535).tolist()
    assert sorted({*ports}) == [row for row in range(begin, count) if row % 3]


def picked_ports(columns, count):
    own = scratch.Scratch()
    _, _, rows, odd = own.pick(
        compiled.kernel(), columns, 0, count, format_layout("dstport protocol")
    )
    return (rows[::3] >> PORT_SHIFT & 65535).tolist(), odd.tolist()


def test_a_column_of_32_bits_and_one_of_indexes_are_read_like_one_of_numbers():
    ports = np.array([443, -1, 22, 80], np.int32)
    protocols = np.full(4, 6, np.int64)
    columns = [Column(ports), Column(protocols), *[None] * 8]
    assert picked_ports(columns, 4) == ([443, 22, 80], [1])
    indexes = Column(np.array([1, 2, 0, 1], np.int32), np.array([80, 443, -1]))
    assert picked_ports([indexes, *columns[1:]], 4) == ([443, 80, 443], [1])


addresses = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=4).map(str),
    st.sampled_from(
        ["", "-", "x", "10.0.0.256", "10.0.0.01", "1.2.3", "::ffff:10.0.0.1", "10.0.0.1 "]
    ),
)


@given(st.lists(addresses))
def test_several_addresses_have_the_places_that_each_has_alone(words):
    own, every = scratch.Scratch(), [word.encode() for word in words]
    own.inside = Inside(("203.0.113.0/25", "2001:db8::/64"))
    text = np.frombuffer(b"".join(every), np.uint8)
    offsets = np.cumsum([0, *map(len, every)]).astype(np.int32)
    found = own.places(compiled.kernel(), text, offsets)
    assert found.tolist() == [own.inside.place(word) for word in every]


def test_all_rows_are_picked_even_if_they_do_not_fit_into_one_scratch():
    count = contract.ROWS_TOLD + contract.ODD_TOLD + 5
    columns, own = flows_among_odd_ones(count), scratch.Scratch()
    done, flows, odd, times = 0, 0, [], 0
    while done < count:
        done, some, rows, its_odd = own.pick(compiled.kernel(), columns, done, count, ASSUMED)
        assert len(rows) % 3 == 0
        flows, odd, times = flows + some, odd + its_odd.tolist(), times + 1
    assert times > 1
    assert odd == [row for row in range(count) if row % 3 == 0]
    assert flows == count - len(odd)


def test_a_text_that_is_too_long_for_a_scratch_is_read_in_steps():
    text = (b"odd\n" + line() + b"\n") * (contract.ODD_TOLD + 9)
    own, lines, flows, odd = scratch.Scratch(), 0, 0, 0
    while text:
        own.read(compiled.kernel(), text, ASSUMED)
        assert 0 < own.dealt_with <= len(text)
        assert text[: own.dealt_with].count(b"\n") == own.found.lines
        lines, flows, odd = lines + own.found.lines, flows + own.found.flows, odd + own.found.odd
        text = text[own.dealt_with :]
    assert (lines, flows, odd) == (2 * (contract.ODD_TOLD + 9), *[contract.ODD_TOLD + 9] * 2)


def test_odd_lines_come_with_their_positions_and_survive_the_next_read():
    own = scratch.Scratch()
    text = line() + b"\nodd one\n" + line() + b"\n\xff\n"
    odd = own.read(compiled.kernel(), text, ASSUMED).odd()
    assert [(number, text[begin:end]) for number, begin, end, _ in odd.tolist()] == [
        (1, b"odd one"),
        (3, b"\xff"),
    ]
    before = odd.tolist()
    own.read(compiled.kernel(), b"other\n" * 5, ASSUMED)
    assert odd.tolist() == before


def test_the_ledger_gets_the_kernels_counts():
    text = b"\n".join(
        [
            line(srcport="-", start="-"),
            line(packets="x", volume="-", action="DROP", status="?"),
            line(status="NODATA"),
            line(status="SKIPDATA"),
            line(status="SKIPDATA"),
            b"",
            b"2018-09-22T20:28:14.000Z " + line(),
            b"",
        ]
    )
    plain = scratch.Scratch().read(compiled.kernel(), text, ASSUMED).found.plain()
    assert plain == Plain(
        flows=3,
        blank=1,
        notes={Reason.NO_DATA: 1, Reason.SKIPPED_DATA: 2},
        unreadable={"srcport": 1, "start": 1, "packets": 1, "bytes": 1},
        odd_words={"action": 1, "log-status": 1},
        shape=STAMPED,
    )


def test_a_scratch_has_one_user_until_it_is_given_back(monkeypatch):
    monkeypatch.setattr(scratch.Scratch, "pool", deque())
    one, other = scratch.unused(Inside()), scratch.unused(Inside())
    assert one is not other
    scratch.give_back(one)
    assert scratch.unused(Inside()) is one
    assert scratch.unused(Inside()) not in (one, other)


@pytest.mark.parametrize(
    ("first", "stamp", "is_read"),
    [
        ("version", "2018-09-22T20:28:14Z", True),
        ("version", "1742570569000", True),
        ("start", "2018-09-22T20:28:14Z", True),
        ("start", "1742570569000", False),
        ("unheard-of", "2018-09-22T20:28:14Z", False),
    ],
)
def test_which_time_stamps_may_come_before_a_record_depends_on_its_first_field(
    first, stamp, is_read
):
    layout = format_layout(f"{first} dstport protocol log-status")
    text = f"{stamp} 1700000000 443 6 OK\n".encode()
    found = scratch.Scratch().read(compiled.kernel(), text, layout).found
    assert (found.flows, found.stamped) == ((1, 1) if is_read else (0, 0))
