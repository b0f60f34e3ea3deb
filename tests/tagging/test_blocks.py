"""The blocks hold each flow of their time once, in its row and column, and no other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counts import FlowCounts, tabulate
from flowtag_core.tagging.blocks import BEFORE, BLOCK, NOW, blocks_of
from tests.tagging.made import load

NEWEST = 2_833_415
FIRST = NEWEST - BEFORE - NOW + 1

flows = st.tuples(
    st.integers(BLOCK * (FIRST - 2), BLOCK * (NEWEST + 2)),
    st.sampled_from([25, 443, 9092]),
    st.sampled_from([6, 17]),
    st.integers(0, 2),
    st.integers(0, 4),
)


@given(st.lists(flows, max_size=20), st.lists(flows, max_size=20))
def test_each_flow_is_counted_in_its_block(requests, replies):
    tables = []
    for some in (requests, replies):
        columns = np.array(some, np.int64).reshape(-1, 5).T
        minute, port, protocol, action, boundary = columns
        tables.append(tabulate(minute, protocol, port, action, minute * 0, minute * 0, boundary))
    counts = [FlowCounts(requests=tables[0]), FlowCounts(replies_by_service=tables[1])]
    found = blocks_of(counts, NEWEST, load())
    here = [
        (kind, each)
        for kind, some in enumerate((requests, replies))
        for each in some
        if FIRST <= each[0] // BLOCK <= NEWEST
    ]
    if found is None:
        assert here == []
        return
    assert found.first == FIRST * BLOCK
    for row, (port, protocol) in enumerate(zip(found.port, found.protocol, strict=True)):
        for column in range(BEFORE + NOW):
            cell = [
                (kind, action, boundary)
                for kind, (minute, *key, action, boundary) in here
                if key == [port, protocol] and minute // BLOCK - FIRST == column
            ]
            assert found.by_service[row, column] == len(cell)
            assert found.requests[row, column] == sum(kind == 0 for kind, *_ in cell)
            assert found.rejected[row, column] == sum(action == 1 for _, action, _ in cell)
            outside = sum(each == (0, 0, 1) for each in cell)
            assert found.from_outside[row, column] == outside
    tags = [load().tag_of(*pair) for pair in zip(found.port, found.protocol, strict=True)]
    assert [(*load().tags, "Untagged")[tag] for tag in found.tag] == tags
