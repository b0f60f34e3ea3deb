"""The cluster that counts the page's data in place: the connection is made once, for all tabs."""

from __future__ import annotations

import atexit
import threading
from contextlib import ExitStack
from typing import Any, Final

from flowtag_core.reading.scheduler import connected

_LOCK: Final = threading.Lock()
_CLIENTS: Final[dict[str, Any]] = {}
_OPEN: Final = ExitStack()


def client(address: str) -> Any:
    """Return the client of the cluster at an address, until the server stops. Raises ClusterError."""
    with _LOCK:
        known = _CLIENTS.get(address)
        if known is None or known.status != "running":
            if not _CLIENTS:
                atexit.register(_OPEN.close)
            known = _CLIENTS[address] = _OPEN.enter_context(connected(address))
        return known
