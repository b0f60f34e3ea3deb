"""Print what makes a shell complete the words of flowtag: flowtag completion SHELL."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from typing import Any, Final

from flowtag_core.commands.terminal import DONE, bytes_of, new_parser

SHELLS: Final = ("bash", "zsh", "fish", "powershell", "tcsh")

_EPILOG: Final = """\
Put one of these lines into the file that your shell runs when it starts:
  bash, zsh   eval "$(flowtag completion bash)"     (or zsh)
  fish        flowtag completion fish | source
  PowerShell  flowtag completion powershell | Out-String | Invoke-Expression
  tcsh        eval `flowtag completion tcsh`
"""


def parser() -> ArgumentParser:
    """What `flowtag completion` takes."""
    new = new_parser(
        "completion", "SHELL", "Print what makes a shell complete the words of flowtag.", _EPILOG
    )
    new.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    return new


def run(words: Sequence[str]) -> int:
    """Print the completion for a shell."""
    from argcomplete.shell_integration import shellcode

    given = parser().parse_args(words)
    code = shellcode(["flowtag"], shell=given.shell)
    bytes_of(sys.stdout, "output").write(f"{code}\n".encode())
    return DONE


def complete(verbs: Sequence[str], parser_of: Callable[[Sequence[str]], ArgumentParser]) -> None:
    """Answer a shell that asks, in environment variables, how a line may go on; this ends the process.

    `parser_of` gives the parser for the words that are typed so far. Source: argcomplete's protocol.
    """
    import argcomplete
    from argcomplete.completers import FilesCompleter

    line = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
    typed = line.split()[1 : None if line[-1:].isspace() else -1]
    found = parser_of(typed)
    if typed and typed[0] in verbs:
        os.environ["_ARGCOMPLETE"] = "2"  # its options begin behind the verb
    elif not typed:
        paths: Any = next(action for action in found._actions if action.dest == "paths")  # noqa: SLF001
        files = FilesCompleter()
        paths.completer = lambda prefix, **_: [*verbs, *files(prefix)]
    argcomplete.autocomplete(found)
