"""The page, reading very slowly while FILE exists: python -m tests.held FILE run dashboard.py.

This lets journeys click as often as they need while files are read, however fast the machine is.
"""

import os
import sys
import time

from streamlit.web import cli

from flowtag_core.sources.stream import Stream

PIECE, SECONDS = 1 << 12, 0.1
"""How many bytes are read at a time while the file exists, and how many seconds that takes."""


def hold_reading(path):
    """Make logs be read slowly, in small pieces, until the file at the path is gone."""
    read = Stream._read

    def held(stream, size):
        if os.path.exists(path):
            time.sleep(SECONDS)
            size = min(size, PIECE)
        return read(stream, size)

    Stream._read = held


if __name__ == "__main__":
    program, path, *arguments = sys.argv
    hold_reading(path)
    sys.argv = [program, *arguments]
    sys.exit(cli.main())
