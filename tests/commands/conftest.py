"""Fixtures for the tests of commands."""

import pytest

from tests.logs import LOOKUP, line


@pytest.fixture
def lookup(tmp_path):
    path = tmp_path / "lookup.csv"
    path.write_bytes(LOOKUP)
    return path


@pytest.fixture
def log(lookup):
    path = lookup.with_name("a.log")
    path.write_bytes(line() + b"\n")
    return path
