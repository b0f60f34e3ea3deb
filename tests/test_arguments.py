"""Options and paths may stand in any order."""

from argparse import ArgumentParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.arguments import parsed

paths = st.lists(st.sampled_from(["a.log", "-", "logs/*", "b c", "", "*"]), max_size=4)
anything = st.lists(st.sampled_from(["a.log", "-", "-rf", "--format", "--", "-h"]), max_size=4)


def read(words):
    parser = ArgumentParser()
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--format")
    found = parsed(parser, words)
    return found.paths, found.format


@given(paths, st.sampled_from([["--format", "x y"], ["--format=x y"]]), paths)
def test_an_option_may_stand_anywhere_among_the_paths(before, option, behind):
    assert read([*before, *option, *behind]) == (before + behind, "x y")


@given(paths, anything)
def test_behind_two_dashes_every_word_is_a_path(before, behind):
    assert read([*before, "--", *behind]) == (before + behind, None)


def test_the_words_themselves_are_left_alone():
    words = ("a", "--format", "x", "--", "-b")
    assert read(words) == (["a", "-b"], "x")
    given = ["a", "--", "b"]
    read(given)
    assert given == ["a", "--", "b"]


def test_an_option_that_there_is_not_ends_the_program(capsys):
    with pytest.raises(SystemExit) as ended:
        read(["a", "--no-such-option"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --no-such-option" in capsys.readouterr().err
