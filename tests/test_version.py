"""The package and its installation have the same version."""

import re

import flowtag_core
from flowtag_core.version import VERSION
from tests.conftest import ROOT


def test_the_package_has_the_version_that_is_written_once():
    assert flowtag_core.__version__ == VERSION
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert VERSION not in re.findall(r'^version = "(.*)"$', project, re.MULTILINE)
