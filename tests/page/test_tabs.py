"""A tab keeps its data over a reload, and the data is dropped after it is closed."""

from types import SimpleNamespace

from flowtag_core.page import tabs
from flowtag_core.page.session import Session
from tests.page.made import holds_nothing


def test_only_the_reloaded_tab_gets_its_session_back(monkeypatch):
    open_, mine, reloaded, copied = set(), *(tabs._Tab(Session(), name) for name in "abc")
    monkeypatch.setattr(tabs, "_TABS", [mine, reloaded, copied])
    monkeypatch.setattr(tabs, "_is_connected", lambda tab: tab.connection in open_)
    mine.session.show_sample()
    assert tabs._named(mine, "secret") is mine
    open_ |= {"a", "c"}
    assert tabs._named(copied, "secret") is copied
    assert holds_nothing(copied.session)
    assert copied.refused == "secret"
    open_.remove("a")
    assert tabs._named(reloaded, "secret") is mine
    assert mine.connection == "b"
    assert [mine, copied] == tabs._TABS


def test_a_closed_tab_is_emptied_after_a_while_and_not_before(monkeypatch):
    removed = []
    runtime = SimpleNamespace(
        uploaded_file_mgr=SimpleNamespace(remove_session_files=removed.append)
    )
    now = [100.0]
    closed = tabs._Tab(Session(), "closed")
    closed.session.show_sample()
    monkeypatch.setattr(tabs, "_TABS", [closed])
    # The thread that watches the tabs of another test may still ask whether there is a server.
    servers = SimpleNamespace(instance=lambda: runtime, exists=lambda: False)
    monkeypatch.setattr(tabs, "Runtime", servers)
    monkeypatch.setattr(tabs, "_is_connected", lambda _: False)
    monkeypatch.setattr(tabs.time, "monotonic", lambda: now[0])
    for seconds, is_empty in ((0, False), (50, False), (80, True)):
        now[0] += seconds
        if tabs._TABS:
            tabs._look_at(closed)
        assert holds_nothing(closed.session) == is_empty
    assert removed == ["closed"]
    assert tabs._TABS == []


def test_a_closed_tab_pauses_reading_and_resumes_if_it_comes_back(monkeypatch):
    now, is_there, done = [100.0], [True], []
    tab = tabs._Tab(Session(), "tab")
    monkeypatch.setattr(tab.session.intake, "pause", lambda: done.append("pause"))
    monkeypatch.setattr(tab.session.intake, "resume", lambda: done.append("resume"))
    monkeypatch.setattr(tabs, "_is_connected", lambda _: is_there[0])
    monkeypatch.setattr(tabs.time, "monotonic", lambda: now[0])
    for seconds, connected in ((0, False), (0.5, False), (0.6, False), (0.5, True)):
        now[0], is_there[0] = now[0] + seconds, connected
        tabs._look_at(tab)
    assert done == ["pause", "resume"]


def test_a_tab_that_comes_back_in_time_gets_the_full_time_again(monkeypatch):
    now, is_there = [100.0], [False]
    tab = tabs._Tab(Session(), "tab")
    tab.session.show_sample()
    monkeypatch.setattr(tabs, "_TABS", [tab])
    monkeypatch.setattr(tabs, "_is_connected", lambda _: is_there[0])
    monkeypatch.setattr(tabs.time, "monotonic", lambda: now[0])
    for seconds, connected in ((0, False), (50, True), (50, False), (50, False)):
        now[0], is_there[0] = now[0] + seconds, connected
        tabs._look_at(tab)
    assert not holds_nothing(tab.session)
    assert [tab] == tabs._TABS
