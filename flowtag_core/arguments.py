"""Parse the options and paths of a command, and define the options that commands share."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence


def parsed(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Parse options and `paths` in any order; every word after `--` is a path, even `-rf`."""
    end = words.index("--") if "--" in words else len(words)
    found = parser.parse_intermixed_args(words[:end])
    found.paths += words[end + 1 :]
    if "" in found.paths:
        parser.error("one of the paths is empty")
    return found


def add_reading(parser: ArgumentParser) -> None:
    """Add the options that say how to read logs; their names are the same in every command."""
    parser.add_argument(
        "--format",
        metavar="FIELDS",
        help="the fields, in order, of logs without a header, as AWS shows them; or the name of a "
        "format in flowtag.toml",
    )
    parser.add_argument(
        "--internal",
        metavar="CIDR,...",
        help="your own public address ranges, to be counted as inside the network",
    )


def add_page(parser: ArgumentParser) -> None:
    """Add the arguments of the page: which files to read, how, and who may see them."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="logs and folders to read in place"
    )
    parser.add_argument(
        "--lookup", metavar="CSV", help="the lookup; the page can save changes to this file"
    )
    parser.add_argument(
        "--names", metavar="CSV", help="names of addresses: a CSV with the columns cidr and name"
    )
    add_reading(parser)
    parser.add_argument(
        "--shared",
        action="store_true",
        help="show these files even if other machines can reach the page",
    )
