"""Run the command line in its own process."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT, SAMPLE

LOG, SAMPLE_LOOKUP = str(SAMPLE / "flow.log"), str(SAMPLE / "lookup.csv")
on_posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no such signals or files"
)


def run(*arguments, **options):
    command = [sys.executable, "-m", "flowtag_core", *map(str, arguments)]
    options = {"cwd": ROOT, "capture_output": True, "timeout": 120, **options}
    return subprocess.run(command, check=False, **options)


def append(log, *lines):
    with log.open("ab") as file:
        file.write(b"".join(each + b"\n" for each in lines))


def tags(folder):
    """Return the flows of each tag in the result in a folder, as text."""
    head = (folder / "out.csv").read_text().partition("\n\n")[0]
    return dict(row.split(",") for row in head.splitlines()[2:])
