"""Whatever happens to a log while it is followed, every line is counted once."""

import gzip
import json
import os
import shutil
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.boundary import Inside
from flowtag_core.counts import FlowCounts, Reason
from flowtag_core.errors import LogError
from flowtag_core.reading import follow as reading
from flowtag_core.reading.follow import Follower
from flowtag_core.reading.state import State, load, save
from flowtag_core.shapes.layout import format_layout
from tests.commands.made import on_posix
from tests.logs import DEFAULT_HEADER, line, log_lines

pytestmark = on_posix


class Writer:
    """Writes flows with ports that count up, and knows how many it has written."""

    def __init__(self, path):
        self.path = path
        self.written = 0

    def lines(self, count):
        numbers = range(self.written, self.written + count)
        self.written += count
        return b"".join(line(dstport=str(1 + each % 60_000)) + b"\n" for each in numbers)

    def append(self, count):
        with self.path.open("ab") as file:
            file.write(self.lines(count))


@pytest.fixture(autouse=True, scope="module")
def without_waiting():
    """Two looks count as two looks however soon they follow one another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_STILL", 0)
        yield


@pytest.fixture
def log(tmp_path):
    (tmp_path / "logs").mkdir()
    writer = Writer(tmp_path / "logs" / "a.log")
    writer.append(3)
    return writer


@pytest.fixture
def follow():
    """Yield a function that follows paths; everything is closed at the end."""
    followers = []

    def start(*paths, **options):
        followers.append(Follower([*map(str, paths)], **options))
        return Sum(followers[-1])

    yield start
    for follower in followers:
        follower.close()


@pytest.fixture(params=["file", "folder"])
def follower(request, log, follow):
    return follow(log.path if request.param == "file" else log.path.parent).follower


class Sum:
    """Adds up the looks of a follower."""

    def __init__(self, follower):
        self.follower = follower
        self.counts = FlowCounts()

    def look(self, times=1):
        for _ in range(times):
            self.counts += self.follower.look()
        return self.counts.total.flows


def test_what_is_appended_is_counted_once_and_half_a_line_waits_for_its_end(log, follower):
    found = Sum(follower)
    assert found.look(2) == 3
    late = log.lines(1)
    with log.path.open("ab", buffering=0) as file:
        file.write(late[:40])
        assert found.look(2) == 3
        assert follower.half_lines == [str(log.path)]
        file.write(late[40:])
    assert found.look(2) == 4
    assert follower.half_lines == []


def test_a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_beginning(log, follower):
    found = Sum(follower)
    found.look()
    with log.path.open("ab", buffering=0) as old:
        log.path.rename(log.path.with_name("a.log.1"))
        old.write(log.lines(2))
        log.append(4)
        assert found.look() == 9
        old.write(log.lines(1))
        assert found.look() == 10
    assert follower.messages == []


def test_a_second_rotation_within_one_look_loses_nothing(log, follower):
    found = Sum(follower)
    found.look()
    log.path.rename(log.path.with_name("a.log.2"))
    log.append(5)
    log.path.rename(log.path.with_name("a.log.1"))
    log.append(7)
    assert found.look(2) == log.written == 15


def test_a_rotated_file_that_is_compressed_is_not_counted_again(log, follower):
    found = Sum(follower)
    found.look()
    rotated = log.path.with_name("a.log.1")
    log.path.rename(rotated)
    log.append(2)
    found.look()
    with gzip.open(f"{rotated}.gz", "wb") as packed:
        packed.write(rotated.read_bytes())
    rotated.unlink()
    assert found.look(6) == log.written == 5


def test_a_file_that_is_copied_and_truncated_is_counted_to_its_last_line(log, follower):
    found = Sum(follower)
    found.look()
    log.append(2)
    shutil.copy(log.path, log.path.with_name("a.log.1"))
    os.truncate(log.path, 0)
    assert found.look(2) == 5
    log.append(4)
    assert found.look(2) == log.written == 9
    assert follower.messages == []


@pytest.mark.parametrize("lines", [1, 3, 30], ids=["shorter", "as long", "longer"])
def test_a_truncated_file_is_read_from_its_beginning_with_a_message(log, follower, lines):
    found = Sum(follower)
    with log.path.open("ab") as file:
        file.write(b"half")
    found.look()
    log.path.write_bytes(log.lines(lines))
    os.utime(log.path, (1, 1))
    assert found.look(2) == log.written
    (message,) = follower.messages
    assert "was truncated, and is read again from its beginning" in message
    assert found.counts.total.set_aside == {Reason.CUT_SHORT: 1}


def test_files_that_appear_in_a_folder_are_counted_whatever_their_format(log, follow):
    folder = log.path.parent
    found = follow(folder)
    found.look()
    (folder / "2026" / "11").mkdir(parents=True)
    (folder / "2026" / "11" / "b.log.gz").write_bytes(gzip.compress(log.lines(5)))
    (folder / "c.json").write_text('{"message": "' + log.lines(1).decode().strip() + '"}\n')
    (folder / "no.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    assert found.look() == 3
    assert found.look(3) == log.written == 9
    assert "is a picture" in found.follower.messages[0]


def test_a_packed_file_that_is_still_being_written_is_not_counted_yet(log, follow):
    folder, packed = log.path.parent, gzip.compress(log.lines(50))
    found = follow(folder)
    for size in (10, 60, len(packed) - 3):
        (folder / "b.gz").write_bytes(packed[:size])
        assert found.look() == 3
    (folder / "b.gz").write_bytes(packed)
    assert found.look(3) == log.written == 53


def test_a_packed_file_is_counted_only_once_it_is_complete_even_if_it_stays_unchanged(log, follow):
    folder, packed = log.path.parent, gzip.compress(b"no flow\n" + log.lines(5000))
    found = follow(folder)
    (folder / "b.gz").write_bytes(packed[:-9])
    assert found.look(5) == 3
    (message,) = found.follower.messages
    assert "is not complete yet" in message
    (folder / "b.gz").write_bytes(packed)
    assert found.look(5) == log.written == 5003
    assert len(found.follower.messages) == 1


@pytest.mark.parametrize("is_old", [True, False])
def test_a_damaged_file_is_counted_as_far_as_it_goes_once_it_is_old_or_at_the_end(
    log, follow, is_old
):
    path, packed = log.path.with_name("b.gz"), gzip.compress(log.lines(5000))
    path.write_bytes(packed[:-9])
    found = follow(log.path.parent)
    if is_old:
        os.utime(path, (1, 1))
        found.look(3)
    else:
        found.counts += found.follower.end()
    assert 3 < found.counts.total.flows <= log.written
    assert any(
        "Every complete line before that is counted" in each for each in found.counts.total.damage
    )


def test_a_file_that_has_only_just_stopped_changing_is_not_counted_yet(log, follow, monkeypatch):
    monkeypatch.setattr(reading, "_STILL", 60)
    log.path.with_name("b.gz").write_bytes(gzip.compress(log.lines(5)))
    found = follow(log.path.parent)
    assert found.look(5) == 3
    monkeypatch.setattr(reading, "_STILL", 0)
    assert found.look() == 8


def test_packed_copies_that_are_renamed_at_each_rotation_are_not_counted_again(log, follower):
    found = Sum(follower)
    for _ in range(4):
        log.append(50)
        found.look()
        names = [log.path.with_name(f"a.log.{number}") for number in (1, 2, 3, 4)]
        for older, old in ((3, 2), (2, 1)):
            if os.path.exists(f"{names[old]}.gz"):
                os.rename(f"{names[old]}.gz", f"{names[older]}.gz")
        if names[0].exists():
            content = gzip.compress(names[0].read_bytes())
            with open(f"{names[1]}.gz", "wb", buffering=0) as packed:
                packed.write(content[:20])  # Its first lines cannot be seen yet.
                found.look()
                packed.write(content[20:])
            found.look(3)
            names[0].unlink()
        log.path.rename(names[0])
        log.append(1)
    assert found.look(6) == log.written
    assert follower.messages in (
        [],
        [f"{names[0]}: is gone. It will be followed again once it is back."],
    )


def test_a_copy_that_overwrites_an_older_copy_is_recognized(log, follower):
    found, copy = Sum(follower), log.path.with_name("a.log.1")
    for _ in range(3):
        log.append(30)
        found.look()
        log.append(5)
        with copy.open("wb") as file:
            file.write(log.path.read_bytes())
        os.truncate(log.path, 0)
        found.look()
    assert found.look(3) == log.written
    assert follower.messages == []


def test_a_packed_copy_of_a_truncated_file_is_not_counted_again(log, follower):
    found, copy = Sum(follower), log.path.with_name("a.log.1")
    found.look()
    shutil.copy(log.path, copy)
    os.truncate(log.path, 0)
    log.append(4)
    found.look(2)
    copy.with_suffix(".1.gz").write_bytes(gzip.compress(copy.read_bytes()))
    copy.unlink()
    assert found.look(6) == log.written == 7


def test_a_truncated_file_is_counted_to_its_end_when_a_packed_copy_appears(log, follower):
    found = Sum(follower)
    found.look()
    log.append(4)
    whole = log.path.read_bytes()
    log.path.write_bytes(log.lines(1))
    found.look()
    log.path.with_name("a.log.1.gz").write_bytes(gzip.compress(whole))
    assert found.look(5) == log.written == 8


def test_a_copy_of_a_file_that_was_gone_before_a_restart_is_not_counted_again(log, follow):
    found, content = follow(log.path.parent), log.path.read_bytes()
    found.look()
    log.path.unlink()
    found.look(5)
    again = follow(log.path.parent)
    again.follower.resume(found.follower.positions)
    log.path.with_name("a.log.1.gz").write_bytes(gzip.compress(content))
    log.append(2)
    assert found.counts.total.flows + again.look(5) == log.written == 5


def test_a_log_that_is_gone_is_reported_and_followed_again_when_it_is_back(log, follow):
    found = follow(log.path)
    found.look()
    log.path.unlink()
    found.look(5)
    assert found.follower.messages == [
        f"{log.path}: is gone. It will be followed again once it is back."
    ]
    log.append(4)
    assert found.look() == log.written == 7


def test_a_folder_that_is_gone_is_reported(log, follow):
    found = follow(log.path.parent)
    found.look()
    shutil.rmtree(log.path.parent)
    found.look(5)
    assert found.counts.total.flows == 3
    assert found.follower.messages == [
        f"{log.path.parent}: cannot be read: No such file or directory."
    ]


def test_with_many_files_each_is_still_looked_at_in_turn(log, follow, monkeypatch):
    monkeypatch.setattr(reading, "_MOST_AT_ONCE", 3)
    writers = [Writer(log.path.with_name(f"{number:02}.log")) for number in range(20)]
    for number, writer in enumerate(writers):
        writer.path.write_bytes(line(packets=str(number + 1)) + b"\n")
        os.utime(writer.path, (1, 1))
    found = follow(log.path.parent)
    assert found.look() == 23
    for writer in writers:
        writer.append(1)
    (log.path.with_name("new.log")).write_bytes(line(packets="99") + b"\n")
    assert 24 <= found.look() < 44
    assert found.look(8) == 44


def test_rotation_works_where_files_cannot_stay_open(log, follower, monkeypatch):
    monkeypatch.setattr(reading, "_MAY_STAY_OPEN", False)
    found = Sum(follower)
    found.look()
    log.append(2)
    found.look()
    log.path.rename(log.path.with_name("a.log.1"))
    log.append(3)
    assert found.look(5) == log.written == 8


def test_files_are_told_apart_without_inode_numbers(log, follow, monkeypatch):
    def without_number(real):
        def asked(file, **options):
            status = real(file, **options)
            if stat.S_ISDIR(status.st_mode):
                return status
            return os.stat_result((status[0], 0, *status[2:]))

        return asked

    monkeypatch.setattr(os, "stat", without_number(os.stat))
    monkeypatch.setattr(os, "fstat", without_number(os.fstat))
    found = follow(log.path.parent)
    found.look()
    log.append(2)
    log.path.with_name("b.log").write_bytes(log.lines(1))
    assert found.look() == log.written == 6
    monkeypatch.undo()


def packed(path):
    """Pack a file as gzip does."""
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def restarted_at(found, follow, *paths):
    """Return a follower that continues where another one is, with its counts."""
    found.follower.close()
    again = follow(*paths)
    again.follower.resume(found.follower.positions)
    again.counts = found.counts
    return again


@pytest.mark.parametrize("is_beside", [True, False])
def test_older_rotated_files_shift_and_are_packed_without_being_counted_again(
    log, follow, is_beside
):
    older, oldest = log.path.with_name("a.log.1"), log.path.with_name("a.log.2.gz")
    older.write_bytes(log.lines(30))
    oldest.write_bytes(gzip.compress(log.lines(40)))
    found = follow(log.path if is_beside else log.path.parent)
    found.look(3)
    for is_stopped in (False, True):
        found = restarted_at(found, follow, log.path) if is_stopped and is_beside else found
        log.append(3)
        names = sorted(log.path.parent.glob("a.log.*.gz"), reverse=True)
        for name in names:
            name.rename(name.with_name(f"a.log.{int(name.suffixes[-2][1:]) + 1}.gz"))
        older.rename(log.path.with_name("a.log.2"))
        packed(log.path.with_name("a.log.2"))
        log.path.rename(older)
        log.append(5)
        found.look(5)
    expected = log.written - (70 if is_beside else 0)
    assert found.counts.total.flows == expected


def test_a_copy_onto_an_old_rotated_file_next_to_a_log_has_its_last_lines(log, follow):
    older = log.path.with_name("a.log.1")
    older.write_bytes(log.lines(30))
    found = follow(log.path)
    found.look(2)
    log.append(4)
    older.write_bytes(log.path.read_bytes())
    log.path.write_bytes(log.lines(2))
    assert found.look(5) == log.written - 30
    assert found.follower.messages == []


def test_a_file_that_is_packed_under_another_name_is_not_counted_again(log, follower):
    found = Sum(follower)
    found.look()
    other = log.path.with_name("a-1.log")
    log.path.rename(other)
    log.append(4)
    found.look()
    packed(other)
    assert found.look(5) == log.written


def test_a_log_behind_a_link_is_rotated_next_to_its_file(log, follow, tmp_path):
    link = tmp_path / "current.log"
    link.symlink_to(log.path)
    found = follow(link)
    found.look()
    log.append(4)
    shutil.copy(log.path, f"{log.path}.1")
    log.path.write_bytes(log.lines(2))
    assert found.look(3) == log.written
    assert found.follower.messages == []


def test_a_linked_file_in_a_folder_is_counted(log, follow, tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "b.log").symlink_to(log.path)
    assert follow(tmp_path / "links").look() == 3


def test_a_rotation_between_two_parts_of_a_look_loses_and_repeats_nothing(log, follow):
    logs = [log, Writer(log.path.with_name("b.log"))]
    logs[1].written = 1000
    logs[1].append(20)
    found = follow(log.path.parent)
    found.counts += sum(found.follower.parts(0))
    for each in logs:
        each.path.rename(f"{each.path}.1")
        each.append(7)
    assert found.look(5) == 3 + 20 + 14


@pytest.mark.parametrize("size", [40, 256, 257, 300, 600])
def test_half_a_line_of_any_length_survives_a_restart_and_a_copy_is_still_known(log, follow, size):
    found = follow(log.path.parent)
    with log.path.open("ab", buffering=0) as file:
        file.write(b"x" * size)
        found.look()
        found = restarted_at(found, follow, log.path.parent)
        file.write(b"\n")
    log.append(1)
    found.look()
    log.path.rename(log.path.with_name("a.log.1"))
    log.append(2)
    found.look()
    packed(log.path.with_name("a.log.1"))
    assert found.look(5) == log.written == 6
    assert found.counts.total.set_aside.total() == 1
    assert found.follower.messages == []


def test_a_copy_that_was_seen_once_before_a_restart_is_still_a_copy(log, follow):
    found = follow(log.path.parent)
    found.look()
    copy = log.path.with_name("a.log.1")
    shutil.copy(log.path, copy)
    log.path.write_bytes(log.lines(2))
    found.look()
    packed(copy)
    found.look()
    found = restarted_at(found, follow, log.path.parent)
    assert found.look(5) == log.written


@pytest.mark.parametrize("is_restarted", [True, False])
def test_files_that_vanish_and_come_back_are_not_counted_again(log, follow, tmp_path, is_restarted):
    folder = log.path.parent
    (folder / "b.gz").write_bytes(gzip.compress(log.lines(9)))
    found = follow(folder)
    found.look(3)
    hidden = folder.rename(tmp_path / "hidden")
    if is_restarted:
        folder.mkdir()
        found = restarted_at(found, follow, folder)
    found.look(6)
    if is_restarted:
        folder.rmdir()
    hidden.rename(folder)
    log.append(2)
    assert found.look(3) == log.written == 14


def test_a_file_that_is_replaced_by_itself_with_more_lines_is_read_on(log, follower):
    found = Sum(follower)
    found.look()
    new = log.path.with_name(".new")
    new.write_bytes(log.path.read_bytes() + log.lines(4))
    new.rename(log.path)
    assert found.look(5) == log.written == 7


def test_an_error_from_the_system_about_a_file_does_not_count_it_again(log, follow, monkeypatch):
    (log.path.with_name("b.gz")).write_bytes(gzip.compress(log.lines(9)))
    found, real = follow(log.path.parent), os.stat
    found.look(3)

    def failing(path, **options):
        if str(path).endswith((".gz", ".log")):
            raise OSError(5, "Input/output error")
        return real(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", failing)
        found.look(5)
    log.append(1)
    assert found.look(3) == log.written
    assert sorted(found.follower.messages) == [
        f"{log.path.with_name(name)}: cannot be read: Input/output error."
        for name in ("a.log", "b.gz")
    ]


def test_a_packed_file_that_changes_and_is_renamed_is_not_counted_again(log, follow):
    path = log.path.with_name("b.gz")
    path.write_bytes(gzip.compress(log.lines(9)))
    found = follow(log.path.parent)
    found.look(3)
    os.utime(path, (1, 1))
    path.rename(log.path.with_name("c.gz"))
    assert found.look(3) == log.written


@pytest.mark.parametrize("is_last", [True, False])
def test_a_short_log_with_a_header_has_copies_too(tmp_path, follow, is_last):
    log = tmp_path / "a.log"
    log.write_bytes(b"srcport dstport protocol\n1 2 6\n3 4 17\n")
    found = follow(tmp_path)
    found.look()
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(b"srcport dstport protocol\n")
    found.look()
    packed(tmp_path / "a.log.1")
    found.look(5)
    with log.open("ab") as file:
        file.write(b"9 9 6\n")
    assert found.look() == 3
    if is_last:
        found.counts += found.follower.end()
    assert found.counts.total.flows == 3


def test_json_without_a_line_end_or_with_one_after_its_bracket_is_counted(tmp_path, follow):
    flows = [{"message": line(dstport=str(port)).decode()} for port in (1, 2)]
    found = follow(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps(flows[0]))
    whole = json.dumps(flows, indent=4)
    (tmp_path / "b.json").write_text(whole[:2])
    found.look(2)
    (tmp_path / "b.json").write_text(whole)
    assert found.look(3) == 3
    (tmp_path / "c.log").write_bytes(line())
    assert found.look(2) == 3
    found.counts += found.follower.end()
    assert found.counts.total.flows == 4


def test_growth_is_what_was_appended_and_nothing_else(log, follow):
    found = follow(log.path.parent)
    assert sum(found.follower.growth(), FlowCounts()).total.flows == 0
    found.look()
    log.append(2)
    log.path.with_name("b.log").write_bytes(log.lines(5))
    assert sum(found.follower.growth(), FlowCounts()).total.flows == 2
    shutil.copy(log.path, f"{log.path}.1")
    log.path.write_bytes(log.lines(1))
    assert sum(found.follower.growth(), FlowCounts()).total.flows == 0
    assert found.follower.messages == []
    found.counts += sum(found.follower.growth(), FlowCounts())
    assert found.look(3) + 2 == log.written == 11


def test_a_long_log_is_counted_in_parts(log, follow, monkeypatch):
    monkeypatch.setattr(reading, "_AT_ONCE", 1 << 19)
    monkeypatch.setattr(reading, "_LAST_PART", 1 << 17)
    monkeypatch.setattr(reading, "READ_SIZE", 1 << 15)
    log.append(20_000)
    parts = [part.total.flows for part in follow(log.path).follower.parts()]
    assert sum(parts) == log.written
    assert len(parts) == 5
    assert 0 < parts[-1] < min(parts[:-2])


def test_a_new_file_with_a_reused_inode_number_is_not_taken_for_the_old_one(log, follow):
    folder = log.path.parent
    found = follow(folder)
    for number in range(4):
        (folder / f"{number}.gz").write_bytes(gzip.compress(log.lines(2)))
        found.look(3)
        (folder / f"{number}.gz").unlink()
    assert found.look() == log.written == 11


def test_a_file_that_changes_after_it_was_counted_as_a_whole_is_reported(log, follow):
    folder = log.path.parent
    table = folder / "a.csv"
    table.write_text("dstport,protocol,start\n443,6,1700000000\n")
    found = follow(folder)
    assert found.look(3) == 4
    with table.open("a") as file:
        file.write("25,6,1700000000\n")
    found.look(3)
    assert found.follower.messages == [
        f"{table}: has changed since it was counted. The change is not counted."
    ]


def test_lines_of_a_new_file_keep_their_numbers_and_faults_their_file(log, follower):
    found = Sum(follower)
    with log.path.open("ab") as file:
        file.write(b"short\n")
    found.look()
    log.path.rename(log.path.with_name("a.log.1"))
    log.path.write_bytes(b"too\n")
    found.look()
    assert [(fault.line, fault.text) for fault in found.counts.faults] == [(1, "too"), (4, "short")]
    assert {fault.file for fault in found.counts.faults} == {str(log.path)}


def test_other_files_next_to_a_log_are_left_alone(log, follow):
    log.path.with_name("a.log.bak").write_bytes(log.lines(9))
    found = follow(log.path)
    assert found.look(2) == 3


def test_the_lookup_in_a_folder_is_not_a_log(log, follow):
    lookup = log.path.with_name("lookup.csv")
    lookup.write_text("dstport,protocol,tag\n443,tcp,web\n")
    found = follow(log.path.parent, others=[str(lookup)])
    assert found.look(3) == 3
    assert [*found.counts.files] == [str(log.path)]


def test_a_format_and_ranges_are_used(tmp_path, follow):
    log = tmp_path / "a.log"
    log.write_bytes(b"443 6 8.8.8.8 9.9.9.9\n")
    layout = format_layout("dstport protocol srcaddr dstaddr")
    found = follow(log, layout=layout, inside=Inside(("9.9.9.9/32",)))
    assert found.look() == 1
    assert found.counts.requests.boundary.tolist() == [1]


def test_a_path_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(LogError, match="there is no such file"):
        Follower([str(tmp_path / "nowhere.log")])


def test_a_restart_continues_from_the_last_state_even_within_a_line(log, follow):
    with log.path.open("ab", buffering=0) as file:
        late = log.lines(1)
        file.write(late[:50])
        found = follow(log.path)
        found.look()
        positions = found.follower.positions
        file.write(late[50:])
    log.path.rename(log.path.with_name("a.log.1"))
    log.append(2)
    again = follow(log.path)
    again.follower.resume(positions)
    assert found.counts.total.flows + again.look(2) == log.written == 6


def test_a_log_that_was_rotated_and_compressed_between_runs_is_counted_to_its_end(log, follow):
    found = follow(log.path.parent)
    found.look()
    positions = found.follower.positions
    log.append(5)
    with gzip.open(f"{log.path}.1.gz", "wb") as packed:
        packed.write(log.path.read_bytes())
    log.path.unlink()
    log.append(2)
    again = follow(log.path.parent)
    again.follower.resume(positions)
    assert found.counts.total.flows + again.look(5) == log.written == 10


def test_a_log_that_was_truncated_between_runs_is_read_from_its_beginning_with_a_message(
    log, follow
):
    found = follow(log.path)
    found.look()
    positions = found.follower.positions
    log.path.write_bytes(log.lines(9))
    again = follow(log.path)
    again.follower.resume(positions)
    assert found.counts.total.flows + again.look() == log.written == 12
    assert "was truncated" in again.follower.messages[0]


class Scene:
    """A folder in which logs are written, rotated and dropped, a follower, and all that was ever written.

    Each file has a unique first line: a new one with the same beginning would be taken for a copy.
    """

    def __init__(self, folder, written, header):
        self.folder, self.written, self.header, self.files = folder, written, header, 0
        self.live, self.kept = folder / "live.log", f"{folder}.state"
        self.begin()
        self.found = Sum(Follower([str(folder)]))

    def begin(self):
        self.files += 1
        self.write(self.header + line(packets=str(self.files), volume="9" * 9) + b"\n")

    def write(self, text):
        for path in (self.live, self.written / f"live.{self.files}"):
            with path.open("ab", buffering=0) as file:
                file.write(text)

    def append(self, lines, cut):
        text = b"\n".join([*lines, b""])
        self.write(text[:cut])
        self.found.look()
        self.write(text[cut:])

    def rotate(self):
        self.live.rename(self.folder / f"live.log.{self.files}")
        self.begin()

    def copy(self):
        shutil.copy(self.live, self.folder / f"live.log.{self.files}")
        os.truncate(self.live, 0)
        self.begin()
        self.save()  # Only a state remembers what was in a file that is gone.

    def truncate(self):
        self.found.look()
        os.truncate(self.live, 0)
        self.begin()
        self.save()

    def pack(self):
        """Pack the last rotated file, if there is one."""
        for path in self.folder.glob(f"live.log.{self.files - 1}"):
            self.found.look()
            packed = path.with_name(f"{path.name}.gz")
            packed.write_bytes(gzip.compress(path.read_bytes()))
            self.found.look()
            path.unlink()
            self.save()

    def drop(self, lines):
        self.rotate()  # so that no two files have the same number
        first = self.header + line(packets=str(self.files), volume="8" * 9)
        text = b"\n".join([first, *lines, b""])
        (self.folder / f"{self.files}.gz").write_bytes(gzip.compress(text))
        (self.written / f"dropped.{self.files}").write_bytes(text)

    def grow(self):
        self.found.counts += sum(self.found.follower.growth(), FlowCounts())

    def glance(self):
        self.found.counts += sum(self.found.follower.parts(0))

    def look(self):
        self.found.look()

    def save(self):
        self.found.look()
        save(State(self.found.counts, self.found.follower.positions, ()), self.kept)

    def stop(self):
        self.save()
        self.kill()

    def kill(self):
        """Start again from the last state: what was counted since then is counted again."""
        self.found.follower.close()
        self.found = Sum(Follower([str(self.folder)]))
        if os.path.exists(self.kept):
            state = load(self.kept)
            self.found.follower.resume(state.positions)
            self.found.counts = state.counts


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), log_lines, st.integers(0, 60)),
        st.tuples(st.just("drop"), log_lines),
        st.tuples(
            st.sampled_from(
                ["rotate", "look", "grow", "glance", "stop", "kill", "copy", "pack", "truncate"]
            )
        ),
    ),
    max_size=12,
)


@given(steps, st.sampled_from([b"", DEFAULT_HEADER.encode() + b"\n"]))
def test_following_to_the_end_gives_what_counting_at_once_gives(tmp_path_factory, steps, header):
    folder, written = (tmp_path_factory.mktemp(name) for name in ("followed", "written"))
    scene = Scene(folder, written, header)
    for name, *given_ in steps:
        getattr(scene, name)(*given_)
    counts = scene.found.counts + scene.found.follower.end()
    expected = parse_flow_log(str(written))
    for name in ("requests", "replies", "replies_by_service"):
        assert getattr(counts, name) == getattr(expected, name)
    for name in ("headers", "blank", "flows", "set_aside", "unreadable", "lacking"):
        assert getattr(counts.total, name) == getattr(expected.total, name)


def test_a_message_is_given_once_however_many_there_are(tmp_path, follow, monkeypatch):
    monkeypatch.setattr("flowtag_core.reading.follow._MOST_MESSAGES", 2)
    found = follow(tmp_path)
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes([number]))
    found.look(3)
    assert len(found.follower.take_messages()) == 4
    assert len(found.follower.messages) == 2
    found.look(3)
    assert found.follower.take_messages() == []


def test_the_time_of_a_look_is_proportional_to_the_number_of_files(tmp_path, follow):
    taken = []
    for count in (100, 800):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.log").write_bytes(line(packets=str(number)) + b"\n")
        found, started = follow(folder), time.process_time()
        assert found.look(2) == count
        taken.append((time.process_time() - started) / count)
    assert taken[1] < 4 * taken[0]
