"""README says what is true: its commands run as printed, its example is the sample's result."""

import ast
import os
import re
import shutil
import subprocess
import sys

import pytest

from flowtag_core.commands.verbs import VERBS
from flowtag_core.page import in_place
from flowtag_core.page.session import Session
from flowtag_core.settings import settings_for
from tests.conftest import ROOT, SAMPLE

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def test_the_printed_result_is_the_result_of_the_sample(tmp_path):
    command = [sys.executable, "-m", "flowtag_core"]
    inputs = [str(SAMPLE / "flow.log"), str(SAMPLE / "lookup.csv")]
    subprocess.run(
        [*command, *inputs, str(tmp_path / "out")], cwd=ROOT, check=True, capture_output=True
    )
    assert (tmp_path / "out").read_text(encoding="utf-8") in blocks("")


@pytest.mark.parametrize(
    ("program", "said"), [*zip(blocks("python"), ["'email': ", "'email': "], strict=True)]
)
def test_the_library_examples_run_as_printed(tmp_path, program, said):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    shutil.copytree(SAMPLE, tmp_path / "flowtag_core" / "sample")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
    )
    assert said in done.stdout.decode()
    if "write_results" in program:
        assert (tmp_path / "result.csv").read_bytes().startswith(b"Tag Counts:")


@pytest.mark.skipif(sys.platform == "win32", reason="the printed example is for a POSIX shell")
def test_the_command_line_example_runs_as_printed(tmp_path):
    (example,) = re.findall(r"`\.venv/bin/python (-m flowtag_core [^`]*) result\.csv`", README)
    output = tmp_path / "result.csv"
    command = [sys.executable, *example.split(), str(output)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert output.stat().st_size


def test_the_commands_name_files_that_are_there_and_come_for_both_shells():
    for shell in ("bash", "powershell"):
        text = "".join(blocks(shell))
        for name in (
            "constraints.txt",
            "requirements.txt",
            "tests/requirements.txt",
            "dashboard.py",
        ):
            assert name in text
            assert (ROOT / name).exists()


def test_the_page_in_place_is_started_as_printed():
    (command,) = re.findall(
        r"^\.venv/bin/streamlit run dashboard\.py -- (.*)$", README, re.MULTILINE
    )
    session = Session()
    in_place.start(session, [str(ROOT / word) if "/" in word else word for word in command.split()])
    session.intake.wait(60)
    session.collect()
    assert not session.messages.refused
    assert (session.logs.counts.total.flows, len(session.desk.lookup)) == (14, 11)


def options_of(*words):
    command = [sys.executable, "-m", "flowtag_core", *words, "--help"]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", told)) - {"-m"}  # python -m flowtag_core


@pytest.mark.parametrize("verb", [(), *((verb,) for verb in VERBS)], ids=str)
def test_every_option_of_every_verb_is_documented(verb):
    options = options_of(*verb)
    assert "--help" in options
    assert [option for option in options if f"`{option}" not in COMMANDS] == []
    if not verb:
        assert [option for option in options if len(option) > 2 and option not in README] == []


def test_the_settings_that_are_printed_are_valid_and_mean_what_is_said(tmp_path):
    (text,) = re.findall(r"^```toml\n(.*?)^```$", COMMANDS, re.DOTALL | re.MULTILINE)
    (tmp_path / "flowtag.toml").write_text(text, encoding="utf-8")
    found = settings_for([str(tmp_path)])
    assert found.lookup == str(tmp_path / "lookup.csv")
    assert found.fields(found.format).split()[:2] == ["version", "srcaddr"]
    assert found.internal == "203.0.113.0/24"


def test_the_exit_code_of_a_check_is_what_is_said():
    (words,) = re.findall(r"^flowtag (check) lookup.csv$", COMMANDS, re.MULTILINE)
    command = [sys.executable, "-m", "flowtag_core", words, str(SAMPLE / "lookup.csv")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def test_every_room_is_in_readme_and_every_module_is_told_as_it_says_itself():
    modules = sorted((ROOT / "flowtag_core").glob("*/*.py"))
    assert all(f"flowtag_core/{path.parent.name}/" in README for path in modules)
    told = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for path in modules:
        if path.stem != "__init__":
            says = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            first = says.partition("\n\n")[0].replace("\n", " ")
            assert f"| `{path.parent.name}/{path.name}` | {first} |" in told


def test_every_link_to_a_file_leads_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
