"""The model adds up, never falls as the work grows, and gives the prices that docs/planning.md lists."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.reading import cost
from flowtag_core.reading.cost import (
    Fetching,
    Work,
    all_fetching,
    all_work,
    expected,
    fetching_of,
    money_for,
    work_on,
)
from flowtag_core.reading.sample import Look
from flowtag_core.sources import unpacking
from tests.conftest import ROOT

GZIP = Look("a.gz", 10**6, 1000, 5400, "gzip", "text")
LOOKS = [
    GZIP,
    Look("a", 10, 10, 10, "", "text"),
    Look("a.zst", 10, 10, 70, "zstd", "JSON"),
    Look("a.zip", 10, 10, 10, "zip"),
    Look("a.parquet", 10, 10, 10, "", "Parquet"),
    Look("a.png", 10, 10, 10, trouble="is a picture"),
]
looks, sizes = st.sampled_from(LOOKS), st.integers(0, 10**13)
PAGE = (ROOT / "docs" / "planning.md").read_text(encoding="utf-8")
CLUSTER = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")


@given(st.lists(st.tuples(sizes, looks)), st.lists(st.tuples(sizes, looks)))
def test_work_adds_up(some, others):
    parts = [all_work(work_on(*each) for each in files) for files in (some, others)]
    whole = all_work(work_on(*each) for each in [*some, *others])
    assert all_work(parts) == pytest.approx(whole)
    assert all_work([]) == Work()


@given(sizes, sizes, looks, st.integers(1, 64))
def test_more_bytes_never_take_less_and_more_processors_never_more(size, more, look, processors):
    def taken(size, processors):
        fetching = fetching_of([size])
        found = expected(work_on(size, look), fetching, processors)
        return (*found[:3], *money_for(fetching, found.processor_seconds))

    small, large = taken(size, processors), taken(size + more, processors)
    assert all(one <= other for one, other in zip(small, large, strict=True))
    assert taken(size, processors + 1)[2] <= small[2]


def test_each_4_mb_of_an_object_is_a_request_and_1000_keys_are_one_list():
    assert fetching_of([1, 4 << 20, (4 << 20) + 1]) == Fetching(3, (8 << 20) + 2, 4, 1)
    assert fetching_of([1] * 1001).lists == 2
    assert all_fetching([fetching_of([5]), fetching_of([7])]) == Fetching(2, 12, 2, 2)
    assert all_fetching([]) == Fetching()


def test_a_file_that_is_not_unpacked_has_its_own_size_and_an_unknown_one_the_usual_ratio():
    assert work_on(1000, LOOKS[1]).unpacked == 1000
    assert work_on(1000, LOOKS[3]).unpacked == 1000 * cost.RATIO
    assert work_on(1000, LOOKS[5]) == Work(1, 1000, 0, cost.A_FILE)


def test_one_packed_file_is_unpacked_by_one_processor_only():
    one = expected(work_on(10**9, GZIP), Fetching(), 64)
    assert one.seconds == pytest.approx(cost.START + 5.4 * cost.UNPACKING["gzip"])


def test_every_packing_has_a_constant():
    assert cost.UNPACKING.keys() == {packing.name for packing in unpacking._PACKINGS}


def test_athena_charges_at_least_10_mb():
    assert money_for(Fetching(1, 100, 1, 1), 0).athena == pytest.approx(0.00005)
    assert money_for(Fetching(1, 10**12, 1, 1), 0).athena == pytest.approx(5)


@pytest.mark.parametrize(("objects", "size"), [(5_000_000, 200_000), (50_000, 20_000_000)])
def test_the_worked_examples_in_docs_are_those_of_the_model(objects, size):
    work = work_on(size, GZIP)
    work = Work(
        objects, objects * size, objects * work.unpacked, objects * work.seconds, work.alone
    )
    one = fetching_of([size])
    lists = -(-objects // cost.KEYS_A_LIST)
    fetching = Fetching(objects, objects * size, objects * one.gets, lists)
    told = expected(work, fetching, 2)
    money = money_for(fetching, told.processor_seconds)
    row = (
        f"| 1 TB in {size // 1000:,} KB objects | {told.processor_seconds / 3600:.1f} h | "
        f"{told.download_seconds / 3600:.1f} h | {told.seconds / 3600:.1f} h | {fetching.gets:,} | "
        f"${money.requests:.2f} | ${money.processor_time:.2f} | ${money.transfer:.2f} | ${money.athena:.2f} |"
    )
    assert row in PAGE, row


@pytest.mark.parametrize(("tera", "size"), [(1, 20), (1, 0.2), (100, 20), (100, 0.2)])
def test_the_examples_of_a_cluster_in_docs_are_those_of_the_model(tera, size):
    each = int(size * 1e6)
    objects = tera * 10**12 // each
    one, work = fetching_of([each]), work_on(each, GZIP)
    fetching = Fetching(objects, objects * each, objects * one.gets, -(-objects // 1_000))
    seconds = expected(
        work._replace(seconds=objects * work.seconds), fetching, 64
    ).processor_seconds
    money = money_for(fetching, seconds)
    hours, minutes = seconds / 3600, seconds / 64 / 60
    time = f"{minutes:.1f} min" if minutes < 60 else f"{minutes / 60:.1f} h"
    named = f"{size:g} MB" if size >= 1 else f"{1000 * size:g} KB"
    row = (
        f"| {tera} TB, objects of {named} | {hours:.{1 if hours < 10 else 0}f} | ${money.processor_time:.2f} | "
        f"${money.requests:.2f} | {time} | ${money.athena:.0f} |"
    )
    assert row in CLUSTER, row


def test_every_constant_is_in_docs():
    told = [
        *(f"{seconds:g} s a GB" for seconds in cost.COUNTING.values()),
        *(f"{seconds:g} s a GB" for seconds in cost.UNPACKING.values()),
        f"{cost.DECRYPTING:g} s a GB",
        f"{cost.A_FILE * 1000:g} ms",
        f"{cost.A_REQUEST * 1000:g} ms",
        f"{cost.START:g} s",
        f"{cost.RATIO:g} times",
        f"{cost.BANDWIDTH / 1e6:g} MB a second",
        f"{cost.LATENCY * 1000:g} ms",
        f"${cost.A_GET * 1000:.4f}",
        f"${cost.A_LIST * 1000:.3f}",
        f"${cost.A_PROCESSOR_HOUR:.2f}",
        f"${cost.A_GB_OUT:.2f}",
        f"${cost.A_TB_SCANNED:.0f}",
    ]
    cells = re.findall(r"\| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert [each for each in told if not any(each in cell for cell in cells)] == []
