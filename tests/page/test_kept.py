"""Uploads that are kept are private copies, gone with the session, and after a kill with the next start."""

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowtag_core.page import kept
from flowtag_core.page.kept import Kept, sweep
from tests.conftest import ROOT
from tests.page.made import files_below, place

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
pytestmark = pytest.mark.usefixtures("temporary")


def content_of(one):
    with closing(one.open()) as source:
        return b"".join(source.pieces())


@pytest.mark.parametrize("name", ["a.log", "../../etc/passwd", "/etc/passwd", "a\0b", ""])
def test_a_copy_has_the_bytes_and_the_name_of_the_upload_and_its_name_is_no_path(temporary, name):
    copy = Kept().keep(place(name, b"content"))
    assert (copy.name, content_of(copy), copy.size) == (name, b"content", 7)
    (path,) = files_below(temporary)
    assert path == Path(copy.path)


@POSIX
def test_only_the_user_can_read_a_copy(temporary):
    Kept().keep(place("a.log", b"content"))
    (path,) = files_below(temporary)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_is_forgotten_or_cleared_is_gone_and_other_files_stay(temporary):
    own = Kept()
    one, other = own.keep(place("a", b"1")), own.keep(place("b", b"2"))
    outside = place("c", b"3")
    own.forget([one, outside])
    assert files_below(temporary) == [Path(other.path)]
    assert own.others([other, outside]) == (outside,)
    own.clear()
    own.clear()
    assert files_below(temporary) == []
    assert content_of(own.keep(place("d", b"4"))) == b"4"


def test_an_upload_for_which_there_is_no_room_is_not_kept_and_one_sentence_says_why(
    temporary, monkeypatch
):
    usage = SimpleNamespace(free=kept._LEFT_FREE + 3)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    sentence = Kept().keep(place("a.log", b"content"))
    assert sentence.startswith("a.log: was counted, but not kept for a second look:")
    assert files_below(temporary) == []
    assert Kept().keep(place("a.log", b"abc")).name == "a.log"


def test_a_copy_that_is_finished_after_everything_was_cleared_is_removed(temporary, monkeypatch):
    own, source = Kept(), place("a.log", b"content")
    pieces = type(source.open()).pieces

    def slow(stream):
        own.clear()
        yield from pieces(stream)

    monkeypatch.setattr(type(source.open()), "pieces", slow)
    assert "the files were removed" in own.keep(source)
    assert files_below(temporary) == []


def test_a_disk_that_is_full_on_the_way_leaves_nothing(temporary, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    source = place("a.log", b"content")
    monkeypatch.setattr(type(source.open()), "pieces", full)
    assert "No space left" in Kept().keep(source)
    assert files_below(temporary) == []


KEEPER = """
import sys, tempfile, time
tempfile.tempdir = sys.argv[1]
from flowtag_core.page.kept import Kept
from tests.page.made import files_below, place
Kept().keep(place("a.log", b"content"))
print("kept", flush=True)
time.sleep(60)
"""


@POSIX
def test_the_next_start_removes_what_a_killed_server_left_but_not_what_a_running_one_has(temporary):
    command = [sys.executable, "-c", KEEPER, str(temporary)]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT))
            for _ in range(2)
        ]
        for server in servers:
            stack.callback(server.kill)
            assert server.stdout.readline() == b"kept\n"
        assert len(files_below(temporary)) == 2
        servers[0].send_signal(signal.SIGKILL)
        servers[0].wait()
        sweep()
        assert len(files_below(temporary)) == 1
    sweep()
    assert list(temporary.iterdir()) == []


@POSIX
def test_a_folder_of_the_same_name_that_others_can_read_or_a_link_is_not_touched(temporary):
    (temporary / "own").mkdir()
    (temporary / "own" / "file").touch()
    (temporary / "flowtag-page-link").symlink_to(temporary / "own")
    (temporary / "flowtag-page-open").mkdir(mode=0o755)
    long_ago = time.time() - 3600
    os.utime(temporary / "flowtag-page-open", (long_ago, long_ago))
    sweep()
    assert (temporary / "own" / "file").exists()
    assert (temporary / "flowtag-page-open").exists()


def test_a_folder_that_something_else_removed_is_made_again(temporary):
    own = Kept()
    own.keep(place("a", b"1"))
    shutil.rmtree(kept._folder_of_server())
    assert content_of(own.keep(place("b", b"2"))) == b"2"
    assert len(files_below(temporary)) == 1


def test_folders_that_vanish_or_cannot_be_locked_do_not_stop_the_start(temporary, monkeypatch):
    def no_locks(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr(kept, "_folders", lambda: [temporary / "flowtag-page-gone"])
    sweep()
    monkeypatch.setattr(kept, "_YOUNG", -1)
    monkeypatch.setattr(kept, "_folders", lambda: [temporary])
    monkeypatch.setattr(kept, "FileLock", no_locks)
    sweep()
