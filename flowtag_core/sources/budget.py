"""The budget: a limit on the work that one file may cause, whatever it contains.

Every layer that can turn a few bytes into a lot of work charges the budget: for unpacking a file, or for
holding part of it in memory. A charge also checks whether the work is still wanted, so that a file that
yields nothing for a long time can be cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowtag_core.errors import OverBudgetError

MOST_HELD: Final = 400_000_000
"""The most bytes of memory that one part of a file may need."""
_MOST_STREAMED: Final = 1 << 30
_RATIO: Final = 1000
_LOOKED_AT_EVERY: Final = 1 << 18
"""Bytes of work between two checks: most charges are small, and a check takes as long as a record does."""
_FEW_ENTRIES: Final = 5_000
_BYTES_AN_ENTRY: Final = 100
_LISTING: Final = 1 << 20


class Budget:
    """The budget of one file.

    `came` returns the number of bytes read from the file so far. `check` is called regularly, and at
    every large charge; it may raise an exception to stop the work.
    """

    def __init__(
        self,
        name: str,
        came: Callable[[], int] = lambda: 0,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._came = came
        self._streamed = 0
        self._looked_at = 0
        self._entries = 0
        self.check = check

    def stream(self, size: int) -> None:
        """Charge bytes that were unpacked from the file, or work that takes as long as counting them.

        Raises OverBudgetError if the total is above 1 GB and above 1,000 times the bytes read.
        """
        self._streamed += size
        if self._streamed < self._looked_at:
            return
        self._looked_at = self._streamed + _LOOKED_AT_EVERY
        self.check()
        if self._streamed > _MOST_STREAMED and self._streamed > _RATIO * (came := self._came()):
            raise OverBudgetError(
                f"{self._name}: takes as much work as a log over {_RATIO:,} times its size "
                f"({self._streamed:,} bytes of log for {came:,} bytes read). No real log does. "
                "If you trust it, unpack it or split it first."
            )

    def entry(self) -> None:
        """Charge one entry of an archive.

        Raises OverBudgetError if there are more than 5,000 plus one per 100 bytes read.
        """
        self.check()
        self._entries += 1
        if self._entries > _FEW_ENTRIES + (came := self._came()) // _BYTES_AN_ENTRY:
            raise OverBudgetError(
                f"{self._name}: contains over {self._entries - 1:,} files in {came:,} bytes, more than "
                "any real archive of that size. If you trust it, unpack it first."
            )

    def listing(self, size: int) -> None:
        """Charge the list of an archive's files; `size` is in bytes.

        Raises OverBudgetError if it is larger than 1 MB and more than twice the bytes read.
        """
        self.check()
        if size > _LISTING and size > 2 * (came := self._came()):
            raise OverBudgetError(
                f"{self._name}: the list of its files is {size:,} bytes long, over twice the {came:,} bytes "
                "read. No real archive has such a list. If you trust it, unpack it first."
            )

    def hold(self, size: int, what: str) -> None:
        """Charge memory for a part of the file that is read whole; raises OverBudgetError above 400 MB."""
        self.check()
        if size > MOST_HELD:
            raise OverBudgetError(
                f"{self._name}: {what} needs {size:,} bytes of memory, and flowtag allows at "
                f"most {MOST_HELD:,}. Write the file again with smaller row groups or fewer columns."
            )
