"""The browser is told the number of each new step, until it closes the connection."""

import asyncio

from flowtag_core.page import following, ticks


class Socket:
    """A connection that is closed after so many messages."""

    def __init__(self, messages):
        self.sent, self.closed, self.messages = [], asyncio.Event(), messages

    async def accept(self):
        self.sent.append("accepted")

    async def receive(self):
        await self.closed.wait()

    async def send_text(self, text):
        self.sent.append(text)
        if len(self.sent) > self.messages:
            self.closed.set()


def test_each_new_number_is_sent_once_until_the_tab_is_closed(monkeypatch):
    numbers = iter([3, 3, 3, 5, 5, 6, 7])
    monkeypatch.setattr(following, "newest", lambda: next(numbers))
    monkeypatch.setattr(ticks, "_EVERY", 0.001)

    async def told():
        socket = Socket(3)
        await asyncio.wait_for(ticks.ticks(socket), 10)
        return socket.sent

    assert asyncio.run(told()) == ["accepted", "3", "5", "6"]
    assert ticks.ROUTE.path == ticks.PATH
