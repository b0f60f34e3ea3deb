"""The CSV of the listed ports has the numbers of the view, and no cell that a spreadsheet would run."""

import csv
import io

from hypothesis import given

from flowtag_core.exporting.ports_csv import ports_csv
from tests.exporting.made import handout_of, handouts
from tests.logs import line
from tests.tagging.made import load


def rows_of(handout):
    text = b"".join(ports_csv(handout)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@given(handouts)
def test_the_numbers_are_those_of_the_view(handout):
    measure = handout.view.report.measure
    found = [
        (int(row["port"]), row["protocol"], row["tag"], int(row[measure]))
        for row in rows_of(handout)
    ]
    assert found == list(handout.ports.rows())


def test_a_tag_that_a_spreadsheet_would_run_begins_with_an_apostrophe():
    lookup = load('dstport,protocol,tag\n443,tcp,"=1+1,x"\n')
    assert b"""443,tcp,"'=1+1,x",1,10,840""" in b"".join(
        ports_csv(handout_of(line(), lookup=lookup))
    )


def test_sums_of_a_field_that_the_log_lacks_are_empty():
    handout = handout_of(b"dstport protocol", b"443 6")
    assert b"".join(ports_csv(handout)).splitlines()[1] == b"443,tcp,web,1,,"
