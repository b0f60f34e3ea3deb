"""Find mistakes in a lookup: flowtag check LOOKUP."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, Final

from flowtag_core.commands.terminal import DONE, DOUBTFUL, new_parser, show, show_json, source_of
from flowtag_core.showing.lookup_notes import NO_PROBLEMS, problems, to_check
from flowtag_core.showing.words import number
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.lookup_file import load_lookup_table

_EPILOG: Final = """\
exit code: 0 no problems; 1 some rows need checking; 2 the lookup cannot be read.
"""


def parser() -> ArgumentParser:
    """Return the parser of `flowtag check`."""
    new = new_parser("check", "[--json] [--quiet] LOOKUP", "Find mistakes in a lookup.", _EPILOG)
    new.add_argument("lookup", metavar="LOOKUP", help="a CSV with dstport,protocol,tag; - is stdin")
    new.add_argument("--json", action="store_true", help="print the result as JSON")
    new.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing; only set the exit code"
    )
    return new


def run(words: Sequence[str]) -> int:
    """Print one line for each problem of the lookup; return the exit code."""
    given = parser().parse_args(words)
    if not given.lookup:
        parser().error("the path of the lookup is empty")
    lookup = load_lookup_table(source_of(given.lookup))
    is_doubtful = bool(lookup.problems or lookup.notices)
    if given.json:
        show_json(_document(lookup))
    elif not given.quiet:
        show(*_lines(lookup))
    return DOUBTFUL if is_doubtful else DONE


def _lines(lookup: Lookup) -> list[str]:
    verdict = to_check(lookup) if lookup.problems else "" if lookup.notices else NO_PROBLEMS
    rules = number(len(lookup), "rule")
    return [
        *problems(lookup),
        *lookup.notices,
        f"{lookup.name}: {rules}. {verdict}".rstrip(". ") + ".",
    ]


def _document(lookup: Lookup) -> dict[str, Any]:
    return {
        "lookup": lookup.name,
        "rules": len(lookup),
        "problems": [problem._asdict() for problem in lookup.problems],
        "notices": list(lookup.notices),
    }
