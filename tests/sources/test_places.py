"""Each file of a log is found once, under its name; a file that cannot be read gets a sentence."""

import gzip
import io
import os
import sys
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest

from flowtag_core.errors import LogError
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.sources import places
from flowtag_core.sources.places import (
    Refusal,
    file_identity,
    log_at,
    log_of,
    logs_at,
    name_of,
    same_files,
)
from tests.sources.made import LINES, LOG, Dribble


def test_a_log_that_cannot_be_opened_or_read_is_an_error_that_says_why(tmp_path):
    with pytest.raises(LogError, match=r"nowhere\.log: there is no such file"):
        parse_flow_log(tmp_path / "nowhere.log")
    with pytest.raises(LogError, match=r"is a folder|cannot be opened"):
        parse_flow_log(tmp_path)
    with pytest.raises(LogError, match="binary mode"):
        parse_flow_log(io.StringIO("2 1"))
    with pytest.raises(LogError, match="neither a path nor an open file"):
        parse_flow_log(b"flow.log")
    with pytest.raises(LogError, match="cannot be read"):
        parse_flow_log(gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(LOG)[:-9])))


@pytest.mark.parametrize("others", [0, 3])
def test_a_small_log_that_became_shorter_after_it_was_found_is_damaged(
    tmp_path, monkeypatch, others
):
    for name in "abcd"[: others + 1]:
        (tmp_path / name).write_bytes(LOG)
    looked_at = places._place

    def place(path):
        found = looked_at(path)
        os.truncate(tmp_path / "a", len(LOG) - len(LINES[-1]) - 1)
        return found

    monkeypatch.setattr(places, "_place", place)
    counts = parse_flow_log(tmp_path)
    assert counts.files[str(tmp_path / "a")].damage
    assert counts.total.flows == 4 + 5 * others
    assert len(counts.total.damage) == 1


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")


def content_of(place):
    with closing(place.open()) as source:
        return b"".join(source.pieces())


def names_in(log):
    return [place.name for place in log.places]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of logs in the current folder."""
    for name in ("b.log", "a.log", ".hidden", "deep/c.log", "deep/er/d.gz", ".git/e.log"):
        (tmp_path / "logs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "logs" / name).write_bytes(name.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "logs"


def test_a_path_is_one_log_with_one_place_of_the_same_name(folder):
    log = log_at(os.path.join("logs", "a.log"))
    assert (log.name, log.is_folder, log.refusals) == (os.path.join("logs", "a.log"), False, ())
    (place,) = log.places
    assert place.name == log.name
    assert place.size == 5
    assert place.can_open_again
    assert content_of(place) == b"a.log"
    (place,) = log_at(str(folder / "a.log"), "mine").places
    with closing(place.open()) as source:
        assert place.name == source.name == "mine"


def test_a_folder_is_one_log_with_all_files_below_it_except_hidden_ones(folder):
    log = log_at("logs")
    assert log.is_folder
    assert log.name == "logs"
    below = ("a.log", "b.log", "deep/c.log", "deep/er/d.gz")
    assert names_in(log) == [os.path.join("logs", *name.split("/")) for name in below]
    assert [content_of(place).decode() for place in log.places] == [*below]
    assert log_at(str(folder), "mine").name == "mine"


def test_a_folder_without_files_is_refused(tmp_path):
    (tmp_path / ".hidden").write_bytes(b"x")
    with pytest.raises(LogError, match="is a folder without files"):
        log_at(str(tmp_path))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("logs/*.log", ["logs/a.log", "logs/b.log"]),
        ("logs/?.log", ["logs/a.log", "logs/b.log"]),
        ("logs/*", ["logs/a.log", "logs/b.log", "logs/deep"]),
        ("logs/**", ["logs/a.log", "logs/b.log", "logs/deep/c.log", "logs/deep/er/d.gz"]),
        ("logs/**/*.gz", ["logs/deep/er/d.gz"]),
        ("logs/a.log", ["logs/a.log"]),
    ],
)
def test_a_pattern_finds_its_matches_and_only_files_if_it_has_two_stars(pattern, found):
    logs = logs_at(os.path.join(*pattern.split("/")))
    assert [log.name for log in logs] == [os.path.join(*name.split("/")) for name in found]
    assert [log.is_folder for log in logs] == [name.endswith("deep") for name in found]


def test_an_existing_path_that_looks_like_a_pattern_is_taken_literally(folder):
    for name in ("[ab].log", "a.log"):
        (folder / name).write_bytes(b"x")
    path = os.path.join("logs", "[ab].log")
    assert [log.name for log in logs_at(path)] == [path]


def test_a_pattern_without_matches_is_an_error_that_names_it():
    with pytest.raises(LogError, match=r"^nowhere/\*\.log: no file matches this pattern"):
        logs_at("nowhere/*.log")


@POSIX
def test_unreadable_files_in_a_folder_are_refused_and_the_others_are_found(folder):
    (folder / "a.log").unlink()
    (folder / "a.log").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    log = log_at("logs")
    assert names_in(log) == ["logs/b.log", "logs/deep/c.log", "logs/deep/er/d.gz"]
    assert log.refusals == (
        Refusal("logs/a.log", "logs/a.log: there is no such file. Check the path."),
        Refusal("logs/pipe", "logs/pipe: is not a regular file, so it was not read."),
    )


def test_a_subfolder_that_cannot_be_listed_is_refused(folder, monkeypatch):
    scan = os.scandir

    def scandir(path):
        if os.fspath(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    log = log_at(str(folder))
    assert [os.path.basename(name) for name in names_in(log)] == ["a.log", "b.log"]
    ((_, sentence),) = log.refusals
    assert sentence == f"{folder / 'deep'}: cannot be opened: Permission denied."


@POSIX
def test_a_broken_link_is_an_error_if_it_is_given_directly(tmp_path):
    (tmp_path / "a.log").symlink_to("nowhere")
    with pytest.raises(LogError, match="there is no such file"):
        logs_at(str(tmp_path / "a.log"))


def test_an_invalid_path_is_an_error():
    with pytest.raises(LogError, match="cannot be opened"):
        log_at("a\0.log")


@POSIX
def test_links_to_a_file_share_its_identity_and_a_copy_does_not(tmp_path):
    path, link, hard, other = (tmp_path / name for name in ("a", "link", "hard", "other"))
    path.write_bytes(LOG)
    other.write_bytes(LOG)
    link.symlink_to(path)
    os.link(path, hard)
    one, two, three, four = (log_at(str(each)).places[0] for each in (path, link, hard, other))
    assert one.identity == two.identity == three.identity == file_identity(str(link)) is not None
    assert four.identity != one.identity
    with path.open("rb") as opened, path.open() as as_text:
        assert log_of(opened).places[0].identity == file_identity(as_text) == one.identity
    assert same_files([four, two, one, three]) == [[str(link), str(path), str(hard)]]
    assert same_files([one, four]) == []


@POSIX
def test_only_a_regular_file_has_an_identity(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    place = log_at(str(tmp_path / "pipe")).places[0]
    assert (place.identity, place.version, place.size) == (None, None, None)
    assert not place.can_open_again
    uploads = [log_of(io.BytesIO(LOG)).places[0] for _ in range(2)]
    assert same_files([place, place, *uploads]) == []
    monkeypatch.setattr(sys, "stdin", None)
    for nothing in (None, "-", str(tmp_path / "nowhere"), str(tmp_path / "pipe"), "\0"):
        assert file_identity(nothing) is None


def test_a_version_changes_only_with_the_path_and_the_content(tmp_path):
    path = tmp_path / "a.log"

    def version(content, changed):
        path.write_bytes(content)
        os.utime(path, ns=(0, changed))
        return log_at(str(path)).places[0].version

    assert version(b"one", 1) == version(b"one", 1) is not None
    assert len({version(b"one", 1), version(b"two", 2), version(b"three", 1)}) == 3
    same = tmp_path / "b.log"
    same.write_bytes(b"one")
    os.utime(same, ns=(0, 1))
    assert log_at(str(same)).places[0].version != version(b"one", 1)


def test_a_renamed_place_opens_under_its_new_name(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    for log in (log_at(str(tmp_path / "a.log")), log_of(io.BytesIO(LOG), "old")):
        place = replace(log.places[0], name="new")
        with closing(place.open()) as source:
            assert source.name == "new"
            assert b"".join(source.pieces()) == LOG


def test_a_place_opened_twice_yields_the_same_bytes(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    upload = io.BytesIO(b"before" + LOG)
    upload.seek(6)
    for log in (log_at(str(tmp_path / "a.log")), log_of(upload)):
        (place,) = log.places
        assert place.can_open_again
        assert content_of(place) == content_of(place) == LOG


def test_closing_a_source_closes_a_path_but_not_a_file_that_was_already_open(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    source = log_at(str(tmp_path / "a.log")).places[0].open()
    source.close()
    with pytest.raises(LogError, match="closed file"):
        next(source.pieces())
    upload = io.BytesIO(LOG)
    log_of(upload).places[0].open().close()
    assert not upload.closed


def test_an_upload_states_its_size_and_a_stream_has_none():
    upload, flowing = io.BytesIO(LOG), Dribble(LOG, 9)
    upload.size, upload.name = len(LOG), "a.log"
    (place,) = log_of(upload).places
    assert (place.name, place.size, place.identity) == ("a.log", len(LOG), None)
    assert place.open().size == len(LOG)
    (place,) = log_of(flowing).places
    assert (place.name, place.size, place.can_open_again) == ("stream", None, False)
    assert content_of(place) == LOG


def test_a_file_that_grew_after_it_was_found_is_read_whole_and_has_its_new_size(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    (place,) = log_at(str(path)).places
    path.write_bytes(LOG + LOG)
    with closing(place.open()) as source:
        assert source.size == 2 * len(LOG)
    assert content_of(place) == LOG + LOG


def test_a_file_that_was_deleted_after_it_was_found_is_an_error_when_it_is_opened(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    (place,) = log_at(str(tmp_path / "a.log")).places
    (tmp_path / "a.log").unlink()
    with pytest.raises(LogError, match=r"a\.log: there is no such file"):
        place.open()


def test_the_content_of_a_file_at_a_path_is_there_unless_its_size_has_changed(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    (place,) = log_at(str(path)).places
    assert place.content() == LOG
    for changed in (LOG + b"x", LOG[:-1]):
        path.write_bytes(changed)
        assert place.content() is None
    path.unlink()
    assert place.content() is None
    (upload,) = log_of(io.BytesIO(LOG)).places
    assert upload.content() is None


def test_a_file_at_a_path_has_changed_if_its_content_or_its_time_has_or_if_it_is_gone(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    (place,) = log_at(str(path)).places
    assert not place.has_changed()
    os.utime(path, (1, 1))
    assert place.has_changed()
    path.unlink()
    assert place.has_changed()
    (upload,) = log_of(io.BytesIO(LOG)).places
    assert not upload.has_changed()


def test_standard_input_is_read_once_under_its_own_name(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Dribble(LOG, 9)))
    (log,) = logs_at("-")
    (place,) = log.places
    assert (log.name, place.name, place.size) == ("stdin", "stdin", None)
    assert not place.can_open_again
    assert content_of(place) == LOG
    (tmp_path / "a.log").write_bytes(LOG)
    with (tmp_path / "a.log").open() as redirected:
        monkeypatch.setattr(sys, "stdin", redirected)
        (place,) = log_at("-").places
        assert place.size == len(LOG)
        assert place.identity == file_identity(str(tmp_path / "a.log"))
        assert content_of(place) == LOG


def test_closed_standard_input_is_an_error_when_it_is_opened(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(LogError, match="stdin: is closed"):
        log_at("-").places[0].open()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("-", "stdin"),
        ("x/a.log", "x/a.log"),
        (SimpleNamespace(name="up.log"), "up.log"),
        (SimpleNamespace(name=3), "stream"),
        (SimpleNamespace(), "stream"),
    ],
)
def test_a_log_is_named_after_its_path_or_its_own_name_attribute(file, name):
    assert name_of(file) == name


def test_the_beginning_of_a_file_is_at_most_as_long_as_asked(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    place = log_at(str(path)).places[0]
    assert (place.beginning(10), place.beginning(10**6)) == (LOG[:10], LOG)
    path.unlink()
    with pytest.raises(LogError, match=r"a\.log: there is no such file"):
        place.beginning(10)
    with pytest.raises(LogError, match="can be read only once"):
        log_of(io.BytesIO(LOG)).places[0].beginning(10)


@pytest.mark.parametrize("typed", ["http://h/a.log?sig=hidden", "https:/h/*?sig=hidden"])
def test_another_kind_of_uri_is_refused_without_what_may_be_secret(typed):
    with pytest.raises(LogError, match=r"is not a URI that flowtag reads\. Write s3://") as failed:
        logs_at(typed)
    assert "hidden" not in str(failed.value)
