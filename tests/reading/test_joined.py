"""Parts of a file are joined in order, with exact line numbers, whatever the order in which they come."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counting.file_count import Reached
from flowtag_core.counts import Fault, FileCounts, FlowCounts, Reason
from flowtag_core.reading.joined import Joining, Ranged
from flowtag_core.shapes.layout import ASSUMED, Layout

START = Reached(ASSUMED, 0, False, "")
OTHER = Reached(Layout(("dstport", "protocol"), "named by a header"), 0, True, "")


def part(begun, reached, *, faults=(), fitting="", lines=10):
    file = FileCounts(
        flows=1,
        fitting=Counter([fitting] if fitting else []),
        misfits=frozenset([reached.misfit] if fitting else []),
    )
    told = tuple(Fault("a", number, Reason.BAD_PORT, "x") for number in faults)
    return Ranged(
        FlowCounts(files={"a": file}, faults=told, internal=()), begun, reached._replace(line=lines)
    )


@given(st.permutations(range(5)))
def test_parts_in_any_order_give_the_same_counts(order):
    joining, certain = Joining("a", 5, START), []
    for place in order:
        joining.put(place, part(START, START, faults=[1, 4]))
        certain += joining.certain()
        assert joining.misread() == []
    assert (certain, joining.is_complete) == ([0, 1, 2, 3, 4], True)
    counts = joining.counts()
    assert [fault.line for fault in counts.faults] == [1, 4, 11, 14, 21, 24, 31, 34, 41, 44]
    assert counts.files["a"].flows == 5


def test_a_part_with_the_wrong_layout_is_asked_for_again_with_the_right_one():
    joining = Joining("a", 3, START)
    joining.put(2, part(OTHER, OTHER))
    joining.put(1, part(START, START))
    assert list(joining.certain()) == []
    joining.put(0, part(START, OTHER))
    assert list(joining.certain()) == [0]
    assert (joining.misread(), joining.at) == ([1], OTHER)
    assert joining.misread() == []
    joining.put(1, part(OTHER, OTHER))
    assert list(joining.certain()) == [1, 2]


def test_all_parts_with_the_old_layout_are_counted_again_at_once():
    joining = Joining("a", 5, START)
    for place in (1, 2, 3, 4):
        joining.put(place, part(START, START))
    joining.put(0, part(START, OTHER))
    assert list(joining.certain()) == [0]
    assert joining.misread() == [1, 2, 3, 4]


def test_a_layout_that_changes_in_each_part_does_not_count_the_others_again_for_ever():
    joining, waiting, counted = Joining("a", 40, START), [(n, START) for n in range(40)], 0
    while waiting:
        place, at = waiting.pop()
        joining.put(place, part(at, OTHER if at == START else START))
        counted += 1
        list(joining.certain())
        waiting += [(wrong, joining.at) for wrong in joining.misread()]
    assert joining.is_complete
    assert counted <= 40 * 4


def test_of_the_misfits_only_the_first_is_kept():
    joining = Joining("a", 3, START)
    for place, text in enumerate(["", "first", "second"]):
        reached = START._replace(misfit=text)
        joining.put(place, part(START, reached, fitting="x" if text else ""))
    assert list(joining.certain()) == [0, 1, 2]
    assert joining.counts().files["a"].misfits == {"first"}
