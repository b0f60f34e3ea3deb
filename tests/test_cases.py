"""Every case in tests/cases, run through the command line and compared byte for byte."""

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
    """Return the path of a case's log, which may be a file of any shape or a folder."""
    (log,) = (path for path in case.iterdir() if path.name.partition(".")[0] == "log")
    return log


def test_every_case_is_in_the_folder_of_a_room():
    rooms = {case.parent.name for case in CASES}
    assert all((ROOT / "flowtag_core" / room).is_dir() for room in rooms)


def test_every_case_has_the_files_it_needs():
    assert len(CASES) >= 30
    for case in CASES:
        names = {path.name for path in case.iterdir()}
        log = log_of(case).name
        assert "lookup.csv" in names, f"{case.name} lacks its lookup.csv"
        assert names & {"expected.csv", "exit.txt"}, f"{case.name} lacks its expected.csv"
        assert names <= {log, "lookup.csv", "expected.csv", "exit.txt", "counts.json"}, case.name


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_case_gives_the_expected_result(case, tmp_path):
    output, expected, code = tmp_path / "result.csv", case / "expected.csv", case / "exit.txt"
    done = main([str(log_of(case)), str(case / "lookup.csv"), str(output)])
    assert done == (int(code.read_text()) if code.exists() else 0)
    assert output.exists() == expected.exists()
    if expected.exists():
        assert output.read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("case", COUNTED, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_case_gives_the_expected_counts(case):
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
