"""A fixture for the tests of commands."""

import pytest

from tests.logs import LOOKUP


@pytest.fixture
def lookup(tmp_path):
    path = tmp_path / "lookup.csv"
    path.write_bytes(LOOKUP)
    return path
