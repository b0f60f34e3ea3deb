"""The names that log rotation gives to files."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Final

_ENDING: Final = re.compile(
    r"(?:\.(?:gz|zst|zip|bz2|xz|Z|old|bak|prev|\d{1,4})|[-._]\d{4}-?\d\d-?\d\d(?:[-._T]?\d{1,6})?|[-._]\d{8,14})$",
    re.ASCII,
)


def stem(path: str) -> str:
    """Return a path without the endings that rotation adds: `a.log.2.gz` and `a.log-20261129` become `a.log`."""
    folder, name = os.path.split(path)
    while (shorter := _ENDING.sub("", name)) not in ("", name):
        name = shorter
    return os.path.join(folder, name)


def siblings(path: str) -> list[str]:
    """Return the paths of the files next to a log that rotation may have made from it."""
    folder, name = os.path.split(path)
    with suppress(OSError), os.scandir(folder or os.curdir) as entries:
        return sorted(
            os.path.join(folder, entry.name)
            for entry in entries
            if entry.name != name
            and (
                stem(entry.name) == name
                or entry.name.startswith((f"{name}.", f"{name}-", f"{name}_"))
            )
        )
    return []
