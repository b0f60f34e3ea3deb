"""A second look at one file does not depend on how the file arrives, nor on its layouts."""

from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.boundary import Inside
from flowtag_core.counting import file_count
from flowtag_core.counting.file_look import FileLook, plain_look
from flowtag_core.counting.hits import HitSum
from flowtag_core.evidence import Evidence, Wanted, added, port_bits
from flowtag_core.shapes.layout import ASSUMED
from flowtag_core.shapes.text import Block
from tests.counting.made import BY_KERNEL, counting
from tests.counting.test_file_count import numbered, some_parts
from tests.counting.test_hits import TABLES
from tests.logs import DEFAULT_HEADER, flow_lines, line, odd_lines
from tests.test_evidence import sums

wanteds = st.sampled_from(
    [Wanted(), Wanted(ports=port_bits([(6, 443)])), Wanted(by_service=True, address="10.0.0.1")]
)


def found_in(parts, wanted, taken_at=()):
    count = FileLook("log", ASSUMED, 1 << 30, wanted=wanted)
    total = HitSum()

    def take():
        counted = count.take(0)
        for rows in counted.rows:
            total.add(rows)
        total.add_evidence(counted.evidence or Evidence())

    for place, part in enumerate(parts):
        count.count(part)
        if place in taken_at:
            take()
    take()
    return total.evidence()


@settings(max_examples=60)
@given(
    parts=some_parts, wanted=wanteds, taken_at=st.sets(st.integers(0, 6)), has_threads=st.booleans()
)
def test_any_parts_give_the_same_evidence_with_and_without_the_kernel(
    parts, wanted, taken_at, has_threads
):
    found = []
    for by_kernel in (True, False):
        with (
            counting(by_kernel=by_kernel),
            mock.patch.multiple(
                file_count,
                _WORTH_A_KERNEL=-1,
                _WORTH_A_CALL=0,
                _WORTH_THREADS=0 if has_threads else 1 << 60,
            ),
        ):
            found.append(found_in(numbered(parts), wanted))
            found.append(found_in(numbered(parts), wanted, taken_at))
    for name in TABLES:
        assert len({tuple(sorted(sums(getattr(each, name)).items())) for each in found}) == 1, name
    assert len({each.samples for each in found}) == 1


@pytest.mark.parametrize("by_kernel", BY_KERNEL)
def test_the_evidence_of_nothing_can_be_added(by_kernel):
    with counting(by_kernel=by_kernel):
        assert added([found_in([], Wanted()), found_in([], Wanted())]).rows == 0


@given(
    lines=st.lists(flow_lines | odd_lines, max_size=9),
    first=st.sampled_from([b"", DEFAULT_HEADER.encode(), b"version dstport protocol"]),
    end=st.sampled_from([b"", b"\n", b"\r\n"]),
    wanted=wanteds,
)
def test_a_small_file_has_the_same_evidence_at_once_as_in_parts(kernel, lines, first, end, wanted):
    text = b"\n".join([first] * bool(first) + lines) + end
    at_once = plain_look(kernel, "log", text, ASSUMED, Inside(), wanted)
    if at_once is not None:
        total = HitSum()
        for rows in at_once.rows:
            total.add(rows)
        total.add_evidence(at_once.evidence or Evidence())
        found, whole = total.evidence(), found_in([Block(text)], wanted)
        for name in TABLES:
            assert sums(getattr(found, name)) == sums(getattr(whole, name)), name
        assert found.samples == whole.samples


def test_a_small_file_of_plain_lines_is_looked_at_once(kernel):
    text = b"\n".join([line(), line(status="NODATA"), line(dstport="53")])
    assert len(plain_look(kernel, "log", text, ASSUMED, Inside(), Wanted()).rows[0]) == 2
    assert plain_look(kernel, "log", text + b"\nodd", ASSUMED, Inside(), Wanted()) is None
