"""The words behind a command -> its options and paths."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence


def parsed(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Parse options and `paths` in any order; after `--` every word is a path, such as `-rf`."""
    end = words.index("--") if "--" in words else len(words)
    found = parser.parse_intermixed_args(words[:end])
    found.paths += words[end + 1 :]
    return found


def add_reading(parser: ArgumentParser) -> None:
    """Add the options that say how logs are read; they have one name wherever logs are read."""
    parser.add_argument(
        "--format",
        metavar="FIELDS",
        help="the fields of logs without a header, in order, as AWS shows them; or the name of a "
        "format in flowtag.toml",
    )
    parser.add_argument(
        "--internal",
        metavar="CIDR,...",
        help="public ranges of your own that count as inside the network",
    )


def add_page(parser: ArgumentParser) -> None:
    """Add what the page is started with: files, how they are read, and who may see them."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="logs and folders to read in place"
    )
    parser.add_argument(
        "--lookup", metavar="CSV", help="the lookup; the page can save it back into its file"
    )
    add_reading(parser)
    parser.add_argument(
        "--shared",
        action="store_true",
        help="show these files to everyone who can reach the page, if other machines can",
    )
