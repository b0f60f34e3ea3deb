"""The server answers only to its own names, and never to other sites."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as any_of
from starlette.datastructures import Headers

from flowtag_core.page import door

HERE = "127.0.0.1:8501"
EVERYWHERE = "0.0.0.0"  # noqa: S104


@pytest.fixture(autouse=True)
def served(monkeypatch):
    """Set the server's address and its allowed hosts."""

    def made(address="127.0.0.1", hosts=door.LOOPBACK):
        options = {"server.address": address, "server.allowedHosts": [*hosts]}
        monkeypatch.setattr(st, "get_option", options.get)
        monkeypatch.setattr(door.config, "set_option", options.__setitem__)
        return options

    made()
    return made


def run(coroutine):
    """Run a coroutine on a thread of its own: a browser test may have left a loop on this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


def answers(*headers, method="GET", kind="http"):
    """Send a request with these headers; return why it is refused, empty if the page answers."""
    sent = []

    async def app(_scope, _receive, send):
        await send({"type": "the page"})

    async def send(message):
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": kind, "method": method, "headers": raw}
    run(door.Door(app)(scope, None, send))
    if sent == [{"type": "the page"}]:
        return ""
    if kind == "websocket":
        assert [message["type"] for message in sent] == ["websocket.close"]
        return sent[0]["reason"]
    assert sent[0]["status"] == 403
    return sent[1]["body"].decode().strip()


def host(name, *more):
    return [("host", name), *more]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "name", [HERE, "localhost:8501", "[::1]:8501", "LOCALHOST.:80", "localhost"]
)
def test_the_server_answers_to_the_names_of_this_machine(name, kind):
    assert answers(*host(name), kind=kind) == ""


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "name",
    [
        "evil.example:8501",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "10.0.0.7:8501",
        "",
        "x@localhost",
        "localhost/x",
        "localhost:x",
        "evil.example#localhost",
        "[::1",
        "2130706433",
        "[::1].evil.example",
        "[::1]evil.example:8501",
        "local\thost",
    ],
)
def test_any_other_name_is_refused_with_the_remedy(name, kind):
    why = answers(*host(name), kind=kind)
    assert repr(name) in why
    assert "--server.allowedHosts" in why


def test_a_request_without_a_host_or_with_two_is_refused():
    assert answers()
    assert answers(("host", HERE), ("host", "evil.example"))


@given(any_of.text(any_of.characters(codec="latin-1"), max_size=30))
def test_only_a_known_name_passes(text):
    known = {"localhost"}
    passes = not door.host_refused(Headers({"host": text}), known)
    bare = text.lower().partition(":")[0].rstrip(".")
    assert not passes or bare == "localhost"


def test_the_server_also_answers_to_the_allowed_hosts(served):
    for name in ("flows.example.com", "a.corp.example:80", "localhost:8501", "corp.example"):
        served(hosts=["Flows.example.com", "*.corp.example"])
        assert bool(answers(*host(name))) == (name == "corp.example")


@pytest.mark.parametrize(
    ("address", "shared"),
    [
        ("127.0.0.1", False),
        ("localhost", False),
        ("::1", False),
        ("127.0.0.9", False),
        (EVERYWHERE, True),
        ("::", True),
        ("192.168.1.5", True),
        ("flows.example.com", True),
        (None, True),
    ],
)
def test_a_page_is_shared_unless_its_address_is_loopback(served, address, shared):
    served(address)
    assert door.is_shared() is shared


def test_a_page_at_another_loopback_address_answers_to_it(served):
    served("127.0.0.2")
    assert answers(*host("127.0.0.2:8501")) == ""
    assert not door.is_shared()


def test_an_origin_may_be_spelled_differently_and_replaces_the_host():
    given = []

    async def app(scope, _receive, _send):
        given.append(Headers(scope=scope))

    for origin, spelled in (
        ("http://localhost", "LOCALHOST:80"),
        ("https://localhost", "localhost:443"),
    ):
        headers = [("host", spelled), ("origin", origin), ("cookie", "a=b")]
        raw = [(name.encode(), value.encode()) for name, value in headers]
        scope = {"type": "websocket", "path": "/", "headers": raw}
        run(door.Door(app)(scope, None, None))
    assert [headers.getlist("host") for headers in given] == [["localhost"]] * 2
    assert given[0]["cookie"] == "a=b"


def test_no_other_site_may_frame_a_response():
    sent = []

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"page"})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", HERE.encode())]}
    run(door.Door(app)(scope, None, send))
    assert sent[0]["headers"] == [
        (b"a", b"b"),
        (b"content-security-policy", b"frame-ancestors 'self'"),
    ]
    assert sent[1] == {"type": "http.response.body", "body": b"page"}


@pytest.mark.parametrize(
    ("address", "path", "url"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8501"),
        (EVERYWHERE, "", "http://127.0.0.1:8501"),
        ("::", "x/", "http://127.0.0.1:8501/x"),
        ("::1", "/a/b", "http://[::1]:8501/a/b"),
        ("192.168.1.5", "", "http://192.168.1.5:8501"),
        ("localhost", "", "http://127.0.0.1:8501"),
    ],
)
def test_the_page_is_opened_where_it_listens(served, address, path, url):
    served(address).update(
        {"server.port": 8501, "browser.serverAddress": "127.0.0.1", "server.baseUrlPath": path}
    )
    assert door.address() == url


def test_a_page_with_another_allowed_host_is_shared(served):
    served(hosts=[*door.LOOPBACK, "flows.example.com"])
    assert door.is_shared()


def test_a_shared_page_answers_to_bare_addresses_and_the_machines_name(served, monkeypatch):
    monkeypatch.setattr(door.socket, "gethostname", lambda: "Desk7")
    options = served(EVERYWHERE)
    for name in ("10.0.0.7:8501", "[fe80::1]:8501", "desk7:8501", "desk7.local", HERE):
        assert answers(*host(name)) == ""
        # Streamlit's own check of the WebSocket accepts everything that the door accepts.
        assert options["server.allowedHosts"] == ["*"]
        served(EVERYWHERE)
    options["server.allowedHosts"] = [*door.LOOPBACK]
    assert answers(*host("evil.example:8501"))


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "http://127.0.0.1:8502",
        "http://127.0.0.1",
        "https://127.0.0.1",
        "null",
        "",
        "http://evil.example:8501",
        "file://127.0.0.1:8501",
        "http://127.0.0.1:8501.evil.example",
    ],
)
def test_a_request_from_another_origin_is_refused(origin, kind):
    assert "requests from other sites" in answers(
        *host(HERE), ("origin", origin), kind=kind, method="PUT"
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_request_from_the_page_itself_is_answered(method):
    own = (
        ("origin", f"http://{HERE}"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-dest", "empty"),
    )
    assert answers(*host(HERE), *own, method=method) == ""
    assert answers(*host("localhost"), ("origin", "http://localhost:80")) == ""


def fetched(site, what):
    return ("sec-fetch-site", site), ("sec-fetch-dest", what)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("what", ["iframe", "script", "image", "empty", "object"])
def test_other_sites_cannot_load_any_part_of_the_page(site, what):
    assert "inside one" in answers(*host(HERE), *fetched(site, what))


def test_a_link_on_another_site_opens_the_page():
    assert answers(*host(HERE), *fetched("cross-site", "document")) == ""
    assert answers(*host(HERE), *fetched("cross-site", "document"), method="POST")
    assert answers(*host(HERE), *fetched("none", "document")) == ""


def test_anything_but_a_request_is_passed_on():
    assert answers(kind="lifespan") == ""


@pytest.mark.parametrize("headless", [False, True])
def test_the_browser_is_opened_and_no_outside_server_is_asked(served, monkeypatch, headless):
    served().update(
        {
            "server.headless": headless,
            "server.port": 8501,
            "server.baseUrlPath": "",
            "browser.serverAddress": "127.0.0.1",
        }
    )
    seen = []
    monkeypatch.setattr(door, "_BROWSER_AFTER", 0)
    monkeypatch.setattr(door.webbrowser, "open", seen.append)
    monkeypatch.setattr(door.net_util, "get_external_ip", lambda: pytest.fail("asked outside"))
    monkeypatch.setattr(door.sys, "setswitchinterval", lambda _: None)

    async def started():
        async with door.opening(None):
            await asyncio.sleep(0.01)

    run(started())
    assert seen == ([] if headless else ["http://127.0.0.1:8501"])
    assert door.net_util.get_external_ip() is None
