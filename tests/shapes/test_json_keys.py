"""The keys of a document decide how it is read, and this is worked out once for each set of keys."""

import pytest

from flowtag_core.counts import Reason
from flowtag_core.errors import OverBudgetError
from flowtag_core.shapes import json_keys
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.json_keys import flow_of, note_of, reading_of, unmarked
from flowtag_core.sources.budget import Budget

FLOW = ("dstport", "protocol", "bytes", "log_status")
ANYBODY = ("dst_port", "proto", "bytes", "status")


def read(keys, **options):
    return reading_of(keys, COUNTED, Budget("a.json"), **{"is_known": False} | options)


def test_keys_show_a_flow_a_text_another_product_or_nothing():
    flow = read((*FLOW, "message"))
    assert (flow.kind.layout.names, flow.messages) == (
        ("dstport", "protocol", "bytes", "log-status"),
        ("message",),
    )
    assert read(("query_name", "protocol")).kind.reason == Reason.NOT_A_FLOW
    assert read(("dstPort", "count(*)")).kind.refusal.startswith(
        "is the result of an aggregate query"
    )
    assert read(("hello",)).kind is None


def test_keys_that_many_products_use_are_read_if_the_log_is_known_to_be_from_aws():
    assert read(ANYBODY).kind is None
    assert read(ANYBODY).may_be
    assert read(ANYBODY, is_known=True).kind.layout.names == (*FLOW[:3], "log-status")
    assert flow_of(ANYBODY, COUNTED).paths["dstport"] == "dst_port"
    assert flow_of(("dst_port", "proto", "x"), COUNTED) is None
    assert "--format" in unmarked(ANYBODY).refusal


def test_a_record_without_data_has_a_place_for_port_and_protocol():
    note = note_of(("log_status",), COUNTED)
    assert note.paths == {"dstport": "", "protocol": "", "log-status": "log_status"}


def test_every_new_set_of_keys_is_charged_to_the_budget(monkeypatch):
    monkeypatch.setattr(json_keys, "_KNOWN", {})
    budget = Budget("a.json")

    def read_many():
        for number in range(20_000):
            reading_of((f"key {number}",), COUNTED, budget, is_known=False)

    with pytest.raises(OverBudgetError):
        read_many()
    assert len(json_keys._KNOWN) <= 32
    for _ in range(20_000):
        reading_of(FLOW, COUNTED, Budget("b.json"), is_known=False)
