"""The terminal: parsers, lines on standard output and error, the progress bar, exit codes."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, BinaryIO, TextIO

from flowtag_core.errors import FlowtagError
from flowtag_core.reading.flow_log import Progress
from flowtag_core.sources.places import DASH, Place

DONE, DAMAGED, FAILED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""
DOUBTFUL = DAMAGED
"""The exit code of a check that found something."""


class _Help(RawDescriptionHelpFormatter):
    """Help that fits a terminal of 80 columns, whatever the width of this one."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24, width=80)


def program() -> str:
    """The words that start flowtag, as the user typed them."""
    is_module = os.path.basename(sys.argv[0]) == "__main__.py"
    return "python -m flowtag_core" if is_module else "flowtag"


def new_parser(verb: str, usage: str, description: str, epilog: str) -> ArgumentParser:
    """A parser for one verb, without its options."""
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
    """Discard what the stream still holds: Python would try to write it again at exit, and complain."""
    if stream is not None:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def bytes_of(stream: TextIO | None, name: str) -> BinaryIO:
    """Return standard input or output as a stream of bytes; raise FlowtagError where it is closed."""
    if stream is None:
        raise FlowtagError(f"standard {name} (-) is closed. Name a file instead.")
    return stream.buffer


def source_of(path: str) -> str | BinaryIO:
    """What a path stands for: itself, or standard input for `-`."""
    return bytes_of(sys.stdin, "input") if path == DASH else path


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
    _write(sys.stderr, map(_safe, lines))


def show(*lines: str) -> None:
    """Write lines to standard output."""
    _write(sys.stdout, map(_safe, lines))


def show_json(document: Any) -> None:
    """Write a document to standard output as JSON, in ASCII."""
    _write(sys.stdout, [json.dumps(document, indent=2)])


def _write(stream: TextIO | None, lines: Iterable[str]) -> None:
    if stream is not None:  # None is a stream that is closed
        try:
            stream.write("".join(f"{line}\n" for line in lines))
            stream.flush()
        except OSError:
            discard(stream)
