"""Tells the browser that there is something new, so that it runs the script again."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from flowtag_core.page import following

PATH: Final = "/flowtag/ticks"
_EVERY: Final = 0.2


async def ticks(socket: WebSocket) -> None:
    """Send the number of the newest step of the follower whenever it changes, until the tab is closed."""
    await socket.accept()
    closed = asyncio.ensure_future(socket.receive())
    sent = -1
    while not closed.done():
        number = following.newest()
        if number != sent:
            await socket.send_text(str(number))
            sent = number
        await asyncio.wait({closed}, timeout=_EVERY)


ROUTE: Final = WebSocketRoute(PATH, ticks)
