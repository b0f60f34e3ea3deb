"""The suffix of an output chooses its form; everything else is the result CSV."""

import json
import sys

import pytest

from flowtag_core.errors import OutputError
from flowtag_core.exporting.by_suffix import (
    SUFFIXES,
    check_libraries,
    content_for,
    is_csv,
    suffix_of,
)
from flowtag_core.exporting.result_csv import result_csv
from tests.exporting.made import handout_of
from tests.logs import line


@pytest.fixture(scope="module")
def handout():
    return handout_of(line())


@pytest.mark.parametrize(
    "path", ["-", "a", "a.csv", "a.txt", "/dev/stdout", "a.json.gz", ".json", "a.json/b", "x.htm"]
)
def test_any_other_name_is_the_result_csv_byte_for_byte(handout, path):
    assert is_csv(path)
    assert b"".join(content_for(path, handout)) == b"".join(result_csv(handout.view.report))


def test_a_suffix_in_upper_or_lower_case_chooses_the_form(handout):
    begins = {".json": b"{", ".parquet": b"PAR1", ".html": b"<!DOCTYPE html>"}
    assert begins.keys() == SUFFIXES.keys()
    for suffix, begin in begins.items():
        for path in (f"a{suffix}", f"b.c/a.csv{suffix.upper()}"):
            assert suffix_of(path) == suffix
            assert b"".join(content_for(path, handout)).lstrip().startswith(begin)
    assert json.loads(b"".join(content_for("a.json", handout)))["version"] == 1


@pytest.mark.parametrize(
    ("path", "module", "package"),
    [
        ("a.html", "vl_convert", "vl-convert-python"),
        ("a.html", "jinja2", "jinja2"),
        ("a.parquet", "pyarrow", "pyarrow"),
    ],
)
def test_a_missing_library_is_one_sentence(monkeypatch, path, module, package):
    check_libraries(path)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(OutputError, match=f"{path}: needs {package}. Run: pip install {package}"):
        check_libraries(path)
    check_libraries("a.csv")
