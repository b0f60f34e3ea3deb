"""Standard input, read by a thread so that no look has to wait for it."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from contextlib import suppress
from typing import Final

from flowtag_core.counting.tally import Counted
from flowtag_core.reading.tail import Tail
from flowtag_core.sources.pieces import READ_SIZE

_MOST_WAITING: Final = 16
"""The most pieces that may wait to be counted; a faster writer has to wait."""
_LONGEST: Final = 1.0
"""Seconds that one read may take, because the writer may be as fast as the reader."""


class Stdin:
    """Reads standard input in the background; `tail` counts its lines."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail
        self.is_over = False
        self._pieces: queue.Queue[bytes] = queue.Queue(_MOST_WAITING)
        threading.Thread(target=self._fill, daemon=True).start()

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to read now."""
        return not self.is_over and not self._pieces.empty()

    def read(self) -> Counted:
        """Count what has arrived since the last call. At the end of the input, count its last line too."""
        before, until = self.tail.offset, time.monotonic() + _LONGEST
        with suppress(queue.Empty):
            while not self.is_over and time.monotonic() < until:
                piece = self._pieces.get_nowait()
                self.is_over = not piece
                self.tail.feed(piece)
        self.tail.count_lines()
        if self.is_over:
            self.tail.count_rest()
        return self.tail.count.take(self.tail.offset - before)

    def _fill(self) -> None:
        with suppress(OSError, ValueError, AttributeError):  # It is closed.
            while piece := os.read(sys.stdin.fileno(), READ_SIZE):
                self._pieces.put(piece)
        self._pieces.put(b"")
