"""Shell completion offers verbs, options and files, and each shell gets its own script."""

import os
import shutil
import subprocess
import sys

import pytest

from flowtag_core.commands.completion import SHELLS
from tests.commands.made import on_posix, run
from tests.conftest import ROOT


def answers(tmp_path, typed, folder=ROOT):
    """Return the completions that a shell would offer for this line."""
    output = tmp_path / "answers"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(output),
        "COMP_LINE": typed,
        "COMP_POINT": str(len(typed)),
        "COMP_TYPE": "9",
    }
    command = [sys.executable, "-m", "flowtag_core"]
    subprocess.run(command, cwd=folder, env=environment, check=True, timeout=60)
    return set(output.read_text().split("\n"))


def test_the_first_word_completes_to_a_verb_an_option_or_a_file(tmp_path):
    (tmp_path / "pages.log").touch()
    found = answers(tmp_path, "flowtag pa", tmp_path)
    assert {each.strip() for each in found} == {"page", "pages.log"}
    assert {"--format", "--internal", "--quiet"} <= answers(tmp_path, "flowtag --")


@pytest.mark.parametrize(
    ("typed", "some", "others"),
    [
        ("flowtag page --", {"--shared", "--lookup"}, {"--quiet", "--output"}),
        ("flowtag check --", {"--json"}, {"--format"}),
        ("flowtag completion ", set(SHELLS), {"page"}),
        ("flowtag flow.log --fro", {"--from "}, {"page"}),
        ("flowtag flow.log ", set(), {"page", "check"}),
    ],
)
def test_after_a_verb_only_its_own_words_are_offered(tmp_path, typed, some, others):
    found = answers(tmp_path, typed)
    assert some <= found
    assert not others & found


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_that_names_the_command(shell):
    done = run("completion", shell)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"flowtag" in done.stdout


@on_posix
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_accepts_its_script():
    script = run("completion", "bash").stdout.decode()
    done = subprocess.run(
        ["bash", "-c", f"{script}\ncomplete -p flowtag"], capture_output=True, check=True
    )
    assert b"_python_argcomplete" in done.stdout


@on_posix
def test_names_that_are_not_utf_8_are_left_out_and_folders_end_with_a_slash(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.log")).touch()
    (tmp_path / "logs").mkdir()
    found = answers(tmp_path, "flowtag ", tmp_path)
    assert {"page", "check", f"logs{os.sep}"} <= {each.strip() for each in found}
    assert not [each for each in found if each.startswith("\xff")]


@on_posix
def test_a_reader_that_has_gone_is_not_a_failure_and_a_full_disk_is():
    for redirection, code in (("| true", 0), ("> /dev/full", 2)):
        command = f"set -o pipefail; {sys.executable} -m flowtag_core completion bash {redirection}"
        done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == code
        assert b"bug" not in done.stderr
