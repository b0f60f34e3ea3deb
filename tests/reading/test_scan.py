"""A look finds the files at the paths, next to them and in folders, each once."""

import os

import pytest

from flowtag_core.errors import LogError
from flowtag_core.reading.scan import Scan, is_number
from tests.commands.made import on_posix

pytestmark = on_posix


@pytest.fixture
def folder(tmp_path):
    for name in ("a.log", "a.log.1", "b.log", ".hidden"):
        (tmp_path / name).touch()
    return tmp_path


def scan(*paths, others=()):
    told = []

    def forget(message):
        if message in told:
            told.remove(message)

    found = Scan([*map(str, paths)], [*map(str, others)], told.append, forget)
    return found, told


def names(found):
    return [os.path.basename(path) for path, _ in found.values()]


def test_a_file_is_found_with_its_siblings_and_a_folder_with_all_files_but_hidden_ones(folder):
    assert names(scan(folder / "a.log")[0].find(lambda _: True)[0]) == ["a.log", "a.log.1"]
    found, skipped = scan(folder, others=[folder / "b.log"])[0].find(
        lambda path: path.endswith(".1")
    )
    assert names(found) == ["a.log.1"]
    assert skipped == [str(folder / "a.log"), str(folder / "b.log")]


def test_a_file_with_several_paths_is_found_once(folder):
    os.link(folder / "a.log", folder / "c.log")
    (folder / "d.log").symlink_to(folder / "b.log")
    found = scan(folder, folder / "a.log", folder)[0].find(lambda _: True)[0]
    assert sorted(names(found)) == ["a.log", "a.log.1", "b.log"]


def test_pipes_and_devices_in_a_folder_are_not_found_and_as_a_log_they_are_refused(folder):
    os.mkfifo(folder / "pipe")
    assert "pipe" not in names(scan(folder)[0].find(lambda _: True)[0])
    for path in (folder / "pipe", "/dev/null"):
        with pytest.raises(LogError, match="neither a file nor a folder"):
            scan(path)
    with pytest.raises(LogError, match="there is no such file"):
        scan(folder / "nowhere")


def test_what_is_only_beside_a_log_is_neither_the_log_nor_in_a_folder(folder):
    (folder / "links").mkdir()
    (folder / "links" / "c.log").symlink_to(folder / "b.log")
    alone, _ = scan(folder / "a.log", folder / "links")
    assert alone.is_only_beside(str(folder / "a.log.1"))
    assert not alone.is_only_beside(str(folder / "a.log"))
    assert not alone.is_only_beside(str(folder / "links" / "c.log"))
    assert not scan(folder / "a.log", folder)[0].is_only_beside(str(folder / "a.log.1"))


def test_a_missing_file_is_reported_after_two_looks_and_may_go_again(folder):
    found, told = scan(folder / "b.log")
    for _ in range(2):
        (folder / "b.log").unlink()
        found.find(lambda _: True)
        assert told == []
        found.find(lambda _: True)
        assert told == [f"{folder / 'b.log'}: is gone. It will be followed again once it is back."]
        (folder / "b.log").touch()
        found.find(lambda _: True)


def test_an_open_file_is_known_by_its_number(folder):
    with (folder / "a.log").open("rb") as file:
        status = os.fstat(file.fileno())
        assert is_number(file, (status.st_dev, status.st_ino))
        assert not is_number(file, (status.st_dev, status.st_ino + 1))


def test_a_folder_that_has_not_changed_is_not_listed_again_but_now_and_then(folder, monkeypatch):
    (folder / "below").mkdir()
    (folder / "below" / "c.log").touch()
    found, _ = scan(folder)
    for each in (folder, folder / "below"):
        os.utime(each, (1, 1))
    listed = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or real(path))
    for _ in range(11):
        assert names(found.find(lambda _: True)[0]) == ["a.log", "a.log.1", "b.log", "c.log"]
    assert len(listed) == 2
    (folder / "d.log").touch()
    assert "d.log" in names(found.find(lambda _: True)[0])
    assert len(listed) > 2


def test_a_folder_that_has_just_changed_is_listed_until_its_time_can_be_trusted(folder):
    found, _ = scan(folder)
    for number in range(5):
        found.find(lambda _: True)
        (folder / f"{number}.log").touch()
        assert f"{number}.log" in names(found.find(lambda _: True)[0])
