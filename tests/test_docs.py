"""README and docs say what is true: commands and code run as printed, and links lead somewhere."""

import ast
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from streamlit import config

from flowtag_core.commands import follow
from flowtag_core.commands.verbs import VERBS
from flowtag_core.settings import settings_for
from tests import bench
from tests.conftest import ROOT, answering, free_port

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
README, COMMANDS, SPEED = TEXTS["README.md"], TEXTS["command-line.md"], TEXTS["speed.md"]
LIVE = TEXTS["live.md"]
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(.*)\n((?:.*\n)*?)^```$", re.MULTILINE)
STREAMLITS = {
    f"--{name}"
    for name in ("server.address", "server.allowedHosts", "server.port", "browser.serverAddress")
}
SERVES = re.compile(r"\b(streamlit run|flowtag page)\b")


def blocks(text):
    """The fenced blocks of a page: the words after the backquotes, and what is in the block."""
    return [(*[*head.split(), "", ""][:2], body) for head, body in BLOCK.findall(text)]


def inline(text):
    """What a page has in backquotes within its lines."""
    return re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))


@pytest.fixture
def checkout(tmp_path):
    """A copy of the checkout, and the environment in which the commands of a page run in it.

    What they need is installed already: pip finds it, and asks no index. `uvx` cannot work without
    an index, so what stands in for it installs the checkout alone and runs the command in it.
    """
    unused = shutil.ignore_patterns(".*", "__pycache__", "cases", "fuzz", "docs")
    folder = Path(shutil.copytree(ROOT, tmp_path / "flowtag", ignore=unused))
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    programs = tmp_path / "programs"
    programs.mkdir()
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = shlex.quote(sys.executable)
    install = f"{python} -m pip install -q --no-deps --no-build-isolation --target {tmp_path}/once"
    for path, script in (
        (programs / "python3", f'exec {python} "$@"'),
        (programs / "flowtag", f'exec {python} -m flowtag_core "$@"'),
        (programs / "uvx", f'{install} "$2" && shift 2 && exec {tmp_path}/once/bin/"$@"'),
        (folder / ".venv" / "bin" / "streamlit", f'exec {python} -m streamlit "$@"'),
    ):
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return folder, {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{folder}{os.pathsep}{sysconfig.get_path('purelib')}",
        "PIP_NO_INDEX": "1",
        "STREAMLIT_SERVER_HEADLESS": "true",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a POSIX shell")
@pytest.mark.parametrize("page", [name for name, text in TEXTS.items() if "\n```" in text])
def test_every_block_runs_as_printed_and_gives_what_is_printed(page, checkout):
    folder, environment = checkout
    given = ""
    for language, name, body in blocks(TEXTS[page]):
        if name:
            (folder / name).write_text(body, encoding="utf-8")
        elif not language:
            assert given == body
        elif language == "bash":
            given = _run_in_shell(body, folder, environment)
        elif language == "python":
            given = _ran([sys.executable, "-c", body], folder, environment)
        else:
            # A block of "text" needs other machines.
            assert language in {"powershell", "toml", "ini", "text"}, "no test knows this block"


def _run_in_shell(body, folder, environment):
    if _is_run_by_ci(body):
        return ""
    *before, last = body.rstrip().split(" && ")
    if not SERVES.search(last):
        return _ran(["bash", "-ec", body], folder, environment)
    _ran(["bash", "-ec", " && ".join(before)], folder, environment)
    port = free_port()
    environment = {**environment, "STREAMLIT_SERVER_PORT": str(port)}
    with answering(["bash", "-c", f"exec {last}"], folder, port, cwd=folder, env=environment):
        return ""


def _is_run_by_ci(body):
    """Whether .ci/run has these commands, or takes them from README word by word."""
    (taken,) = re.findall("^python3 .* -r tests/requirements.txt .*$", README, re.MULTILINE)
    assert "grep -m 1 -- '-r tests/requirements.txt' README.md" in CI
    return all(command in CI or command in taken for command in re.split(r" && |\n", body.strip()))


def _ran(command, folder, environment):
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_bash_command_to_start_with_has_its_twin_for_powershell():
    said = [body for language, _, body in blocks(README) if language == "powershell"]
    meant = [body for language, _, body in blocks(README) if "python3 -m venv" in body]
    twins = [
        body.replace("python3", "py -3")
        .replace(" &&", ";")
        .replace(".venv/bin/", ".venv\\Scripts\\")
        for body in meant
        if "powershell" not in body
    ]
    assert said == twins


@cache
def options_of(*words):
    command = [sys.executable, "-m", "flowtag_core", *words, "--help"]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", told)) - {"-m"}  # python -m flowtag_core


@pytest.mark.parametrize("verb", [(), *((verb,) for verb in VERBS)], ids=str)
def test_every_option_of_every_command_is_documented(verb):
    options = options_of(*verb)
    assert "--help" in options
    told = LIVE if verb == ("follow",) else COMMANDS
    assert [option for option in options if f"`{option}" not in told] == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_option_and_file_that_is_named_exists(page):
    known = set().union(options_of(), *map(options_of, VERBS)) | STREAMLITS
    for code in inline(TEXTS[page]):
        script = re.match(r"(?:\S*python3? )?-m (tests[.\w]+)", code)
        if script:
            path = ROOT / f"{script[1].replace('.', '/')}.py"
            source = path.read_text(encoding="utf-8")
            assert all(option in source for option in re.findall(r" (--[a-z]+)", code)), code
        elif code.startswith(("flowtag", "-")) or "dashboard.py" in code:
            for option in re.findall(r"(?<![\w-])--[a-zA-Z][\w.-]*", code):
                assert option in known, code
        elif re.fullmatch(r"(tests|flowtag_core|docs|\.ci)/[\w./]*", code):
            assert (ROOT / code).exists(), code


def test_the_options_of_streamlit_that_are_named_exist():
    assert {name.removeprefix("--") for name in STREAMLITS} <= {*config.get_config_options()}


def slug(heading):
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_anchor_leads_somewhere(page):
    text = BLOCK.sub("", TEXTS[page.name])
    targets = re.findall(r"\]\(([^)\s]+)\)|src(?:set)?=\"([^\"]+)\"", text)
    for target in filter(None, (either for pair in targets for either in pair)):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), target


def test_the_pages_are_read_in_the_order_of_readme():
    order = re.findall(r"\]\(docs/(\w[\w-]*\.md)\)", README.partition("## Read on")[2])
    assert sorted(order) == sorted({page.name for page in PAGES[1:]})
    for page, following in pairwise(order):
        last = TEXTS[page].rstrip().rpartition("\n")[2]
        assert re.fullmatch(rf"Next: \[.*\]\({following}\)", last), page


def test_readme_is_one_screen():
    assert len(README.encode()) < 7_000


def test_the_settings_that_are_printed_are_valid_and_mean_what_is_said(tmp_path):
    (text,) = (body for language, _, body in blocks(COMMANDS) if language == "toml")
    (tmp_path / "flowtag.toml").write_text(text, encoding="utf-8")
    found = settings_for([str(tmp_path)])
    assert found.lookup == str(tmp_path / "lookup.csv")
    assert found.fields(found.format).split()[:2] == ["version", "srcaddr"]
    assert found.internal == "203.0.113.0/24"


def test_the_service_for_systemd_starts_a_command_that_exists():
    (text,) = (body for language, _, body in blocks(LIVE) if language == "ini")
    (command,) = re.findall(r"^ExecStart=\S+/flowtag (.*)$", text, re.MULTILINE)
    verb, *words = command.split()
    assert (verb in VERBS, follow.parser().parse_args(words).state) == (
        True,
        "/var/lib/flowtag/state",
    )


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("tests.bench", ["10 MB of a day", "one line in ten: blank lines"]),
        ("tests.bench_shapes", ["300,000 records", "3,000,000 records"]),
    ],
)
def test_the_figures_on_speed_are_those_that_the_bench_wrote(script, names):
    block = bench.written(SPEED, script)
    assert block.checksum == hashlib.sha256(block.text.encode()).hexdigest()[:16]
    assert all(f"| {name} |" in block.text for name in names)


def test_every_message_in_troubleshooting_is_one_that_flowtag_or_its_surroundings_give():
    others = {"Port 8501 is not available"}
    said = {
        node.value
        for path in (ROOT / "flowtag_core").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    rows = re.findall(r"^\| (.*?) \| ", TEXTS["troubleshooting.md"], re.MULTILINE)
    quoted = [phrase for row in rows for phrase in re.findall(r'"([^"]+)"', row)]
    assert len(quoted) > 4
    for phrase in {*quoted} - others:
        assert any(phrase in text for text in said), phrase


def test_every_room_and_every_module_is_told_as_it_says_itself():
    told = TEXTS["architecture.md"]
    for path in sorted((ROOT / "flowtag_core").glob("*/*.py")):
        assert f"`{path.parent.name}/" in told
        if path.stem != "__init__":
            says = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            first = says.partition("\n\n")[0].replace("\n", " ")
            assert f"| `{path.parent.name}/{path.name}` | {first} |" in told
