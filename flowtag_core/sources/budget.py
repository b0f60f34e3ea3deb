"""The budget: what the work on one given file may cost, whatever is in it.

Every layer that makes more of a file than came in charges it here: what unpacks it, what holds a part of
it in memory. Charges also ask whether the work is still wanted, so that a file that reads as nothing for a
long time can be cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowtag_core.errors import OverBudgetError

MOST_HELD: Final = 400_000_000
"""Bytes of memory that a part of a file may need at once."""
_MOST_STREAMED: Final = 1 << 30
_RATIO: Final = 1000
_LOOKED_AT_EVERY: Final = 1 << 18
"""Bytes of work between two looks: small charges are many, and a look takes as long as a record."""
_FEW_ENTRIES: Final = 5_000
_BYTES_AN_ENTRY: Final = 100
_LISTING: Final = 1 << 20


class Budget:
    """The budget of one file.

    `came` tells how many bytes of it were read. `check` is called again and again, at every larger
    charge; it may raise.
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
        """Charge bytes that were made of it and go on to be counted.

        Raises OverBudgetError where they are more than 1 GB and more than 1,000 times what came in.
        """
        self._streamed += size
        if self._streamed < self._looked_at:
            return
        self._looked_at = self._streamed + _LOOKED_AT_EVERY
        self.check()
        if self._streamed > _MOST_STREAMED and self._streamed > _RATIO * (came := self._came()):
            raise OverBudgetError(
                f"{self._name}: takes as much work as a log of over {_RATIO:,} times its size "
                f"({self._streamed:,} bytes of log for {came:,} that were read). No sound log does. "
                "If you trust it, unpack it or split it by hand."
            )

    def entry(self) -> None:
        """Charge an entry of an archive.

        Raises OverBudgetError where there are over 5,000, and more than one for each 100 bytes that came in.
        """
        self.check()
        self._entries += 1
        if self._entries > _FEW_ENTRIES + (came := self._came()) // _BYTES_AN_ENTRY:
            raise OverBudgetError(
                f"{self._name}: holds over {self._entries - 1:,} files in {came:,} bytes, more than a "
                "sound archive of that size. Unpack it by hand if you trust it."
            )

    def listing(self, size: int) -> None:
        """Charge the list of an archive's files, in bytes.

        Raises OverBudgetError where it has more than 1 MB and more than twice what came in.
        """
        self.check()
        if size > _LISTING and size > 2 * (came := self._came()):
            raise OverBudgetError(
                f"{self._name}: the list of its files has {size:,} bytes, over twice the {came:,} that were "
                "read. No sound archive has such a list. Unpack it by hand if you trust it."
            )

    def hold(self, size: int, what: str) -> None:
        """Charge a part of it that would be held in memory whole; raises OverBudgetError above 400 MB."""
        self.check()
        if size > MOST_HELD:
            raise OverBudgetError(
                f"{self._name}: {what} needs {size:,} bytes of memory at once, and flowtag allows "
                f"{MOST_HELD:,}. Write the file again with smaller row groups or fewer columns."
            )
