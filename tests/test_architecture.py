"""The rooms and who may know whom."""

import ast
import subprocess
import sys

import pytest

import flowtag_core
from tests.conftest import ROOT

CORE = ROOT / "flowtag_core"
BASE = {"counts", "iana", "errors", "output"}
ROOMS = {
    "errors": set(),
    "arguments": set(),
    "iana": set(),
    "output": {"errors"},
    "counts": set(),
    "sources": {"errors"},
    "shapes": {"counts", "errors", "sources"},
    "counting": {"counts", "errors", "iana", "output", "shapes"},
    "reading": {"counts", "errors", "sources", "shapes", "counting"},
    "tagging": BASE,
    "exporting": {"output", "tagging"},
    "showing": {"counts", "iana", "tagging"},
    "page": {*BASE, "arguments"}
    | {"sources", "shapes", "counting", "reading", "tagging", "exporting", "showing"},
    "commands": {*BASE, "arguments"}
    | {"sources", "shapes", "counting", "reading", "tagging", "exporting", "showing"},
    "__init__": {"counts", "errors", "exporting", "reading", "tagging"},
    "__main__": {"commands"},
}
PANDAS = {"pandas", "altair"}


def modules():
    return sorted(path for path in CORE.rglob("*.py"))


def room(path):
    return path.relative_to(CORE).with_suffix("").parts[0]


def imported(path):
    """Every module that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            yield node.module
            if node.module in ("flowtag_core", "flowtag_core.showing"):
                yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CORE)))
def test_arrows_between_rooms_point_one_way(path):
    known = {name.split(".")[1] for name in imported(path) if name.startswith("flowtag_core.")}
    assert known <= ROOMS[room(path)] | {room(path)}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CORE)))
def test_streamlit_stays_on_the_page_and_pandas_in_showing(path):
    outside = {name.split(".")[0] for name in imported(path)}
    assert room(path) == "page" or "streamlit" not in outside
    assert room(path) == "showing" or not outside & PANDAS
    assert room(path) == "commands" or "rich" not in outside


def test_only_the_command_line_prints_or_exits():
    for path in modules():
        calls = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        # The kernel is a program too, which another process runs to compile it.
        is_program = path.name in {"__main__.py", "kernel.py", "terminal.py"}
        assert is_program or not calls & {"print", "sys.exit", "exit"}, path


def test_the_core_counts_and_tags_with_streamlit_and_pandas_blocked():
    program = """
import sys
for name in ("streamlit", "pandas", "altair", "rich"):
    sys.modules[name] = None
import flowtag_core as f
from flowtag_core.commands.map import main
report = f.map_tags(f.parse_flow_log("flowtag_core/sample/flow.log"),
                    f.load_lookup_table("flowtag_core/sample/lookup.csv"))
assert report.tag_counts["Untagged"] == 8
sys.exit(main(["flowtag_core/sample/flow.log", "flowtag_core/sample/lookup.csv", "-"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_page_does_no_arithmetic_where_it_has_widgets():
    rooms = [ROOT / "dashboard.py", *(CORE / "page").glob("*.py")]
    drawing = [path for path in rooms if "streamlit.runtime" not in {*imported(path)}]
    for path in (path for path in drawing if "streamlit" in {*imported(path)}):
        sums = (
            ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, (ast.BinOp, ast.AugAssign)) and not isinstance(node.op, ast.BitOr)
        )
        # That one drop zone is used up and the next takes its place is all that is counted.
        assert [found for found in sums if "session.drops" not in found] == [], path


def test_importing_the_package_is_light():
    program = "import sys, flowtag_core; print('numpy' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"False", b"False"]


def test_every_public_name_is_there_and_the_list_is_sorted():
    assert flowtag_core.__all__ == sorted(flowtag_core.__all__)
    assert all(hasattr(flowtag_core, name) for name in flowtag_core.__all__)
    with pytest.raises(AttributeError):
        _ = flowtag_core.no_such_name
