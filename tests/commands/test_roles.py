"""The paths of a command say which are logs, which is the lookup, and which are outputs."""

from argparse import ArgumentParser

import pytest

from flowtag_core.commands.roles import Roles, add_roles, roles_of
from tests.commands.made import LOG, SAMPLE_LOOKUP


def read(*words, kept=None):
    parser = ArgumentParser()
    add_roles(parser)
    return roles_of(parser, parser.parse_intermixed_args(words), kept)


@pytest.mark.parametrize(
    ("words", "kept", "expected"),
    [
        (("a", "b", "c", "d"), None, (["a", "b"], "c", ["d"])),
        (("a", "b", "c"), "kept", (["a"], "b", ["c"])),
        (("a", "b", "-o", "c"), None, (["a"], "b", ["c"])),
        (("a", "b", "-o", "c", "--lookup", "d"), "kept", (["a", "b"], "d", ["c"])),
        (("a", LOG, "-o", "c"), "kept", (["a", LOG], "kept", ["c"])),
        (("a", "b", "-o", "c", "-o", "d"), None, (["a"], "b", ["c", "d"])),
        (("a", SAMPLE_LOOKUP, "-o", "c"), "kept", (["a"], SAMPLE_LOOKUP, ["c"])),
    ],
)
def test_each_path_has_one_role(words, kept, expected):
    assert read(*words, kept=kept) == Roles(*expected)


@pytest.mark.parametrize(
    "words", [(), ("a", "b"), ("a", "--lookup", "b"), ("a", "-o", "b"), ("-o", "a", "-o", "b")]
)
def test_roles_that_are_not_clear_end_the_program(words):
    with pytest.raises(SystemExit, match="2"):
        read(*words)
