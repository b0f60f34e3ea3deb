"""Files that arrive without a browser, and helpers to read them and their outcomes."""

import io
from functools import partial

from flowtag_core import load_lookup_table, parse_flow_log
from flowtag_core.page.intake import Arrival, CountedLog, Intake, Refused
from flowtag_core.sources.places import Place
from flowtag_core.sources.stream import Stream
from tests.logs import line


def place(name, content):
    return Place(name, partial(Stream, file=io.BytesIO(content), size=None, start=0), len(content))


def arrival(name, content, **given):
    return Arrival(name, (place(name, content),), **given)


def held(name, let_go, content=None):
    """A file that cannot be opened before the event `let_go` is set."""

    def opened(name):
        let_go.wait(60)
        return Stream(name, io.BytesIO(content or line()), None, 0)

    return Arrival(name, (Place(name, opened, 10),))


def endless(name, started):
    """A file without an end, which sets the event `started` when it is read."""

    class Endless(io.RawIOBase):
        def readable(self):
            return True

        def seek(self, *_):
            return 0

        def read(self, _=-1):
            started.set()
            return (line() + b"\n") * 500

    opened = Place(name, partial(Stream, file=Endless(), size=None, start=0))
    return Arrival(name, (opened,))


def read(*arrivals):
    """Read these files and return their outcomes."""
    files = Intake()
    files.take(arrivals)
    files.wait(60)
    assert files.standing() is None
    return files.collect()


def flows(log):
    return log.counts.total.flows


def holds_nothing(session):
    return not session.logs and session.desk.given is None


def refused(outcomes):
    return [outcome.sentence for outcome in outcomes if isinstance(outcome, Refused)]


def counted_log(name="a.log", content=None, **given):
    return CountedLog(
        name, parse_flow_log(io.BytesIO(content or line()), names=[name]), 0.5, **given
    )


def lookup(text="443,tcp,web\n", name="lookup.csv"):
    return load_lookup_table(io.BytesIO(text.encode()), name)


def files_below(folder):
    """Return the files in a folder and below, without the lock of a server."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
