"""Open the page in the browser: flowtag page [PATH ...]."""

from __future__ import annotations

import argparse
import os
import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Final

from flowtag_core.arguments import add_page, follows_wrongly, parsed
from flowtag_core.boundary import ranges_of
from flowtag_core.commands.filters import days_of
from flowtag_core.commands.terminal import DONE, new_parser, program
from flowtag_core.errors import FlowtagError
from flowtag_core.output import check_writable
from flowtag_core.reading.scheduler import check_address
from flowtag_core.settings import settings_for
from flowtag_core.shapes.layout import format_layout
from flowtag_core.sources.places import logs_at
from flowtag_core.sources.uris import is_uri

_USAGE: Final = """\
[PATH ...] [--lookup CSV] [--names CSV] [--format FIELDS]
                    [--internal CIDR,...] [--cluster ADDRESS] [--port PORT]
                    [--no-browser] [--shared]
       {program} page --follow PATH ... [--keep TIME] [--state FILE] [--background]"""
_EPILOG: Final = """\
The page answers this machine only. Ctrl+C stops it. You can give Streamlit's own
settings as environment variables, such as STREAMLIT_SERVER_ADDRESS; read
docs/security.md first.
"""


def parser() -> ArgumentParser:
    """Return the parser of `flowtag page`."""
    new = new_parser(
        "page",
        _USAGE.format(program=program()),
        "Open the page in the browser, with or without logs.",
        _EPILOG,
    )
    add_page(new)
    new.add_argument("--port", type=_port, metavar="PORT", help="the port to use instead of 8501")
    new.add_argument("--no-browser", action="store_true", help="do not open a browser")
    return new


def run(words: Sequence[str]) -> int:
    """Run Streamlit with the page, as `streamlit run dashboard.py` does, until it is stopped.

    Streamlit's settings come from the folder of the script and from the user's own folder. Raises
    FlowtagError if a path, an option or the port cannot be used.
    """
    given = parsed(parser(), words)
    _check(given)
    options = ["--server.headless=true"] if given.no_browser else []
    if given.port is not None:
        options.append(f"--server.port={given.port}")
    from flowtag_core.page.server import serve

    serve(options, _for_the_page(given))
    return DONE


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not a port from 1 to 65535")
    return port


def _check(given: Namespace) -> None:
    """Raise FlowtagError now for what the page could only say in the browser."""
    if why := follows_wrongly(given):
        raise FlowtagError(why)
    if given.state is not None:
        check_writable(given.state)
    settings = settings_for(given.paths)
    fields, internal = settings.beneath(given.format, given.internal)
    if fields is not None:
        format_layout(fields)
    ranges_of(internal)
    if given.cluster is not None:
        check_address(given.cluster)
    for path in (*given.paths, *([given.lookup] if given.lookup is not None else [])):
        # What is followed may still be empty.
        if not (given.follow and (os.path.isdir(path) or is_uri(path))):
            logs_at(path, days=days_of(given))
    if given.port is not None:
        _check_free(given.port)


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise FlowtagError(
                f"port {port} cannot be used: {error.strerror}. Choose another one with --port."
            ) from error


def _for_the_page(given: Namespace) -> list[str]:
    """Return the words for the page's script: its options, then the paths."""
    options = [
        ("--lookup", given.lookup),
        ("--names", given.names),
        ("--format", given.format),
        ("--internal", given.internal),
        ("--since", given.since),
        ("--until", given.until),
        ("--cluster", given.cluster),
        ("--keep", None if given.keep is None else f"{given.keep}m"),
        ("--state", given.state),
    ]
    words = [f"{name}={value}" for name, value in options if value is not None]
    flags = ("follow", "background", "shared")
    words += [f"--{name}" for name in flags if getattr(given, name)]
    return [*words, "--", *given.paths]
