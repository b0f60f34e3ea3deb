import csv
import os
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import OutputError
from flowtag_core.output import append_whole, check_writable, csv_cell, safe_cell, write_whole
from tests.conftest import ROOT

on_posix = pytest.mark.skipif(
    sys.platform == "win32", reason="needs POSIX file modes and descriptors"
)


def test_an_existing_file_is_replaced_whole_and_no_other_file_is_left(tmp_path):
    path = tmp_path / "result.csv"
    path.write_text("old")
    write_whole([b"new ", b"content"], path)
    assert path.read_text() == "new content"
    assert os.listdir(tmp_path) == ["result.csv"]


def test_the_existing_file_is_kept_if_writing_fails_halfway(tmp_path):
    path = tmp_path / "result.csv"
    path.write_text("old")

    def content():
        yield b"new"
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left on device"):
        write_whole(content(), path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.csv"]


@on_posix
def test_an_existing_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "result.csv", tmp_path / "link.csv"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_whole([b"new"], link)
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@on_posix
def test_a_private_file_is_never_readable_by_others_while_it_is_replaced(tmp_path):
    path, modes = tmp_path / "result.csv", []
    path.write_text("old")
    path.chmod(0o600)

    def content():
        modes.extend(stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir())
        yield b"new"

    write_whole(content(), path)
    assert modes == [0o600, 0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@on_posix
def test_a_new_file_has_the_mode_that_the_umask_allows(tmp_path):
    old = os.umask(0o027)
    try:
        write_whole([b"x"], tmp_path / "new.csv")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o640


@on_posix
def test_a_path_that_is_not_a_regular_file_is_written_directly(tmp_path):
    reader, writer = os.pipe()
    write_whole([b"through"], f"/dev/fd/{writer}")
    os.close(writer)
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    with (tmp_path / "log").open("ab") as appended:
        appended.write(b"before ")
        appended.flush()
        write_whole([b"after"], f"/dev/fd/{appended.fileno()}")
    assert (tmp_path / "log").read_bytes() == b"before after"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
@pytest.mark.parametrize(
    "spelling", ["//dev/fd/{}", "/proc/thread-self/fd/{}", "/dev/../dev/fd/{}", "link"]
)
def test_a_file_opened_for_appending_is_not_truncated_whatever_its_descriptor_is_called(
    tmp_path, spelling
):
    with (tmp_path / "log").open("ab") as appended:
        appended.write(b"before ")
        appended.flush()
        path = spelling.format(appended.fileno())
        if path == "link":
            path = tmp_path / "link"
            path.symlink_to(f"/dev/fd/{appended.fileno()}")
        write_whole([b"after"], path)
    assert (tmp_path / "log").read_bytes() == b"before after"
    with pytest.raises(OutputError, match="could not be written"):
        write_whole([b"x"], f"/dev/fd/{10**20}")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
def test_a_full_disk_is_reported_in_one_sentence():
    with pytest.raises(OutputError, match="/dev/full: could not be written: No space left"):
        write_whole([b"x"], "/dev/full")


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch):
    path = tmp_path / "result.csv"
    with pytest.raises(OutputError, match="is not a file name"):
        check_writable(str(tmp_path))
    with pytest.raises(OutputError, match="there is no folder"):
        check_writable(str(tmp_path / "no" / "result.csv"))
    check_writable(str(path))
    # A superuser may write anywhere, so the system's answer is faked.
    monkeypatch.setattr(os, "access", lambda name, _: str(name) != str(tmp_path))
    with pytest.raises(OutputError, match=r"the folder .* is write-protected"):
        check_writable(str(path))
    path.write_text("old")
    with pytest.raises(OutputError, match=r"the folder .* is write-protected"):
        check_writable(str(path))
    monkeypatch.setattr(os, "access", lambda name, _: str(name) != str(path))
    with pytest.raises(OutputError, match=r"result\.csv: is write-protected"):
        check_writable(str(path))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("plain tag", "plain tag"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("a\rb", '"a\rb"'),
    ],
)
def test_a_cell_is_quoted_only_if_necessary(text, cell):
    assert csv_cell(text) == cell


@given(st.text(st.sampled_from("a=+-@\t\r\n,\"' 1"), max_size=6))
def test_no_cell_begins_like_a_formula_and_its_text_stays_the_same(text):
    ((cell,),) = csv.reader([safe_cell(text)], strict=True) if text else [[""]]
    assert cell == (f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text)


def test_what_is_appended_comes_after_what_is_there_and_creates_a_missing_file(tmp_path):
    for content in (b"one\n", b"two\n"):
        append_whole(content, str(tmp_path / "lines"))
    assert (tmp_path / "lines").read_bytes() == b"one\ntwo\n"


@on_posix
def test_on_a_full_disk_nothing_is_appended_not_even_in_part(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"one\n")
    program = """
import resource, signal, sys
from flowtag_core.errors import OutputError
from flowtag_core.output import append_whole
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (6, 6))
try:
    append_whole(b"two" * 9, sys.argv[1])
except OutputError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "could not be written: File too large" in done.stdout
    assert path.read_bytes() == b"one\n"


@on_posix
def test_a_device_is_appended_to_and_a_missing_folder_is_an_error(tmp_path):
    append_whole(b"gone", "/dev/null")
    with pytest.raises(OutputError, match="could not be written"):
        append_whole(b"x", str(tmp_path / "nowhere" / "lines"))


@pytest.mark.parametrize("uri", ["s3://a:hidden@b/c.csv", "https:/h/c?sig=hidden"])
def test_a_result_for_a_store_is_refused_and_its_uri_is_not_repeated(uri):
    with pytest.raises(OutputError, match=r"cannot be written to a store\. Name a local") as failed:
        check_writable(uri)
    assert "hidden" not in str(failed.value)
