import gzip
import io
import sys
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import FlowCounts
from flowtag_core.counting.total import Total
from flowtag_core.errors import Cancelled, FormatError, LogError
from flowtag_core.reading.flow_log import distinct_names, each_place, parse_flow_log
from flowtag_core.shapes.layout import BY_VERSION
from flowtag_core.sources.places import log_of
from tests.logs import line, log_lines, record


def parse(*contents, **options):
    return parse_flow_log(*map(io.BytesIO, contents), **options)


def same(one, other):
    tables = ("requests", "replies", "replies_by_service")
    equal = [getattr(one, name) == getattr(other, name) for name in tables]
    return all(equal) and one.files == other.files and one.faults == other.faults


@given(st.lists(log_lines, max_size=5), st.randoms())
def test_files_in_any_order_or_one_by_one_add_up_to_the_same(logs, rng):
    named = [(f"log {place}", b"\n".join(lines)) for place, lines in enumerate(logs)]
    together = parse(*(log for _, log in named), names=[name for name, _ in named])
    rng.shuffle(named)
    assert same(together, sum((parse(log, names=[name]) for name, log in named), FlowCounts()))


class Sized(io.BytesIO):
    """An open file that states its size, as an upload does."""

    can_seek = True

    @property
    def size(self):
        return len(self.getbuffer())

    def seekable(self):
        return self.can_seek


class Flowing(Sized):
    can_seek = False


def _parquet():
    out = io.BytesIO()
    pd.DataFrame({"dstport": [443] * 99, "protocol": [6] * 99}).to_parquet(out)
    return out.getvalue()


LOG = b"".join(line(dstport=str(port)) + b"\n" for port in range(2000))
SMALL_FILES = {
    "valid": LOG,
    "gzip": gzip.compress(LOG),
    "truncated gzip": gzip.compress(LOG)[:-3000],
    "corrupt gzip": gzip.compress(LOG)[:-2000] + bytes(2000),
    "Parquet": _parquet(),
    "truncated Parquet": _parquet()[:-9],
    "truncated zip": b"PK\x03\x04" + LOG,
    "picture": b"\x89PNG" + LOG,
    "binary": b"\0" + LOG,
    "empty": b"",
    "gzip of 10 MB": gzip.compress(LOG * 50),
}


def alone(content, name):
    """Return the counts of one file, or the sentence that refuses it."""
    try:
        return parse(content, names=[name])
    except LogError as error:
        return str(error)


@pytest.mark.parametrize("open_", [Sized, Flowing, "path"])
def test_small_files_have_the_same_counts_among_others_as_alone(open_, tmp_path):
    for name, content in SMALL_FILES.items():
        tmp_path.joinpath(name).write_bytes(content)
    files = [
        tmp_path / name if open_ == "path" else open_(content)
        for name, content in SMALL_FILES.items()
    ]
    for place, (name, content) in enumerate(SMALL_FILES.items()):
        expected = alone(content, name)
        several = files[place], io.BytesIO(LOG), Sized(LOG), tmp_path / "valid"
        if isinstance(expected, str):
            with pytest.raises(LogError) as refusal:
                parse_flow_log(*several, names=[name, "b", "c", "d"])
            assert str(refusal.value) == expected
        else:
            found = parse_flow_log(*several, names=[name, "b", "c", "d"])
            whole, part = expected.files[name], found.files[name]
            assert replace(part, size=0) == replace(whole, size=0)  # Parquet is not read in order.
            assert found.files["c"].flows == found.files["d"].flows == 2000
            assert found.total.flows == expected.total.flows + 6000


@pytest.mark.parametrize("count", [1, 2, 3, 30])
def test_progress_is_reported_for_each_file(count, tmp_path):
    for number in range(count):
        tmp_path.joinpath(f"{number:02}.log").write_bytes(LOG)
    told = []
    parse_flow_log(tmp_path, progress=told.append)
    last = {each.file: (each.bytes_read, each.lines) for each in told}
    assert list(last.values()) == [(len(LOG), 2000)] * count


def test_progress_in_an_archive_never_goes_back_or_past_the_end(tmp_path):
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.writestr("a.log", LOG)
        archive.writestr("b.log", LOG[:700])
    told = []
    lines = parse_flow_log(tmp_path / "logs.zip", progress=told.append).total.records
    assert [each.lines for each in told] == sorted(each.lines for each in told)
    assert told[-1].lines == lines
    assert max(each.bytes_read for each in told) <= told[-1].size


def test_a_dash_means_standard_input_even_if_a_file_has_that_name(tmp_path, monkeypatch):
    tmp_path.joinpath("-").write_bytes(b"some")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Flowing(LOG)))
    tmp_path.joinpath("a.log").write_bytes(LOG)
    assert parse_flow_log("a.log", "-").total.flows == 4000


def test_a_path_a_stream_and_standard_input_are_read_alike(tmp_path, monkeypatch):
    path = tmp_path / "flow.log"
    path.write_bytes(line() + b"\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(path.read_bytes())))
    with path.open("rb") as stream:
        counts = parse_flow_log(path, "-", stream, io.BytesIO(path.read_bytes()))
    assert list(counts.files) == [str(path), "stdin", f"{path} (2)", "stream"]
    assert counts.total.flows == 4
    assert counts.total.size == 4 * path.stat().st_size


def test_equal_names_are_made_unique():
    assert distinct_names(["a", "a", "a (2)", "a"]) == ["a", "a (2)", "a (2) (2)", "a (3)"]


def test_progress_ends_with_everything_read(tmp_path):
    path = tmp_path / "flow.log"
    path.write_bytes((line() + b"\n") * 50_000)
    told = []
    parse_flow_log(path, progress=told.append)
    assert len(told) > 3
    assert told[-1].bytes_read == told[-1].size == path.stat().st_size
    assert told[-1].lines == 50_000
    assert [part.lines for part in told] == sorted(part.lines for part in told)


def test_a_stream_whose_size_is_not_a_number_is_counted():
    class Stream(io.BytesIO):
        def size(self):
            return 0

    told = []
    counts = parse_flow_log(Stream(line() + b"\n"), progress=told.append)
    assert counts.total.flows == 1
    assert {part.size for part in told} == {None}


def test_cancel_stops_at_the_next_block():
    asked = []

    def cancel():
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        parse((line() + b"\n") * 20_000, cancel=cancel)
    assert len(asked) == 3


def test_an_invalid_format_is_refused_before_anything_is_read():
    with pytest.raises(FormatError):
        parse_flow_log("/there/is/no/such.log", format="version action")


def test_counting_no_logs_gives_empty_counts():
    assert parse_flow_log().total.records == 0


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0), b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_log_has_no_flows_and_is_not_an_error(content):
    counts = parse(content)
    assert counts.total.flows == 0
    assert counts.total.set_aside == {}


CUSTOM = tuple(sorted(BY_VERSION[3]))


def test_formats_may_be_given_for_individual_files_by_name():
    custom = "".join(f"{record(CUSTOM, dstport='443')}\n" for _ in range(2))
    files = [io.BytesIO(text.encode()) for text in (line().decode(), custom)]
    counts = parse_flow_log(*files, names=["a", "b"], format={"b": " ".join(CUSTOM)})
    assert {name: file.flows for name, file in counts.files.items()} == {"a": 1, "b": 2}


@given(st.lists(log_lines, max_size=5))
def test_the_counts_of_each_place_add_up_to_the_counts_of_all_logs_together(logs):
    contents = [b"\n".join(lines) for lines in logs]
    places = [
        place
        for number, content in enumerate(contents)
        for place in log_of(Sized(content), f"log {number}").places
    ]
    total = Total()
    for found in each_place(places):
        for counted in found:
            total.add_counted(counted)
    names = [place.name for place in places]
    assert same(total.counts(), parse(*contents, names=names))


@pytest.mark.parametrize("open_", [Sized, Flowing])
def test_a_place_that_is_not_a_log_is_an_error_and_the_next_place_is_still_counted(open_):
    contents = LOG, b"\x89PNG" + LOG, LOG, b"\0" + LOG, LOG
    places = [log_of(open_(content), str(n)).places[0] for n, content in enumerate(contents)]
    flows = []
    for found in each_place(places):
        try:
            flows.append([counted.counts.total.records for counted in found])
        except LogError as error:
            flows.append(str(error)[:5])
    assert flows == [[2000], "1: is", [2000], "3: is", [2000]]


def test_a_folder_with_an_unusable_file_is_counted_and_names_that_file(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    counts = parse_flow_log(tmp_path)
    assert counts.total.flows == 2000
    (sentence,) = counts.files[str(tmp_path / "b.png")].damage
    assert sentence.startswith(f"{tmp_path / 'b.png'}: is a picture")
    (tmp_path / "a.log").unlink()
    with pytest.raises(LogError, match="is a picture"):
        parse_flow_log(tmp_path)


def test_an_exception_from_progress_or_cancel_reaches_the_caller_unchanged():
    def fail(*_):
        raise ZeroDivisionError("mine")

    for option in ("progress", "cancel"):
        with pytest.raises(ZeroDivisionError, match="mine"):
            parse(LOG, **{option: fail})


def test_an_open_file_that_is_given_many_times_is_counted_each_time(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    with (tmp_path / "a.log").open("rb") as opened:
        for _ in range(5):
            opened.seek(0)
            assert parse_flow_log(*[opened] * 8).total.flows == 8 * 2000


@pytest.mark.parametrize("method", ["tell", "seek", "seekable", "read"])
def test_an_exception_from_a_file_object_is_an_error_that_names_the_file(method):
    class Odd(io.BytesIO):
        name = "odd.log"

    def fail(*_):
        raise RuntimeError("odd")

    setattr(Odd, method, fail)
    with pytest.raises(LogError, match=r"odd\.log: "):
        parse_flow_log(Odd(LOG))


def test_a_closed_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    closed = (tmp_path / "a.log").open("rb")
    closed.close()
    with pytest.raises(LogError, match=r"a\.log: cannot be read"):
        parse_flow_log(closed)


def test_a_file_that_only_claims_to_be_seekable_is_counted():
    class Stuck(io.BytesIO):
        def seek(self, *_):
            raise io.UnsupportedOperation("seek")

    assert parse_flow_log(Stuck(LOG)).total.flows == 2000
