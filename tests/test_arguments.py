"""Options and paths may come in any order."""

from argparse import ArgumentParser, ArgumentTypeError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.arguments import add_page, follows_wrongly, minutes, parsed, seconds

paths = st.lists(st.sampled_from(["a.log", "-", "logs/*", "b c", " ", "*"]), max_size=4)
anything = st.lists(st.sampled_from(["a.log", "-", "-rf", "--format", "--", "-h"]), max_size=4)


def read(words):
    parser = ArgumentParser()
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--format")
    found = parsed(parser, words)
    return found.paths, found.format


@given(paths, st.sampled_from([["--format", "x y"], ["--format=x y"]]), paths)
def test_an_option_may_appear_anywhere_among_the_paths(before, option, after):
    assert read([*before, *option, *after]) == (before + after, "x y")


@given(paths, anything)
def test_after_two_dashes_every_word_is_a_path(before, after):
    assert read([*before, "--", *after]) == (before + after, None)


def test_parsing_does_not_modify_its_argument():
    words = ("a", "--format", "x", "--", "-b")
    assert read(words) == (["a", "-b"], "x")
    given = ["a", "--", "b"]
    read(given)
    assert given == ["a", "--", "b"]


@pytest.mark.parametrize("words", [["a", ""], ["--", ""]])
def test_an_empty_path_ends_the_program(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        read(words)
    assert "one of the paths is empty" in capsys.readouterr().err


def test_an_unknown_option_ends_the_program(capsys):
    with pytest.raises(SystemExit) as ended:
        read(["a", "--no-such-option"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --no-such-option" in capsys.readouterr().err


def test_a_page_that_follows_needs_logs_and_what_belongs_to_following_needs_it():
    parser = ArgumentParser()
    add_page(parser)
    for words, why in (
        ([], ""),
        (["a.log"], ""),
        (["--follow", "a.log", "--keep", "24h", "--state", "b", "--background"], ""),
        (["--follow"], "--follow needs at least one log or folder."),
        (["a.log", "--keep", "10m"], "--keep needs --follow."),
        (["a.log", "--background"], "--background needs --follow."),
    ):
        assert follows_wrongly(parsed(parser, words)) == why


@pytest.mark.parametrize(("text", "length"), [("10m", 10), ("24h", 1440), ("7d", 10_080)])
def test_a_length_of_time_is_in_minutes(text, length):
    assert minutes(text) == length
    assert seconds(text) == 60 * length


@pytest.mark.parametrize("text", ["", "0s", "5x", "-5s", "99999s", "5m ", "٥m"])
def test_what_is_no_length_of_time_is_refused(text):
    for read_length in (minutes, seconds):
        with pytest.raises(ArgumentTypeError, match="is not a time such as 5s"):
            read_length(text)
    with pytest.raises(ArgumentTypeError, match="Keep at least ten minutes"):
        minutes("9m")
