"""A count on a cluster is the count of one process, however the logs are cut and whatever goes wrong."""

import gzip
import os
import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.errors import Cancelled, ClusterError, LogError
from flowtag_core.reading import cluster, planned, work
from flowtag_core.reading.cluster import count_on_cluster
from tests.logs import line, text
from tests.reading.cuts import counted, cut_anywhere, lines
from tests.reading.fake_cluster import FakeClient
from tests.sources.bucket import ENVIRONMENT, Bucket, serving


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cuts")


@pytest.fixture
def bucket(monkeypatch):
    bucket = Bucket()
    with serving(bucket) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield bucket


def same(one, other):
    """Check that two counts are equal, with their files in the same order."""
    assert list(one.files) == list(other.files)
    assert one.files == other.files
    assert one.faults == other.faults
    assert one == other


@settings(max_examples=60)
@given(st.integers(0, 1 << 30), st.integers(1, 40), st.booleans())
def test_any_cut_gives_the_counts_of_one_process(folder, seed, count, is_given):
    rng = random.Random(seed)
    path = folder / "a.log"
    path.write_bytes(b"# a log\n" + lines(rng, count))
    options = {"format": "version dstport protocol action"} if is_given and seed % 3 == 0 else {}
    whole = parse_flow_log(path, **options)
    parts, client = counted([path], rng, **options)
    same(parts, whole)
    assert client.plugin is None


def test_a_wrong_layout_is_found_and_only_the_ranges_behind_are_counted_again(folder):
    rng = random.Random(1)
    path = folder / "late.log"
    header = b"version srcaddr dstaddr srcport dstport protocol action\n"
    path.write_bytes(text([line()] * 500) + header + b"2 10.0.0.1 10.0.0.2 1 22 6 ACCEPT\n" * 500)
    parts, client = counted([path], rng)
    same(parts, parse_flow_log(path))
    assert parts.total.flows == 1_000
    assert len(client.sent) < 60


def test_a_line_longer_than_a_range_belongs_to_the_range_in_which_it_begins(folder):
    path = folder / "long.log"
    path.write_bytes(line() + b"\n" + b"x" * (3 << 20) + b"\n" + line() + b"\n" + line())
    same(counted([path], random.Random(3))[0], parse_flow_log(path))
