"""Run the command line."""

import io
import subprocess
import sys

import pytest

from flowtag_core.commands.verbs import run as main
from tests.conftest import ROOT, SAMPLE

LOG, SAMPLE_LOOKUP = str(SAMPLE / "flow.log"), str(SAMPLE / "lookup.csv")
on_posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no such signals or files"
)


def run(*arguments, **options):
    """Run the command line and return its exit code and its bytes of standard output and error.

    With options, such as an environment, it has a process of its own. Without them it runs in this one, which takes a
    tenth of the time.
    """
    words = [*map(str, arguments)]
    if options:
        command = [sys.executable, "-m", "flowtag_core", *words]
        options = {"cwd": ROOT, "capture_output": True, "timeout": 120, **options}
        return subprocess.run(command, check=False, **options)
    output, error = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(sys, "argv", [str(ROOT / "flowtag_core" / "__main__.py"), *words])
        patch.setattr(sys, "stdout", output)
        patch.setattr(sys, "stderr", error)
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
    for stream in (output, error):
        stream.flush()
    return subprocess.CompletedProcess(
        words, code, output.buffer.getvalue(), error.buffer.getvalue()
    )


def append(log, *lines):
    with log.open("ab") as file:
        file.write(b"".join(each + b"\n" for each in lines))


def tags(folder):
    """Return the flows of each tag in the result in a folder, as text."""
    head = (folder / "out.csv").read_text().partition("\n\n")[0]
    return dict(row.split(",") for row in head.splitlines()[2:])
