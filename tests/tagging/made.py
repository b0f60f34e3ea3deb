"""Make counts, lookups and reports for tests from a few lines."""

import io

import numpy as np
from hypothesis import strategies as st

from flowtag_core.counts import ACTIONS, BOUNDARIES
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.tagging.lookup_file import load_lookup_table
from flowtag_core.tagging.report import Filters
from tests.logs import LOOKUP

MEASURES = ("flows", "packets", "bytes")
VIEWS = ("destination", "service")
FIRST, BEHIND = 1_699_990_000, 1_700_110_000
"""A time span around most flows in tests.logs."""

measures = st.sampled_from(MEASURES)
times = st.one_of(
    st.just((0, 1 << 33)),
    st.tuples(st.integers(FIRST, BEHIND), st.integers(1, BEHIND - FIRST)).map(
        lambda drawn: (drawn[0], sum(drawn))
    ),
)
filters = st.builds(
    Filters,
    action=st.sampled_from([None, *ACTIONS]),
    boundary=st.sampled_from([None, None, *BOUNDARIES]),
    time=st.none() | times,
    view=st.sampled_from(VIEWS),
)


def parse(*lines):
    return parse_flow_log(io.BytesIO(b"\n".join(lines)))


def load(text=LOOKUP, **options):
    content = text if isinstance(text, bytes) else text.encode()
    return load_lookup_table(io.BytesIO(content), **options)


def keys(lookup):
    return [(rule.key, rule.tag) for rule in lookup.rules]


def troubles(lookup):
    return [(problem.line, problem.trouble) for problem in lookup.problems]


def are_equal(one, other):
    """Whether two reports have equal columns, tags, tag counts, measure and filters."""
    columns = ("port", "protocol", "tag", "count")
    said = ("tags", "tag_counts", "combination_counts", "measure", "filters")
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in columns
    ) and all(getattr(one, name) == getattr(other, name) for name in said)
