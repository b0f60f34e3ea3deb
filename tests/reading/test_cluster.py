"""A count on a cluster equals that of one process, however the logs are cut and whatever goes wrong."""

import gzip
import io
import logging
import os
import random
import time
from unittest import mock

import pytest
from distributed import Client, KilledWorker, LocalCluster
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.errors import Cancelled, ClusterError, FormatError, LogError
from flowtag_core.reading import planned, work
from flowtag_core.reading.cluster import count_on_cluster
from flowtag_core.reading.scheduler import connected
from flowtag_core.sources.places import logs_at
from tests.bench_cluster import write_large_parquet
from tests.fuzz.cluster import difference
from tests.logs import line, text
from tests.reading.cuts import counted, cut_anywhere, lines
from tests.reading.fake_cluster import FakeClient
from tests.sources.bucket import ENVIRONMENT

SIZES = planned.Sizes(20_000, 40_000, 5, 10_000, 20_000)
"""Pieces that are small enough for the logs of these tests."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cuts")


@pytest.fixture(scope="module")
def client():
    """A real cluster, whose two workers are threads of this process."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(planned, "SIZES", SIZES)


def same(one, other):
    """Check that two counts are equal, with their files in the same order."""
    assert list(one.files) == list(other.files)
    assert one.files == other.files
    assert one.faults == other.faults
    assert one == other


def fill(bucket, tmp_path):
    """Put logs of all kinds into a bucket, with bad objects among them."""
    content = b"# a log\n" + lines(random.Random(1), 400)
    bucket.objects.update(
        {f"2026/11/{number}.log.gz": gzip.compress(content[number * 99 :]) for number in range(8)}
    )
    write_large_parquet(tmp_path / "a.parquet", rows=6_000, group=700)
    bucket.objects |= {
        "a-text.log": content * 3,
        "b.parquet": (tmp_path / "a.parquet").read_bytes(),
        "cut.log.gz": gzip.compress(content, 1)[:3_000],
        "no-log.pdf": b"%PDF-1.7",
        "refused.log": content,
        "refused-large.log": content * 3,
    }
    for key in ("refused.log", "refused-large.log"):
        bucket.refusals[key] = (403, "AccessDenied")


@settings(max_examples=60)
@given(st.integers(0, 1 << 30), st.integers(1, 40), st.booleans())
def test_any_cut_gives_the_counts_of_one_process(folder, seed, count, is_given):
    rng = random.Random(seed)
    path = folder / "a.log"
    path.write_bytes(b"# a log\n" + lines(rng, count))
    options = {"format": "version dstport protocol action"} if is_given else {}
    parts, client = counted([path], rng, **options)
    same(parts, parse_flow_log(path, **options))
    assert client.plugin is None


@pytest.mark.parametrize("seed", range(12))
def test_any_cut_of_a_folder_gives_the_counts_of_one_process(seed, tmp_path):
    assert difference(seed, tmp_path) == ""


def test_a_layout_that_changes_in_the_middle_reaches_the_ranges_after_it(folder):
    path = folder / "late.log"
    header = b"version srcaddr dstaddr srcport dstport protocol action\n"
    path.write_bytes(text([line()] * 500) + header + b"2 10.0.0.1 10.0.0.2 1 22 6 ACCEPT\n" * 500)
    parts, client = counted([path], random.Random(1))
    same(parts, parse_flow_log(path))
    assert parts.total.flows == 1_000
    assert len(client.sent) < 60


def test_a_line_longer_than_a_range_belongs_to_the_range_in_which_it_begins(folder):
    path = folder / "long.log"
    path.write_bytes(line() + b"\n" + b"x" * (3 << 20) + b"\n" + line() + b"\n" + line())
    same(counted([path], random.Random(3))[0], parse_flow_log(path))


def test_workers_count_objects_as_one_process_does_bad_ones_included(bucket, client, tmp_path):
    fill(bucket, tmp_path)
    told = []
    whole = parse_flow_log(*logs_at("s3://logs/"))
    parts = count_on_cluster(logs_at("s3://logs/"), client, progress=told.append)
    same(parts, whole)
    assert "AccessDenied" in "".join(whole.files["s3://logs/refused-large.log"].damage)
    size = sum(map(len, bucket.objects.values()))
    assert (told[-1].bytes_read, told[-1].size) == (size, size)


def test_processes_on_this_machine_count_a_folder_and_leave_nothing_behind(tmp_path):
    content = b"# a log\n" + lines(random.Random(2), 500)
    for number in range(5):
        (tmp_path / f"{number}.log").write_bytes(content * number)
    (tmp_path / "5.log.gz").write_bytes(gzip.compress(content))
    with connected("local") as client:
        parts = count_on_cluster(tmp_path, client, internal="203.0.113.0/24")
        end = time.monotonic() + 10  # The scheduler learns a little later that nobody needs a task.
        while left := client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.tasks]):
            assert time.monotonic() < end, left
            time.sleep(0.05)
        keys = client.run(lambda dask_worker: list(dask_worker.plugins))
    same(parts, parse_flow_log(tmp_path, internal="203.0.113.0/24"))
    assert "flowtag" not in str(keys)


def test_tasks_have_addresses_but_no_bytes_and_no_secrets(bucket, tmp_path):
    fill(bucket, tmp_path)
    fake = FakeClient()
    with cut_anywhere(random.Random(1)):
        count_on_cluster(logs_at("s3://logs/"), fake, cancel=fake.step)
    sent = b"".join(fake.sent)
    assert b"s3://logs/a-text.log" in sent
    for secret in (*list(ENVIRONMENT.values())[:2], "eni-0a1b2c3d", "obstore"):
        assert secret.encode() not in sent


def test_an_object_that_changes_while_it_is_counted_is_reported_as_in_one_process(
    bucket,
):
    content = b"# a log\n" + lines(random.Random(1), 900)
    bucket.objects |= {"a.log": content, "b.log": text([line()])}
    logs = logs_at("s3://logs/")
    fake = FakeClient(3)

    def change():
        if len(fake.sent) > 2:
            bucket.objects["a.log"] = content + b"more"
        return fake.step()

    parts = count_on_cluster(logs, fake, cancel=change)
    whole = parse_flow_log(*logs)
    same(parts, whole)
    assert "PreconditionFailed" in "".join(parts.files["s3://logs/a.log"].damage)
    assert fake.cancelled


def test_a_log_that_cannot_be_counted_raises_what_one_process_raises(client, tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7")
    with pytest.raises(LogError) as alone:
        parse_flow_log(path)
    with pytest.raises(LogError) as away:
        count_on_cluster(path, client)
    assert str(away.value) == str(alone.value)
    with pytest.raises(FormatError):
        count_on_cluster(path, client, format="version")


def test_what_has_no_address_is_counted_here(client, tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(text([line()]))
    stream = io.BytesIO(text([line(dstport="22")]))
    parts = count_on_cluster([path, stream], client)
    same(parts, parse_flow_log(path, io.BytesIO(text([line(dstport="22")]))))
    assert parts.total.flows == 2


def test_a_file_that_workers_do_not_see_is_reported_and_the_others_are_counted(client, tmp_path):
    for name in ("a.log", "b.log", "c.log"):
        (tmp_path / name).write_bytes(text([line()]))
    logs = logs_at(str(tmp_path))
    (tmp_path / "a.log").unlink()
    (tmp_path / "b.log").write_bytes(text([line()] * 2))
    counts = count_on_cluster(logs, client)
    assert counts.total.flows == 1
    (missing,) = counts.files[f"{tmp_path}/a.log"].damage
    (other,) = counts.files[f"{tmp_path}/b.log"].damage
    assert "there is no such file on the worker" in missing
    assert "bytes on the worker" in other


def test_cancelling_ends_the_count_and_its_tasks(client, tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(text([line()] * 3_000))
    with pytest.raises(Cancelled):
        count_on_cluster(path, client, cancel=lambda: True)
    fake = FakeClient()
    with pytest.raises(KeyboardInterrupt):
        count_on_cluster(path, fake, cancel=mock.Mock(side_effect=[False, KeyboardInterrupt]))
    assert fake.cancelled
    assert fake.plugin is None


def test_the_callbacks_own_errors_pass_through(client, tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(text([line()]))
    with pytest.raises(ZeroDivisionError):
        count_on_cluster(path, client, progress=lambda _: 1 / 0)


def fails_with(error):
    def done(_):
        raise error

    return done


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KilledWorker("key", None, 3), "a.log: several workers died while they counted this"),
        (OSError("no room"), "a.log: a worker failed (OSError: no room)"),
        (ClusterError("A worker has flowtag 9"), "A worker has flowtag 9"),
    ],
)
def test_a_piece_that_is_lost_for_good_is_named(error, sentence, tmp_path, monkeypatch):
    path = tmp_path / "a.log"
    path.write_bytes(text([line()]))
    monkeypatch.setattr(work, "done", fails_with(error))
    fake = FakeClient()
    with pytest.raises(ClusterError) as raised:
        count_on_cluster(path, fake, cancel=fake.step)
    assert sentence in str(raised.value)


def test_a_lost_connection_is_one_sentence(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(text([line()]))
    fake = FakeClient()
    with (
        mock.patch.object(fake, "status", "connecting"),
        pytest.raises(ClusterError, match="connection to the scheduler was lost"),
    ):
        count_on_cluster(os.fspath(path), fake)
