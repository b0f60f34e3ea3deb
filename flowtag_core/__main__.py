"""The command line: python -m flowtag_core FLOW_LOG [FLOW_LOG ...] LOOKUP OUTPUT."""

import gc

if __name__ == "__main__":
    # What is imported stays: to look for garbage in it takes a tenth of the time of a small log.
    gc.disable()

import signal
import sys

from flowtag_core.commands.count import main

if __name__ == "__main__":
    # As an exception it lets a half-written file and the terminal be put in order.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    gc.freeze()
    gc.enable()
    code = main()
    gc.freeze()
    sys.exit(code)
