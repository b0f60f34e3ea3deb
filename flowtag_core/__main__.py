"""The command: `flowtag`, or `python -m flowtag_core`."""

from __future__ import annotations

import gc
import signal
import sys


def main() -> int:
    """Run the command with the words it was started with and return the exit code."""
    # What is imported stays: looking for garbage in it takes a tenth of the time of a small log.
    gc.disable()
    from flowtag_core.commands.verbs import run

    gc.freeze()
    gc.enable()
    # As an exception it lets a half-written file and the terminal be put in order.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    code = run(sys.argv[1:])
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(main())
