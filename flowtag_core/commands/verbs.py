"""The first word of a command is its verb; without one, logs are counted and tagged."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final, NamedTuple

from flowtag_core.commands.terminal import FAILED, INTERRUPTED, say
from flowtag_core.errors import FlowtagError, report_bug

COUNT: Final = "count"
VERBS: Final = ("page", "who", "follow", "plan", "check", "completion")
"""Each is a module of this folder. A file with such a name is given as `./page`."""


class Verb(NamedTuple):
    """A verb: its parser, and the function that parses its words, runs it and returns the exit code."""

    parser: Callable[[], ArgumentParser]
    run: Callable[[Sequence[str]], int]


def verb_of(words: Sequence[str]) -> tuple[Verb, Sequence[str]]:
    """Return the verb that the words begin with, and the words after it. `count` has no word of its own."""
    is_verb = bool(words) and words[0] in VERBS
    module = import_module(f"flowtag_core.commands.{words[0] if is_verb else COUNT}")
    return Verb(module.parser, module.run), words[1:] if is_verb else words


def run(words: Sequence[str]) -> int:
    """Run a command and return its exit code. Every failure is one sentence on standard error."""
    if "_ARGCOMPLETE" in os.environ and "COMP_LINE" in os.environ:
        from flowtag_core.commands.completion import complete

        complete(VERBS, lambda typed: verb_of(typed)[0].parser())
    if os.environ.get("FLOWTAG_DEBUG"):
        import logging

        logging.basicConfig()  # Log records go to standard error.
    try:
        verb, rest = verb_of(words)
        return verb.run(rest)
    except FlowtagError as error:
        say(f"flowtag: {error}")
    except MemoryError:
        say("flowtag: there is not enough memory.")
    except KeyboardInterrupt:
        say("flowtag: stopped before it was done.")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  (Python would exit with 1, which means something else)
        say(f"flowtag: {report_bug('the command', error)}")
    return FAILED
