"""A scheduler and workers as processes of their own, on loopback."""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.conftest import ROOT, free_port

_SECONDS = 60


@contextmanager
def process(*words, environment=None):
    """Run `dask ...` until the end of the block; what it prints is dropped."""
    given = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    started = subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        cwd=tempfile.gettempdir(),
        env=given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def processes(workers, *, nanny=True, environment=None):
    """Start a scheduler and workers with one thread each; yield the address and the scheduler's process."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        words = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show"]
        scheduler = stack.enter_context(process("scheduler", *words, environment=environment))
        wait_for(port, scheduler)
        for number in range(workers):
            place = Path(folder, str(number))
            place.mkdir()
            words = ["--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard"]
            words += ["--local-directory", str(place), "--nanny" if nanny else "--no-nanny"]
            stack.enter_context(process("worker", address, *words, environment=environment))
        yield address, scheduler


def wait_for(port, started):
    import socket

    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        assert started.poll() is None, "the scheduler has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError
