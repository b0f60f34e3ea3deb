"""If a cluster cannot be used, one sentence says why, with a remedy; and workers are made ready."""

import logging
import os
import signal
import socket
import threading
import time
from unittest import mock

import dask.config
import distributed
import pytest
from distributed import LocalCluster, Security

import flowtag_core
from flowtag_core import parse_flow_log
from flowtag_core.counting import compiled
from flowtag_core.errors import ClusterError
from flowtag_core.reading import scheduler
from flowtag_core.reading.cluster import count_on_cluster
from flowtag_core.reading.scheduler import check_address, check_versions, connected, made_ready
from tests.commands.made import on_posix
from tests.conftest import free_port
from tests.logs import line, text
from tests.reading.fake_cluster import FakeClient


def test_without_dask_a_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(scheduler, "find_spec", lambda _: None)
    with pytest.raises(ClusterError, match=r'Run: pip install "dask\[distributed\]"'):
        check_address("local")


@pytest.mark.parametrize(
    "address", ["", "here", "tcp://", "tcp://host", "udp://host:1", "tcp://h:x", "host:8786"]
)
def test_what_is_no_address_of_a_cluster_is_refused(address):
    with pytest.raises(
        ClusterError, match=r"is not the address of a cluster\. Write tcp://host:8786"
    ):
        check_address(address)


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_a_scheduler_that_is_not_there_is_one_sentence_within_seconds(scheme):
    address = f"{scheme}://127.0.0.1:{free_port()}"
    begun = time.monotonic()
    with (
        pytest.raises(ClusterError, match=f"{address}: no scheduler answers"),
        connected(address),
    ):
        pass
    assert time.monotonic() - begun < 5


def test_a_server_that_is_no_scheduler_is_one_sentence_within_seconds(monkeypatch):
    monkeypatch.setattr(scheduler, "_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []
        threading.Thread(
            target=lambda: held.extend(server.accept() for _ in range(9)), daemon=True
        ).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ClusterError, match="no scheduler answers"), connected(address):
            pass
        for each, _ in held:
            each.close()


def test_tls_without_certificates_says_what_is_missing():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tls://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ClusterError, match=r"certificates .*tls\.ca-file"), connected(address):
            pass


def test_a_scheduler_behind_tls_is_used_with_the_certificates_of_the_settings(tmp_path):
    made = Security.temporary()
    settings = {}
    for name in ("tls_ca_file", "tls_client_cert", "tls_client_key"):
        (tmp_path / name).write_text(getattr(made, name), encoding="ascii")
        settings[name] = str(tmp_path / name)
    given = {
        "distributed.comm.tls.ca-file": settings["tls_ca_file"],
        "distributed.comm.tls.client.cert": settings["tls_client_cert"],
        "distributed.comm.tls.client.key": settings["tls_client_key"],
    }
    log = tmp_path / "a.log"
    log.write_bytes(text([line()]))
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            protocol="tls://",
            security=made,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        dask.config.set(given),
        connected(cluster.scheduler_address) as client,
    ):
        assert cluster.scheduler_address.startswith("tls://")
        assert count_on_cluster(log, client) == parse_flow_log(log)


class Versions(FakeClient):
    """A cluster where flowtag has these versions; None means that it is missing."""

    def __init__(self, scheduler, *workers):
        super().__init__()
        self.on_scheduler, self.on_workers = scheduler, workers

    def run_on_scheduler(self, *_):
        return self.on_scheduler

    def run(self, *_, **__):
        return {f"tcp://127.0.0.1:{n}": version for n, version in enumerate(self.on_workers)}


OURS = flowtag_core.__version__


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        (
            (OURS, OURS, "9.9"),
            f"the worker tcp://127.0.0.1:1 has flowtag 9.9, but flowtag {OURS} is",
        ),
        ((OURS, None, "9.9"), r"the worker tcp://127.0.0.1:0 \(and 1 more\) has no flowtag"),
        ((None, OURS), "the scheduler has no flowtag"),
        (("0.0.9", OURS), "the scheduler has flowtag 0.0.9"),
    ],
)
def test_another_version_of_flowtag_or_none_is_named(versions, sentence):
    check_versions(Versions(OURS, OURS, OURS))
    with pytest.raises(ClusterError, match=sentence):
        check_versions(Versions(*versions))


def test_a_scheduler_without_workers_says_how_to_start_some():
    client = FakeClient()

    client.wait_for_workers = mock.Mock(side_effect=TimeoutError)
    with pytest.raises(ClusterError, match=r"no workers\. Start some: dask worker tcp://"):
        check_versions(client)


def test_workers_get_the_kernel_that_was_compiled_here_or_by_one_of_their_kind(kernel, monkeypatch):
    assert kernel
    code, keys = compiled.code(), {"one": compiled.key(), "two": "other", "three": "other"}

    class Client(FakeClient):
        def run(self, *_, **__):
            return keys

        def submit(self, function, *given, workers=(), **named):
            assert (function, workers) in [(compiled.code, ["two"]), (compiled.code, ["three"])]
            monkeypatch.setattr(compiled, "code", lambda: b"the code of another processor")
            return super().submit(compiled.code, *given, **named)

    client, given = Client(), []
    with made_ready(client, has_kernel=True):
        monkeypatch.setattr("flowtag_core.reading.work.get_ready", given.append)
        client.plugin.setup(None)
    assert client.plugin is None
    assert given == [{compiled.key(): code, "other": b"the code of another processor"}]


@on_posix
def test_ctrl_c_while_workers_start_is_put_off_and_not_lost(monkeypatch):
    closed = []

    class Starting:
        """A cluster that gets Ctrl+C while it starts."""

        def __init__(self, **_):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
            assert signal.SIGINT in blocked  # The workers inherit that.

        def close(self):
            closed.append(self)

    monkeypatch.setattr(distributed, "LocalCluster", Starting)
    with pytest.raises(KeyboardInterrupt), connected("local"):
        pass
    assert len(closed) == 1
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
