"""The tables of a report have the numbers of the view."""

import io
from datetime import UTC

from hypothesis import given

from flowtag_core.evidence import Wanted
from flowtag_core.reading.evidence import look
from flowtag_core.showing import report_tables, who
from flowtag_core.showing.legend import Colours, legend
from flowtag_core.showing.words import pair_name
from flowtag_core.tagging.lookup import UNTAGGED
from tests.exporting.made import handout_of, handouts
from tests.logs import line
from tests.tagging.made import load


def texts(listing):
    return [[cell.text for cell in row] for row in (*listing.rows, *listing.rest)]


def column(listing, name):
    place = [head.name for head in listing.heads].index(name)
    return [
        row[place].text if row[place].value is None else row[place].value
        for row in (*listing.rows, *listing.rest)
    ]


def legend_of(handout):
    return legend(handout.view.report, handout.view.report, Colours())


def shown(count, measure):
    return count if measure == "bytes" else f"{count:,}"


@given(handouts)
def test_tags_and_ports_have_the_numbers_of_the_view(handout):
    report, measure = handout.view.report, handout.view.report.measure
    for listing in (
        report_tables.tag_table(handout, legend_of(handout)),
        report_tables.port_table(handout, legend_of(handout)),
    ):
        assert all(len(row) == len(listing.heads) for row in (*listing.rows, *listing.rest))
    tags = report_tables.tag_table(handout, legend_of(handout))
    found = dict(zip(column(tags, "Tag"), column(tags, measure.capitalize()), strict=True))
    assert found == {tag: shown(count, measure) for tag, count in report.tag_counts.items()}
    ports = report_tables.port_table(handout, legend_of(handout))
    listed = zip(
        column(ports, "Port"),
        column(ports, "Tag"),
        column(ports, measure.capitalize()),
        strict=True,
    )
    pairs = zip(handout.ports.port.tolist(), handout.ports.protocol.tolist(), strict=True)
    rows = zip(pairs, handout.ports.rows(), strict=True)
    assert sorted(listed) == sorted(
        (pair_name(*pair), tag, shown(count, measure)) for pair, (_, _, tag, count) in rows
    )


def test_untagged_is_visible_however_many_tags_there_are():
    rows = "".join(f"{port},tcp,tag-{port}\n" for port in range(1, 201))
    lines = [line(dstport=str(port)) for port in range(1, 300)]
    handout = handout_of(*lines, lookup=load(f"dstport,protocol,tag\n{rows}"))
    tags = report_tables.tag_table(handout, legend_of(handout))
    assert (len(tags.rows), len(tags.rest), tags.more) == (50, 151, "151 more tags")
    assert tags.rows[-1][0].text == UNTAGGED
    ports = report_tables.port_table(handout_of(*lines), legend_of(handout_of(*lines)))
    assert (len(ports.rows), len(ports.rest)) == (50, 249)


def test_untagged_ports_have_their_usual_service_and_likely_replies_are_left_out():
    lines = [line(dstport="9092"), line(dstport="49152", srcport="443"), line(dstport="47")]
    listing = report_tables.untagged_table(handout_of(*lines).view)
    assert [row[:2] for row in texts(listing)] == [["47/tcp", ""], ["9092/tcp", "kafka"]] or [
        row[:2] for row in texts(listing)
    ] == [["47/tcp", "ni-ftp"], ["9092/tcp", "kafka"]]
    assert report_tables.untagged_table(handout_of(line()).view) is None


def test_boundaries_and_what_was_let_in():
    lines = [line(srcaddr="8.8.8.8"), line(), line(srcaddr="8.8.8.8", action="REJECT")]
    view = handout_of(*lines).view
    listing = report_tables.boundary_table(view)
    assert [head.name for head in listing.heads][-1] == "Rejected flows"
    assert [(row[0], row[1], row[2], row[-1]) for row in texts(listing)] == [
        ("internal", "inside to inside", "1", "0.0%"),
        ("inbound", "outside to inside", "2", "50.0%"),
    ]
    assert texts(report_tables.let_in_table(view)) == [["443/tcp", "web", "1", "33.3%"]]
    bare = handout_of(b"dstport protocol", b"443 6").view
    assert report_tables.boundary_table(bare) is report_tables.let_in_table(bare) is None


def test_faults_files_and_problems_are_listed():
    lookup = load("dstport,protocol,tag\n443,tcp,web\nx,tcp,y\n")
    view = handout_of(line(), b"short", lookup=lookup).view
    assert texts(report_tables.fault_table(view.counts)) == [
        [view.counts.faults[0].file, "2", "too few fields", "short"]
    ]
    assert [cells[1:] for cells in texts(report_tables.file_table(view.counts))] == [
        ["2", "0", "0", "1", "1"]
    ]
    assert [cells[0] for cells in texts(report_tables.problem_table(lookup))] == ["3"]
    clean = handout_of(line()).view
    assert report_tables.fault_table(clean.counts) is None
    assert report_tables.problem_table(clean.lookup) is None


def test_evidence_has_its_numbers_and_times():
    evidence = look(io.BytesIO(line()), wanted=Wanted())
    pairs, sources, *_ = (report_tables.who_table(each, UTC) for each in who.lists(evidence))
    assert texts(pairs)[0][:5] == ["10.0.0.1", "10.0.0.2", "1", "840 B", "0.0%"]
    assert texts(sources)[0][4:] == ["1", "1", "14 Nov 2023 22:13", "14 Nov 2023 22:13"]
