"""The rooms of the code: which may import which, what stays out of each, and where their tests are."""

import ast
import subprocess
import sys

import pytest

import flowtag_core
from tests.conftest import ROOT

CORE = ROOT / "flowtag_core"
BASE = {"arrow", "boundary", "codes", "counts", "evidence", "iana", "errors", "notebook", "output"}
ROOMS = {
    "errors": set(),
    "version": set(),
    "arguments": set(),
    "arrow": set(),
    "notebook": set(),
    "settings": {"boundary", "errors", "shapes", "sources", "tagging"},
    "iana": set(),
    "output": {"errors"},
    "evidence": {"counts", "errors"},
    "counts": {"arrow", "errors", "iana", "notebook"},
    "boundary": {"counts", "errors"},
    "codes": {"boundary"},
    "sources": {"errors"},
    "shapes": {"boundary", "iana", "counts", "errors", "sources"},
    "counting": {"boundary", "codes", "counts", "errors", "evidence", "iana", "output", "shapes"},
    "reading": {"boundary", "codes", "counts", "errors", "evidence", "output", "version"}
    | {"sources", "shapes", "counting"},
    "tagging": BASE,
    "showing": {"codes", "counts", "evidence", "iana", "tagging"},
    "exporting": {*BASE, "tagging", "showing"},
    "page": {*BASE, "arguments", "settings"}
    | {"sources", "shapes", "counting", "reading", "tagging", "exporting", "showing"},
    "commands": {*BASE, "arguments", "settings", "page"}
    | {"sources", "shapes", "counting", "reading", "tagging", "exporting", "showing"},
    "__init__": {"counts", "errors", "evidence", "version"}
    | {"exporting", "reading", "showing", "tagging"},
    "__main__": {"commands"},
}
PANDAS = {"pandas", "altair"}


def modules():
    return sorted(path for path in CORE.rglob("*.py"))


def room(path):
    return path.relative_to(CORE).with_suffix("").parts[0]


def imported(path):
    """Yield every module that a file imports, including imports inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            yield node.module
            if node.module in ("flowtag_core", "flowtag_core.showing"):
                yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CORE)))
def test_a_room_imports_only_the_rooms_it_may(path):
    known = {name.split(".")[1] for name in imported(path) if name.startswith("flowtag_core.")}
    assert known <= ROOMS[room(path)] | {room(path)}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CORE)))
def test_streamlit_stays_in_page_pandas_in_showing_and_rich_in_commands(path):
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
        # kernel.py is a program too: another process runs it to compile the kernel.
        is_program = path.name in {"__main__.py", "kernel.py", "terminal.py"}
        assert is_program or not calls & {"print", "sys.exit", "exit"}, path


def test_the_core_counts_and_tags_without_streamlit_and_pandas():
    program = """
import sys
for name in ("streamlit", "pandas", "altair", "rich"):
    sys.modules[name] = None
import flowtag_core as f
from flowtag_core.commands.verbs import run as main
report = f.map_tags(f.parse_flow_log("flowtag_core/sample/flow.log"),
                    f.load_lookup_table("flowtag_core/sample/lookup.csv"))
assert report.tag_counts["Untagged"] == 8
sys.exit(main(["flowtag_core/sample/flow.log", "flowtag_core/sample/lookup.csv", "-"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_modules_that_draw_widgets_do_no_arithmetic():
    rooms = [ROOT / "dashboard.py", *(CORE / "page").glob("*.py")]
    drawing = [path for path in rooms if "streamlit.runtime" not in {*imported(path)}]
    for path in (path for path in drawing if "streamlit" in {*imported(path)}):
        sums = (
            ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, (ast.BinOp, ast.AugAssign)) and not isinstance(node.op, ast.BitOr)
        )
        # The only exception is the number of the drop zone, since each zone is used once.
        assert [found for found in sums if "session.drops" not in found] == [], path


def test_importing_the_package_imports_neither_numpy_nor_pandas():
    program = "import sys, flowtag_core; print('numpy' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"False", b"False"]


def test_every_public_name_exists_and_the_list_is_sorted():
    assert flowtag_core.__all__ == sorted(flowtag_core.__all__)
    assert all(hasattr(flowtag_core, name) for name in flowtag_core.__all__)
    with pytest.raises(AttributeError):
        _ = flowtag_core.no_such_name


def modules_with_laws():
    """Return all modules except each __init__.py and __main__.py."""
    return [path for path in modules() if path.stem not in ("__init__", "__main__")]


def full_name(path):
    """Return a module's full name, such as `flowtag_core.tagging.report`; for an __init__.py, its package's."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def words_imported(path):
    """Yield the full name of every module that a file imports, and of every name that it imports from one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", modules_with_laws(), ids=lambda path: str(path.relative_to(CORE)))
def test_every_module_has_a_test_file_at_the_mirrored_path(path):
    tests = ROOT / "tests" / path.relative_to(CORE).with_name(f"test_{path.name}")
    assert tests.is_file(), f"{path.relative_to(ROOT)} has no {tests.relative_to(ROOT)}"
    name, text = full_name(path), tests.read_text(encoding="utf-8")
    is_imported = any(f"{word}.".startswith(f"{name}.") for word in words_imported(tests))
    # A module of the page may be tested through the whole page or in a script that the test runs, and the
    # kernel through its compiled code.
    is_run = f"from {name}" in text or f"from {name.rpartition('.')[0]} import {path.stem}" in text
    is_seen = room(path) == "page" and "(page" in text
    assert is_imported or is_run or is_seen or path.stem == "kernel", (
        f"{tests.relative_to(ROOT)} imports nothing from {name}"
    )


def arrows():
    """Return what each module imports from the package, including imports for types and inside functions."""
    names = {full_name(path) for path in modules()}

    def known(word):
        return word if word in names else word.rpartition(".")[0]

    return {
        full_name(path): {known(word) for word in words_imported(path)} & names
        for path in modules()
    }


def circle(arrows):
    """Return an import cycle as a list of names that begins and ends with the same one, or None."""
    done = set()

    def below(name, way):
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return None
        found = next(filter(None, (below(other, [*way, name]) for other in arrows[name])), None)
        done.add(name)
        return found

    return next(filter(None, (below(name, []) for name in sorted(arrows))), None)


def test_there_are_no_import_cycles():
    assert circle({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) is None
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    found = circle(arrows())
    assert found is None, " imports ".join(found)
