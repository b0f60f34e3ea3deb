"""The words behind a command -> its options and paths."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence


def parsed(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Parse options and `paths` in any order; behind `--` every word is a path, such as `-rf`."""
    end = words.index("--") if "--" in words else len(words)
    found = parser.parse_intermixed_args(words[:end])
    found.paths += words[end + 1 :]
    return found
