"""Rotation adds endings to names; without them, all files of a log have one name."""

import pytest

from flowtag_core.reading.rotation import siblings, stem


@pytest.mark.parametrize(
    "name",
    [
        "a.log",
        "a.log.1",
        "a.log.12.gz",
        "a.log.gz",
        "a.log-20261129",
        "a.log-20261129.gz",
        "a.log-2026-11-29",
        "a.log.2026-11-29-0300.zst",
        "a.log-1795953600",
        "a.log.old",
        "a.log.1.bz2",
    ],
)
def test_a_name_without_the_endings_of_rotation(name):
    assert stem(f"/var/log/{name}") == "/var/log/a.log"


@pytest.mark.parametrize("name", ["a", "1.gz", ".log", "a.txt", "a-b.log", "port-443.log", "12345"])
def test_other_names_keep_their_endings(name):
    assert stem(name) in (name, name.removesuffix(".gz"))


def test_siblings_are_what_rotation_may_have_made(tmp_path):
    names = ["a.log.1", "a.log-20261129.gz", "a.log.x", "a.log_2"]
    for name in [*names, "a.log", "b.log", "a.log2", "other"]:
        (tmp_path / name).touch()
    assert siblings(str(tmp_path / "a.log")) == sorted(str(tmp_path / name) for name in names)
    assert siblings(str(tmp_path / "nowhere" / "a.log")) == []
