"""The page's door: which requests its server answers.

Any web page that the analyst visits can send requests to a server on the same machine. If it points
its own name at 127.0.0.1 (DNS rebinding), it could also read the responses, upload files and press
buttons. So a request must name a host that this server is known by, and must not come from another
site. That holds for every route: the page, its WebSocket, uploads and downloads.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import re
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import SplitResult, urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from streamlit import config, net_util

from flowtag_core.page import kept

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::\d{1,5})?", re.ASCII)
_PORTS: Final = {"http": 80, "https": 443}
_SWITCH_AFTER: Final = 0.001
"""Seconds after which a thread that reads a log must let others draw a page; Python's default is 0.005."""
_BROWSER_AFTER: Final = 0.5
"""Seconds to wait before opening the browser: the server does not listen yet while it is set up."""


class Door:
    """Middleware that checks each request; a refused one gets a sentence that says why."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._names = names()
        if is_shared():
            # Streamlit checks the WebSocket's host too, but does not accept bare IP addresses.
            config.set_option("server.allowedHosts", ["*"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 403. A WebSocket is refused before it opens."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        why = host_refused(headers, self._names) or stranger(headers, scope.get("method", "GET"))
        if not why:
            await self._app(_with_one_name(scope, headers), receive, _unframed(send))
        elif scope["type"] == "http":
            await PlainTextResponse(f"{why}\n", 403)(scope, receive, send)
        else:
            await WebSocketClose(1008, why)(scope, receive, send)


def _with_one_name(scope: Scope, headers: Headers) -> Scope:
    """Return the request with its Host spelled as in its Origin: Streamlit compares the two as text."""
    origin = headers.get("origin")
    if origin is None:
        return scope
    host = urlsplit(origin).netloc.encode()
    others = [header for header in scope["headers"] if header[0] != b"host"]
    return {**scope, "headers": [*others, (b"host", host)]}


def _unframed(send: Send) -> Send:
    """Keep other sites from framing the responses: not every browser says that a request is for a frame."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            header = (b"content-security-policy", b"frame-ancestors 'self'")
            message = {**message, "headers": [*message.get("headers", ()), header]}
        await send(message)

    return sent


def is_shared() -> bool:
    """Whether other machines can reach the page, by its address or by an allowed host name."""
    address = st.get_option("server.address") or ""
    is_own = address == "localhost" or (is_address(address) and _is_loopback(address))
    return not is_own or not _given_names() <= {*LOOPBACK}


def names() -> set[str]:
    """The names that the server answers to; a shared page also answers to any bare IP address."""
    name = socket.gethostname().lower()
    own = {name, f"{name}.local"} if is_shared() else set()
    address = st.get_option("server.address") or LOOPBACK[0]
    return {*LOOPBACK, *_given_names(), *own, address.lower()}


def _given_names() -> set[str]:
    return {name.strip().lower().rstrip(".") for name in st.get_option("server.allowedHosts")}


def host_refused(headers: Headers, known: set[str]) -> str:
    """Return why a request for this Host is refused; empty if it is accepted.

    A bare IP address needs no DNS, so nobody can make it mean another machine.
    """
    hosts = headers.getlist("host")
    host = hosts[0] if len(hosts) == 1 else ""
    bare = _HOST.fullmatch(host)
    name = (bare[1] or bare[2]).lower().rstrip(".") if bare else ""
    if name in known or "*" in known or (is_shared() and is_address(name)):
        return ""
    if any(each.startswith("*.") and name.endswith(each[1:]) for each in known):
        return ""
    return (
        f"flowtag does not answer to the name {host[:100]!r}. If you reach the page by this name on "
        "purpose, start it with --server.allowedHosts and the name."
    )


def stranger(headers: Headers, method: str) -> str:
    """Return why a request is refused as coming from another site; empty if it is accepted.

    A link on another site may open the page in a tab, but not in a frame, where clicks could be
    hijacked. The Sec-Fetch-* headers say which it is (Fetch Metadata Request Headers, W3C).
    """
    host, origins = headers.get("host", ""), headers.getlist("origin")
    if any(not _is_same(origin, host) for origin in origins):
        return (
            f"flowtag does not answer requests from other sites; this one came from {origins[0][:100]!r}. "
            "If a proxy forwarded it, configure the proxy to keep the Host header."
        )
    is_from_outside = headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
    opens = method == "GET" and headers.get("sec-fetch-dest") == "document"
    if is_from_outside and not opens:
        return (
            "flowtag does not answer requests from other sites and cannot be shown inside one. "
            "Open the page in its own tab."
        )
    return ""


def _is_same(origin: str, host: str) -> bool:
    """Whether an origin has the same host and port as a Host header."""
    here = _split(origin)
    there = _split(f"{here.scheme}://{host}")
    return here.scheme in _PORTS and _where(here) == _where(there)


def _where(url: SplitResult) -> tuple[str | None, int | None]:
    return url.hostname, url.port or _PORTS.get(url.scheme)


def _split(url: str) -> SplitResult:
    """Split a URL; an invalid one, or one with more than scheme, host and port, becomes an empty one."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return SplitResult("", "", "", "", "")
    is_bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return parts if is_bare else SplitResult("", "", "", "", "")


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def address() -> str:
    """Return the URL at which a browser on this machine finds the page."""
    here = st.get_option("server.address") or ""
    is_one = is_address(here) and not ipaddress.ip_address(here).is_unspecified
    host = here if is_one else st.get_option("browser.serverAddress")
    path = "/".join(["", *filter(None, st.get_option("server.baseUrlPath").split("/"))])
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{st.get_option('server.port')}{path}"


@asynccontextmanager
async def opening(_: object) -> AsyncIterator[Mapping[str, object]]:
    """Set up the server, and open the page in the user's browser as `streamlit run` does for a script."""
    kept.sweep()
    # Streamlit would ask an outside server for our address, for a check that the door makes unnecessary.
    net_util.get_external_ip = lambda: None
    sys.setswitchinterval(_SWITCH_AFTER)
    # Streamlit collects garbage after each run. What is loaded by now stays, so it need not be scanned.
    gc.collect()
    gc.freeze()
    if not st.get_option("server.headless"):
        asyncio.get_running_loop().call_later(_BROWSER_AFTER, webbrowser.open, address())
    yield {}
