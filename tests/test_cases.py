"""Every case in tests/cases, by room: one trap each, through the command line, byte for byte."""

import json
from pathlib import Path

import pytest

from flowtag_core import load_lookup_table, parse_flow_log
from flowtag_core.commands.verbs import run as main
from flowtag_core.tagging.lookup import Trouble
from tests.conftest import ROOT

CASES = sorted(path for path in (Path(__file__).parent / "cases").glob("*/*") if path.is_dir())
COUNTED = [case for case in CASES if (case / "counts.json").exists()]


def log_of(case):
    """The log of a case: a file, whatever its shape, or a folder."""
    (log,) = (path for path in case.iterdir() if path.name.partition(".")[0] == "log")
    return log


def test_every_case_is_in_a_room():
    rooms = {case.parent.name for case in CASES}
    assert all((ROOT / "flowtag_core" / room).is_dir() for room in rooms)


def test_every_case_has_its_files():
    assert len(CASES) >= 30
    for case in CASES:
        names = {path.name for path in case.iterdir()}
        log = log_of(case).name
        assert "lookup.csv" in names, f"{case.name} lacks its lookup.csv"
        assert names & {"expected.csv", "exit.txt"}, f"{case.name} lacks its expected.csv"
        assert names <= {log, "lookup.csv", "expected.csv", "exit.txt", "counts.json"}, case.name


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_case(case, tmp_path):
    output, expected, code = tmp_path / "result.csv", case / "expected.csv", case / "exit.txt"
    done = main([str(log_of(case)), str(case / "lookup.csv"), str(output)])
    assert done == (int(code.read_text()) if code.exists() else 0)
    assert output.exists() == expected.exists()
    if expected.exists():
        assert output.read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("case", COUNTED, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_what_a_case_sets_aside(case):
    total = parse_flow_log(log_of(case)).total
    lookup = load_lookup_table(case / "lookup.csv")
    assert json.loads((case / "counts.json").read_text()) == {
        "flows": total.flows,
        "headers": total.headers,
        "blank": total.blank,
        "set_aside": {reason.value: count for reason, count in total.set_aside.items()},
        "problem_lines": [p.line for p in lookup.problems if p.trouble is not Trouble.FORMULA],
        "notices": len(lookup.notices),
    }
