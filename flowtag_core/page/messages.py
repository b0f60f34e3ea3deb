"""Messages about the files added last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_MOST_NEWS: Final = 50


@dataclass
class Messages:
    """Sentences about the files added last, kept until more are added.

    `refused` is about files that cannot be used, `unsent` about files that were not uploaded, `told` has
    other news; `repeated` has, by name, a sentence on each log that seems to repeat another.
    """

    refused: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    repeated: dict[str, str] = field(default_factory=dict)

    def news(self, sentences: Sequence[str]) -> None:
        """Add sentences on what has just happened: the newest first, and no more than a few dozen."""
        self.told = [*reversed(sentences), *self.told][:_MOST_NEWS]

    @property
    def refusals(self) -> list[str]:
        """Sentences on files that cannot be used."""
        return [*self.refused, *self.unsent]

    def clear(self) -> None:
        """Clear the messages, except those on repeated logs, which are still counted twice."""
        self.refused, self.told, self.unsent = [], [], []
