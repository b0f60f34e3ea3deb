"""Records that were extracted from another format come in batches of one kind."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import DamagedLogError
from flowtag_core.shapes import records
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.records import NUMBERS, Kind, batched
from flowtag_core.sources.budget import Budget

KINDS = [Kind("the same"), Kind("the same"), Kind("another")]


@given(
    found=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 99), st.binary(max_size=3))),
    most=st.integers(1, 5),
    is_damaged=st.booleans(),
)
def test_batches_contain_every_record_in_order_and_group_those_of_one_kind(found, most, is_damaged):
    def give():
        for kind, number, text in found:
            yield KINDS[kind], (number, text)
        if is_damaged:
            raise DamagedLogError("ends early")

    batches, damage = [], False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_AT_ONCE", most)
        try:
            batches.extend(batched(give(), Budget("a.json")))
        except DamagedLogError:
            damage = True
    assert damage is is_damaged
    pairs = [(kind, numbered) for kind, batch in batches for numbered in batch]
    assert pairs == [(KINDS[kind], (number, text)) for kind, number, text in found]
    assert all(0 < len(batch) <= most for _, batch in batches)
    assert all(
        one.kind is not next_one.kind or len(one.numbered) == most
        for one, next_one in pairwise(batches)
    )


def test_counting_a_table_as_numbers_needs_every_counted_field_but_the_version():
    of_boundary = {"srcaddr", "dstaddr"}
    assert {*NUMBERS} == {*COUNTED} - {"version"} - of_boundary
