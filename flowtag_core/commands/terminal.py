"""The terminal, for all commands: parsers, printed lines, the progress bar, exit codes."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, BinaryIO, TextIO

from flowtag_core.errors import FlowtagError, OutputError, reason_of
from flowtag_core.reading.flow_log import Progress
from flowtag_core.sources.places import DASH, Log, Place, logs_at, readable
from flowtag_core.sources.uris import Days, is_uri

DONE, DAMAGED, FAILED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""
DOUBTFUL = DAMAGED
"""The exit code of a check that found a problem."""


class _Help(RawDescriptionHelpFormatter):
    """Help text that is at most 80 columns wide, whatever the width of the terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24, width=80)


def program() -> str:
    """Return the words with which the user started flowtag."""
    is_module = os.path.basename(sys.argv[0]) == "__main__.py"
    return "python -m flowtag_core" if is_module else "flowtag"


def new_parser(verb: str, usage: str, description: str, epilog: str) -> ArgumentParser:
    """Return a parser for one command, without its options."""
    words = f"{program()} {verb}".rstrip()
    return ArgumentParser(
        prog=words,
        usage=f"{words} {usage}",
        description=description,
        epilog=epilog,
        formatter_class=_Help,
        allow_abbrev=False,
    )


def discard(stream: IO[Any] | None) -> None:
    """Discard what is still buffered: Python would try to write it again at exit, and complain."""
    if stream is not None:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def bytes_of(stream: TextIO | None, name: str) -> BinaryIO:
    """Return standard input or output as a stream of bytes. Raises FlowtagError if it is closed."""
    if stream is None:
        raise FlowtagError(f"standard {name} (-) is closed. Name a file instead.")
    return stream.buffer


def source_of(path: str) -> str | BinaryIO:
    """Return the path itself, standard input if the path is `-`, or the content of an object in a store."""
    return bytes_of(sys.stdin, "input") if path == DASH else readable(path)


def logs_of(
    paths: Sequence[str], others: Sequence[str], days: Days, *, is_quiet: bool = False
) -> list[Log]:
    """Return the logs at all paths, as `logs_at` does; a terminal shows that objects are being listed."""
    with _listing(not is_quiet and any(map(is_uri, paths))):
        return [log for path in paths for log in logs_at(path, others, days)]


@contextmanager
def _listing(is_shown: bool) -> Iterator[None]:
    if not is_shown or sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status("listing the objects"):
        yield


@contextmanager
def progress_bar(places: Sequence[Place]) -> Iterator[Callable[[Progress], None] | None]:
    """Show a progress bar for these files, if there are any and standard error is a terminal; yield its callback."""
    if not places or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar

    columns = BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    bar = Bar(
        TextColumn("{task.description}", markup=False),
        *columns,
        console=Console(stderr=True),
        transient=True,
    )
    sizes = [place.size for place in places]
    known = sum(size for size in sizes if size is not None) if None not in sizes else None
    before: Counter[str] = Counter()
    with bar:
        task = bar.add_task("reading", total=known)

        def show(progress: Progress) -> None:
            new = progress.bytes_read - before[progress.file]
            before[progress.file] = progress.bytes_read
            bar.update(task, advance=new, description=printable(progress.file)[-40:])

        yield show


def printable(text: str) -> str:
    """Escape everything in a text that could move the terminal's cursor or change its colors."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def say(*lines: str) -> None:
    """Write lines to standard error, which may be closed or full: there is nowhere else to say so."""
    with suppress(FlowtagError):
        _write(sys.stderr, map(printable, lines))


def show(*lines: str) -> None:
    """Write lines to standard output. Raises OutputError if that fails, but not if the reader has gone."""
    _write(sys.stdout, map(printable, lines))


def show_code(code: str) -> None:
    """Write code for a shell to standard output. Raises OutputError like `show`."""
    _write(sys.stdout, [code])


def show_json(document: Any) -> None:
    """Write a document to standard output as JSON, in ASCII. Raises OutputError like `show`."""
    _write(sys.stdout, [json.dumps(document, indent=2)])


def _write(stream: TextIO | None, lines: Iterable[str]) -> None:
    if stream is None:
        raise OutputError("standard output is closed.")
    text = "".join(f"{line}\n" for line in lines)
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:  # The reader has seen enough.
        discard(stream)
    except OSError as error:
        discard(stream)
        raise OutputError(f"standard output could not be written: {reason_of(error)}.") from error
