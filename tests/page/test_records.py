"""Every record is accounted for."""

import io

from streamlit.testing.v1 import AppTest

from flowtag_core import parse_flow_log
from flowtag_core.counting import compiled
from tests.logs import line
from tests.page.seen import drop, said, table


def test_each_file_has_its_own_equation(page):
    drop(page, ("a.log", line() + b"\nshort"), ("b.log", line() + b"\n\n" + line(status="NODATA")))
    files = table(page, "File", "Records")
    assert files.columns[2:].tolist() == ["Headers", "Blank", "Flows", "No data", "Too few fields"]
    assert files.to_numpy().tolist() == [["a.log", 2, 0, 0, 1, 0, 1], ["b.log", 3, 0, 1, 1, 1, 0]]
    sums = files.drop(columns=["File", "Records"]).sum(axis=1)
    assert sums.tolist() == files["Records"].tolist()


SCRIPT = """
import streamlit as st
from flowtag_core.page.records import records

records(st.session_state.counts)
"""


def drawn(*contents):
    """The records section for logs that are named by their position."""
    page = AppTest.from_string(SCRIPT)
    names = list(map(str, range(len(contents))))
    page.session_state["counts"] = parse_flow_log(*map(io.BytesIO, contents), names=names)
    page.run()
    assert not page.exception
    return page


def test_the_title_says_how_many_were_not_counted_and_a_fault_opens_the_section():
    for content, label, is_open in (
        (line(), "Records: 1 read, 0 not counted", False),
        (line(status="NODATA"), "Records: 1 read, 1 not counted", False),
        (line(dstport="x"), "Records: 1 read, 1 not counted", True),
    ):
        (fold,) = drawn(content).expander
        assert (fold.label, fold.proto.expanded) == (label, is_open)


def test_one_file_without_a_fault_has_its_equation_and_no_table():
    page = drawn(line())
    assert "1 record = 0 headers + 0 blank + 1 flow" in said(page)
    assert not page.dataframe


def test_each_line_with_a_fault_is_listed_with_its_file_its_number_and_the_reason():
    faults = table(drawn(line(), line() + b"\nshort\n" + line(protocol="x")), "File", "Line")
    assert faults.iloc[:, :3].to_numpy().tolist() == [
        ["1", 2, "too few fields"],
        ["1", 3, "bad protocol"],
    ]


def test_slow_counting_is_reported_with_the_reason(monkeypatch):
    monkeypatch.setattr(compiled, "no_kernel", lambda: "No kernel, because.")
    assert "No kernel, because." in said(drawn(line()))
