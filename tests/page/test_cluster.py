"""The page's data in place is counted on a cluster, and all tabs share one client."""

from contextlib import ExitStack, contextmanager

import pytest

from flowtag_core import parse_flow_log
from flowtag_core.errors import ClusterError
from flowtag_core.page import cluster, in_place
from flowtag_core.page.intake import CountedLog, Intake, Refused
from tests.logs import line, text
from tests.reading.fake_cluster import FakeClient
from tests.sources.bucket import Bucket, serving


class Done(FakeClient):
    """Does each task at once."""

    def submit(self, *given, **named):
        future = super().submit(*given, **named)
        future.run()
        return future


@pytest.fixture
def opened(monkeypatch):
    """The addresses to which the page connects, without real clusters."""
    opened = []

    @contextmanager
    def connected(address):
        if "none" in address:
            raise ClusterError(f"{address}: no scheduler answers.")
        opened.append(address)
        yield Done()

    monkeypatch.setattr(cluster, "connected", connected)
    monkeypatch.setattr(cluster, "_CLIENTS", {})
    monkeypatch.setattr(cluster, "_OPEN", ExitStack())
    monkeypatch.setattr(cluster.atexit, "register", lambda _: None)
    return opened


def outcomes(*words):
    found = in_place.find(in_place.parse(words))
    intake = Intake()
    intake.take(found.arrivals)
    intake.wait(20)
    return intake.collect()


def test_files_in_place_are_counted_on_the_cluster_with_one_client_for_all(opened, tmp_path):
    (tmp_path / "logs").mkdir()
    for name in ("a.log", "b.log"):
        (tmp_path / "logs" / name).write_bytes(text([line()] * 3))
    for _ in range(2):
        (log,) = outcomes("--cluster=tcp://host:8786", str(tmp_path / "logs"))
        assert isinstance(log, CountedLog)
        assert log.counts == parse_flow_log(tmp_path / "logs")
    assert opened == ["tcp://host:8786"]
    cluster.client("tcp://host:8786").status = "closed"
    assert cluster.client("tcp://host:8786").status == "running"
    assert len(opened) == 2


@pytest.mark.usefixtures("opened")
def test_the_page_itself_reads_no_object_that_a_cluster_counts(monkeypatch):
    bucket = Bucket()
    bucket.objects = {f"{n}.log": text([line()] * n) for n in (1, 2)}
    with serving(bucket) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        (log,) = outcomes("--cluster=tcp://host:8786", "s3://logs/")
    assert log.counts.total.flows == 3
    assert [place.name for place in log.again] == ["s3://logs/1.log", "s3://logs/2.log"]
    assert bucket.sent == {key: len(content) for key, content in bucket.objects.items()}


def test_a_cluster_that_does_not_answer_is_one_sentence_for_a_whole_folder(opened, tmp_path):
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(text([line()]))
    (refused,) = outcomes("--cluster=tcp://none:8786", str(tmp_path))
    assert isinstance(refused, Refused)
    assert "no scheduler answers" in refused.sentence
    assert opened == []


def test_following_does_not_take_a_cluster(tmp_path):
    with pytest.raises(in_place.ArgumentsError, match="--cluster cannot be used with --follow"):
        in_place.parse(["--follow", "--cluster=local", str(tmp_path)])
