"""The command line overrides the settings next to the logs, which override the user's own."""

import os
import sys

import pytest

from flowtag_core.errors import SettingsError
from flowtag_core.page import in_place
from flowtag_core.page.in_place import parse
from flowtag_core.settings import FILE, Settings, settings_for
from tests.commands.made import run
from tests.conftest import ROOT
from tests.logs import LOOKUP, line

EDGE = "version dstport protocol"


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """The user's settings folder, which does not exist yet. The current folder has no settings either."""
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(tmp_path / "own"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "own"


def write(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text(text, encoding="utf-8")
    return str(folder / FILE)


def test_without_a_file_there_are_no_settings(own, tmp_path):
    assert settings_for([]) == settings_for([str(tmp_path / "a.log")]) == Settings()
    assert not own.exists()


@pytest.mark.parametrize("path", ["", "a.log", "none.log", "*.gz", "**/*.gz"])
def test_settings_are_read_from_the_folder_of_the_first_log(tmp_path, path):
    logs = tmp_path / "logs"
    file = write(logs, f'format = "{EDGE}"\nlookup = "ports.csv"\ninternal = ["203.0.113.0/24"]\n')
    (logs / "a.log").touch()
    found = settings_for([os.path.join(logs, path), "other/b.log"])
    files = (os.path.join(logs, "") + FILE if not path else file,)
    assert found == Settings(os.path.join(logs, "ports.csv"), EDGE, "203.0.113.0/24", {}, files)


@pytest.mark.parametrize("paths", [[], ["-"], ["a.log"], ["*.gz"]])
def test_without_a_folder_settings_are_read_from_the_current_one(tmp_path, paths):
    write(tmp_path / "here", f'format = "{EDGE}"\n')
    found = settings_for(paths)
    assert (found.format, found.files) == (EDGE, (os.path.join(".", FILE),))


def test_each_setting_comes_from_the_nearest_file_that_has_it(own, tmp_path):
    far = write(
        own,
        f'format = "edge"\ninternal = "8.8.8.8"\nlookup = "~/all.csv"\n[formats]\nedge = "{EDGE}"\n',
    )
    near = write(tmp_path / "logs", 'internal = ["9.9.9.9", "8.8.4.4"]\n')
    found = settings_for([str(tmp_path / "logs")])
    assert found.files == (near, far)
    assert (found.internal, found.fields(found.format)) == ("9.9.9.9,8.8.4.4", EDGE)
    assert found.lookup == os.path.expanduser("~/all.csv")
    assert found.fields("dstport protocol") == "dstport protocol"


def test_limits_for_alerts_come_from_all_files_the_nearest_first(own, tmp_path):
    write(own, "[alerts]\ngrowth = 9\nlearn = 0\n")
    write(tmp_path / "logs", "[alerts]\ngrowth = 3\n")
    assert settings_for([str(tmp_path / "logs")]).alerts == {"growth": 3, "learn": 0}


def test_an_empty_list_of_ranges_overrides_a_file_further_away(own, tmp_path):
    write(own, 'internal = ["8.8.8.8"]\n')
    write(tmp_path / "logs", "internal = []\n")
    assert settings_for([str(tmp_path / "logs")]).internal == ""


def test_a_pattern_uses_the_folder_of_its_first_match_then_the_current_folder(tmp_path):
    write(tmp_path / "logs", f'format = "{EDGE}"\n')
    write(tmp_path / "here", 'lookup = "all.csv"\n')
    (tmp_path / "logs" / "a.log").touch()
    found = settings_for([str(tmp_path / "l*" / "*.log")])
    assert (found.format, found.lookup) == (EDGE, os.path.join(".", "all.csv"))


def test_a_format_that_has_no_such_name_is_refused_with_the_names(tmp_path):
    write(tmp_path / "logs", f'[formats]\nedge = "{EDGE}"\n')
    with pytest.raises(SettingsError, match=r"There is no format 'egde' in .*, only edge\."):
        settings_for([str(tmp_path / "logs")]).fields("egde")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right on Windows")
def test_a_link_that_leads_nowhere_is_an_error(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / FILE).symlink_to("nowhere")
    with pytest.raises(SettingsError, match="cannot be read"):
        settings_for([str(tmp_path / "logs")])


def test_a_file_is_read_once_if_the_logs_are_in_the_users_own_folder(own):
    file = write(own, f'format = "{EDGE}"\n')
    assert settings_for([str(own)]).files == (file,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format = ", "is not valid TOML"),
        (
            "color = 1",
            "'color' is not a setting. Use one of lookup, format, internal, formats, alerts.",
        ),
        ("lookup = 1", "lookup must be non-empty text in quotes."),
        ('lookup = ""', "lookup must be non-empty text in quotes."),
        ("internal = 10", "internal must be a list of address ranges"),
        ('internal = ["10.1.2.3/8"]', "internal: '10.1.2.3/8' is not an address range"),
        ('format = "edge"', "format: The format names 1 field but not both dstport and protocol"),
        ('[formats]\nedge = "version"', "formats.edge: The format names 1 field"),
        ("formats = 1", "formats must be a table"),
        ("[formats]\nedge = 1", "formats.edge must be non-empty text in quotes."),
        ("alerts = 1", "alerts must be a table with one line per limit"),
        ("[alerts]\ngrow = 1", "alerts: 'grow' is not a limit for alerts."),
        ('[alerts]\ngrowth = "x"', "alerts: the limit growth is 'x', which is not a number"),
        ("x = " + "[" * 5_000, "is not valid TOML"),
        ("#" * (1 << 20) + "\n", "too large for a settings file"),
    ],
)
def test_an_error_names_the_file_and_the_key(tmp_path, text, said):
    file = write(tmp_path / "logs", text)
    with pytest.raises(SettingsError) as error:
        settings_for([str(tmp_path / "logs")])
    assert str(error.value).startswith(file)
    assert said in str(error.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b'lookup = "\xe4"'])
def test_a_file_that_is_not_text_is_refused(tmp_path, content):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / FILE).write_bytes(content)
    with pytest.raises(SettingsError, match="Save it as UTF-8"):
        settings_for([str(tmp_path / "logs")])


def test_a_byte_order_mark_is_accepted(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / FILE).write_bytes(b"\xef\xbb\xbf" + f'format = "{EDGE}"'.encode())
    assert settings_for([str(tmp_path / "logs")]).format == EDGE


@pytest.fixture
def data(tmp_path):
    """A folder with a log, a lookup and settings for both."""
    write(
        tmp_path,
        f'lookup = "lookup.csv"\nformat = "edge"\n[formats]\nedge = "{EDGE}"\nother = "protocol dstport version"\n',
    )
    (tmp_path / "a.log").write_bytes(b"2 443 6\n2 25 6\n")
    (tmp_path / "lookup.csv").write_bytes(LOOKUP)
    (tmp_path / "mine.csv").write_bytes(b"dstport,protocol,tag\n443,tcp,mine\n")
    return tmp_path


def tags(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split("\n\n")[0].splitlines()[2:]


def test_the_lookup_and_format_from_the_settings_are_used_and_the_summary_says_so(data):
    done = run(data / "a.log", "-o", "-")
    assert tags(done) == ["mail,1", "web,1", "Untagged,0"]
    told = done.stderr.decode()
    assert f"From {data / FILE}: lookup, format." in told


@pytest.mark.parametrize(
    "words",
    [
        ("a.log", "mine.csv", "-"),
        ("a.log", "mine.csv", "-o", "-"),
        ("a.log", "-o", "-", "--lookup", "mine.csv"),
    ],
)
def test_a_lookup_on_the_command_line_overrides_the_settings(data, words):
    done = run(*(data / word if word.endswith((".log", ".csv")) else word for word in words))
    assert tags(done) == ["mine,1", "Untagged,1"]


@pytest.mark.parametrize("format", ["other", "protocol dstport version"])
def test_a_format_on_the_command_line_overrides_the_settings_and_may_be_a_name(data, format):
    (data / "a.log").write_bytes(b"6 443 2\n")
    assert tags(run(data / "a.log", data / "lookup.csv", "-", "--format", format))[0] == "web,1"


@pytest.mark.parametrize("paths", [["."], ["*.*"], ["a.log"]])
def test_the_settings_and_the_lookup_in_a_folder_of_logs_are_not_taken_for_logs(
    data, paths, monkeypatch
):
    monkeypatch.chdir(data)
    (data / "mine.csv").unlink()
    done = run(*paths, "-o", "-", cwd=data, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert tags(done) == ["mail,1", "web,1", "Untagged,0"]
    assert "2 records = 0 headers + 0 blank + 2 flows" in done.stderr.decode()
    assert in_place.find(parse(paths)).known == []


def test_a_lookup_that_is_missing_is_said_to_come_from_the_settings(data):
    (data / "lookup.csv").unlink()
    done = run(data / "a.log", "-o", "-")
    assert done.returncode == 2
    assert f"there is no such file. Check the path. It is the lookup in {data / FILE}." in (
        done.stderr.decode()
    )


def test_invalid_settings_end_a_run_before_anything_is_written(data):
    write(data, "color = 1")
    done = run(data / "a.log", data / "lookup.csv", data / "out.csv")
    assert done.returncode == 2
    assert b"'color' is not a setting" in done.stderr
    assert not (data / "out.csv").exists()


def test_the_settings_file_cannot_be_the_output(data):
    done = run(data / "a.log", "-o", data / FILE)
    assert done.returncode == 2
    assert b"is an input too" in done.stderr


def test_the_page_uses_the_settings_of_its_files_unless_its_arguments_override_them(data):
    given = parse([str(data / "a.log")])
    assert (given.lookup, given.format) == (str(data / "lookup.csv"), EDGE)
    given = parse([str(data), "--format", "dstport protocol", "--lookup", "x.csv"])
    assert (given.lookup, given.format) == ("x.csv", "dstport protocol")
    write(data, "color = 1")
    with pytest.raises(SettingsError):
        parse([str(data)])


def test_settings_with_only_ranges_leave_the_default_layout_in_place(data):
    write(data, 'internal = ["8.8.8.8/32"]')
    (data / "a.log").write_bytes(line(srcaddr="8.8.8.8"))
    told = run(data / "a.log", data / "lookup.csv", "-").stderr.decode()
    assert "Inside the network: the private address ranges and 8.8.8.8/32." in told
