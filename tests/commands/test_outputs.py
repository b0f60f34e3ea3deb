"""An output is never an input, and never where JSON goes; a reader that has gone is no failure."""

import os
import sys
from unittest import mock

import pytest

from flowtag_core.commands.outputs import refuse_inputs, refuse_repeats, write
from flowtag_core.errors import FlowtagError, OutputError
from flowtag_core.sources.places import log_at


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"2 1 eni-1\n")
    return path


def places_of(log):
    return log_at(str(log)).places


@pytest.mark.parametrize("is_json", [False, True])
def test_an_output_that_is_a_log_or_another_input_is_refused_under_any_name(log, tmp_path, is_json):
    link, other = str(tmp_path / "link"), str(tmp_path / "b.csv")
    os.link(log, link)
    with open(other, "wb"):
        pass
    refuse_inputs(str(tmp_path / "new.csv"), places_of(log), [other], is_json=is_json)
    for output, also in ((str(log), ""), (link, f" ({log})"), (other, "")):
        with pytest.raises(OutputError) as refused:
            refuse_inputs(output, places_of(log), [other], is_json=is_json)
        assert str(refused.value) == f"{output}: is an input too{also}. Name another file."


@pytest.mark.parametrize(("output", "is_json"), [(None, False), ("-", False), ("c.csv", True)])
def test_standard_output_counts_if_something_is_printed_there(log, tmp_path, output, is_json):
    with open(log, "a") as stream, mock.patch.object(sys, "stdout", stream):
        with pytest.raises(OutputError, match="standard output: is an input too"):
            refuse_inputs(output, places_of(log), [], is_json=is_json)
        refuse_inputs(str(tmp_path / "c.csv"), places_of(log), [], is_json=False)


def test_json_goes_nowhere_else(log, tmp_path):
    printed = tmp_path / "d.csv"
    with open(printed, "w") as stream, mock.patch.object(sys, "stdout", stream):
        with pytest.raises(OutputError, match="is where --json goes too"):
            refuse_inputs(str(printed), places_of(log), [], is_json=True)
        refuse_inputs(str(printed), places_of(log), [], is_json=False)


def test_only_a_full_or_closed_output_is_a_failure(tmp_path):
    write([(str(tmp_path / "e.csv"), iter([b"a", b"b"]))])
    assert (tmp_path / "e.csv").read_bytes() == b"ab"
    with mock.patch.object(sys, "stdout", None), pytest.raises(FlowtagError, match="is closed"):
        write([("-", [b"a"])])
    begin, end = os.pipe()
    os.close(begin)
    with open(end, "w") as pipe, mock.patch.object(sys, "stdout", pipe):
        write([("-", [b"a"])])


def test_several_files_appear_together_or_not_at_all(tmp_path):
    one, two = str(tmp_path / "a.csv"), str(tmp_path / "b.json")

    def broken():
        yield b"half"
        raise OSError(28, "No space left on device")

    for contents in ([(one, [b"1"]), (two, broken())], [(two, broken()), (one, [b"1"])]):
        with pytest.raises(OutputError, match=r"b\.json: could not be written"):
            write(contents)
        assert os.listdir(tmp_path) == []
    with mock.patch.object(sys, "stdout", None), pytest.raises(FlowtagError, match="is closed"):
        write([(one, [b"1"]), ("-", [b"2"])])
    assert os.listdir(tmp_path) == []
    write([(one, [b"1"]), (two, [b"2"])])
    assert (tmp_path / "a.csv").read_bytes() + (tmp_path / "b.json").read_bytes() == b"12"


def test_an_output_that_is_named_twice_is_refused(log, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(log)
    refuse_repeats([str(log), "-", str(tmp_path / "new.csv"), str(tmp_path / "new.json")])
    for outputs in (
        ["-", "-"],
        [str(log), str(link)],
        [str(tmp_path / "n.csv"), f"{tmp_path}/../{tmp_path.name}/n.csv"],
    ):
        with pytest.raises(OutputError, match="is named twice as an output"):
            refuse_repeats(outputs)
