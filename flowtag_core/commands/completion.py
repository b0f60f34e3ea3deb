"""Print the code that makes a shell complete flowtag's words: flowtag completion SHELL."""

from __future__ import annotations

import glob
import os
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from typing import Any, Final

from flowtag_core.commands.terminal import DONE, new_parser, show_code

SHELLS: Final = ("bash", "zsh", "fish", "powershell")

_EPILOG: Final = """\
Add the line for your shell to its startup file:
  bash, zsh   eval "$(flowtag completion bash)"     (or zsh)
  fish        flowtag completion fish | source
  PowerShell  flowtag completion powershell | Out-String | Invoke-Expression
"""


def parser() -> ArgumentParser:
    """Return the parser of `flowtag completion`."""
    new = new_parser(
        "completion",
        "SHELL",
        "Print the code that makes a shell complete flowtag's words.",
        _EPILOG,
    )
    new.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    return new


def run(words: Sequence[str]) -> int:
    """Print the completion code for a shell."""
    from argcomplete.shell_integration import shellcode

    given = parser().parse_args(words)
    show_code(shellcode(["flowtag"], shell=given.shell))
    return DONE


def complete(verbs: Sequence[str], parser_of: Callable[[Sequence[str]], ArgumentParser]) -> None:
    """Answer a shell that asks, through environment variables, how a line may continue. Ends the process.

    `parser_of` returns the parser for the words that have been typed. Source: argcomplete's protocol.
    """
    import argcomplete

    line = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
    typed = line.split()[1 : None if line[-1:].isspace() else -1]
    found = parser_of(typed)
    if typed and typed[0] in verbs:
        os.environ["_ARGCOMPLETE"] = "2"  # The options of a verb begin after the verb.
    elif not typed:
        paths: Any = next(action for action in found._actions if action.dest == "paths")  # noqa: SLF001  (argparse has no other way)
        paths.completer = lambda prefix, **_: [*verbs, *_files(prefix)]
    completer: Any = _files
    argcomplete.autocomplete(found, default_completer=completer)


def _files(prefix: str, **_: object) -> list[str]:
    """Return the paths that begin with a prefix. Names that are not UTF-8 are left out: no shell takes them."""
    found = sorted(glob.glob(f"{glob.escape(prefix)}*"))
    return [
        f"{path}{os.sep}" if os.path.isdir(path) else path
        for path in found
        if path.encode(errors="replace") == os.fsencode(path)
    ]
