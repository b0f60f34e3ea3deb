"""Messages on the files added last."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Messages:
    """Sentences on the files added last, kept until more are added.

    `refused` is about what cannot be used, `told` about what is in order. `unsent` has, for each file that
    the browser did not send, the number of the drop and a sentence; `repeated`, by name, a sentence on each
    log that seems to be there twice.
    """

    refused: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    unsent: list[tuple[int, str]] = field(default_factory=list)
    repeated: dict[str, str] = field(default_factory=dict)

    @property
    def refusals(self) -> list[str]:
        """Sentences on what cannot be used."""
        return [*self.refused, *(sentence for _, sentence in self.unsent)]

    def clear(self, unsent_from: int | None = None) -> None:
        """Clear all messages but those on files that were not sent in this drop or a later one."""
        self.refused, self.told, self.repeated = [], [], {}
        self.unsent = [
            (drop, sentence)
            for drop, sentence in self.unsent
            if unsent_from is not None and drop >= unsent_from
        ]
