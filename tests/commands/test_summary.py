"""The summary of a run says the same as text and as JSON, and its numbers add up."""

import json

import pytest

from flowtag_core import load_lookup_table, map_tags, parse_flow_log
from flowtag_core.commands import summary
from flowtag_core.tagging.report import EVERY_FLOW
from tests.commands.made import LOG, SAMPLE_LOOKUP, run
from tests.exporting.made import MADE
from tests.logs import line


@pytest.fixture
def told(tmp_path, lookup):
    """Return a function that counts a log with records of every kind and returns the summary from its JSON."""
    log = tmp_path / "flow.log"
    odd = [line(dstport="x"), b"", b"# note", b"short", line(status="SKIPDATA")]
    later = line(dstport="25", srcaddr="8.8.8.8", start=str(1_700_000_000 + 7200))
    log.write_bytes(b"\n".join([line(), *odd, later]))
    lookup.write_bytes(lookup.read_bytes() + b"99999,tcp,x\n")

    def tell(*words):
        done = run(log, lookup, tmp_path / "out", "--json", *words)
        assert (done.returncode, done.stderr) == (0, b""), done.stderr
        return json.loads(done.stdout)

    return tell


def flows(rows):
    return {row["tag"]: row["flows"] for row in rows}


def test_the_json_accounts_for_every_record(told):
    document = told()
    for fate in (document["records"], *document["files"]):
        parts = fate["headers"] + fate["blank"] + fate["flows"] + sum(fate["set_aside"].values())
        assert fate["records"] == parts == 7
    assert document["records"]["set_aside"] == {
        "skipped data": 1,
        "too few fields": 1,
        "bad port": 1,
    }


def test_the_json_contains_the_sums_faults_and_messages_of_the_text(told):
    document = told()
    assert flows(document["tags"]) == {"mail": 1, "web": 1, "Untagged": 0}
    assert flows(document["tags_by_service"]) == {"mail": 1, "web": 1, "Untagged": 0}
    sums = {"flows": 1, "packets": 10, "bytes": 840, "rejected": 0}
    assert document["boundaries"] == [
        {"boundary": boundary, **sums} for boundary in ("internal", "inbound")
    ]
    assert [(fault["line"], fault["reason"]) for fault in document["faults"]] == [
        (2, "bad port"),
        (5, "too few fields"),
    ]
    assert [problem["line"] for problem in document["lookup"]["problems"]] == [6]
    assert document["lookup"]["rules"] == 4
    assert any("lower bound" in sentence for sentence in document["messages"])
    assert (document["from"], document["to"], document["settings"]) == (None, None, [])


@pytest.mark.parametrize(
    ("words", "first", "last", "tags"),
    [
        (("--from", "2023-11-15"), "2023-11-15T00:00:00Z", None, {"mail": 1, "Untagged": 0}),
        (("--to", "2023-11-14"), None, "2023-11-15T00:00:00Z", {"web": 1, "Untagged": 0}),
    ],
)
def test_from_and_to_limit_the_sums_but_not_the_records(told, words, first, last, tags):
    document = told(*words)
    assert (document["from"], document["to"]) == (first, last)
    assert flows(document["tags"]) == tags
    assert sum(sums["flows"] for sums in document["boundaries"]) == 1
    assert document["records"]["flows"] == 2


def test_the_text_names_the_settings_and_ends_with_the_equation_and_the_seconds():
    counts, lookup = parse_flow_log(LOG), load_lookup_table(SAMPLE_LOOKUP)
    report = map_tags(counts, lookup)
    lines = summary.lines(
        summary.Run(
            *(counts, lookup, report, EVERY_FLOW, None),
            *(("flowtag.toml",), ("lookup", "format"), (), 1.5, ["result.csv"], MADE),
        )
    )
    assert "From flowtag.toml: lookup, format." in lines
    assert lines[-1] == "The result is in result.csv."
    assert lines[-2] == "0.0 MB in 1.50 s; 11 lookup rules"
    assert lines[-3] == "14 records = 0 headers + 0 blank + 14 flows"


def test_intact_logs_give_no_warnings():
    counts, lookup = parse_flow_log(LOG), load_lookup_table(SAMPLE_LOOKUP)
    report = map_tags(counts, lookup)
    ended = summary.Run(counts, lookup, report, EVERY_FLOW, None, (), (), (), 0.1, ["-"], MADE)
    assert summary.warnings(ended) == []
