"""The entry point of the command line: `flowtag`, or `python -m flowtag_core`."""

from __future__ import annotations

import gc
import os
import signal
import sys


def main() -> int:
    """Run the command line in sys.argv and return its exit code."""
    # Imported modules are never freed, and checking them for garbage takes a tenth of the time
    # that a small log needs.
    gc.disable()
    # NumPy starts threads for linear algebra, of which there is none here; they would wait busily.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from flowtag_core.commands.verbs import run
    except KeyboardInterrupt:  # Loading takes long enough for a user to change their mind.
        print("flowtag: stopped before it was done.", file=sys.stderr)  # noqa: T201  (nothing is loaded)
        return 130
    gc.freeze()
    gc.enable()
    # An exception gives the program time to remove a half-written file and restore the terminal.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))
    code = run(sys.argv[1:])
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(main())
