"""The JSON export follows its schema, and its numbers are those of the view."""

import json
from copy import deepcopy

import jsonschema
import pytest
from hypothesis import given

from flowtag_core.counts import MOST_SUM
from flowtag_core.exporting.result_json import VERSION, document, result_json, summary
from flowtag_core.tagging.report import map_tags
from tests.conftest import ROOT
from tests.exporting.made import handout_of, handouts, read_back
from tests.logs import line
from tests.tagging.made import load

SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text(encoding="utf-8"))


def strict(schema):
    """Return the schema, changed to allow only the keys that it names."""
    if isinstance(schema, dict):
        schema = {key: strict(value) for key, value in schema.items()}
        if "properties" in schema:
            schema["additionalProperties"] = False
    elif isinstance(schema, list):
        schema = [strict(each) for each in schema]
    return schema


CHECKER = jsonschema.Draft202012Validator(
    strict(deepcopy(SCHEMA)), format_checker=jsonschema.FormatChecker()
)


def test_the_schema_is_valid_and_has_the_current_version():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["version"] == {"const": VERSION}


@given(handouts)
def test_every_document_follows_the_schema_and_has_the_numbers_of_the_view(handout):
    found = read_back(handout)
    CHECKER.validate(found)
    view, measure = handout.view, handout.view.report.measure
    assert {row["tag"]: row[measure] for row in found["tags"]} == dict(view.report.tag_counts)
    assert [row["tag"] for row in found["tags"]] == list(view.by_every_measure["flows"].tag_counts)
    ports = {(row["port"], row["protocol"]): (row["tag"], row[measure]) for row in found["ports"]}
    assert ports == {(port, name): (tag, n) for port, name, tag, n in handout.ports.rows()}
    assert found["untagged"][measure] == view.report.untagged
    for key in ("tags", "tags_by_service", "timeline", "boundaries"):
        for name, report in view.by_every_measure.items():
            if key != "tags_by_service" or view.service.total == view.report.total:
                assert sum(row[name] for row in found[key]) == report.total == found["total"][name]
    coverage = found["coverage"]
    parts = coverage["tagged"] + coverage.get("replies", 0) + coverage["unexplained"]
    assert parts == view.report.total
    fates = found["records"]
    parts = fates["headers"] + fates["blank"] + fates["flows"] + sum(fates["set_aside"].values())
    assert fates["records"] == parts


def test_without_filters_the_ports_are_those_of_the_result():
    lines = [line(), line(dstport="25", action="REJECT"), line(dstport="9092"), b"short"]
    handout = handout_of(*lines)
    found = read_back(handout)
    report = map_tags(handout.view.counts, load())
    assert {(row["port"], row["protocol"]): row["flows"] for row in found["ports"]} == dict(
        report.combination_counts
    )
    assert [row["rejected"] for row in found["ports"]] == [1, 0, 0]
    assert found["unexplained"][0]["suggested_tag"] == "kafka"
    assert found["faults"][0]["line"] == 4
    assert found["made"] == "2026-11-29T12:30:00Z"
    assert set(found) - set(summary(handout)) == {"ports"}


def test_sums_of_a_field_that_the_log_lacks_are_null():
    found = read_back(handout_of(b"dstport protocol", b"443 6"))
    assert found["total"] == {"flows": 1, "packets": None, "bytes": None}
    assert found["tags"][0] == {"tag": "web", "flows": 1, "packets": None, "bytes": None}
    assert "rejected" not in found["ports"][0]


@pytest.mark.parametrize("tag", ['q"uote', "\ud800", "ta\tb", "\u2028", "é"])
def test_each_row_is_one_ascii_line_whatever_the_tag(tag):
    handout = handout_of(line(), line(dstport="1"))
    found = document(handout)
    found["tags"][0]["tag"] = tag
    text = b"".join(result_json(found))
    assert text.isascii()
    assert json.loads(text)["tags"][0]["tag"] == tag
    rows = [row for row in text.decode().splitlines() if '"protocol"' in row and '"tag"' in row]
    assert len(rows) == len(found["ports"]) == 2


def test_sums_over_time_stop_at_the_largest_number():
    found = read_back(handout_of(*[line(volume="9" * 15)] * 9_300))
    assert found["total"]["bytes"] == found["timeline"][0]["bytes"] == MOST_SUM
