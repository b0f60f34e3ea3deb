"""Connect to a Dask scheduler, or start one on this machine, and make its workers ready to count."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

from flowtag_core.errors import ClusterError, reason_of
from flowtag_core.version import VERSION

LOCAL: Final = "local"
"""The address of a cluster that is started on this machine, for one count."""
_SCHEMES: Final = ("tcp", "tls")
_SECONDS: Final = 4
"""How long to wait for a scheduler to answer."""
_SECONDS_FOR_WORKERS: Final = 30
_PRELOAD: Final = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""What workers on this machine run first; those that replace others do not inherit it."""
_VERSION: Final = (
    "__import__('importlib.util').util.find_spec('flowtag_core') "
    "and __import__('flowtag_core').__version__"
)
"""An expression for the version of flowtag; a function of flowtag could not be called where it is missing."""


def check_address(address: str) -> None:
    """Raise ClusterError if this is not the address of a cluster, or if Dask is not installed."""
    if find_spec("distributed") is None:
        raise ClusterError('--cluster needs Dask. Run: pip install "dask[distributed]"')
    if address != LOCAL:
        _parts(address)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yield a `distributed.Client` of the cluster at an address, or of one that runs until the `with` block ends.

    Addresses are `tcp://host:8786`, `tls://host:8786` and `local`. Raises ClusterError.
    """
    check_address(address)
    logging.getLogger("distributed").setLevel(
        logging.CRITICAL
    )  # flowtag reports errors in one sentence.
    if address == LOCAL:
        with _local() as client:
            yield client
        return
    client = _client(address)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _local() -> Iterator[Any]:
    """Start a worker with one thread for each processor: workers share no lock."""
    from distributed import Client

    with _started() as cluster, Client(cluster, set_as_default=False) as client:
        yield client


def _started() -> Any:
    from distributed import LocalCluster

    try:
        with _without_interrupts() as arrived:
            cluster = LocalCluster(
                n_workers=os.cpu_count() or 1,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                worker_dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
                preload=_PRELOAD,
            )
    except (OSError, RuntimeError) as error:
        raise ClusterError(
            f"{LOCAL}: the workers could not be started ({str(error)[:200]}). Count without --cluster."
        ) from error
    if arrived:
        cluster.close()
        raise KeyboardInterrupt
    return cluster


@contextmanager
def _without_interrupts() -> Iterator[list[int]]:
    """Note each Ctrl+C in a list, which it yields; processes that are started in the `with` block never get it.

    A terminal sends Ctrl+C to all processes, and only this one is to stop the others.
    """
    arrived: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield arrived
        return
    before = signal.signal(signal.SIGINT, lambda number, _: arrived.append(number))
    if hasattr(signal, "pthread_sigmask"):  # Processes inherit what is blocked.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield arrived
    finally:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        signal.signal(signal.SIGINT, before)


def _client(address: str) -> Any:
    from distributed import Client, Security

    security = Security()
    try:
        _check_answer(address, security)
        return Client(address, timeout=_SECONDS, security=security, set_as_default=False)
    except TypeError as error:
        raise ClusterError(
            f"{address}: the certificates for tls:// are missing. Name them in Dask's settings "
            "distributed.comm.tls.ca-file and distributed.comm.tls.client."
        ) from error
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"{address}: no scheduler answers{_why(error)}. Check the address, and that "
            "`dask scheduler` runs there."
        ) from error


def _why(error: Exception) -> str:
    return "" if isinstance(error, TimeoutError) else f" ({reason_of(error)})"


def _check_answer(address: str, security: Any) -> None:
    """Raise OSError if no scheduler answers: a client without a connection would keep trying, even at the exit."""
    from distributed.comm import connect

    async def shake_hands() -> None:
        how = security.get_connection_args("client")
        async with asyncio.timeout(_SECONDS + 1):  # Dask waits forever if a server says nothing.
            comm = await connect(address, timeout=_SECONDS, **how)
        comm.abort()

    socket.create_connection(_parts(address), _SECONDS).close()
    asyncio.run(shake_hands())


def _parts(address: str) -> tuple[str, int]:
    """Return the host and the port of an address. Raises ClusterError."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None or parts.scheme not in _SCHEMES:
        raise ClusterError(
            f"{address[:60]!r} is not the address of a cluster. Write tcp://host:8786, tls://host:8786 or local."
        )
    return host, port


def check_versions(client: Any) -> None:
    """Raise ClusterError if there are no workers, or if flowtag is missing or has another version somewhere."""
    _wait_for_workers(client)
    ours = VERSION
    found = {"the scheduler": client.run_on_scheduler(eval, _VERSION)}
    workers = client.run(eval, _VERSION, on_error="ignore")
    found |= {f"the worker {name}": version for name, version in workers.items()}
    wrong = {where: version for where, version in found.items() if version != ours}
    if not wrong:
        return
    where, version = next(iter(wrong.items()))
    more = f" (and {len(wrong) - 1:,} more)" if len(wrong) > 1 else ""
    there = f"has flowtag {version}" if version else "has no flowtag"
    raise ClusterError(
        f"{where}{more} {there}, but flowtag {ours} is needed. Install this version where the "
        "scheduler and the workers run, and start them again."
    )


def _wait_for_workers(client: Any) -> None:
    try:
        client.wait_for_workers(1, timeout=_SECONDS_FOR_WORKERS)
    except TimeoutError as error:
        address = client.scheduler.address
        raise ClusterError(
            f"{address}: the scheduler has no workers. Start some: dask worker {address}"
        ) from error


@contextmanager
def made_ready(client: Any, *, has_kernel: bool) -> Iterator[None]:
    """Make all workers ready, also those that join before the `with` block ends; `has_kernel` sends them the kernel."""
    from distributed import WorkerPlugin

    from flowtag_core.reading import work

    codes = _codes(client) if has_kernel else {}

    class Ready(WorkerPlugin):  # type: ignore[misc]
        """Makes a worker ready. Dask sends the content of this class, because it is defined in a function."""

        name = f"flowtag-{os.getpid()}-{id(codes)}"

        def setup(self, worker: object) -> None:
            del worker
            work.get_ready(codes)

    client.register_plugin(Ready())
    try:
        yield
    finally:
        if client.status == "running":
            client.unregister_worker_plugin(Ready.name)


def _codes(client: Any) -> Mapping[str, bytes]:
    """Return the kernel's object code for all workers, by key; one worker compiles what does not run here."""
    from flowtag_core.counting import compiled

    keys = client.run(compiled.key, on_error="ignore")
    one_of = {key: worker for worker, key in keys.items() if key is not None}
    ours = compiled.key()
    codes = {ours: compiled.code()} if ours is not None and ours in one_of else {}
    theirs = {
        key: client.submit(compiled.code, workers=[worker], pure=False)
        for key, worker in one_of.items()
        if key not in codes
    }
    codes |= {key: future.result() for key, future in theirs.items()}
    return {key: code for key, code in codes.items() if code is not None}
