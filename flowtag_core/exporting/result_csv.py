"""Report -> the result CSV: tag counts, then port and protocol counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from flowtag_core.output import OutputFile, csv_cell, write_whole
from flowtag_core.tagging.report import Report, Time

_ROWS_AT_ONCE: Final = 1 << 12


def result_csv(report: Report) -> Iterator[bytes]:
    """Yield the result CSV in pieces: tag counts, an empty line, then port and protocol counts.

    Lines end in LF.
    """
    yield b"Tag Counts:\nTag,Count\n"
    for tag, count in report.tag_counts.items():
        yield f"{csv_cell(tag)},{count}\n".encode()
    yield b"\nPort/Protocol Combination Counts:\nPort,Protocol,Count\n"
    rows = report.rows()
    while batch := [
        f"{port},{name},{count}\n" for port, name, _, count in islice(rows, _ROWS_AT_ONCE)
    ]:
        yield "".join(batch).encode()


def time_csv(time: Time | None) -> Iterator[bytes]:
    """Yield a third section for a result that does not cover everything: the time that it covers, in UTC."""
    yield b"\nTime Covered (UTC):\nFrom,To\n"
    if time is not None:
        first, end = (datetime.fromtimestamp(each, UTC) for each in time)
        yield f"{first:%Y-%m-%dT%H:%M},{end:%Y-%m-%dT%H:%M}\n".encode()


def write_results(report: Report, file: OutputFile) -> None:
    """Write the result CSV to a path, whole or not at all, or to a file open in binary mode.

    Raises OutputError if that fails.
    """
    write_whole(result_csv(report), file)
