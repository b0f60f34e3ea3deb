"""A cluster in this thread: it does tasks itself, in place of a scheduler with workers.

Everything is pickled as Dask would pickle it, and the tasks are done in an order that a test chooses.
"""

import pickle
import random


class FakeFuture:
    def __init__(self, key, call):
        self.key, self.call, self.status = key, call, "pending"
        self.called_back = []

    def run(self):
        if self.status != "pending":
            return
        try:
            self.value, self.status = self.call(), "finished"
        except Exception as error:  # noqa: BLE001  (as a worker does)
            self.value, self.status = error, "error"

    def add_done_callback(self, call):
        self.called_back.append(call)
        if self.status != "pending":
            call(self)

    def result(self):
        self.run()
        return self.value

    def exception(self):
        return self.value


class FakeClient:
    """Does the work of a `distributed.Client`; `sent` has the pickled bytes of every task."""

    status = "running"

    def __init__(self, seed=0, threads=2, workers=1):
        self.random, self.threads = random.Random(seed), threads
        self.waiting, self.sent, self.cancelled = [], [], []
        self.scheduler = type("Scheduler", (), {"address": "tcp://127.0.0.1:8786"})
        self.versions = [None, *[None] * workers]

    def nthreads(self):
        return {"tcp://127.0.0.1:1": self.threads}

    def wait_for_workers(self, count, timeout):
        pass

    def run(self, function, *given, **_):
        return {"tcp://127.0.0.1:1": function(*given)}

    def run_on_scheduler(self, function, *given):
        return function(*given)

    def register_plugin(self, plugin):
        self.plugin = plugin

    def unregister_worker_plugin(self, name):
        assert self.plugin.name == name
        self.plugin = None

    def submit(self, function, *given, key=None, **_):
        sent = pickle.dumps([_known(each) for each in given])
        self.sent.append(sent)

        def call():
            return pickle.loads(pickle.dumps(function(*map(_result, given))))  # noqa: S301

        self.waiting.append(FakeFuture(key, call))
        return self.waiting[-1]

    def step(self):
        """Do waiting tasks until one has a callback; return False, because nobody has cancelled."""
        while self.waiting:
            future = self.waiting.pop(self.random.randrange(len(self.waiting)))
            future.run()
            for call in future.called_back:
                call(future)
            if future.called_back:
                break
        return False

    def gather(self, future, **_):
        return future.result()

    def cancel(self, futures, **_):
        self.cancelled += futures


def _result(given):
    if isinstance(given, list):
        return [_result(each) for each in given]
    return given.result() if isinstance(given, FakeFuture) else given


def _known(given):
    """What is sent for an argument: for a future, only its key."""
    if isinstance(given, list):
        return [_known(each) for each in given]
    return given.key if isinstance(given, FakeFuture) else given
