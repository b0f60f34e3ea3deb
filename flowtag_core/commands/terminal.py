"""The terminal: lines on standard error, the progress bar, standard streams, exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, BinaryIO, TextIO

from flowtag_core.errors import FlowtagError
from flowtag_core.reading.flow_log import Progress
from flowtag_core.sources.places import Place

DONE, DAMAGED, FAILED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


def discard(stream: IO[Any] | None) -> None:
    """Discard what the stream still holds: Python would try to write it again at exit, and complain."""
    if stream is not None:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def bytes_of(stream: TextIO | None, name: str) -> BinaryIO:
    """Return standard input or output as a stream of bytes; raise FlowtagError where it is closed."""
    if stream is None:
        raise FlowtagError(f"standard {name} (-) is closed. Name a file instead.")
    return stream.buffer


@contextmanager
def progress_bar(places: Sequence[Place]) -> Iterator[Callable[[Progress], None] | None]:
    """A bar on standard error for reading these files, if that is a terminal; else nothing."""
    if sys.stderr is None or not sys.stderr.isatty():
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
    before: dict[str, int] = {}
    with bar:
        task = bar.add_task("reading", total=known)

        def show(progress: Progress) -> None:
            before[progress.file] = progress.bytes_read
            bar.update(task, completed=sum(before.values()), description=_safe(progress.file)[-40:])

        yield show


def _safe(text: str) -> str:
    """The text with everything escaped that would move a terminal's cursor or colour it."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def say(*lines: str) -> None:
    """Write lines to standard error."""
    # Where standard error is closed it is None, for which print would take standard output.
    if sys.stderr is not None:
        try:
            print(*map(_safe, lines), sep="\n", file=sys.stderr, flush=True)
        except OSError:
            discard(sys.stderr)
