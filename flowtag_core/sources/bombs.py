"""Bombs: files that unpack to more than any flow log could hold."""

from __future__ import annotations

from typing import Final

from flowtag_core.errors import LogError

_BOMB_SIZE: Final = 1 << 30
_BOMB_RATIO: Final = 1000


def refuse_bomb(name: str, packed: int, size: int) -> None:
    """Raise LogError where something unpacks to so much that it can be no flow log."""
    if size > _BOMB_SIZE and size > _BOMB_RATIO * packed:
        raise LogError(
            f"{name}: unpacks to over {_BOMB_RATIO:,} times its size ({size:,} bytes "
            f"from {packed:,}), which no flow log does. Unpack it by hand if you trust it."
        )
