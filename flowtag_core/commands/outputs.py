"""Write the outputs of a command to files or to standard output, but never to one of its inputs."""

from __future__ import annotations

import os
import sys
from collections.abc import Hashable, Iterable, Sequence
from contextlib import ExitStack

from flowtag_core.commands.terminal import bytes_of, discard
from flowtag_core.errors import OutputError
from flowtag_core.output import is_replaced, replaced, write_whole
from flowtag_core.sources.places import DASH, Place, file_identity


def write(contents: Iterable[tuple[str, Iterable[bytes | memoryview]]]) -> None:
    """Write each content to its path, or to standard output if the path is `-`.

    Files appear together or not at all. It is not a failure if the reader of a pipe has gone.
    """
    with ExitStack() as files:
        through = []
        for output, content in contents:
            if output != DASH and is_replaced(output):
                files.enter_context(replaced(output, content))
            else:
                through.append((output, content))
        for output, content in through:
            _write_through(output, content)


def _write_through(output: str, content: Iterable[bytes | memoryview]) -> None:
    stream = bytes_of(sys.stdout, "output") if output == DASH else None
    try:
        write_whole(content, stream or output)
    except BrokenPipeError:
        discard(stream)
    except OutputError:
        discard(stream)
        raise


def refuse_repeats(outputs: Sequence[str]) -> None:
    """Raise OutputError if two outputs are the same file or stream."""
    seen: dict[Hashable, str] = {}
    for output in outputs:
        is_stdout = output == DASH or _is_standard_output(output)
        written = DASH if is_stdout else file_identity(output) or os.path.realpath(output)
        if written in seen:
            raise OutputError(f"{output}: is named twice as an output. Name another file.")
        seen[written] = output


def refuse_inputs(
    output: str | None, places: Sequence[Place], others: Iterable[str], *, is_json: bool
) -> None:
    """Raise OutputError if something is written to one of the inputs, which that would destroy.

    The inputs are logs and the paths of other files. Standard output is written to if the output is None or `-`, and
    for JSON, which must not go to the output.
    """
    inputs = [(place.name, place.identity) for place in places]
    inputs += [(path, file_identity(path)) for path in others]
    path = None if output == DASH else output
    written = file_identity(path) if path is not None else None
    printed = file_identity(sys.stdout) if is_json or path is None else None
    if (
        is_json
        and path is not None
        and (_is_standard_output(path) or printed == written is not None)
    ):
        raise OutputError(f"{path}: is where --json goes too. Name another file for the result.")
    _refuse(printed, "standard output", inputs)
    _refuse(written, path, inputs)


def _is_standard_output(path: str) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(sys.stdout.fileno()))
    # The path does not exist, or standard output is closed.
    except (OSError, ValueError, AttributeError):
        return False


def _refuse(written: Hashable, output: str | None, inputs: Iterable[tuple[str, Hashable]]) -> None:
    for name, identity in inputs if written is not None else ():
        if identity == written:
            also = "" if name == output else f" ({name})"
            raise OutputError(f"{output}: is an input too{also}. Name another file.")
