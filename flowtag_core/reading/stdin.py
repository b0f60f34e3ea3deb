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
from flowtag_core.errors import LogError
from flowtag_core.reading.tail import Tail
from flowtag_core.shapes.layout import ASSUMED, Layout
from flowtag_core.shapes.shapes import is_text
from flowtag_core.sources.pieces import HEAD_SIZE, READ_SIZE
from flowtag_core.sources.unpacking import is_packed

_MOST_WAITING: Final = 16
"""The most pieces that may wait to be counted; a faster writer has to wait."""
_LONGEST: Final = 1.0
"""Seconds that one read may take, because the writer may be as fast as the reader."""


class Stdin:
    """Reads standard input in the background; `tail` counts its lines, which have `layout` without a header."""

    def __init__(self, tail: Tail, layout: Layout = ASSUMED) -> None:
        self.tail, self._layout = tail, layout
        self.is_over = False
        self._pieces: queue.Queue[bytes] = queue.Queue(_MOST_WAITING)
        self._head, self._counted = b"", 0
        self._is_text = False
        threading.Thread(target=self._fill, daemon=True).start()

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to read now."""
        return not self.is_over and not self._pieces.empty()

    def read(self) -> Counted:
        """Count what has arrived since the last call. At the end of the input, count its last line too.

        Raises LogError if the input is not lines of text.
        """
        self._check()
        before, until = self._counted, time.monotonic() + _LONGEST
        with suppress(queue.Empty):
            while self._is_text and not self.is_over and time.monotonic() < until:
                piece = self._pieces.get_nowait()
                self.is_over = not piece
                self.tail.feed(piece)
        self.tail.count_lines()
        if self.is_over:
            self.tail.count_rest()
        self._counted = self.tail.offset
        return self.tail.count.take(self._counted - before)

    def _check(self) -> None:
        """Raise LogError if the input does not begin like lines of text."""
        while not self._is_text and self.is_waiting:
            piece = self._pieces.get()
            self._head += piece
            if piece and b"\n" not in self._head.lstrip() and len(self._head) < HEAD_SIZE:
                continue
            if is_packed(self._head) or not is_text(self._head, self._layout):
                raise LogError(
                    "stdin: is compressed, or is not lines of text. Unpack it first, for example with zcat, "
                    "or follow the file itself."
                )
            self._is_text = True
            self.tail.feed(self._head)
            self.is_over = not piece

    def _fill(self) -> None:
        with suppress(OSError, ValueError, AttributeError):  # It is closed.
            while piece := os.read(sys.stdin.fileno(), READ_SIZE):
                self._pieces.put(piece)
        self._pieces.put(b"")
